"""Numbers digit by digit, as they are written: where a plan asks for them.

A number in JSON is its value, which most expressions want. How many digits it was written with is what precision is, and
what is delivered. Some databases forget that when they read JSON, unless the whole document is made ready for it.
"""

from __future__ import annotations

from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.nodes import Apply, Node, apply
from fhir4ds.plan.parts import everything

#: The primitives that give the text of a number, and a document as it was before it was made ready.
NUMERAL, PLAIN = "json_numeral", "json_plain"


def numeral(json: Node) -> Apply:
    """The text of a JSON number, with all digits that it was written with."""
    return apply(NUMERAL, json, type=SqlType.TEXT)


def plain(json: Node) -> Apply:
    """JSON as it is delivered."""
    return apply(PLAIN, json, type=SqlType.JSON, many=json.many)


def asks_for_digits(node: Node) -> bool:
    """Whether a plan uses the text of a number, or delivers JSON, so that documents must be made ready for it.

    Examples
    --------
    >>> from fhir4ds.plan.nodes import RESOURCE, integer
    >>> asks_for_digits(apply("equal", numeral(RESOURCE), numeral(RESOURCE))), asks_for_digits(integer(1))
    (True, False)
    """
    return any(isinstance(part, Apply) and part.primitive in (NUMERAL, PLAIN) for part in everything(node))
