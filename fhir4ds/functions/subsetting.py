"""Subsetting: items by position (FHIRPath N1, section 5.3)."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidOperation
from fhir4ds.functions import presence, singletons, tags, values
from fhir4ds.functions.arguments import whole
from fhir4ds.functions.declaration import Call, Example, Parameter, function
from fhir4ds.functions.typing import nothing
from fhir4ds.plan import places
from fhir4ds.plan.collection import Collection
from fhir4ds.plan.nodes import (
    Bind,
    Case,
    Constant,
    Extract,
    Front,
    Node,
    Reference,
    apply,
    bind,
    both,
    empty,
    integer,
    length,
    null,
)

_GROUP = "Subsetting"
_PATIENT = {"resourceType": "Patient", "id": "p1", "name": [{"given": ["Ada", "Eve", "Joy"]}]}


#: Beyond it is no item of any collection, and databases have no number for the place after the next.
_LAST_PLACE = 2**31 - 2


def _place(number: Node) -> Node:
    """A place, or a number of items, that any database can count on from."""
    if isinstance(number, Constant):
        return integer(min(number.value, _LAST_PLACE)) if isinstance(number.value, int) else number
    return apply("least", number, integer(_LAST_PLACE), type=SqlType.INTEGER)


def check_order(call: Call, what: str) -> None:
    """Refuse, in strict mode, to pick by position from a collection whose order means nothing.

    FHIRPath N1, section 5.3: such functions are not to be used on the results of functions without an order.
    """
    if call.strict and not call.focus.ordered:
        raise call.error(InvalidOperation, f"{what} needs an order, which these items do not have")


def at(call: Call, collection: Collection, position: Node) -> Collection:
    """The item at a position that counts from 0; empty beyond the ends."""
    if not collection.many:
        return attrs.evolve(collection, guard=both(collection.guard, apply("equal", position, integer(0))))
    # A negative position would count from the end in some databases, and be refused in others.
    place = _place(position)
    if isinstance(place, Constant) and isinstance(place.value, int):
        counted: Node = integer(place.value + 1) if place.value >= 0 else null(SqlType.INTEGER)
    else:
        after = apply("add", place, integer(1), type=SqlType.INTEGER)
        counted = Case(((apply("less", integer(0), after), after),), null(SqlType.INTEGER))

    def pick(items: Node) -> Node:
        return apply("array_at", items, counted, type=items.type)

    first = _first(call, collection) if counted == integer(1) else None
    if first is None:
        return _picked(call, collection, pick)
    return _taken(collection, first, pick)


def _first(call: Call, collection: Collection) -> Node | None:
    """The first of primitive elements; None if it has to be picked from all of them."""
    path = collection.plan
    if collection.guard is not None or collection.choices or not presence.holds_primitives(call, collection):
        return None
    found = places.first(path, call.names)
    if found is None or not isinstance(path, Extract):
        return found
    # What is in front of all others is the first, and found at once.
    return apply("coalesce", Front(path), found, type=found.type)


def _picked(call: Call, collection: Collection, pick: Callable[[Node], Node]) -> Collection:
    """One of many items, with the type that it is known to have."""
    return _taken(collection, places.picked(presence.walkable(call, collection), pick), pick)


def _taken(collection: Collection, plan: Node, take: Callable[[Node], Node]) -> Collection:
    """What has been taken of many items, with the types that they are known to have."""
    tagged = None if collection.tagged is None or collection.guard is not None else take(collection.tagged)
    return tags.tagged(attrs.evolve(collection, plan=plan, guard=None), tagged)


def _slice(call: Call, start: Node, stop: Node | None) -> Collection:
    """Items from position ``start`` (from 1) to ``stop``, both included."""
    focus = call.focus
    if not focus.many:
        condition = apply("less_or_equal", start, integer(1))
        if stop is not None:
            condition = apply("and", condition, apply("less_or_equal", integer(1), stop))
        return attrs.evolve(focus, guard=both(focus.guard, condition))

    def sliced(array: Node) -> Node:
        return apply("array_slice", array, start, stop or length(array), type=array.type, many=True)

    def take(items: Node) -> Node:
        return bind(call.names.fresh(), items, sliced)

    return _taken(focus, take(presence.walkable(call, focus)), take)


def _number(call: Call, body: Callable[[Node], Collection]) -> Collection:
    """Go on with the number of items; nothing if it is empty (FHIRPath, section "Singleton Evaluation of Collections")."""
    argument = call.value(0)
    if values.is_empty(argument):
        return nothing(call.focus)
    number = whole(call, argument, "the number of items")
    if isinstance(number, Constant):
        return body(_place(number))
    variable = call.names.fresh()
    taken = body(_place(Reference(variable, SqlType.INTEGER)))
    there = apply("is_not_null", Reference(variable, SqlType.INTEGER))
    plan = Case(((there, presence.walkable(call, taken)),), empty(taken.plan.type, many=taken.many))
    return attrs.evolve(taken, plan=Bind(variable, number, plan), guard=None, tags=None)


@function(
    "first",
    group=_GROUP,
    returns="the first item",
    examples=(
        Example(expression="name.given.first()", resource=_PATIENT, result=("Ada",)),
        Example(expression="telecom.first()", resource=_PATIENT, result=()),
    ),
)
def first(call: Call) -> Collection:
    """The first item, or empty."""
    check_order(call, "first")
    return at(call, call.focus, integer(0))


@function(
    "last",
    group=_GROUP,
    returns="the last item",
    examples=(Example(expression="name.given.last()", resource=_PATIENT, result=("Joy",)),),
)
def last(call: Call) -> Collection:
    """The last item, or empty."""
    check_order(call, "last")
    focus = call.focus
    if not focus.many:
        return focus

    def end(array: Node) -> Node:
        return apply("array_at", array, length(array), type=array.type)

    return _picked(call, focus, lambda items: bind(call.names.fresh(), items, end))


@function(
    "tail",
    group=_GROUP,
    returns="all items but the first",
    examples=(Example(expression="name.given.tail()", resource=_PATIENT, result=("Eve", "Joy")),),
)
def tail(call: Call) -> Collection:
    """All items but the first."""
    check_order(call, "tail")
    return _slice(call, integer(2), None)


@function(
    "skip",
    Parameter("num"),
    group=_GROUP,
    returns="all items but the first num",
    examples=(
        Example(expression="name.given.skip(2)", resource=_PATIENT, result=("Joy",)),
        Example(expression="name.given.skip(-1)", resource=_PATIENT, result=("Ada", "Eve", "Joy")),
    ),
)
def skip(call: Call) -> Collection:
    """All items but the first ``num``; all of them if ``num`` is zero or less, none if it is empty."""
    check_order(call, "skip")

    def rest(number: Node) -> Collection:
        start = apply("add", number, integer(1), type=SqlType.INTEGER)
        return _slice(call, apply("greatest", start, integer(1), type=SqlType.INTEGER), None)

    return _number(call, rest)


@function(
    "take",
    Parameter("num"),
    group=_GROUP,
    returns="the first num items",
    examples=(
        Example(expression="name.given.take(2)", resource=_PATIENT, result=("Ada", "Eve")),
        Example(expression="name.given.take(0)", resource=_PATIENT, result=()),
    ),
)
def take(call: Call) -> Collection:
    """The first ``num`` items; none if ``num`` is zero or less, or empty."""
    check_order(call, "take")

    def start(number: Node) -> Collection:
        return _slice(call, integer(1), apply("greatest", number, integer(0), type=SqlType.INTEGER))

    return _number(call, start)


@function(
    "single",
    group=_GROUP,
    returns="the only item",
    examples=(Example(expression="name.single().given.first()", resource=_PATIENT, result=("Ada",)),),
)
def single(call: Call) -> Collection:
    """The only item; empty if there is none; an error if there are several."""
    return singletons.single(call, call.focus)
