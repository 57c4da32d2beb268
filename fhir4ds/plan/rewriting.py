"""Changing a plan from the inside: one function that is asked about each node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import attrs

from fhir4ds.plan.nodes import Node


def rewrite(node: Node, change: Callable[[Node], Node | None]) -> Node:
    """Replace the nodes for which ``change`` gives another one; what it gives is not gone into.

    Parameters
    ----------
    node : Node
        A plan.
    change : callable
        Gives what stands in the place of a node, or None for the node itself with its parts rewritten.

    Examples
    --------
    >>> from fhir4ds.plan.nodes import Array, Constant, integer, text
    >>> from fhir4ds.dialect.types import SqlType
    >>> plan = Array((integer(1), integer(2)), SqlType.INTEGER)
    >>> rewrite(plan, lambda node: integer(3) if node == integer(2) else None) == Array((integer(1), integer(3)),
    ...                                                                                 SqlType.INTEGER)
    True
    """
    changed = change(node)
    if changed is not None:
        return changed
    parts = {field.name: getattr(node, field.name) for field in attrs.fields(type(node)) if field.init}
    rewritten = {name: _rewrite_part(part, change) for name, part in parts.items()}
    if all(rewritten[name] is part for name, part in parts.items()):
        return node
    return attrs.evolve(node, **rewritten)


def _rewrite_part(part: Any, change: Callable[[Node], Node | None]) -> Any:
    if isinstance(part, tuple):
        rewritten = tuple(_rewrite_part(item, change) for item in part)
        return part if all(new is old for new, old in zip(rewritten, part, strict=True)) else rewritten
    return rewrite(part, change) if isinstance(part, get_args(Node)) else part
