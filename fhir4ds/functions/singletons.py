"""At most one item where one is wanted (FHIRPath N1, "Singleton Evaluation of Collections")."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidOperation
from fhir4ds.functions import presence, tags, values
from fhir4ds.functions.declaration import Call
from fhir4ds.plan import elements
from fhir4ds.plan.collection import BOOLEAN, Collection
from fhir4ds.plan.nodes import (
    TRUE,
    Bind,
    Case,
    FromJson,
    Node,
    Parameter,
    Raise,
    Reference,
    apply,
    bind,
    integer,
    length,
    null,
)
from fhir4ds.plan.rewriting import rewrite


def single(call: Call, collection: Collection) -> Collection:
    """Insist on at most one item: the database raises where there are several.

    FHIRPath N1, "Singleton Evaluation of Collections".
    """
    if not collection.many:
        return collection
    plan, tagged = presence.walkable(call, collection), collection.tagged

    def only(array: Node) -> Node:
        several = apply("less", integer(1), length(array))
        error = Raise("expected a single item but found several", call.position, array.type)
        return Case(((several, error),), apply("array_at", array, integer(1), type=array.type))

    one = bind(call.names.fresh(), plan, only)
    picked = None if tagged is None else bind(call.names.fresh(), tagged, only)
    return tags.tagged(attrs.evolve(collection, plan=one, guard=None), picked)


def single_value(call: Call, collection: Collection) -> Node:
    """The native value of at most one item."""
    return values.value(single(call, collection), call.model, call.names)


def once(call: Call, item: Collection, body: Callable[[Collection], Node]) -> Node:
    """What is made of a single item, which is written once if it is computed: with its type, or with what is beside its value."""
    entry = Reference(call.names.fresh(), SqlType.JSON)
    if item.guard is None and item.tagged is not None and not values.is_path(item.tagged):
        return Bind(entry.name, item.tagged, body(tags.as_tagged(item, entry)))
    whole = None if item.guard is not None or item.tagged is not None else _computed_whole(call, item)
    if whole is None:
        return body(item)
    return Bind(entry.name, whole, body(attrs.evolve(item, plan=elements.value_of(entry, item.plan.type))))


def _computed_whole(call: Call, item: Collection) -> Node | None:
    """A computed item that may be an element without a value, as a whole; None for any other one."""
    if item.choices or values.is_path(item.plan) or presence.lacking(call, item) is None:
        return None
    return elements.wholes(item.plan, call.names, computed=True)


def boolean(call: Call, collection: Collection) -> Node:
    """The truth of a collection: NULL for empty; a single item that is no Boolean counts as true.

    FHIRPath N1, "Singleton Evaluation of Collections".
    """
    if values.is_empty(collection):
        return null(SqlType.BOOLEAN)
    if is_boolean(call, collection):
        return single_value(call, collection)
    if collection.many and collection.types and is_constant(collection.plan):
        # A single value would be true whatever it is, and several can never be; nobody means either.
        raise call.error(InvalidOperation, f"a Boolean is needed here, not a collection of {collection.types[0]}")
    return once(call, single(call, collection), partial(_truth, call))


def _truth(call: Call, item: Collection) -> Node:
    """The truth of a single item."""
    if values.is_untyped(item):
        return values.of_parent(values.items(item, call.names), call.names, _truth_of_json)
    there = Case(((presence.present(call, item), TRUE),), null(SqlType.BOOLEAN))
    if item.plan.type is SqlType.JSON and BOOLEAN in [values.system_type(type, call.model) for type in item.types]:
        own = values.of_parent(
            values.items(item, call.names), call.names, lambda json: values.read_dynamic(json, SqlType.BOOLEAN)
        )
        truths = tuple(choice for choice in item.choices if values.system_type(choice.type, call.model) == BOOLEAN)
        if truths:
            # A Boolean without a value is no truth, as anywhere else.
            one = attrs.evolve(item, choices=truths, types=tuple(choice.type for choice in truths))
            there = Case(((presence.present(call, one), null(SqlType.BOOLEAN)),), there)
        return apply("coalesce", own, there)
    return there


def _truth_of_json(item: Node) -> Node:
    """The value of a JSON item that is a Boolean; any other item counts as true."""
    is_boolean = values.is_of_json(item, SqlType.BOOLEAN)
    own = FromJson(item, SqlType.BOOLEAN)
    return Case(((is_boolean, own), (apply("is_not_null", item), TRUE)), null(SqlType.BOOLEAN))


def is_boolean(call: Call, collection: Collection) -> bool:
    """Whether every item is known to be a Boolean."""
    return values.system_of(collection, call.model) == BOOLEAN


def is_constant(plan: Node) -> bool:
    """Whether a plan has the same value for every resource and item."""
    read: set[str] = set()
    bound: set[str] = set()

    def note(part: Node) -> None:
        if isinstance(part, Reference | Parameter):
            read.add(part.name)
        for binds in ("variable", "index", "accumulator"):
            bound.add(getattr(part, binds, None) or "")

    rewrite(plan, note)
    return read <= bound
