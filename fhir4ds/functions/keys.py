"""Telling the items of an array apart by keys, of which a database finds one among many fast."""

from __future__ import annotations

from collections.abc import Callable

from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import FALSE, Each, Node, Reference, apply, bind, integer


def keys_of(names: Names, array: Node, tell: Callable[[Node], Node]) -> Node:
    """What tells the items of an array apart, in their places.

    Parameters
    ----------
    names : Names
        Source of variable names.
    array : Node
        The items.
    tell : callable
        The key of one item.

    Returns
    -------
    Node
        The array itself where each item is its own key.
    """
    item = Reference(names.fresh(), array.type)
    found = tell(item)
    return array if found == item else Each(array, item.name, found, keeps_places=True)


def is_among(keys: Node, own: Node) -> Node:
    """Whether a key is one of others; without a key an item is like none."""
    return apply("coalesce", apply("array_contains", keys, own), FALSE)


def before(array: Node, place: Node) -> Node:
    """The items of an array that come before a place."""
    end = apply("subtract", place, integer(1), type=SqlType.INTEGER)
    return apply("array_slice", array, integer(1), end, type=array.type, many=True)


def firsts(names: Names, array: Node, keys: Node) -> Node:
    """The items of an array of which no one before has the same key.

    Parameters
    ----------
    names : Names
        Source of variable names.
    array : Node
        The items, in a variable.
    keys : Node
        Their keys in the same places, in a variable.

    Returns
    -------
    Node
        An array.
    """
    item, place = Reference(names.fresh(), array.type), Reference(names.fresh(), SqlType.INTEGER)
    if keys.type is SqlType.JSON:
        places = apply("json_places", keys, type=SqlType.INTEGER, many=True)
        return bind(names.fresh(), places, lambda places: _in_places(array, item, place, places))
    own = item if keys == array else apply("array_at", keys, place, type=keys.type)
    return Each(array, item.name, item, where=apply("not", is_among(before(keys, place), own)), index=place.name)


def _in_places(array: Node, item: Reference, place: Reference, places: Node) -> Node:
    """The items that are in the places that an array has for them."""
    own = apply("array_at", places, place, type=SqlType.INTEGER)
    return Each(array, item.name, item, where=apply("equal", own, place), index=place.name)
