"""Folding a collection into one value (FHIRPath N1, sections 5.1 and 7)."""

from __future__ import annotations

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidOperation
from fhir4ds.functions import (
    carrying,
    decimals,
    iteration,
    kinds,
    presence,
    quantity_aggregates,
    singletons,
    tags,
    values,
)
from fhir4ds.functions.arithmetic import in_range
from fhir4ds.functions.declaration import Call, Example, Parameter, ParameterKind, function
from fhir4ds.functions.undecided import of_one_kind, picks_of_one_kind
from fhir4ds.plan.collection import BOOLEAN, DECIMAL, INTEGER, LONG, Collection, TypeName
from fhir4ds.plan.nodes import (
    Bind,
    Case,
    Cast,
    Each,
    Exists,
    Fold,
    FromJson,
    Node,
    Reference,
    Sort,
    apply,
    bind,
    empty,
    integer,
    length,
    null,
)
from fhir4ds.plan.parts import refers

_GROUP = "Aggregates"
_PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "name": [{"given": ["Ada", "Eve"]}, {"family": "Joy"}],
}


@function(
    "aggregate",
    Parameter("aggregator", ParameterKind.EXPRESSION),
    Parameter("init", optional=True),
    group=_GROUP,
    returns="the total after the last item",
    examples=(
        Example(expression="(1 | 2 | 3).aggregate($total + $this, 0)", result=(6,)),
        Example(expression="(1 | 2 | 3).aggregate($total + $this * $index, 4)", result=(12,)),
        Example(expression="(3 | 1 | 2).aggregate(iif($total.empty() or $this < $total, $this, $total))", result=(1,)),
    ),
)
def aggregate(call: Call) -> Collection:
    """Evaluate the aggregator for each item in turn; ``$total`` is what it gave for the item before."""
    entries = tags.tags_of(call, call.focus) if tags.are_needed(call, call.focus) else None
    plan = entries or values.as_array(presence.placed_value(call, call.focus), call.names)
    variable, accumulator, place = (call.names.fresh() for _ in range(3))
    index = iteration.zero_based(place)
    plan, own = carrying.iterated(call, plan, variable)
    item = attrs.evolve(call.focus, plan=own, choices=(), guard=None)
    if entries is not None:
        item = tags.as_tagged(item, own)
    initial = call.value(1) if call.count > 1 else None
    # What the total is depends on what the aggregator makes of it: a first look settles types and cardinality.
    total = _first_total(call, item) if initial is None or values.is_empty(initial) else initial
    several = initial is not None and initial.many
    for _ in range(2):
        total = attrs.evolve(total, plan=Reference(accumulator, total.plan.type, total.many), choices=(), guard=None)
        result = call.body(0, item, index=index, total=total)
        body = values.value(result, call.model, call.names)
        several = several or body.many
        total = Collection(plan=Reference(accumulator, body.type, several), types=result.types)
    if initial is None or values.is_empty(initial):
        start = empty(body.type, many=several)
    else:
        start = values.value(initial, call.model, call.names)
        if not _stands_for(start.type, body.type):
            types = tuple(dict.fromkeys((*initial.types, *result.types)))
            total = Collection(plan=Reference(accumulator, SqlType.JSON, several), types=types)
            result = attrs.evolve(call.body(0, item, index=index, total=total), types=types)
            body = values.boxed(values.value(result, call.model, call.names), call.names)
    if several:
        body = values.as_array(body, call.names)
    start = _like(call, start, body)
    if not refers(body, [place]):
        return Collection(plan=Fold(plan, accumulator, variable, start, body), types=result.types)

    def by_place(array: Node) -> Node:
        places = Each(array, call.names.fresh(), Reference(place, SqlType.INTEGER), index=place)
        own = apply("array_at", array, Reference(place, SqlType.INTEGER), type=plan.type)
        return Fold(places, accumulator, place, start, Bind(variable, own, body))

    return Collection(plan=bind(call.names.fresh(), plan, by_place), types=result.types)


def _first_total(call: Call, item: Collection) -> Collection:
    """What looks like the first total where none is given: what comes of no total, or else an item."""
    first = call.body(0, item, index=integer(0), total=Collection(plan=null(SqlType.JSON)))
    return item if values.is_empty(first) or not first.types else first


