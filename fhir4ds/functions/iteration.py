"""Collections one item at a time."""

from __future__ import annotations

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.functions import carrying, presence, tags, values
from fhir4ds.functions.declaration import Call
from fhir4ds.plan import elements, places
from fhir4ds.plan.collection import Collection
from fhir4ds.plan.nodes import (
    Node,
    Reference,
    apply,
    integer,
)
from fhir4ds.plan.strictness import never_holds


@attrs.frozen
class Iteration:
    """The items of a collection one at a time.

    Parameters
    ----------
    source : Node
        Array that is walked: the items, or the parents of a choice element.
    variable : str
        Name of what is walked.
    item : Collection
        One item, in terms of the variable.
    """

    source: Node
    variable: str
    item: Collection

    def where(self, condition: Node, index: str | None) -> Node:
        """What is walked where a condition is to hold: without items that have no value, if it never holds for such."""
        only_values = index is None and never_holds(condition, self.variable)
        return places.with_values(self.source) if only_values else self.source


def iterate(call: Call, collection: Collection, *, resolves: bool = False, with_types: bool = False) -> Iteration:
    """Walk a collection of many items.

    Primitive elements are walked as a whole where the call looks beside their values, and items of several resources together
    with these where it resolves references, or is said to. They are walked with their types, if these are known, where the
    call asks for types, or is said to.
    """
    walk = _iteration(call, collection, several=with_types)
    source, item = carrying.iterated(call, walk.source, walk.variable, resolves=resolves)
    if source is walk.source:
        return walk
    # Whatever is known of an item has to be known of what carries it.
    walk = _iteration(call, collection, several=True)
    source, item = carrying.iterated(call, walk.source, walk.variable, resolves=resolves)
    plan = carrying.in_terms(walk.item.plan, walk.variable, item)
    tagged = walk.item.tagged and carrying.in_terms(walk.item.tagged, walk.variable, item)
    return Iteration(source, walk.variable, tags.tagged(attrs.evolve(walk.item, plan=plan), tagged))


def _iteration(call: Call, collection: Collection, *, several: bool) -> Iteration:
    variable = call.names.fresh()
    if (several or tags.are_needed(call, collection)) and collection.tagged is not None:
        tagged = Reference(variable, SqlType.JSON)
        return Iteration(collection.tagged, variable, tags.as_tagged(collection, tagged))
    are_primitive = not collection.choices and values.system_of(collection, call.model) is not None
    if ((several or call.looks_beside) and are_primitive) or elements.are_of_wholes(collection.plan):
        source = elements.wholes(presence.walkable(call, collection), call.names)
        if source is not None:
            value = elements.value_of(Reference(variable, SqlType.JSON))
            return Iteration(source, variable, attrs.evolve(collection, plan=value, guard=None))
    reference = Reference(variable, collection.plan.type)
    item = attrs.evolve(collection, plan=reference, guard=None)
    return Iteration(presence.walkable(call, collection), variable, item)


def zero_based(index: str) -> Node:
    """``$index``, which counts from 0 where SQL counts from 1."""
    return apply("subtract", Reference(index, SqlType.INTEGER), integer(1), type=SqlType.INTEGER)
