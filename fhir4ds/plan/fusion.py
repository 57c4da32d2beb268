"""Path fusion: runs of navigation become one extraction, so that a resource is read once per path."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.nodes import Apply, Case, Constant, Each, Extract, FromJson, Front, Node, Reference, empty, null


class Names:
    """Fresh variable names for one statement: ``v1``, ``v2``, ..."""

    def __init__(self) -> None:
        #: The resource that has what a variable stands for, where that was found out when it was named.
        self.holders: dict[str, Node] = {}
        self._numbers: Iterator[int] = iter(range(1, 1_000_000))

    def fresh(self) -> str:
        """A name that no other node of the statement binds."""
        return f"v{next(self._numbers)}"


def extract(base: Node, step: Step, names: Names) -> Node:
    """Go one step from every item of ``base``.

    Parameters
    ----------
    base : Node
        JSON, one value or an array.
    step : Step
        Where to go.
    names : Names
        Source of variable names, for a base that cannot be fused.

    Returns
    -------
    Node
        JSON; fused with ``base`` where that is itself a navigation.

    Examples
    --------
    >>> from fhir4ds.plan.nodes import RESOURCE
    >>> names = Names()
    >>> name = extract(RESOURCE, Step("name", each=True), names)
    >>> [step.name for step in extract(name, Step("given", each=True), names).steps]
    ['name', 'given']
    """
    if isinstance(base, Constant) and base.value is None:
        # Nothing has no elements; a database may have no path from a NULL that it knows.
        return empty(SqlType.JSON, many=step.each is not False)
    if isinstance(base, Extract):
        return attrs.evolve(base, steps=(*base.steps, step))
    if isinstance(base, Each) and isinstance(base.body, Extract | Reference) and not base.index:
        # Going on from the items of an iteration is going on inside it.
        return attrs.evolve(base, body=extract(base.body, step, names))
    if base.many:
        variable = names.fresh()
        return Each(base, variable, Extract(Reference(variable, SqlType.JSON), (step,), SqlType.JSON))
    return Extract(base, (step,), SqlType.JSON)


def read(node: Node, type: SqlType, names: Names) -> Node:
    """Read JSON scalars as SQL values of a type.

    Parameters
    ----------
    node : Node
        JSON, one value or an array; anything else is given back as it is.
    type : SqlType
        What the scalars are.
    names : Names
        Source of variable names.

    Returns
    -------
    Node
        Values of ``type``, with NULL where there was none.
    """
    if node.type is not SqlType.JSON or type is SqlType.JSON:
        return node
    if isinstance(node, Extract):
        return attrs.evolve(node, type=type)
    if isinstance(node, Front):
        return Front(attrs.evolve(node.path, type=type))
    if isinstance(node, Apply) and node.arguments and isinstance(node.arguments[0], Front):
        return attrs.evolve(node, arguments=tuple(read(part, type, names) for part in node.arguments), type=type)
    if isinstance(node, Each):
        return attrs.evolve(node, body=read(node.body, type, names))
    if isinstance(node, Case):
        branches = tuple((condition, read(value, type, names)) for condition, value in node.branches)
        return Case(branches, read(node.otherwise, type, names))
    if node.many:
        variable = names.fresh()
        return Each(node, variable, FromJson(Reference(variable, SqlType.JSON), type))
    return null(type) if getattr(node, "value", node) is None else FromJson(node, type)