def _stands_for(first: SqlType, later: SqlType) -> bool:
    """Whether the first total can stand where later ones are of a type: an Integer where they are Decimals can."""
    return later in (first, SqlType.JSON) or (first, later) == (SqlType.INTEGER, SqlType.DECIMAL)


def _like(call: Call, start: Node, body: Node) -> Node:
    """The first total, in the form that later ones have."""
    # A database may take a small integer constant for a narrower type than the totals to come.
    if body.type is SqlType.JSON:
        start = values.boxed(start, call.names)
    elif not start.many:
        start = Cast(start, body.type)
    elif start.type is not body.type:
        variable = call.names.fresh()
        start = Each(start, variable, Cast(Reference(variable, start.type), body.type))
    return values.as_array(start, call.names) if body.many else start


def _truths(call: Call, wanted: bool, *, every: bool) -> Collection:
    """Whether every item, or any, is ``wanted``."""
    focus = call.focus
    if values.is_untyped(focus):
        plan = values.read_all(call, focus, SqlType.BOOLEAN, "Booleans")
    elif values.is_empty(focus):
        plan = empty(SqlType.BOOLEAN, many=True)
    elif singletons.is_boolean(call, focus):
        plan = values.as_array(values.value(focus, call.model, call.names), call.names)
    else:
        raise call.error(InvalidOperation, f"the items must be Booleans, not {focus.type or 'of several types'}")
    variable = call.names.fresh()
    item = Reference(variable, SqlType.BOOLEAN)
    holds: Node = item if wanted else apply("not", item)
    if every:
        return values.system(apply("not", Exists(plan, variable, apply("not", holds))), BOOLEAN)
    return values.system(Exists(plan, variable, holds), BOOLEAN)


@function(
    "allTrue",
    group="Existence",
    returns="Boolean",
    examples=(Example(expression="name.select(given.exists()).allTrue()", resource=_PATIENT, result=(False,)),),
)
@of_one_kind
def all_true(call: Call) -> Collection:
    """Whether every item is true; also for the empty collection."""
    return _truths(call, wanted=True, every=True)


@function(
    "anyTrue",
    group="Existence",
    returns="Boolean",
    examples=(Example(expression="name.select(given.exists()).anyTrue()", resource=_PATIENT, result=(True,)),),
)
@of_one_kind
def any_true(call: Call) -> Collection:
    """Whether any item is true."""
    return _truths(call, wanted=True, every=False)


@function(
    "allFalse",
    group="Existence",
    returns="Boolean",
    examples=(Example(expression="name.select(given.exists()).allFalse()", resource=_PATIENT, result=(False,)),),
)
@of_one_kind
def all_false(call: Call) -> Collection:
    """Whether every item is false; also for the empty collection."""
    return _truths(call, wanted=False, every=True)


@function(
    "anyFalse",
    group="Existence",
    returns="Boolean",
    examples=(Example(expression="name.select(given.exists()).anyFalse()", resource=_PATIENT, result=(True,)),),
)
@of_one_kind
def any_false(call: Call) -> Collection:
    """Whether any item is false."""
    return _truths(call, wanted=False, every=False)


_NUMBERS = (INTEGER, LONG, DECIMAL)


def _numbers(call: Call) -> tuple[TypeName, Node] | None:
    """The items as an array of numbers and their type; None if there are known to be none."""
    focus = call.focus
    if values.is_empty(focus):
        return None
    types = [values.system_type(type, call.model) for type in focus.types]
    if not all(type in _NUMBERS for type in types):
        raise call.error(InvalidOperation, f"the items must be numbers, not {focus.type or 'of several types'}")
    plan = values.value(focus, call.model, call.names)
    if plan.type is SqlType.JSON:
        return DECIMAL, values.read_all(call, focus, SqlType.DECIMAL, "numbers")
    return types[0] or DECIMAL, values.as_array(plan, call.names)


