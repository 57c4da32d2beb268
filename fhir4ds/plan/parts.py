"""What the nodes of a plan are made of."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from functools import reduce
from operator import or_
from typing import Any, Generic, TypeVar, get_args

import attrs

from fhir4ds.plan.nodes import Bind, Each, Exists, Node, Reference, Sort, Valued

T = TypeVar("T")

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


def bindings(plan: Node) -> dict[str, Node]:
    """What variables of a plan stand for: a value, or the items that are gone through."""
    bound: dict[str, Node] = {}
    for part in everything(plan):
        if isinstance(part, Bind):
            bound[part.variable] = part.value
        elif isinstance(part, Each | Exists | Sort):
            bound[part.variable] = part.source
    return bound


def refers(node: Node, names: Container[str]) -> bool:
    """Whether a plan uses any of some variables or columns.

    Examples
    --------
    >>> from fhir4ds.plan.nodes import KEY, apply
    >>> refers(apply("is_null", KEY), ["key"]), refers(KEY, ["resource"])
    (True, False)
    """
    return any(isinstance(part, Reference) and part.name in names for part in everything(node))


class Memo(Generic[T]):
    """What is found out of nodes from what was found out of their parts, of each node once, however often it stands there.

    Plans are deep and share their parts, so neither recursion nor a walk through all places would do.

    Parameters
    ----------
    find : callable
        Gives the answer for a node; it may ask the memo about the node's parts.

    Examples
    --------
    >>> from fhir4ds.plan.nodes import apply, integer
    >>> depths, plan = Memo(lambda node: 1 + max(map(depths.of, parts(node)), default=0)), integer(1)
    >>> for _ in range(10_000):
    ...     plan = apply("add", plan, plan)
    >>> depths.of(plan)
    10001
    """

    def __init__(self, find: Callable[[Node], T]) -> None:
        self._find = find
        # By the number of a node, and with the node, whose number is given to another one when it is gone.
        self._known: dict[int, tuple[Node, T]] = {}

    def of(self, node: Node) -> T:
        """The answer for a node."""
        waiting = [node]
        while id(node) not in self._known:
            part = waiting[-1]
            unknown = [below for below in parts(part) if id(below) not in self._known]
            if unknown:
                # The first part first, as a value is before what it is bound for.
                waiting += reversed(unknown)
            else:
                self._known[id(part)] = part, self._find(part)
                waiting.pop()
        return self._known[id(node)][1]


class Uses(Memo[int]):
    """The variables and columns that nodes refer to, as bits: they are many in a long plan, and sets of them would be long.

    Examples
    --------
    >>> from fhir4ds.plan.nodes import KEY, RESOURCE, apply
    >>> uses, plan = Uses(), apply("equal", KEY, RESOURCE)
    >>> uses.of(plan) == uses.bits(["key", "resource"]), uses.of(KEY) & uses.bits(["resource"])
    (True, 0)
    """

    def __init__(self) -> None:
        super().__init__(self._used)
        self._bits: dict[str, int] = {}

    def bits(self, names: Iterable[str]) -> int:
        """The bits of some names."""
        return reduce(or_, (self._bits.setdefault(name, 1 << len(self._bits)) for name in names), 0)

    def _used(self, node: Node) -> int:
        own = self.bits([node.name]) if isinstance(node, Reference) else 0
        return reduce(or_, map(self.of, parts(node)), own)


def _nodes(part: Any) -> Iterator[Node]:
    if isinstance(part, tuple):
        for item in part:
            yield from _nodes(item)
    elif type(part) in _FIELDS:
        yield part
