"""From one System type to another (FHIRPath, section "Conversion").

A conversion is empty for a value that has no counterpart, and never an error: what a text holds is tested before it is
read. Several items are an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.functions import presence, quantities, quantity_conversion, singletons, values
from fhir4ds.functions.conversion_rules import (
    BOOLEANS,
    DATES,
    DATETIMES,
    DECIMALS,
    INTEGERS,
    LONGS,
    STRINGS,
    TIMES,
    Conversion,
    Target,
)
from fhir4ds.functions.declaration import Call, Example, function
from fhir4ds.functions.typing import decide
from fhir4ds.plan.collection import BOOLEAN, DECIMAL, INTEGER, STRING, SYSTEM_TYPES, Collection, TypeName
from fhir4ds.plan.exactness import numeral
from fhir4ds.plan.nodes import FALSE, TRUE, Apply, Case, Constant, Extract, FromJson, Node, apply, bind, null, text

_GROUP = "Conversion"

#: What a value is taken for where more is not known of it.
_BY_SQL_TYPE = {
    SqlType.BOOLEAN: BOOLEAN,
    SqlType.INTEGER: INTEGER,
    SqlType.DECIMAL: DECIMAL,
    SqlType.TEXT: STRING,
}


# --- from items -------------------------------------------------------------------------------------------------------


def _item(call: Call, body: Callable[[Collection], Node], otherwise: Node) -> Node:
    """Go on with the single item of the focus; ``otherwise`` if there is known to be none."""
    if values.is_empty(call.focus):
        return otherwise
    item = singletons.single(call, call.focus)
    guard, item = item.guard, attrs.evolve(item, guard=None)

    def with_plan(item: Collection) -> Node:
        if isinstance(item.plan, Extract):
            return body(item)
        return bind(call.names.fresh(), _literal(item.plan), lambda plan: body(attrs.evolve(item, plan=plan)))

    result = singletons.once(call, item, with_plan)
    return result if guard is None else Case(((guard, result),), otherwise)


def _literal(plan: Node) -> Node:
    """A literal with its sign; any other plan as it is."""
    match plan:
        case Apply("negate", (Constant(value=Decimal() as number, type=type),)):
            return Constant(number.copy_negate(), type)
    return plan


def _converted(call: Call, item: Collection, target: Target) -> Node | None:
    """What a single item is converted to; None if there is known to be nothing."""
    if item.choices:
        return _first_converted(call, item, target)
    if target is STRINGS and item.types and all(quantities.is_quantity(type, call.model) for type in item.types):
        return quantity_conversion.as_text(call, item)
    kinds = {values.system_type(type, call.model) for type in item.types}
    if target is STRINGS and kinds == {DECIMAL} and item.plan.type is SqlType.JSON:
        return numeral(values.items(item, call.names))
    value = values.value(item, call.model, call.names)
    if value.type is SqlType.JSON:
        return _met(call, item, target) if values.is_dynamic(item, call.model) else None
    kind = kinds.pop() if len(kinds) == 1 else None
    convert = target.sources.get(kind or _BY_SQL_TYPE[value.type])
    return None if convert is None else bind(call.names.fresh(), value, lambda value: convert(call, value))


def _first_converted(call: Call, item: Collection, target: Target) -> Node | None:
    """The conversion of a choice element: that of the type which is there."""
    found = []
    for choice in item.choices:
        one = decide(call, attrs.evolve(item, choices=(choice,), types=(choice.type,)))
        converted = _converted(call, one, target)
        if converted is not None:
            found.append(converted)
    return Apply("coalesce", tuple(found), SYSTEM_TYPES[target.type.name]) if found else None


def _met(call: Call, item: Collection, target: Target) -> Node:
    """The conversion of a JSON item whose type is only known when it is met."""
    sources, json = target.sources, values.items(item, call.names)
    result = SYSTEM_TYPES[target.type.name]

    def by_kind(json: Node) -> Node:
        branches = []
        for kind, converted in (
            ("string", _if_source(call, sources.get(STRING), json, SqlType.TEXT)),
            ("boolean", _if_source(call, sources.get(BOOLEAN), json, SqlType.BOOLEAN)),
            ("number", numeral(json) if target is STRINGS else _number(call, sources, json)),
            ("object", _quantity(call, item, json) if target is STRINGS else None),
        ):
            if converted is not None:
                wanted = apply("equal", apply("json_kind", json, type=SqlType.TEXT), text(kind))
                branches.append((wanted, converted))
        return Case(tuple(branches), null(result))

    return bind(call.names.fresh(), json, by_kind)


def _if_source(call: Call, convert: Conversion | None, json: Node, type: SqlType) -> Node | None:
    if convert is None:
        return None
    return bind(call.names.fresh(), FromJson(json, type), lambda value: convert(call, value))


def _number(call: Call, sources: Mapping[TypeName, Conversion], json: Node) -> Node | None:
    """The conversion of a JSON number, which is an integer only if it is written as one."""
    if DECIMAL in sources:
        return _if_source(call, sources[DECIMAL], json, SqlType.DECIMAL)
    return _if_source(call, sources[STRING], json, SqlType.TEXT) if INTEGER in sources else None


def _quantity(call: Call, item: Collection, json: Node) -> Node | None:
    types = tuple(type for type in item.types if quantities.is_quantity(type, call.model))
    return quantity_conversion.as_text(call, attrs.evolve(item, plan=json, types=types)) if types else None


def _to(call: Call, target: Target) -> Collection:
    """The single item as a value of a type."""
    nothing = null(SYSTEM_TYPES[target.type.name])

    def answer(item: Collection) -> Node:
        converted = _converted(call, item, target)
        # The item is looked at also where it cannot be converted: several are an error.
        return Case(((presence.present(call, item), nothing),), nothing) if converted is None else converted

    return values.system(_item(call, answer, nothing), target.type)


def _converts_to(call: Call, target: Target) -> Collection:
    """Whether the single item has a value of a type."""

    def answer(item: Collection) -> Node:
        converted = _converted(call, item, target)
        refused = (presence.present(call, item), FALSE)
        found = () if converted is None else ((apply("is_not_null", converted), TRUE),)
        return Case((*found, refused), null(SqlType.BOOLEAN))

    return values.system(_item(call, answer, null(SqlType.BOOLEAN)), BOOLEAN)


# --- functions --------------------------------------------------------------------------------------------------------


@function(
    "toBoolean",
    group=_GROUP,
    returns="Boolean",
    examples=(
        Example(expression="'Yes'.toBoolean()", result=(True,)),
        Example(expression="0.toBoolean()", result=(False,)),
        Example(expression="'maybe'.toBoolean()", result=()),
    ),
)
def to_boolean(call: Call) -> Collection:
    """The single item as a Boolean: 1, ``true``, ``t``, ``yes`` and ``y`` in any case, and likewise for false."""
    return _to(call, BOOLEANS)


@function(
    "convertsToBoolean",
    group=_GROUP,
    returns="Boolean",
    examples=(
        Example(expression="'F'.convertsToBoolean()", result=(True,)),
        Example(expression="2.convertsToBoolean()", result=(False,)),
    ),
)
def converts_to_boolean(call: Call) -> Collection:
    """Whether `toBoolean` gives a value; empty if there is no item."""
    return _converts_to(call, BOOLEANS)


@function(
    "toInteger",
    group=_GROUP,
    returns="Integer",
    examples=(
        Example(expression="'-12'.toInteger()", result=(-12,)),
        Example(expression="true.toInteger()", result=(1,)),
        Example(expression="'1.0'.toInteger()", result=()),
        Example(expression="'2147483648'.toInteger()", result=()),
    ),
)
def to_integer(call: Call) -> Collection:
    """The single item as an Integer: digits with or without a sign, in the range of 32 bits; 1 for true, 0 for false."""
    return _to(call, INTEGERS)


@function(
    "convertsToInteger",
    group=_GROUP,
    returns="Boolean",
    examples=(
        Example(expression="'12'.convertsToInteger()", result=(True,)),
        Example(expression="'1.0'.convertsToInteger()", result=(False,)),
    ),
)
def converts_to_integer(call: Call) -> Collection:
    """Whether `toInteger` gives a value; empty if there is no item."""
    return _converts_to(call, INTEGERS)


@function(
    "toLong",
    group=_GROUP,
    returns="Long",
    examples=(
        Example(expression="'2147483648'.toLong()", result=(2147483648,)),
        Example(expression="'9223372036854775808'.toLong()", result=()),
    ),
)
def to_long(call: Call) -> Collection:
    """The single item as a Long: digits with or without a sign, in the range of 64 bits; 1 for true, 0 for false."""
    return _to(call, LONGS)


@function(
    "convertsToLong",
    group=_GROUP,
    returns="Boolean",
    examples=(Example(expression="'2147483648'.convertsToLong()", result=(True,)),),
)
def converts_to_long(call: Call) -> Collection:
    """Whether `toLong` gives a value; empty if there is no item."""
    return _converts_to(call, LONGS)


@function(
    "toDecimal",
    group=_GROUP,
    returns="Decimal",
    examples=(
        Example(expression="'1.1'.toDecimal() = 1.1", result=(True,)),
        Example(expression="42.toDecimal() is Decimal", result=(True,)),
        Example(expression="'1e3'.toDecimal()", result=()),
    ),
)
def to_decimal(call: Call) -> Collection:
    """The single item as a Decimal: digits with or without a sign and a fraction; 1 for true, 0 for false."""
    return _to(call, DECIMALS)


@function(
    "convertsToDecimal",
    group=_GROUP,
    returns="Boolean",
    examples=(
        Example(expression="'42'.convertsToDecimal()", result=(True,)),
        Example(expression="'1.a'.convertsToDecimal()", result=(False,)),
    ),
)
def converts_to_decimal(call: Call) -> Collection:
    """Whether `toDecimal` gives a value; empty if there is no item."""
    return _converts_to(call, DECIMALS)


@function(
    "toString",
    group=_GROUP,
    returns="String",
    examples=(
        Example(expression="1.50.toString()", result=("1.50",)),
        Example(expression="(1.5 + 0.5).toString()", result=("2.0",)),
        Example(
            expression="value.value.toString()",
            resource={"resourceType": "Observation", "valueQuantity": {"value": Decimal("2.50")}},
            result=("2.50",),
        ),
        Example(expression="true.toString()", result=("true",)),
        Example(expression="@T14:30.toString()", result=("14:30",)),
        Example(expression="(4 days).toString()", result=("4 days",)),
        Example(
            expression="Patient.name.toString()",
            resource={"resourceType": "Patient", "name": [{"family": "Byron"}]},
            result=(),
        ),
    ),
)
def to_string(call: Call) -> Collection:
    """The single item as a String; dates and times with the precision that they have.

    Literals and elements keep the digits that they were written with; a computed Decimal has at least one digit after the
    point, and else no zeros at its end.
    """
    return _to(call, STRINGS)


@function(
    "convertsToString",
    group=_GROUP,
    returns="Boolean",
    examples=(
        Example(expression="1.convertsToString()", result=(True,)),
        Example(
            expression="Patient.name.convertsToString()",
            resource={"resourceType": "Patient", "name": [{"family": "Byron"}]},
            result=(False,),
        ),
    ),
)
def converts_to_string(call: Call) -> Collection:
    """Whether `toString` gives a value; empty if there is no item."""
    return _converts_to(call, STRINGS)


@function(
    "toDate",
    group=_GROUP,
    returns="Date",
    examples=(
        Example(expression="@2024-01-15T23:30:00-05:00.toDate()", result=("2024-01-15",)),
        Example(expression="'2024-02'.toDate()", result=("2024-02",)),
        Example(expression="'2023-02-29'.toDate()", result=()),
    ),
)
def to_date(call: Call) -> Collection:
    """The single item as a Date, which may be partial; of a DateTime the date, in its own time zone."""
    return _to(call, DATES)


@function(
    "convertsToDate",
    group=_GROUP,
    returns="Boolean",
    examples=(
        Example(expression="'2015-02-04'.convertsToDate()", result=(True,)),
        Example(expression="'2015-13'.convertsToDate()", result=(False,)),
    ),
)
def converts_to_date(call: Call) -> Collection:
    """Whether `toDate` gives a value; empty if there is no item."""
    return _converts_to(call, DATES)


@function(
    "toDateTime",
    group=_GROUP,
    returns="DateTime",
    examples=(
        Example(expression="'2015-02-04T14:34:28Z'.toDateTime()", result=("2015-02-04T14:34:28Z",)),
        Example(expression="@2015-02.toDateTime() is DateTime", result=(True,)),
        Example(expression="'2015-02-04T25:00'.toDateTime()", result=()),
    ),
)
def to_datetime(call: Call) -> Collection:
    """The single item as a DateTime, which may be partial."""
    return _to(call, DATETIMES)


@function(
    "convertsToDateTime",
    group=_GROUP,
    returns="Boolean",
    examples=(Example(expression="'2015-02-04T14'.convertsToDateTime()", result=(True,)),),
)
def converts_to_datetime(call: Call) -> Collection:
    """Whether `toDateTime` gives a value; empty if there is no item."""
    return _converts_to(call, DATETIMES)


@function(
    "toTime",
    group=_GROUP,
    returns="Time",
    examples=(
        Example(expression="'14:34:28'.toTime()", result=("14:34:28",)),
        Example(expression="'14:60'.toTime()", result=()),
    ),
)
def to_time(call: Call) -> Collection:
    """The single item as a Time, which may be partial."""
    return _to(call, TIMES)


@function(
    "convertsToTime",
    group=_GROUP,
    returns="Boolean",
    examples=(Example(expression="'14:34'.convertsToTime()", result=(True,)),),
)
def converts_to_time(call: Call) -> Collection:
    """Whether `toTime` gives a value; empty if there is no item."""
    return _converts_to(call, TIMES)
