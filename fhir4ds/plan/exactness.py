"""Numbers digit by digit, as they are written: where a plan asks for them.

A number in JSON is its value, which most expressions want. How many digits it was written with is what precision is, and
what is delivered. Some databases forget that when they read JSON, and the last of very many digits, unless the whole document
is made ready for it.
"""

from __future__ import annotations

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.elements import BESIDE
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


@attrs.frozen
class Readiness:
    """How documents are made ready for what is read of them.

    Parameters
    ----------
    primitive : str
        What makes them ready.
    mention : str, optional
        How a member begins, with its quote, without which a document is good as it is.
    """

    primitive: str
    mention: str | None = None


def readiness(*nodes: Node | None, digits: bool = False) -> Readiness | None:
    """What documents need for what plans read of them; None if they are good as they are.

    Parameters
    ----------
    *nodes : Node, optional
        The plans.
    digits : bool
        Whether what is delivered has all digits that it was written with, whatever the plans ask for.

    Examples
    --------
    >>> from fhir4ds.plan.nodes import RESOURCE, integer
    >>> readiness(numeral(RESOURCE)), readiness(integer(1), None)
    (Readiness(primitive='json_exact', mention=None), None)
    >>> readiness(FromJson(RESOURCE, SqlType.DECIMAL))
    Readiness(primitive='json_precise', mention=None)
    """
    parts = [part for node in nodes if node is not None for part in everything(node)]
    if digits or any(isinstance(part, Apply) and part.primitive in (NUMERAL, PLAIN) for part in parts):
        return Readiness(EXACT)
    reading = [part for part in parts if _reads_decimal(part)]
    if not reading:
        return None
    return Readiness(_PRECISE, '"_' if all(map(_is_beside_values, reading)) else None)


def _reads_decimal(part: Node) -> bool:
    if isinstance(part, Apply):
        return part.primitive == "json_equal"
    return isinstance(part, Extract | FromJson) and part.type is SqlType.DECIMAL


def _is_beside_values(part: Node) -> bool:
    """Whether a plan compares what stands beside values, in members whose names begin with an underscore."""
    return isinstance(part, Apply) and all(
        isinstance(argument, Extract) and argument.steps[-1] == BESIDE for argument in part.arguments
    )
