"""Numbers digit by digit, as they are written: where a plan asks for them.

A number in JSON is its value, which most expressions want. How many digits it was written with is what precision is, and
what is delivered. Some databases forget that when they read JSON, unless the whole document is made ready for it.
"""

from __future__ import annotations

from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.nodes import Apply, Node, apply
from fhir4ds.plan.parts import parts

#: The primitives that give the text of a number, and a document as it was before it was made ready.
NUMERAL, PLAIN = "json_numeral", "json_plain"


def numeral(json: Node) -> Apply:
    """The text of a JSON number, with all digits that it was written with."""
    return apply(NUMERAL, json, type=SqlType.TEXT)


def plain(json: Node) -> Apply:
    """JSON as it is delivered."""
    return apply(PLAIN, json, type=SqlType.JSON, many=json.many)


class Numerals:
    """Finds in plans what needs documents that are made ready; every part is looked at once.

    Examples
    --------
    >>> from fhir4ds.plan.nodes import RESOURCE, integer, length
    >>> Numerals().are_in(apply("equal", numeral(RESOURCE), numeral(RESOURCE))), Numerals().are_in(integer(1))
    (True, False)
    """

    def __init__(self) -> None:
        # The node stands beside the answer so that its identity is not given to another one.
        self._known: dict[int, tuple[Node, bool]] = {}

    def are_in(self, node: Node | None) -> bool:
        """Whether a plan uses the text of a number, or delivers JSON."""
        if node is None:
            return False
        known = self._known.get(id(node))
        if known is None:
            found = isinstance(node, Apply) and node.primitive in (NUMERAL, PLAIN)
            known = node, found or any(map(self.are_in, parts(node)))
            self._known[id(node)] = known
        return known[1]
