"""Numbers digit by digit, as they are written: where a plan asks for them.

A number in JSON is its value, which most expressions want. How many digits it was written with is what precision is, and
what is delivered. Some databases forget that when they read JSON, and the last of very many digits, unless the whole document
is made ready for it.
"""

from __future__ import annotations

from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.nodes import Apply, Extract, FromJson, Node, apply
from fhir4ds.plan.parts import everything

#: The primitives that give the text of a number, and a document as it was before it was made ready.
NUMERAL, PLAIN = "json_numeral", "json_plain"

#: The primitives that make a document ready: for its numbers as they are written, and for their values alone.
EXACT, _PRECISE = "json_exact", "json_precise"


def numeral(json: Node) -> Apply:
    """The text of a JSON number, with all digits that it was written with."""
    return apply(NUMERAL, json, type=SqlType.TEXT)


def ready(document: Node) -> Apply:
    """A document whose numbers keep the digits that they were written with."""
    return apply(EXACT, document, type=SqlType.JSON)


def plain(json: Node) -> Apply:
    """JSON as it is delivered."""
    return apply(PLAIN, json, type=SqlType.JSON, many=json.many)


def readiness(*nodes: Node | None, digits: bool = False) -> str | None:
    """The primitive that makes documents ready for what plans read of them; None if they are good as they are.

    Parameters
    ----------
    *nodes : Node, optional
        The plans.
    digits : bool
        Whether what is delivered has all digits that it was written with, whatever the plans ask for.

    Examples
    --------
    >>> from fhir4ds.plan.nodes import RESOURCE, FromJson, integer
    >>> readiness(numeral(RESOURCE)), readiness(FromJson(RESOURCE, SqlType.DECIMAL)), readiness(integer(1), None)
    ('json_exact', 'json_precise', None)
    """
    parts = [part for node in nodes if node is not None for part in everything(node)]
    if digits or any(isinstance(part, Apply) and part.primitive in (NUMERAL, PLAIN) for part in parts):
        return EXACT
    return _PRECISE if any(map(_reads_decimal, parts)) else None


def _reads_decimal(part: Node) -> bool:
    if isinstance(part, Apply):
        return part.primitive == "json_equal"
    return isinstance(part, Extract | FromJson) and part.type is SqlType.DECIMAL
