"""Regular expressions (FHIRPath, section "String Manipulation").

A pattern that stands in the expression is read as PCRE and means the same in every database (`patterns`). One that is computed
or comes from a resource is read by the database, and may have what all read alike (`computed_patterns`).
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import CompileError, InvalidArguments, UnsupportedFeature
from fhir4ds.functions import computed_patterns
from fhir4ds.functions.declaration import Call, Example, Parameter, function
from fhir4ds.functions.patterns import (
    InvalidPattern,
    Mark,
    Pattern,
    UnsupportedPattern,
    read_pattern,
    read_substitution,
)
from fhir4ds.functions.preference import matches_of
from fhir4ds.functions.strings import GROUP, computed, is_empty_text, string
from fhir4ds.plan.collection import BOOLEAN, STRING, Collection
from fhir4ds.plan.nodes import Apply, Case, Constant, Node, apply, null, text

_FLAGS = Parameter("flags", optional=True)
_REGEX = Parameter("regex")

#: What can be said of a pattern that is not known yet: it may have any group that a substitution can name.
_UNKNOWN = Pattern(parts=(), options="", groups=9, names={}, greedy=False, lazy=False)

#: Groups of nothing after such a pattern, so that what it lacks is empty; a database may insist on groups that there are.
_SPARE = "()" * _UNKNOWN.groups


@attrs.frozen
class _Expression:
    """The regular expression of a call.

    Parameters
    ----------
    pattern : Pattern
        What is known of it.
    node : Node
        Its text, without options.
    """

    pattern: Pattern
    node: Node

    def written(self, before: str = "", after: str = "") -> Node:
        """The expression with its options, between two texts."""
        parts: list[Node] = [text(before), self.node, text(after)]
        options = self.pattern.options
        if "m" in options:
            head, tail = text("(?" + options.replace("m", "")), text(")")
            parts = [head, apply("line_mode", type=SqlType.TEXT), tail, *parts]
        elif options:
            parts.insert(0, text(f"(?{options})"))
        return _concatenated(parts)


@attrs.frozen
class _Substitution:
    """What matches are replaced by.

    Parameters
    ----------
    node : Node
        Its text, as databases take it.
    whole : bool
        Whether it needs a group around the whole expression.
    groups : bool
        Whether it may name other groups.
    """

    node: Node
    whole: bool
    groups: bool


def _concatenated(parts: list[Node]) -> Node:
    """Texts one after the other, with neighbours that are known put together."""
    first, *others = [part for part in parts if part != text("")] or [text("")]
    for other in others:
        if isinstance(first, Constant) and isinstance(other, Constant):
            first = text(f"{first.value}{other.value}")
        else:
            first = apply("concat", first, other, type=SqlType.TEXT)
    return first


def _expression(call: Call, flags: int, insist: Callable[[Call, Node], Node]) -> _Expression | None:
    """The regular expression that is the first argument, insisting on one that is computed; None if it is known to be empty."""
    node = string(call, call.value(0), "the regular expression")
    options = _options(call, flags)
    if node is None:
        return None
    try:
        if not isinstance(node, Constant):
            return _Expression(attrs.evolve(_UNKNOWN, options=read_pattern("", options).options), insist(call, node))
        pattern = read_pattern(str(node.value), options)
    except InvalidPattern as reason:
        raise _refused(call, reason) from None
    parts = [text(part) if isinstance(part, str) else _mark(part) for part in pattern.parts]
    return _Expression(pattern, _concatenated(parts))


def _mark(mark: Mark) -> Node:
    return apply(mark.value, type=SqlType.TEXT)


def _options(call: Call, number: int) -> str:
    """The letters of the argument that holds the flags."""
    if call.count <= number:
        return ""
    given = string(call, call.value(number), "the flags")
    if given is None:
        return ""
    if not isinstance(given, Constant):
        raise call.error(InvalidArguments, "the flags must be a String literal, such as 'i'")
    return str(given.value)


def _refused(call: Call, reason: InvalidPattern) -> CompileError:
    kind = UnsupportedFeature if isinstance(reason, UnsupportedPattern) else InvalidArguments
    return call.error(kind, reason.message, reason.hint)


def _matched(call: Call, before: str, after: str) -> Collection:
    """Whether the input matches the regular expression between two texts."""
    value = string(call, call.focus, "what is matched")
    expression = _expression(call, 1, computed_patterns.matched)
    if value is None or expression is None:
        return computed(call, None, BOOLEAN, SqlType.BOOLEAN, null)

    def matched(value: Node, regex: Node) -> Node:
        written = _Expression(expression.pattern, regex).written(before, after)
        return apply("regexp_matches", value, written)

    if _is_known(expression.node):
        # What is known stays where it is used, so that a database can prepare it once.
        return computed(call, [value], BOOLEAN, SqlType.BOOLEAN, lambda value: matched(value, expression.node))
    return computed(call, [value, expression.node], BOOLEAN, SqlType.BOOLEAN, matched)


@function(
    "matches",
    _REGEX,
    _FLAGS,
    group=GROUP,
    returns="Boolean",
    examples=(
        Example(expression=r"'N8000123123'.matches('N[0-9]{8}')", result=(True,)),
        Example(expression=r"'N8000123123'.matches('^N\\d{8}$')", result=(False,)),
        Example(expression=r"'first\nsecond'.matches('^SECOND', 'im')", result=(True,)),
        Example(expression="'abc'.matches({})", result=()),
    ),
)
def matches(call: Call) -> Collection:
    """Whether a part of the string matches the regular expression.

    A dot matches any character. The flag ``i`` overlooks case, the flag ``m`` lets ``^`` and ``$`` match at each line.
    """
    return _matched(call, "", "")


@function(
    "matchesFull",
    _REGEX,
    _FLAGS,
    group=GROUP,
    returns="Boolean",
    examples=(
        Example(expression="'N80001231'.matchesFull('N[0-9]{8}')", result=(True,)),
        Example(expression="'N8000123123'.matchesFull('N[0-9]{8}')", result=(False,)),
    ),
)
def matches_full(call: Call) -> Collection:
    """Whether the whole string matches the regular expression; the flags are those of ``matches``."""
    return _matched(call, "^(?:", ")$")


@function(
    "replaceMatches",
    _REGEX,
    Parameter("substitution"),
    _FLAGS,
    group=GROUP,
    returns="String",
    examples=(
        Example(
            expression=(
                r"'11/30/1972'.replaceMatches('\\b(?<month>\\d{1,2})/(?<day>\\d{1,2})/(?<year>\\d{2,4})\\b', "
                r"'${day}-${month}-${year}')"
            ),
            result=("30-11-1972",),
        ),
        Example(expression="'aaabaa'.replaceMatches('(a)a', '<$1>')", result=("<a>ab<a>",)),
        Example(expression="'abc'.replaceMatches('', 'x')", result=("abc",)),
    ),
)
def replace_matches(call: Call) -> Collection:
    """The string with every match of the regular expression replaced.

    In the substitution ``$1`` or ``${name}`` is what a group has matched, ``$&`` the whole match and ``$$`` a dollar sign;
    one that is no literal can refer to groups by number only. The flags are those of ``matches``. A regular expression of which
    databases would replace other parts, such as ``a|ab``, is an error that says how to write it; one that is computed has
    neither alternatives nor repeated groups.
    """
    value = string(call, call.focus, "what is matched")
    expression = _expression(call, 2, computed_patterns.replaced)
    substitution = string(call, call.value(1), "the substitution")
    if value is None or expression is None or substitution is None:
        return computed(call, None, STRING, SqlType.TEXT, null)
    pattern = expression.pattern
    if pattern.greedy and pattern.lazy:
        # PostgreSQL has one preference for the whole expression, after its first repetition (documentation, 9.7.3.5).
        raise call.error(
            UnsupportedFeature,
            "some repetitions of the regular expression are lazy and some are not, which databases read differently",
            "say what is repeated, such as [^<]*< for .*?<",
        )
    by = _substitution(call, substitution, pattern)
    known = _is_known(expression.node)
    if known:
        _insist_on_shared(call, pattern, groups=by.groups, nothing=substitution == text(""))
    spare = "" if known else _SPARE

    def replaced(value: Node, written: Node, regex: Node) -> Node:
        expression = _Expression(pattern, regex)
        matched = expression.written("(", f"{spare})") if by.whole else expression.written(after=spare)
        result = apply("regexp_replace", value, matched, written, type=SqlType.TEXT)
        if isinstance(regex, Constant) and regex.value:
            return result
        # The empty expression, which matches everywhere, replaces nothing.
        both_there = apply("and", is_empty_text(regex), apply("is_not_null", written))
        return Case(((both_there, value),), result)

    if known:
        # What is known stays where it is used, so that a database can prepare it once.
        return computed(
            call, [value, by.node], STRING, SqlType.TEXT, lambda value, new: replaced(value, new, expression.node)
        )
    return computed(call, [value, by.node, expression.node], STRING, SqlType.TEXT, replaced)


def _insist_on_shared(call: Call, pattern: Pattern, *, groups: bool, nothing: bool) -> None:
    """Refuse an expression that databases replace differently, by text that names groups, or by nothing."""
    written = "".join(part for part in pattern.parts if isinstance(part, str))
    found = matches_of(written, pattern.options, lazy=pattern.lazy)
    if not found.shared:
        raise call.error(
            UnsupportedFeature,
            "the regular expression tries a shorter match before a longer one, of which databases take either",
            "put the longer one first, such as ab|a for a|ab, or say what follows",
        )
    if found.at_times_empty and not nothing:
        raise call.error(
            UnsupportedFeature,
            "the regular expression also matches nothing, which databases replace in different places",
            "let it match a character at least, such as a+ for a*",
        )
    if groups and not found.groups_shared:
        raise call.error(
            UnsupportedFeature,
            "there are several ways to a match, and databases differ in what the groups have matched then",
            "let what is repeated, and each alternative, begin in its own way",
        )


def _is_known(node: Node) -> bool:
    """Whether a text is made of constants alone."""
    if isinstance(node, Apply):
        return all(map(_is_known, node.arguments))
    return isinstance(node, Constant)


def _substitution(call: Call, given: Node, pattern: Pattern) -> _Substitution:
    """The substitution as databases take it."""
    if isinstance(given, Constant):
        try:
            read = read_substitution(str(given.value), pattern)
        except InvalidPattern as reason:
            raise _refused(call, reason) from None
        return _Substitution(text(read.text), read.whole, read.groups)
    escaped = apply("replace", given, text("\\"), text("\\\\"), type=SqlType.TEXT)
    if not pattern.groups:
        return _Substitution(escaped, whole=False, groups=False)
    reference = text(f"[$]([1-{min(pattern.groups, 9)}])")
    named = apply("regexp_replace", escaped, reference, text("\\\\\\1"), type=SqlType.TEXT)
    return _Substitution(named, whole=False, groups=True)
