"""Whether items are there: elements without a value are items too, and are counted and walked in their places."""

from __future__ import annotations

import functools

import attrs

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.functions import values
from fhir4ds.functions.declaration import Call
from fhir4ds.plan import elements, fusion, places
from fhir4ds.plan.collection import Collection, TypeName
from fhir4ds.plan.nodes import (
    FALSE,
    Case,
    Each,
    Exists,
    Extract,
    Node,
    Reference,
    apply,
    both,
    empty,
    integer,
    length,
)


def present(call: Call, collection: Collection) -> Node:
    """Whether a collection has any item; a primitive element that has only extensions is one."""
    # A condition that is neither true nor false holds no item.
    guard = None if collection.guard is None else apply("is_true", collection.guard)
    if collection.choices and not collection.many:
        found = values.of_parent(collection.plan, call.names, lambda parent: _chosen(call, collection, parent))
        return both(guard, found) or FALSE
    plan = collection.plan if not collection.choices else values.items(attrs.evolve(collection, guard=None), call.names)
    if elements.are_of_wholes(plan):
        plan = elements.wholes(plan, call.names) or plan
        return both(guard, Exists(plan, call.names.fresh()) if plan.many else apply("is_not_null", plan)) or FALSE
    if plan.many:
        return both(guard, _any(call, attrs.evolve(collection, plan=plan, choices=()))) or FALSE
    if isinstance(plan, Extract) and holds_primitives(call, collection) and len(collection.types) == 1:
        *parents, last = plan.steps
        parent = Extract(plan.base, tuple(parents), SqlType.JSON) if parents else plan.base
        return both(guard, _member_present(call, parent, last.name, collection.types[0])) or FALSE
    there = apply("is_not_null", plan)
    if holds_primitives(call, collection):
        if collection.tagged is not None:
            # With its type there is what stands beside it.
            return both(guard, apply("is_not_null", collection.tagged)) or FALSE
        lack = places.lacking(plan, call.names)
        whole = None if lack is None else elements.wholes(plan, call.names, computed=True)
        if lack is not None and whole is not None:
            there = apply("or", there, apply("and", lack, apply("is_not_null", whole)))
    return both(guard, there) or FALSE


def _chosen(call: Call, collection: Collection, parent: Node) -> Node:
    """Whether a parent has the choice element, of any type that it can have."""
    found = [_member_present(call, parent, choice.member, choice.type) for choice in collection.choices]
    return functools.reduce(lambda some, one: apply("or", some, one), found) if found else FALSE


def _member_present(call: Call, parent: Node, member: str, type: TypeName | None) -> Node:
    found = apply("is_not_null", fusion.extract(parent, Step(member), call.names))
    if values.system_type(type, call.model) is None:
        return found
    return apply("or", found, apply("is_not_null", fusion.extract(parent, Step("_" + member), call.names)))


def _any(call: Call, collection: Collection) -> Node:
    """Whether there are any items; elements without a value count too."""
    plan, variable = collection.plan, call.names.fresh()
    if not holds_primitives(call, collection):
        return Exists(plan, variable)
    if isinstance(plan, Extract):
        return apply("or", Exists(plan, variable), Exists(elements.beside(plan), call.names.fresh()))
    return Exists(places.placed(plan, call.names), variable)


def lacking(call: Call, *collections: Collection) -> Node | None:
    """A condition that holds where any item may have no value; None if none of them is a primitive element."""
    primitive = (side for side in collections if holds_primitives(call, side))
    return places.any_of(*(places.lacking(values.items(side, call.names), call.names) for side in primitive))


def both_lack(call: Call, left: Collection, right: Collection) -> bool:
    """Whether an item of one collection and one of another may both have no value."""
    return all(lacking(call, side) is not None for side in (left, right))


def wholes(call: Call, collection: Collection) -> Node:
    """An array of the items as whole elements; those that are no elements have nothing beside them."""
    plan = values.items(collection, call.names)
    return values.as_array(elements.wholes(plan, call.names, computed=True) or plan, call.names)


def placed_value(call: Call, collection: Collection) -> Node:
    """The native values of items as `value`, with NULL in the place of an element that has none."""
    plan = values.value(collection, call.model, call.names)
    return places.placed(plan, call.names) if holds_primitives(call, collection) else plan


def holds_primitives(call: Call, collection: Collection) -> bool:
    """Whether items are known to be primitive elements, which may have no value, and not values by themselves."""
    fhir = [type for type in collection.types if type.namespace == "FHIR"]
    return any(values.system_type(type, call.model) is not None for type in fhir)


def count(call: Call, collection: Collection) -> Node:
    """Number of items."""
    if collection.many:
        walked = walkable(call, attrs.evolve(collection, guard=None))
        plan = length(elements.wholes_in_places(walked) or walked)
        return plan if collection.guard is None else Case(((collection.guard, plan),), integer(0))
    return Case(((present(call, collection), integer(1)),), integer(0))


def walkable(call: Call, collection: Collection) -> Node:
    """What an iteration over a collection walks: its items, or the parents that have the choice element.

    Elements without a value are in their places.
    """
    plan = collection.plan
    if not collection.choices and holds_primitives(call, collection):
        plan = places.placed(plan, call.names)
    if collection.choices and plan.many:
        variable = call.names.fresh()
        parent = Reference(variable, plan.type)
        plan = Each(plan, variable, parent, where=present(call, attrs.evolve(collection, plan=parent, guard=None)))
    if collection.guard is not None:
        plan = Case(((collection.guard, plan),), empty(plan.type, many=plan.many))
    return plan
