"""How large a plan is when it is written out.

Plans share their parts: what a function uses twice is one node that stands in two places. SQL has to write it twice, so a
chain of such functions doubles the statement with each link while the plan hardly grows. Sizes are known before that.
"""

from __future__ import annotations

from typing import Any, get_args

import attrs

from fhir4ds.plan.nodes import Node


class Sizes:
    """Number of nodes of plans, each counted wherever it stands; every part of a plan is looked at once.

    Examples
    --------
    >>> from fhir4ds.plan.nodes import apply, integer
    >>> sizes, plan = Sizes(), integer(1)
    >>> for _ in range(100):
    ...     plan = apply("add", plan, plan)
    >>> sizes.of(plan) == 2**101 - 1
    True
    """

    def __init__(self) -> None:
        # The node stands beside its size so that its identity is not given to another one.
        self._known: dict[int, tuple[Node, int]] = {}

    def of(self, node: Node) -> int:
        """The size of a plan."""
        known = self._known.get(id(node))
        if known is not None:
            return known[1]
        size = 1 + sum(self._of_part(getattr(node, name)) for name in _FIELDS[type(node)])
        self._known[id(node)] = (node, size)
        return size

    def _of_part(self, part: Any) -> int:
        if isinstance(part, tuple):
            return sum(map(self._of_part, part))
        return self.of(part) if type(part) in _FIELDS else 0


#: The attributes of each class of nodes.
_FIELDS: dict[type, tuple[str, ...]] = {
    kind: tuple(field.name for field in attrs.fields(kind)) for kind in get_args(Node)
}
