"""What the nodes of a plan are made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import attrs

from fhir4ds.plan.nodes import Node

#: The attributes of each class of nodes.
_FIELDS: dict[type, tuple[str, ...]] = {
    kind: tuple(field.name for field in attrs.fields(kind)) for kind in get_args(Node)
}


def parts(node: Node) -> Iterator[Node]:
    """The nodes that stand in a node, one level down and in order.

    Examples
    --------
    >>> from fhir4ds.plan.nodes import apply, integer
    >>> [part.value for part in parts(apply("add", integer(1), integer(2)))]
    [1, 2]
    """
    for name in _FIELDS[type(node)]:
        yield from _nodes(getattr(node, name))


def _nodes(part: Any) -> Iterator[Node]:
    if isinstance(part, tuple):
        for item in part:
            yield from _nodes(item)
    elif type(part) in _FIELDS:
        yield part
