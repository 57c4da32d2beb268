"""Trees, depth first: the items below some items, each before those below it, of the words that arrays have."""

from __future__ import annotations

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import (
    Apply,
    Cast,
    Each,
    Extract,
    Node,
    Reference,
    Repeat,
    Sort,
    apply,
    bind,
    integer,
    json_object,
    text,
)

#: Digits of a place among the items below one, of which so no more than ten million are told apart.
_DIGITS = 7

_WAY, _ITEM = Step("way"), Step("item")


def depth_first(first: Node, variable: str, below: Node, levels: int, overflow: Node, names: Names) -> Node:
    """All items of trees, as JSON.

    Levels come one after the other from `Repeat`, so each item is kept with the places on the way to it, as text that
    sorts in the order of the trees: a way comes before those that go on from it.

    Parameters
    ----------
    first : Node
        Array of the items at the top.
    variable : str
        Name of an item in ``below``.
    below : Node
        Array of the items right below one.
    levels : int
        How deep trees can be.
    overflow : Node
        The array where they are deeper; it raises.
    names : Names
        Source of variable names.
    """
    level, parent = names.fresh(), names.fresh()
    way = Extract(Reference(parent, SqlType.JSON), (_WAY,), SqlType.TEXT)
    item = Extract(Reference(parent, SqlType.JSON), (_ITEM,), SqlType.JSON)
    children = bind(variable, item, lambda _: _placed(below, way, names))
    body = Each(Reference(level, SqlType.JSON, many=True), parent, children)

    def every(top: Node) -> Node:
        deeper = Repeat(top, level, body, distinct=False, levels=levels, overflow=overflow)
        return Apply("array_concat", (top, deeper), SqlType.JSON, many=True)

    everything = bind(names.fresh(), _placed(first, text(""), names), every)
    found, kept = names.fresh(), names.fresh()
    key = Extract(Reference(found, SqlType.JSON), (_WAY,), SqlType.TEXT)
    ordered = Sort(everything, found, key, descending=False)
    return Each(ordered, kept, Extract(Reference(kept, SqlType.JSON), (_ITEM,), SqlType.JSON))


def _placed(items: Node, way: Node, names: Names) -> Node:
    """Each item with the way to it."""
    item, place = names.fresh(), names.fresh()
    padded = apply(
        "concat", text("0" * _DIGITS), Cast(Reference(place, SqlType.INTEGER), SqlType.TEXT), type=SqlType.TEXT
    )
    digits = apply("right", padded, integer(_DIGITS), type=SqlType.TEXT)
    reached = apply("concat", way, digits, type=SqlType.TEXT)
    pair = json_object({_WAY.name: reached, _ITEM.name: Reference(item, SqlType.JSON)})
    return Each(items, item, pair, index=place)
