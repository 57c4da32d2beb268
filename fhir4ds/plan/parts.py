"""What the nodes of a plan are made of."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any, get_args

import attrs

from fhir4ds.plan.nodes import Node, Reference, Valued

#: The attributes of each class of nodes. The elements that have values are a plan of their own, until it is asked for.
_FIELDS: dict[type, tuple[str, ...]] = {
    kind: tuple(field.name for field in attrs.fields(kind)) for kind in get_args(Node)
} | {Valued: ("values",)}


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


def everything(node: Node) -> Iterator[Node]:
    """A plan and all its parts at any depth, each once, however often it stands there."""
    waiting, seen = [node], set()
    while waiting:
        part = waiting.pop()
        if id(part) not in seen:
            seen.add(id(part))
            yield part
            waiting += parts(part)


def refers(node: Node, names: Container[str]) -> bool:
    """Whether a plan uses any of some variables or columns.

    Examples
    --------
    >>> from fhir4ds.plan.nodes import KEY, apply
    >>> refers(apply("is_null", KEY), ["key"]), refers(KEY, ["resource"])
    (True, False)
    """
    return any(isinstance(part, Reference) and part.name in names for part in everything(node))


def _nodes(part: Any) -> Iterator[Node]:
    if isinstance(part, tuple):
        for item in part:
            yield from _nodes(item)
    elif type(part) in _FIELDS:
        yield part
