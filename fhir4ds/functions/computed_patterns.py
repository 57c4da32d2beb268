r"""Regular expressions that are only known when they are met.

The database reads them itself, so they may have what all databases read alike, and nothing else: characters, sets, groups,
alternatives, repetitions, the start and end of a text. Classes such as ``\d`` become sets of characters, as in an expression that
is known (`fhir4ds.functions.patterns`).
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
_COUNT = rf"(?:[*+?]|\{{(?:{_COUNTS})\}})\??"
_PIECE = rf"{_ATOM}(?:{_COUNT})?|[\^$|]|\\b"


def _pattern() -> str:
    # RE2 repeats nothing more than 1000 times, with all repetitions that stand in one another; so counts stand in one group.
    count = rf"(?:[*+?]|\{{(?:[0-9],?|{_in_order(digits, ',')})\}})\??"
    item = rf"{_PIECE}|\((?:\?:)?(?:{_PIECE})*\)(?:{count})?"
    inner = f"(?:{item})*"
    for _ in range(_LEVELS - 1):
        inner = rf"(?:{item}|\((?:\?:)?{inner}\)(?:[*+?]\??)?)*"
    return f"^{inner}$"


#: What such an expression must match itself.
_SHARED = _pattern()


def shared(call: Call, regex: Node) -> Node:
    """A computed regular expression as every database reads it; any other one is an error."""
    message = "a computed regular expression may have characters, sets, groups, alternatives and repetitions alone"
    error = Raise(message, call.position, SqlType.TEXT)

    def insisted(regex: Node) -> Node:
        written = regex
        for letter, ranges in characters.CLASSES.items():
            for name, members in ((letter, ranges), (letter.upper(), characters.complement(ranges))):
                written = _replaced(written, f"\\{name}", text(characters.written(members)))
        written = _replaced(written, "\\b", apply("word_boundary", type=SqlType.TEXT))
        missing = apply("is_null", regex)
        return Case(((missing, null(SqlType.TEXT)), (apply("regexp_matches", regex, text(_SHARED)), written)), error)

    return bind(call.names.fresh(), regex, insisted)


def _replaced(written: Node, escape: str, by: Node) -> Node:
    return apply("replace", written, text(escape), by, type=SqlType.TEXT)
