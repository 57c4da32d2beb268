"""Equality of objects: all their members are equal, whatever their order (FHIRPath N1, section 6.1.1).

JSON says of nearly all members whether they are. But 5 mg is 0.005 g, and ten o'clock in London is eleven o'clock in Paris.
Where two objects are not the same by their JSON, and would be without such members, these are taken out of their texts: a
date-time is put back as it is in UTC, and a quantity as the place of the first one among those of the first object that it
is equal to. So any number of levels takes no more than one look at a text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.functions import markings, measures
from fhir4ds.functions.declaration import Call
from fhir4ds.functions.units import Purpose
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
    null,
)

#: The members of what is prepared beside the item: the same without quantities and date-times, and its text with marks.
_PLAIN, _MARKED = Step("d"), Step("p")


def equal_json(call: Call, left: Collection, right: Collection, a: Node, b: Node) -> Node:
    """Whether two JSON items of collections are equal."""
    if not are_prepared(call, left, right):
        return apply("json_equal", a, b)
    both = prepared(call, Array((a, b), SqlType.JSON), left, right)
    equal = bind(call.names.fresh(), both, lambda both: equal_prepared(call, *_two(both)))
    written = (Cast(item, SqlType.TEXT) for item in (a, b))
    return Case(((apply("equal", *written), TRUE),), equal)


def are_prepared(call: Call, *collections: Collection) -> bool:
    """Whether JSON does not tell whether items of some collections are equal, so that they have to be `prepared`."""
    return markings.dated(call, *collections) is not None


def prepared(call: Call, items: Node, *collections: Collection) -> Node:
    """The JSON items of an array as objects that are compared with each other, however often.

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


def prepared_as(call: Call, item: Node, made: Callable[[Mapping[str, Node]], Node], *collections: Collection) -> Node:
    """What is made of an item and of the members that `equal_prepared` compares of it."""

    def described(marked: Node) -> Node:
        plain = Case(((apply("is_null", marked), item),), markings.unmarked(marked))
        return made({_PLAIN.name: plain, _MARKED.name: marked})

    names = markings.dated(call, *collections) or ()
    return bind(call.names.fresh(), markings.marked(Cast(item, SqlType.TEXT), names), described)


def equal_prepared(call: Call, one: Node, other: Node) -> Node:
    """Whether two prepared items are equal."""
    plain = [Extract(side, (_PLAIN,), SqlType.JSON) for side in (one, other)]
    marked = [Extract(side, (_MARKED,), SqlType.TEXT) for side in (one, other)]
    same = apply("equal", *marked)
    unmarked = apply("and", *(apply("is_null", side) for side in marked))
    equal = Case(((same, TRUE), (unmarked, TRUE)), apply("coalesce", _equal_marked(call, *marked), FALSE))
    missing = apply("or", *(apply("is_null", side) for side in plain))
    return Case(((apply("json_equal", *plain), equal), (missing, null(SqlType.BOOLEAN))), FALSE)


def _two(pair: Node) -> tuple[Node, Node]:
    first, second = (apply("array_at", pair, integer(place), type=pair.type) for place in (1, 2))
    return first, second


def _equal_marked(call: Call, one: Node, other: Node) -> Node:
    """Whether the marked texts of two objects are the same, but for how quantities and date-times are written."""
    marked = Reference(call.names.fresh(), SqlType.TEXT)
    measured = markings.measured(call, marked, Purpose.COMPARISON)
    texts = Each(Array((one, other), SqlType.TEXT), marked.name, measured, keeps_places=True)

    def settle(texts: Node) -> Node:
        first, second = _two(texts)
        return Array(tuple(_with_places(call, side, first) for side in (first, second)), SqlType.JSON)

    settled = bind(call.names.fresh(), texts, settle)
    return bind(call.names.fresh(), settled, lambda settled: apply("json_equal", *_two(settled)))


def _with_places(call: Call, measured: Node, first: Node) -> Node:
    """An object of which a text has been made, where quantities are the places of the first ones that they are equal to."""
    part, other = (Reference(call.names.fresh(), SqlType.TEXT) for _ in range(2))
    place, own = (Reference(call.names.fresh(), SqlType.INTEGER) for _ in range(2))
    equal = Case(((markings.is_marked(own), _are_equal(part, other)),), FALSE)
    places = Each(markings.parts(first), other.name, own, where=equal, index=own.name)
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
