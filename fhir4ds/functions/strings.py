"""Text: searching, cutting, putting together (FHIRPath, sections "String Manipulation" and "Additional String Functions").

Positions and lengths count characters, which are code points.
"""

from __future__ import annotations

from collections.abc import Callable

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import CompileError, InvalidOperation
from fhir4ds.functions import presence, singletons, values
from fhir4ds.functions.arguments import whole
from fhir4ds.functions.declaration import Call, Example, Parameter, function
from fhir4ds.functions.operators import operator
from fhir4ds.functions.typing import narrow
from fhir4ds.functions.undecided import of_one_kind
from fhir4ds.plan.collection import BOOLEAN, INTEGER, STRING, Collection, TypeName
from fhir4ds.plan.nodes import (
    Array,
    Case,
    Cast,
    Constant,
    Each,
    Node,
    Raise,
    Reference,
    apply,
    bind,
    both,
    empty,
    integer,
    null,
    text,
)

GROUP = "Strings"
_NOTHING = text("")

#: White space, as the grammar of FHIRPath has it, at either end of a text.
_BLANK_ENDS = text("^[ \t\r\n]+|[ \t\r\n]+$")


# --- operands ---------------------------------------------------------------------------------------------------------


def strings(call: Call, collection: Collection, role: str) -> Collection | None:
    """The items as Strings; None if there are known to be none, an error if they are known to be of another type."""
    if values.is_empty(collection):
        return None
    if collection.types and STRING not in (values.system_type(type, call.model) for type in collection.types):
        raise not_string(call, collection, role)
    return narrow(call, collection, STRING, _is_string) if collection.choices else collection


def _is_string(call: Call, type: TypeName, wanted: TypeName) -> bool:
    return values.system_type(type, call.model) == wanted


def not_string(call: Call, collection: Collection, role: str) -> CompileError:
    """The error for items that are no Strings."""
    convertible = any(values.system_type(type, call.model) is not None for type in collection.types)
    shown = collection.type or " or ".join(map(str, collection.types))
    hint = "convert it with toString()" if convertible else None
    return call.error(InvalidOperation, f"{role} must be a String, not {shown}", hint)


def string(call: Call, collection: Collection, role: str) -> Node | None:
    """A single String; None if it is known to be empty."""
    one = singletons.single(call, collection)
    found = strings(call, one, role)
    if found is None:
        return None
    value = values.value(found, call.model, call.names)
    error = Raise(f"{role} must be a String", call.position, SqlType.TEXT)
    if found != one:  # of a choice element, the Strings
        branches = ((presence.present(call, found), value), (presence.present(call, one), error))
        return Case(branches, null(SqlType.TEXT))
    return value if value.type is not SqlType.JSON else values.insisted(call, value, SqlType.TEXT, error)


def operands(call: Call, *roles: str) -> list[Node] | None:
    """The focus and the first arguments as single Strings; None if any is known to be empty."""
    given = [string(call, call.focus, f"the input of {roles[0]}")]
    given += [string(call, call.value(number), f"the {role}") for number, role in enumerate(roles[1:])]
    return None if any(node is None for node in given) else [node for node in given if node is not None]


def bound(call: Call, nodes: list[Node], body: Callable[..., Node]) -> Node:
    """``body`` of several values, each of which is evaluated once."""
    if not nodes:
        return body()
    first, *others = nodes
    return bind(call.names.fresh(), first, lambda a: bound(call, others, lambda *rest: body(a, *rest)))


def computed(
    call: Call, nodes: list[Node] | None, type: TypeName, sql: SqlType, body: Callable[..., Node]
) -> Collection:
    """What ``body`` makes of operands; empty if one of them is known to be."""
    return values.system(null(sql) if nodes is None else bound(call, nodes, body), type)


def _integer(call: Call, number: int, name: str) -> Node | None:
    """An argument that is a single Integer; None if it is known to be empty."""
    given = call.value(number)
    if values.is_empty(given):
        return None
    return Cast(whole(call, given, f"the {name}", InvalidOperation), SqlType.INTEGER)


def _length(value: Node) -> Node:
    return Cast(apply("length", value, type=SqlType.INTEGER), SqlType.INTEGER)


def _text(primitive: str, *arguments: Node) -> Node:
    return apply(primitive, *arguments, type=SqlType.TEXT)


def _position(value: Node, part: Node) -> Node:
    """Where a part begins, from 1; 0 if it is not there."""
    return Cast(apply("position", value, part, type=SqlType.INTEGER), SqlType.INTEGER)


def _characters(value: Node) -> Node:
    return apply("characters", value, type=SqlType.TEXT, many=True)


