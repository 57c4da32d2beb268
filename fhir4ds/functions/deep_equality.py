"""Equality of objects: all their members are equal, whatever their order (FHIRPath N1, section 6.1.1).

JSON says of nearly all members whether they are. But 5 mg is 0.005 g, and ten o'clock in London is eleven o'clock in Paris.
So these are taken out of the texts of objects: a date-time is put back as it is in UTC, and a quantity as the place of the
first one that it is equal to, among those of the objects that it is compared with. Then JSON says whether objects are equal.
That takes one look at each text, whatever levels it has and however many others it is compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.functions import markings, measures
from fhir4ds.functions.declaration import Call
from fhir4ds.plan import elements
from fhir4ds.plan.collection import Collection
from fhir4ds.plan.nodes import (
    FALSE,
    TRUE,
    Array,
    Case,
    Cast,
    Each,
    Extract,
    Node,
    Reference,
    apply,
    bind,
    integer,
    json_object,
)

#: The members of what is prepared beside the item: a text in which what may be written in several ways is measured, and JSON in
#: which it stands as one of those that are known.
_MEASURED, _SETTLED = Step("m"), Step("s")

#: What is made of the members of an entry.
_Made = Callable[[Mapping[str, Node]], Node]


def equal_json(call: Call, left: Collection, right: Collection, a: Node, b: Node) -> Node:
    """Whether two JSON items of collections are equal."""
    same = apply("json_equal", a, b)
    if not are_prepared(call, left, right):
        return same
    found = bind(
        call.names.fresh(), prepared(call, Array((a, b), SqlType.JSON), left, right), partial(_settled_pair, call)
    )
    return Case(((same, TRUE),), bind(call.names.fresh(), found, lambda pair: equal_settled(*_two(pair))))


def _settled_pair(call: Call, entries: Node) -> Node:
    first, second = _two(entries)
    known = Extract(second, (_MEASURED,), SqlType.TEXT)
    return Array(tuple(settled_as(call, entry, known, json_object) for entry in (first, second)), SqlType.JSON)


def _two(pair: Node) -> tuple[Node, Node]:
    first, second = (apply("array_at", pair, integer(place), type=pair.type) for place in (1, 2))
    return first, second


def are_prepared(call: Call, *collections: Collection) -> bool:
    """Whether JSON does not tell whether items of some collections are equal, so that they have to be `prepared`."""
    return markings.dated(call, *collections) is not None


def prepared(call: Call, items: Node, *collections: Collection) -> Node:
    """The JSON items of an array as entries, which have what is measured of them.

    Parameters
    ----------
    call : Call
        Of the operator.
    items : Node
        The array.
    *collections : Collection
        What items are of that are compared with each other.
    """
    item = Reference(call.names.fresh(), SqlType.JSON)

    def entry(members: Mapping[str, Node]) -> Node:
        return json_object({elements.VALUE.name: item, **members})

    return Each(items, item.name, prepared_as(call, item, entry, *collections), keeps_places=True)


def prepared_as(call: Call, item: Node, made: _Made, *collections: Collection) -> Node:
    """An entry that is made of an item and of the members that are prepared of it."""
    marked = markings.marked(Cast(item, SqlType.TEXT), markings.dated(call, *collections) or ())
    return made({_MEASURED.name: markings.measured(call, marked, measures.comparable)})


def known_of(call: Call, entries: Node) -> Node:
    """What is measured of all entries, as one text."""
    entry = Reference(call.names.fresh(), SqlType.JSON)
    return markings.joined(Each(entries, entry.name, Extract(entry, (_MEASURED,), SqlType.TEXT)))


def settled_as(call: Call, entry: Node, known: Node, made: _Made) -> Node:
    """An entry in which what is measured is the place of the first one among those that are known that it is equal to.

    Parameters
    ----------
    call : Call
        Of the operator.
    entry : Node
        The entry.
    known : Node
        What is known of entries (`known_of`): of those that it is compared with.
    made : callable
        Makes an entry of its item and its members.
    """
    item, measured = elements.value_of(entry), Extract(entry, (_MEASURED,), SqlType.TEXT)
    settled = Case(((apply("is_null", measured), item),), _with_places(call, measured, known))
    return made({elements.VALUE.name: item, _SETTLED.name: settled})


def settled_of(entry: Node) -> Extract:
    """What of a settled entry is equal, as JSON, to that of those that it is equal to."""
    return Extract(entry, (_SETTLED,), SqlType.JSON)


def equal_settled(one: Node, other: Node) -> Node:
    """Whether two settled entries are equal."""
    return apply("json_equal", settled_of(one), settled_of(other))


def _with_places(call: Call, measured: Node, known: Node) -> Node:
    part, other = (Reference(call.names.fresh(), SqlType.TEXT) for _ in range(2))
    place, own = (Reference(call.names.fresh(), SqlType.INTEGER) for _ in range(2))
    equal = Case(((markings.is_marked(own), _are_equal(part, other)),), FALSE)
    places = Each(markings.parts(known), other.name, own, where=equal, index=own.name)
    # Nothing is in place zero.
    found = apply(
        "coalesce", apply("array_at", places, integer(1), type=SqlType.INTEGER), integer(0), type=SqlType.INTEGER
    )
    settled = Case(((markings.is_marked(place), Cast(found, SqlType.TEXT)),), part)
    return Cast(markings.joined(Each(markings.parts(measured), part.name, settled, index=place.name)), SqlType.JSON)


def _are_equal(one: Node, other: Node) -> Node:
    """Whether two measured quantities are equal."""
    sides = (
        apply("scale", measures.above_zero(own), measures.factor(own, beside), type=SqlType.DECIMAL)
        for own, beside in ((one, other), (other, one))
    )
    commensurable = measures.are_commensurable(one, other)
    converted = Case(((commensurable, apply("coalesce", apply("equal", *sides), FALSE)),), FALSE)
    return Case(((apply("equal", one, other), TRUE),), converted)