def _extreme(call: Call, primitive: str, *, greatest: bool) -> Collection:
    """The least or greatest item, of any type that has an order."""
    focus = call.focus
    if values.is_empty(focus):
        return focus
    if quantity_aggregates.are_quantities(call):
        return quantity_aggregates.extreme(call, greatest=greatest)
    plan = values.as_array(values.value(focus, call.model, call.names), call.names)
    if plan.type is SqlType.JSON and all(values.system_type(type, call.model) in _NUMBERS for type in focus.types):
        numbers = values.read_all(call, focus, SqlType.DECIMAL, "numbers")
        return _item_of(call, plan, apply(primitive, numbers, type=numbers.type))
    if plan.type in (SqlType.JSON, SqlType.BOOLEAN):
        raise call.error(
            InvalidOperation,
            f"items {'of several types' if focus.type is None else f'of type {focus.type}'} have no order",
        )
    if plan.type is SqlType.TEXT:
        # By code point, as it is sorted.
        item = Reference(call.names.fresh(), SqlType.TEXT)
        found = apply("array_at", Sort(plan, item.name, item, greatest), integer(1), type=SqlType.TEXT)
    else:
        found = apply(primitive, plan, type=plan.type)
    return attrs.evolve(focus, plan=found, choices=(), guard=None)


def _item_of(call: Call, items: Node, value: Node) -> Collection:
    """The first of several JSON numbers that has a value, with its type."""
    item, found = Reference(call.names.fresh(), SqlType.JSON), call.names.fresh()
    same = apply("equal", FromJson(item, SqlType.DECIMAL), Reference(found, SqlType.DECIMAL))
    first = apply("array_at", Each(items, item.name, item, same), integer(1), type=SqlType.JSON)
    return attrs.evolve(call.focus, plan=Bind(found, value, first), choices=(), guard=None, tags=None)


def _sum(call: Call, plan: Node) -> Node:
    """The sum of an array of numbers, as a Decimal."""
    if plan.type is SqlType.DECIMAL:
        return decimals.computed(call.names, "array_sum", plan)
    return Cast(apply("array_sum", plan, type=plan.type), SqlType.DECIMAL)


@function(
    "sum",
    group=_GROUP,
    returns="a number or a quantity",
    examples=(Example(expression="(1 | 2 | 3).sum()", result=(6,)), Example(expression="{}.sum()", result=())),
)
@of_one_kind
def total(call: Call) -> Collection:
    """The sum of numbers or quantities; empty if there are none, or units are not commensurable."""
    if quantity_aggregates.are_quantities(call):
        return quantity_aggregates.total(call)
    numbers = _numbers(call)
    if numbers is None:
        return call.focus
    type, plan = numbers
    found = in_range(call, type, _sum(call, plan))
    told = all(type.namespace == "System" for type in call.focus.types)
    if type != DECIMAL or not told or values.system_of(call.focus, call.model) is not None:
        return found
    # Of Integers alone, as only the items tell, it is one.
    item = Reference(call.names.fresh(), SqlType.JSON)
    fraction = apply("not", kinds.is_of(item, frozenset([kinds.Kind.WHOLE])))
    mixed = Exists(values.as_array(values.items(call.focus, call.names), call.names), item.name, fraction)
    decimal, whole = (values.boxed(Cast(found.plan, type), call.names) for type in (SqlType.DECIMAL, SqlType.INTEGER))
    types = call.focus.types and (INTEGER, DECIMAL)
    return Collection(plan=Case(((mixed, decimal),), whole), types=types)


@function(
    "min", group=_GROUP, returns="the least item", examples=(Example(expression="(3 | 1 | 2).min()", result=(1,)),)
)
@picks_of_one_kind
def least(call: Call) -> Collection:
    """The least of the items; empty if there are none."""
    return _extreme(call, "array_least", greatest=False)


@function(
    "max", group=_GROUP, returns="the greatest item", examples=(Example(expression="('a' | 'b').max()", result=("b",)),)
)
@picks_of_one_kind
def greatest(call: Call) -> Collection:
    """The greatest of the items; empty if there are none."""
    return _extreme(call, "array_greatest", greatest=True)


@function(
    "avg",
    group=_GROUP,
    returns="a Decimal or a quantity",
    examples=(Example(expression="(1 | 2).avg() = 1.5", result=(True,)),),
)
@of_one_kind
def average(call: Call) -> Collection:
    """The mean of numbers or quantities; empty if there are none, or units are not commensurable."""
    if quantity_aggregates.are_quantities(call):
        return quantity_aggregates.mean(call)
    numbers = _numbers(call)
    if numbers is None:
        return call.focus
    _, plan = numbers

    def mean(array: Node) -> Node:
        return decimals.divided(call.names, _sum(call, array), Cast(length(array), SqlType.DECIMAL))

    return values.system(bind(call.names.fresh(), plan, mean), DECIMAL)