def _every_character(value: Node) -> Node:
    """The characters, as items: of no text there is no array in SQL, where an empty one is meant."""
    return apply("coalesce", _characters(value), empty(SqlType.TEXT, many=True), type=SqlType.TEXT, many=True)


def is_empty_text(value: Node) -> Node:
    """Whether a text has no characters."""
    return apply("equal", value, _NOTHING)


# --- searching --------------------------------------------------------------------------------------------------------


@function(
    "indexOf",
    Parameter("substring"),
    group=GROUP,
    returns="Integer",
    examples=(
        Example(expression="'abcdefg'.indexOf('bc')", result=(1,)),
        Example(expression="'abcdefg'.indexOf('x')", result=(-1,)),
        Example(expression="'abcdefg'.indexOf('')", result=(0,)),
        Example(expression="'abcdefg'.indexOf({})", result=()),
    ),
)
def index_of(call: Call) -> Collection:
    """Where the substring is first found, from 0; -1 if it is not found."""

    def found(value: Node, part: Node) -> Node:
        return apply("subtract", _position(value, part), integer(1), type=SqlType.INTEGER)

    return computed(call, operands(call, "indexOf", "substring"), INTEGER, SqlType.INTEGER, found)


@function(
    "lastIndexOf",
    Parameter("substring"),
    group=GROUP,
    returns="Integer",
    examples=(
        Example(expression="'abc abc'.lastIndexOf('a')", result=(4,)),
        Example(expression="'aaa'.lastIndexOf('aa')", result=(1,)),
        Example(expression="'abc'.lastIndexOf('x')", result=(-1,)),
        Example(expression="'abc'.lastIndexOf('')", result=(3,)),
    ),
)
def last_index_of(call: Call) -> Collection:
    """Where the substring is last found, from 0; -1 if it is not found."""

    def found(value: Node, part: Node) -> Node:
        # Every place at which the substring begins, of which occurrences that overlap have one each.
        place = Reference(call.names.fresh(), SqlType.INTEGER)
        here = apply("equal", _text("substring", value, place, _length(part)), part)
        places = Each(_characters(value), call.names.fresh(), place, where=here, index=place.name)
        last = apply("array_greatest", places, type=SqlType.INTEGER)
        index = apply("subtract", apply("coalesce", last, integer(0), type=SqlType.INTEGER), integer(1), type=last.type)
        both_there = apply("and", apply("is_not_null", value), apply("is_not_null", part))
        return Case(((is_empty_text(part), _length(value)), (both_there, index)), null(SqlType.INTEGER))

    return computed(call, operands(call, "lastIndexOf", "substring"), INTEGER, SqlType.INTEGER, found)


@function(
    "startsWith",
    Parameter("prefix"),
    group=GROUP,
    returns="Boolean",
    examples=(
        Example(expression="'abcdefg'.startsWith('abc')", result=(True,)),
        Example(expression="'abcdefg'.startsWith('')", result=(True,)),
        Example(expression="{}.startsWith('')", result=()),
    ),
)
def starts_with(call: Call) -> Collection:
    """Whether the string begins with the prefix; every string begins with the empty one."""

    def found(value: Node, prefix: Node) -> Node:
        return apply("equal", _text("left", value, apply("length", prefix, type=SqlType.INTEGER)), prefix)

    return computed(call, operands(call, "startsWith", "prefix"), BOOLEAN, SqlType.BOOLEAN, found)


@function(
    "endsWith",
    Parameter("suffix"),
    group=GROUP,
    returns="Boolean",
    examples=(
        Example(expression="'abcdefg'.endsWith('efg')", result=(True,)),
        Example(expression="'abcdefg'.endsWith('abc')", result=(False,)),
    ),
)
def ends_with(call: Call) -> Collection:
    """Whether the string ends with the suffix; every string ends with the empty one."""

    def found(value: Node, suffix: Node) -> Node:
        return apply("equal", _text("right", value, apply("length", suffix, type=SqlType.INTEGER)), suffix)

    return computed(call, operands(call, "endsWith", "suffix"), BOOLEAN, SqlType.BOOLEAN, found)


@function(
    "contains",
    Parameter("substring"),
    group=GROUP,
    returns="Boolean",
    examples=(
        Example(expression="'abc'.contains('bc')", result=(True,)),
        Example(expression="'abc'.contains('d')", result=(False,)),
        Example(
            expression="name.where(family.contains('Byr')).given",
            resource={"resourceType": "Patient", "name": [{"family": "Byron", "given": ["Ada"]}, {"family": "King"}]},
            result=("Ada",),
        ),
    ),
)
def contains(call: Call) -> Collection:
    """Whether the substring is found in the string; the empty one is found in every string."""

    def found(value: Node, part: Node) -> Node:
        return apply("less", integer(0), _position(value, part))

    return computed(call, operands(call, "contains", "substring"), BOOLEAN, SqlType.BOOLEAN, found)


