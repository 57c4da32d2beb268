r"""Regular expressions that are only known when they are met.

The database reads them itself, so they may have what all databases read alike, and nothing else: characters, sets, groups,
alternatives, repetitions, the start and end of a text. Classes such as ``\d`` become sets of characters, as in an expression that
is known (`fhir4ds.functions.patterns`).

Where matches are replaced there may be one way to them alone, as databases take different ones and nobody has seen the
expression before (`fhir4ds.functions.preference`): so there are neither alternatives nor repeated groups. Repetitions of
characters one after the other have the same longest match as first match, as long as none is lazy.
"""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase, digits

from fhir4ds.dialect.types import SqlType
from fhir4ds.functions import characters
from fhir4ds.functions.declaration import Call
from fhir4ds.plan.nodes import Case, Node, Raise, apply, bind, null, text

#: Groups within groups.
_LEVELS = 3


def _in_order(characters: str, between: str) -> str:
    """A pattern of two characters of a row, of which the second does not come before the first.

    Examples
    --------
    >>> _in_order("abc", "-")
    'a-[a-c]|b-[b-c]|c-[c-c]'
    """
    return "|".join(f"{first}{between}[{first}-{characters[-1]}]" for first in characters)


#: Counts whose second number is not below the first; those of two digits each that begin alike are not among them.
_COUNTS = "|".join(
    [
        "[0-9]{1,2},?",
        _in_order(digits, ","),
        "[0-9],[1-9][0-9]",
        *(f"{tens}[0-9],[{tens + 1}-9][0-9]" for tens in range(1, 9)),
    ]
)

_RANGES = "|".join(_in_order(row, "-") for row in (digits, ascii_lowercase, ascii_uppercase))
_ESCAPED = r"\\[\[\]{}()*+?.^$|/-]"
_SET = rf"\[\^?(?:{_RANGES}|[^\\\[\]^-]|{_ESCAPED})+-?\]"
_ATOM = rf"(?:[^\\\[\]{{}}()*+?.^$|]|[.]|{_ESCAPED}|\\[dwsDWS]|{_SET})"
_COUNT = rf"(?:[*+?]|\{{(?:{_COUNTS})\}})"
_PLACE = r"[\^$]|\\b"
_PIECE = rf"{_ATOM}(?:{_COUNT}\??)?|{_PLACE}|[|]"


def _pattern() -> str:
    # RE2 repeats nothing more than 1000 times, with all repetitions that stand in one another; so counts stand in one group.
    count = rf"(?:[*+?]|\{{(?:[0-9],?|{_in_order(digits, ',')})\}})\??"
    item = rf"{_PIECE}|\((?:\?:)?(?:{_PIECE})*\)(?:{count})?"
    inner = f"(?:{item})*"
    for _ in range(_LEVELS - 1):
        inner = rf"(?:{item}|\((?:\?:)?{inner}\)(?:[*+?]\??)?)*"
    return f"^{inner}$"


def _with_one_way() -> str:
    inner = piece = rf"{_ATOM}(?:{_COUNT})?|{_PLACE}"
    for _ in range(_LEVELS):
        inner = rf"{piece}|\((?:\?:)?(?:{inner})*\)"
    return f"^(?:{inner})*$"


def _with_something() -> str:
    once = r"\+|\{(?:[1-9][0-9]?|0[1-9])(?:,[0-9]*)?\}"
    others = rf"(?:{_ATOM}(?:{_COUNT})?|{_PLACE}|\((?:\?:)?|\))*"
    return f"^(?:{others}{_ATOM}(?:{once})?{others})?$"


#: What such an expression must match itself.
_SHARED = (_pattern(),)

#: The same of one whose matches are replaced: in one way, and at least a character.
_REPLACED = (_with_one_way(), _with_something())


def matched(call: Call, regex: Node) -> Node:
    """A computed regular expression as every database reads it; any other one is an error."""
    message = "a computed regular expression may have characters, sets, groups, alternatives and repetitions alone"
    return _insisted(call, regex, Raise(message, call.position, SqlType.TEXT), _SHARED)


def replaced(call: Call, regex: Node) -> Node:
    """The same of one whose matches are replaced alike by every database; the empty one, which replaces nothing, is taken."""
    message = (
        "a computed regular expression whose matches are replaced may have characters, sets, groups that are not repeated and "
        "repetitions of characters alone, and at least a character must be there"
    )
    return _insisted(call, regex, Raise(message, call.position, SqlType.TEXT), _REPLACED)


def _insisted(call: Call, regex: Node, error: Node, patterns: tuple[str, ...]) -> Node:

    def insisted(regex: Node) -> Node:
        written = regex
        for letter, ranges in characters.CLASSES.items():
            for name, members in ((letter, ranges), (letter.upper(), characters.complement(ranges))):
                written = _replaced(written, f"\\{name}", text(characters.written(members)))
        written = _replaced(written, "\\b", apply("word_boundary", type=SqlType.TEXT))
        refused = (apply("not", apply("regexp_matches", regex, text(pattern))) for pattern in patterns)
        return Case(((apply("is_null", regex), null(SqlType.TEXT)), *((one, error) for one in refused)), written)

    return bind(call.names.fresh(), regex, insisted)


def _replaced(written: Node, escape: str, by: Node) -> Node:
    return apply("replace", written, text(escape), by, type=SqlType.TEXT)
