"""Choosing, accumulating and the clock (FHIRPath N1, sections 5.7, 5.9 and 7)."""

from __future__ import annotations

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidArguments, InvalidOperation
from fhir4ds.functions import presence, singletons, tags, values
from fhir4ds.functions.combining import aligned, types_of_both
from fhir4ds.functions.declaration import Call, Example, Parameter, ParameterKind, function
from fhir4ds.plan.collection import DATE, DATETIME, STRING, TIME, Collection, TypeName
from fhir4ds.plan.nodes import Case, Constant, Node, Raise, apply, empty, integer, length

_GROUP = "Utility"


@function(
    "iif",
    Parameter("criterion", ParameterKind.EXPRESSION),
    Parameter("true-result", ParameterKind.EXPRESSION),
    Parameter("otherwise-result", ParameterKind.EXPRESSION, optional=True),
    group="Conversion",
    returns="one of the results",
    examples=(
        Example(expression="iif(1 < 2, 'yes', 'no')", result=("yes",)),
        Example(expression="iif(1 > 2, 'yes')", result=()),
        Example(expression="iif({}, 1, 2)", result=(2,)),
    ),
)
def iif(call: Call) -> Collection:
    """The first result if the criterion is true, the other one if it is false or empty; only that one is evaluated."""
    item = singletons.single(call, call.focus)
    criterion = call.body(0, item)
    if call.strict and not values.is_empty(criterion) and not singletons.is_boolean(call, criterion):
        raise call.error(InvalidOperation, f"the criterion of iif must be a Boolean, not {criterion.type}")
    condition = singletons.boolean(call, criterion)
    chosen = call.body(1, item)
    other = call.body(2, item) if call.count > 2 else None
    return _for_one_item(call, choose(call, condition, chosen, other))


def _for_one_item(call: Call, result: Collection) -> Collection:
    """The result, unless the focus has several items; then that is an error, whatever was asked."""
    if not call.focus.many:
        return result
    several = apply("less", integer(1), length(presence.walkable(call, call.focus)))
    plan = values.items(result, call.names)
    message = "iif is evaluated on a single item, but there are several"

    def insisted(plan: Node) -> Node:
        return Case(((several, Raise(message, call.position, plan.type, plan.many)),), plan)

    tagged = tags.tags_of(call, result) if result.choices else result.tagged
    found = attrs.evolve(result, plan=insisted(plan), choices=(), guard=None)
    return tags.tagged(found, None if tagged is None else insisted(tagged))


def choose(call: Call, condition: Node, chosen: Collection, other: Collection | None) -> Collection:
    """One of two collections, lazily."""
    if other is None or values.is_empty(other):
        plan = values.items(chosen, call.names)
        plan = Case(((condition, plan),), empty(plan.type, many=plan.many))
        found = attrs.evolve(chosen, plan=plan, choices=(), guard=None)
        return _with_types(call, found, condition, chosen, None)
    if values.is_empty(chosen):
        return choose(call, apply("not", apply("is_true", condition)), other, None)
    a, b = (values.value(side, call.model, call.names) for side in (chosen, other))
    if a.many or b.many or a.type is not b.type:
        a, b = aligned(call, chosen, other)
    found = Collection(plan=Case(((condition, a),), b), types=types_of_both(chosen, other))
    return _with_types(call, found, condition, chosen, other)


def _with_types(
    call: Call, found: Collection, condition: Node, chosen: Collection, other: Collection | None
) -> Collection:
    """One of two collections with the types of its items, where JSON does not say which of several they have."""
    sides = [chosen, other] if other is not None else [chosen]
    known = [tags.tags_of(call, side) for side in sides] if len(found.types) > 1 else []
    tagged = [items for items in known if items is not None]
    if not tagged or len(tagged) < len(sides):
        return found
    first, second = tagged[0], tagged[1] if len(tagged) > 1 else empty(SqlType.JSON, many=True)
    every: Node = Case(((condition, first),), second)
    return tags.tagged(found, every if found.many else apply("array_at", every, integer(1), type=SqlType.JSON))


@function(
    "trace",
    Parameter("name"),
    Parameter("projection", ParameterKind.EXPRESSION, optional=True),
    group=_GROUP,
    returns="the focus",
    examples=(Example(expression="'a'.trace('here')", result=("a",)),),
)
def trace(call: Call) -> Collection:
    """The focus, unchanged. Nothing is logged: values of resources never enter a log."""
    if values.system_of(call.value(0), call.model) != STRING:
        raise call.error(InvalidArguments, "the name of a trace must be a String")
    if call.count > 1:
        # Nobody reads the projection, but it has to make sense.
        call.body(1, call.focus)
    return call.focus


def _clock(primitive: str, type: TypeName) -> Collection:
    return values.system(apply(primitive, type=SqlType.TEXT), type)


@function("now", group=_GROUP, returns="DateTime", examples=(Example(expression="now() = now()", result=(True,)),))
def now(call: Call) -> Collection:
    """The date and time at which the statement started, in UTC, to the millisecond."""
    return _clock("now", DATETIME)


@function("today", group=_GROUP, returns="Date", examples=(Example(expression="today() <= today()", result=(True,)),))
def today(call: Call) -> Collection:
    """The date at which the statement started, in UTC."""
    return _clock("today", DATE)


@function(
    "timeOfDay", group=_GROUP, returns="Time", examples=(Example(expression="timeOfDay() is Time", result=(True,)),)
)
def time_of_day(call: Call) -> Collection:
    """The time of day at which the statement started, in UTC, to the millisecond."""
    return _clock("time_of_day", TIME)


@function(
    "coalesce",
    Parameter("value", repeated=True),
    group=_GROUP,
    returns="the first argument that is not empty",
    examples=(Example(expression="coalesce({}, 'a', 'b')", result=("a",)),),
)
def coalesce(call: Call) -> Collection:
    """The first of the arguments that has any items."""
    arguments = [call.value(number) for number in range(call.count)]
    chosen = arguments[-1]
    for argument in reversed(arguments[:-1]):
        chosen = choose(call, presence.present(call, argument), argument, chosen)
    return chosen


@function(
    "defineVariable",
    Parameter("name"),
    Parameter("value", ParameterKind.EXPRESSION, optional=True),
    group=_GROUP,
    returns="the focus",
    examples=(
        Example(expression="defineVariable('n', 5).select(%n + 1)", result=(6,)),
        Example(expression="(1 | 2).defineVariable('all').select(%all.count())", result=(2, 2)),
    ),
)
def define_variable(call: Call) -> Collection:
    """The focus, unchanged; from here on ``%name`` is the value, or the focus itself where no value is given."""
    name = call.value(0).plan
    if not isinstance(name, Constant) or not isinstance(name.value, str):
        raise call.error(InvalidArguments, "the name of a variable must be a String literal")
    call.define(name.value, call.body(1, call.focus) if call.count > 1 else call.focus)
    return call.focus