# --- cutting ----------------------------------------------------------------------------------------------------------


@function(
    "substring",
    Parameter("start"),
    Parameter("length", optional=True),
    group=GROUP,
    returns="String",
    examples=(
        Example(expression="'abcdefg'.substring(3)", result=("defg",)),
        Example(expression="'abcdefg'.substring(1, 2)", result=("bc",)),
        Example(expression="'abcdefg'.substring(6, 2)", result=("g",)),
        Example(expression="'abcdefg'.substring(7)", result=()),
        Example(expression="'abcdefg'.substring(-1, 1)", result=()),
        Example(expression="'abcdefg'.substring(3, 0)", result=("",)),
    ),
)
def substring(call: Call) -> Collection:
    """The characters from a start, counted from 0; all that follow, or at most so many as the length says.

    Empty if the start lies outside the string.
    """
    value, start = string(call, call.focus, "the input of substring"), _integer(call, 0, "start")
    wanted = _integer(call, 1, "length") if call.count > 1 else None
    if value is None or start is None:
        return values.system(null(SqlType.TEXT), STRING)

    def cut(value: Node, start: Node, wanted: Node | None = None) -> Node:
        size = _length(value)
        inside = apply("and", apply("less_or_equal", integer(0), start), apply("less", start, size))
        # Both ends are kept within the text, so that no database meets a position that it cannot count.
        begin = apply("add", apply("least", start, size, type=SqlType.INTEGER), integer(1), type=SqlType.INTEGER)
        count = size
        if wanted is not None:
            asked = apply("coalesce", wanted, size, type=SqlType.INTEGER)
            count = apply(
                "greatest", apply("least", asked, size, type=SqlType.INTEGER), integer(0), type=SqlType.INTEGER
            )
        return Case(((inside, _text("substring", value, begin, count)),), null(SqlType.TEXT))

    given = [value, start] if wanted is None else [value, start, wanted]
    return values.system(bound(call, given, cut), STRING)


@function(
    "trim",
    group=GROUP,
    returns="String",
    examples=(
        Example(expression=r"' \t123 456\r\n'.trim()", result=("123 456",)),
        Example(expression="'  '.trim()", result=("",)),
    ),
)
def trim(call: Call) -> Collection:
    """The string without spaces, tabs and line breaks at its ends."""
    return computed(
        call,
        operands(call, "trim"),
        STRING,
        SqlType.TEXT,
        lambda value: _text("regexp_replace", value, _BLANK_ENDS, _NOTHING),
    )


@function(
    "toChars",
    group=GROUP,
    returns="Strings of one character",
    examples=(
        Example(expression="'abc'.toChars()", result=("a", "b", "c")),
        Example(expression="''.toChars()", result=()),
    ),
)
def to_chars(call: Call) -> Collection:
    """Each character of the string, in order."""
    given = operands(call, "toChars")
    if given is None:
        return values.system(empty(SqlType.TEXT, many=True), STRING)
    return values.system(_every_character(given[0]), STRING)


@function(
    "split",
    Parameter("separator"),
    group=GROUP,
    returns="Strings",
    examples=(
        Example(expression="'A,,C'.split(',')", result=("A", "", "C")),
        Example(expression="'ABC'.split(',')", result=("ABC",)),
        Example(expression="'ABC'.split('')", result=("A", "B", "C")),
    ),
)
def split(call: Call) -> Collection:
    """The parts of the string between separators; its characters if the separator is the empty string."""

    def parts(value: Node, separator: Node) -> Node:
        there = apply("and", apply("is_not_null", value), apply("is_not_null", separator))
        return Case(
            (
                (is_empty_text(separator), _every_character(value)),
                # Some databases have no parts of an empty text; it is one part, though.
                (both(there, is_empty_text(value)) or there, Array((_NOTHING,), SqlType.TEXT)),
                (there, apply("split", value, separator, type=SqlType.TEXT, many=True)),
            ),
            empty(SqlType.TEXT, many=True),
        )

    given = operands(call, "split", "separator")
    return values.system(empty(SqlType.TEXT, many=True) if given is None else bound(call, given, parts), STRING)


# --- changing ---------------------------------------------------------------------------------------------------------


