"""Filtering and projection (FHIRPath N1, section 5.2)."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.functions import iteration, presence, singletons, tags, values
from fhir4ds.functions.declaration import Call, Example, Parameter, ParameterKind, function
from fhir4ds.plan import elements, fusion, places
from fhir4ds.plan.collection import Collection
from fhir4ds.plan.failures import can_raise
from fhir4ds.plan.nodes import Each, Node, Reference, both, integer
from fhir4ds.plan.parts import refers
from fhir4ds.plan.rewriting import rewrite
from fhir4ds.plan.strictness import is_lost

_GROUP = "Filtering and projection"
_PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "name": [{"use": "official", "given": ["Ada", "Eve"]}, {"use": "nickname", "given": ["Addy"]}],
}


def keep(call: Call, focus: Collection, condition: Callable[[Collection, Node], Node]) -> Collection:
    """The items for which a condition, given an item and its index, is true."""
    if not focus.many:
        holds = condition(attrs.evolve(focus, guard=None), integer(0))
        if can_raise(holds):
            # Nothing is asked of an item that is not there.
            return attrs.evolve(focus, guard=both(presence.present(call, focus), holds))
        return attrs.evolve(focus, guard=both(focus.guard, holds))
    walk = iteration.iterate(call, focus)
    index = call.names.fresh()
    where = condition(walk.item, iteration.zero_based(index))
    place = index if refers(where, [index]) else None
    kept = Each(walk.where(where, place), walk.variable, walk.item.plan, where=where, index=place)
    found = attrs.evolve(focus, plan=kept, guard=None)
    if walk.item.tagged is not None:
        return tags.tagged(found, attrs.evolve(kept, body=walk.item.tagged))
    if focus.tagged is None:
        return found
    # The same condition, in terms of the items with their types, which are whole elements.
    entry, are_wholes = Reference(call.names.fresh(), SqlType.JSON), elements.are_of_wholes(walk.item.plan)

    def in_terms(part: Node) -> Node | None:
        if not isinstance(part, Reference) or part.name != walk.variable:
            return None
        return entry if are_wholes else fusion.read(tags.item_of(entry), part.type, call.names)

    same = rewrite(where, in_terms)
    return tags.tagged(found, Each(focus.tagged, entry.name, entry, where=same, index=place))


@function(
    "where",
    Parameter("criteria", ParameterKind.EXPRESSION),
    group=_GROUP,
    returns="the items for which the criteria hold, in order",
    examples=(
        Example(expression="name.where(use = 'nickname').given", resource=_PATIENT, result=("Addy",)),
        Example(expression="name.where(given.count() > 5)", resource=_PATIENT, result=()),
        Example(expression="name.given.where($index > 0)", resource=_PATIENT, result=("Eve", "Addy")),
    ),
)
def where(call: Call) -> Collection:
    """Keep the items for which the criteria are true; false and empty both drop an item."""
    return keep(call, call.focus, lambda item, index: singletons.boolean(call, call.body(0, item, index=index)))


@function(
    "select",
    Parameter("projection", ParameterKind.EXPRESSION),
    group=_GROUP,
    returns="the results for all items, flattened",
    examples=(
        Example(expression="name.select(given.first())", resource=_PATIENT, result=("Ada", "Addy")),
        Example(expression="name.select(given)", resource=_PATIENT, result=("Ada", "Eve", "Addy")),
        Example(expression="name.select($index)", resource=_PATIENT, result=(0, 1)),
    ),
)
def select(call: Call) -> Collection:
    """Evaluate the projection for every item and put the results into one collection, in order."""
    focus = call.focus
    if not focus.many:
        projected = call.body(0, attrs.evolve(focus, guard=None), index=integer(0))
        return attrs.evolve(projected, guard=both(projected.guard, presence.present(call, focus)))
    walk = iteration.iterate(call, focus)
    index = call.names.fresh()
    projected = call.body(0, walk.item, index=iteration.zero_based(index))
    # A choice element stays undecided: what goes on is the parents that may have it.
    undecided = bool(projected.choices) and projected.guard is None
    body = projected.plan if undecided else values.items(projected, call.names)
    indexed = index if refers(body, [index]) else None
    lost = indexed is None and not body.many and is_lost(body, walk.variable)
    plan = Each(places.with_values(walk.source) if lost else walk.source, walk.variable, body, index=indexed)
    choices = projected.choices if undecided else ()
    found = attrs.evolve(projected, plan=plan, choices=choices, guard=None)
    if projected.tagged is None and len(projected.types) > 1 and not undecided:
        # What items are of that is made of others may be told by what the others are of.
        walk = iteration.iterate(call, focus, with_types=True)
        projected = call.body(0, walk.item, index=iteration.zero_based(index))
    if projected.tagged is None:
        return found
    # The items once more, with their types.
    kept = values.items(attrs.evolve(projected, plan=projected.tagged), call.names)
    indexed = index if refers(kept, [index]) else None
    return tags.tagged(found, Each(walk.source, walk.variable, kept, index=indexed))