def _cased(call: Call, primitive: str) -> Collection:
    return computed(call, operands(call, primitive), STRING, SqlType.TEXT, lambda value: _text(primitive, value))


@function("upper", group=GROUP, returns="String", examples=(Example(expression="'AbC'.upper()", result=("ABC",)),))
def upper(call: Call) -> Collection:
    """The string in capital letters."""
    return _cased(call, "upper")


@function("lower", group=GROUP, returns="String", examples=(Example(expression="'AbC'.lower()", result=("abc",)),))
def lower(call: Call) -> Collection:
    """The string in small letters."""
    return _cased(call, "lower")


@function(
    "replace",
    Parameter("pattern"),
    Parameter("substitution"),
    group=GROUP,
    returns="String",
    examples=(
        Example(expression="'abcdefg'.replace('cde', '123')", result=("ab123fg",)),
        Example(expression="'abcdefg'.replace('cde', '')", result=("abfg",)),
        Example(expression="'abc'.replace('', 'x')", result=("xaxbxcx",)),
    ),
)
def replace(call: Call) -> Collection:
    """The string with every occurrence of the pattern replaced; the empty pattern is found around every character."""

    def replaced(value: Node, pattern: Node, substitution: Node) -> Node:
        plain = _text("replace", value, pattern, substitution)
        if isinstance(pattern, Constant) and pattern.value:
            return plain
        inner = _text("text_join", _characters(value), substitution)
        around = _text("concat", _text("concat", substitution, inner), substitution)
        nothing = apply("and", is_empty_text(value), is_empty_text(pattern))
        return Case(((nothing, substitution), (is_empty_text(pattern), around)), plain)

    return computed(call, operands(call, "replace", "pattern", "substitution"), STRING, SqlType.TEXT, replaced)


@function(
    "length",
    group=GROUP,
    returns="Integer",
    examples=(
        Example(expression="'abc'.length()", result=(3,)),
        Example(expression="''.length()", result=(0,)),
        Example(expression=r"'\uD83D\uDD25'.length()", result=(1,)),
    ),
)
def length(call: Call) -> Collection:
    """The number of characters."""
    return computed(call, operands(call, "length"), INTEGER, SqlType.INTEGER, _length)


# --- putting together -------------------------------------------------------------------------------------------------


@function(
    "join",
    Parameter("separator", optional=True),
    group=GROUP,
    returns="String",
    examples=(
        Example(expression="('A' | 'B' | 'C').join(',')", result=("A,B,C",)),
        Example(expression="('A' | 'B' | 'C').join()", result=("ABC",)),
        Example(expression="{}.join(',')", result=()),
    ),
)
@of_one_kind
def join(call: Call) -> Collection:
    """The strings one after the other, with the separator in between; empty if there are none, an error if any is no string."""
    found = strings(call, call.focus, "the input of join")
    separator = string(call, call.value(0), "the separator") if call.count else None
    if found is None:
        return values.system(null(SqlType.TEXT), STRING)
    plan = values.as_array(values.value(found, call.model, call.names), call.names)
    if plan.type is SqlType.JSON:
        plan = values.read_all(call, found, SqlType.TEXT, "strings")
    between = _NOTHING if separator is None else apply("coalesce", separator, _NOTHING, type=SqlType.TEXT)
    if separator is None or isinstance(separator, Constant):
        return values.system(_text("text_join", plan, between), STRING)
    # Bound, so that it is evaluated, and can fail, also where there is nothing to put it between.
    joined = bind(call.names.fresh(), between, lambda between: _text("text_join", plan, between))
    return values.system(joined, STRING)


def concatenated(call: Call, left: Collection, right: Collection) -> Collection:
    """Two Strings one after the other; empty if either is."""
    sides = [string(call, side, "an operand of a concatenation") for side in (left, right)]
    if None in sides:
        return values.system(null(SqlType.TEXT), STRING)
    return values.system(_text("concat", *(side for side in sides if side is not None)), STRING)


@operator(
    "&",
    group=GROUP,
    examples=(
        Example(expression="'a' & 'b'", result=("ab",)),
        Example(expression="'a' & {}", result=("a",)),
        Example(expression="{} & {}", result=("",)),
    ),
)
def ampersand(call: Call, left: Collection, right: Collection) -> Collection:
    """Two strings one after the other, where empty counts as the empty string."""
    sides = [string(call, side, "an operand of &") for side in (left, right)]
    filled = [_NOTHING if side is None else apply("coalesce", side, _NOTHING, type=SqlType.TEXT) for side in sides]
    return values.system(_text("concat", *filled), STRING)
