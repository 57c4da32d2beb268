"""Components of dates and times (FHIRPath, current specification, "Extract Date/DateTime/Time components").

A component is what is written in its place: an hour is that of the time zone of the value. What a value lacks is empty.
"""

from __future__ import annotations

from fhir4ds.dialect.types import SqlType
from fhir4ds.functions import decimals, moments, singletons, values
from fhir4ds.functions.declaration import Call, Example, function
from fhir4ds.functions.typing import of_types
from fhir4ds.plan import fusion
from fhir4ds.plan.collection import DATE, DATETIME, DECIMAL, INTEGER, TIME, Collection, TypeName
from fhir4ds.plan.nodes import Case, Cast, Constant, Node, apply, bind, integer, null, text

_GROUP = "Date and time components"

_DATES = (DATE, DATETIME)
_ALL = (DATE, DATETIME, TIME)

_YEAR = "^([0-9]{4})"
_MONTH = "^[0-9]{4}-([0-9]{2})"
_DAY = "^[0-9]{4}-[0-9]{2}-([0-9]{2})"
#: A time is the whole of a Time, and stands after a ``T`` elsewhere.
_HOUR = "(?:T|^)([0-9]{2})(?:[-+:Z]|$)"
_MINUTE = "(?:T|^)[0-9]{2}:([0-9]{2})"
_SECOND = "(?:T|^)[0-9]{2}:[0-9]{2}:([0-9]{2})"
_FRACTION = "[.]([0-9]+)"
_ZONE = "([-+][0-9]{2}:[0-9]{2})$"
_WHOLE_DATE = "^([0-9]{4}[-0-9]*)"
_WHOLE_TIME = "T([0-9:.]+)"

_MINUTES_OF_AN_HOUR = 60


def _value(call: Call, types: tuple[TypeName, ...]) -> Node:
    """The text of the single date or time; NULL for anything else that is single."""
    focus = call.focus
    wanted = tuple(type for type in focus.types if values.system_type(type, call.model) in types)
    if values.is_empty(focus):
        return null(SqlType.TEXT)
    one = singletons.single(call, focus)
    if focus.types and not wanted:
        item, none = values.items(one, call.names), null(SqlType.TEXT)
        return bind(call.names.fresh(), item, lambda item: Case(((apply("is_null", item), none),), none))
    if wanted != focus.types:
        one = of_types(call, one, wanted)
    return values.read_dynamic(fusion.read(values.items(one, call.names), SqlType.TEXT, call.names), SqlType.TEXT)


def _part(value: Node, pattern: str) -> Node:
    return apply("regexp_group", value, text(pattern), integer(1), type=SqlType.TEXT)


def _number(call: Call, pattern: str, types: tuple[TypeName, ...]) -> Collection:
    return values.system(moments.whole(_part(_value(call, types), pattern)), INTEGER)


@function(
    "yearOf",
    group=_GROUP,
    returns="Integer",
    examples=(
        Example(expression="@2014-01-05T10:30:00.000.yearOf()", result=(2014,)),
        Example(
            expression="birthDate.yearOf()", resource={"resourceType": "Patient", "birthDate": "1980"}, result=(1980,)
        ),
    ),
)
def year_of(call: Call) -> Collection:
    """The year of a date."""
    return _number(call, _YEAR, _DATES)


@function(
    "monthOf",
    group=_GROUP,
    returns="Integer",
    examples=(
        Example(expression="@2014-01-05.monthOf()", result=(1,)),
        Example(expression="@2012.monthOf()", result=()),
    ),
)
def month_of(call: Call) -> Collection:
    """The month of a date, from 1; empty if it is not known."""
    return _number(call, _MONTH, _DATES)


@function("dayOf", group=_GROUP, returns="Integer", examples=(Example(expression="@2014-01-05.dayOf()", result=(5,)),))
def day_of(call: Call) -> Collection:
    """The day of the month of a date; empty if it is not known."""
    return _number(call, _DAY, _DATES)


@function(
    "hourOf",
    group=_GROUP,
    returns="Integer",
    examples=(
        Example(expression="@2012-01-01T16:30:40.002-07:00.hourOf()", result=(16,)),
        Example(expression="@T09:30.hourOf()", result=(9,)),
        Example(expression="@2012-01-01.hourOf()", result=()),
    ),
)
def hour_of(call: Call) -> Collection:
    """The hour of a time, in the time zone that it is written in; empty if there is none."""
    return _number(call, _HOUR, _ALL)


@function(
    "minuteOf", group=_GROUP, returns="Integer", examples=(Example(expression="@T09:30.minuteOf()", result=(30,)),)
)
def minute_of(call: Call) -> Collection:
    """The minute of a time; empty if there is none."""
    return _number(call, _MINUTE, _ALL)


@function(
    "secondOf",
    group=_GROUP,
    returns="Integer",
    examples=(
        Example(expression="@T09:30:40.002.secondOf()", result=(40,)),
        Example(expression="@T09:30.secondOf()", result=()),
    ),
)
def second_of(call: Call) -> Collection:
    """The second of a time, without its fraction; empty if there is none."""
    return _number(call, _SECOND, _ALL)


@function(
    "millisecondOf",
    group=_GROUP,
    returns="Integer",
    examples=(
        Example(expression="@2012-01-01T12:30:00.002-07:00.millisecondOf()", result=(2,)),
        Example(expression="@T12:30:00.5.millisecondOf()", result=(500,)),
        Example(expression="@T12:30:00.millisecondOf()", result=()),
    ),
)
def millisecond_of(call: Call) -> Collection:
    """The milliseconds of the fraction of a second; empty if none is written."""
    fraction = _part(_value(call, _ALL), _FRACTION)
    return values.system(moments.whole(apply("pad_right", fraction, integer(3), text("0"), type=SqlType.TEXT)), INTEGER)


@function(
    "timezoneOffsetOf",
    group=_GROUP,
    returns="Decimal",
    examples=(
        Example(expression="@2012-01-01T12:30:00.000-07:00.timezoneOffsetOf() = -7.0", result=(True,)),
        Example(expression="@2012-01-01T12:30:00+05:30.timezoneOffsetOf() = 5.5", result=(True,)),
        Example(expression="@2012-01-01T12:30:00Z.timezoneOffsetOf() = 0", result=(True,)),
        Example(expression="@2012-01-01T12:30:00.timezoneOffsetOf()", result=()),
    ),
)
def timezone_offset_of(call: Call) -> Collection:
    """The hours from UTC to the time zone of a DateTime; empty if it has no time zone."""

    def hours(value: Node) -> Node:
        return bind(call.names.fresh(), _part(value, _ZONE), lambda zone: in_hours(value, zone))

    def in_hours(value: Node, zone: Node) -> Node:
        digits = (moments.slice_of(zone, 2, 2), moments.slice_of(zone, 5, 2))
        whole, rest = (Cast(moments.whole(part), SqlType.DECIMAL) for part in digits)
        sixty = Cast(integer(_MINUTES_OF_AN_HOUR), SqlType.DECIMAL)
        size = apply("add", whole, decimals.divided(call.names, rest, sixty), type=SqlType.DECIMAL)
        is_west = apply("equal", moments.head(zone, 1), text("-"))
        offset = Case(((is_west, apply("negate", size, type=SqlType.DECIMAL)),), size)
        is_utc = apply("equal", apply("right", value, integer(1), type=SqlType.TEXT), text("Z"))
        return Case(((is_utc, Cast(Constant(0, SqlType.INTEGER), SqlType.DECIMAL)),), offset)

    if values.is_empty(call.focus):
        return values.system(null(SqlType.DECIMAL), DECIMAL)
    return values.system(bind(call.names.fresh(), _value(call, _DATES), hours), DECIMAL)


@function(
    "dateOf",
    group=_GROUP,
    returns="Date",
    examples=(
        Example(expression="@2012-01-01T12:30:00.000-07:00.dateOf() = @2012-01-01", result=(True,)),
        Example(expression="@2012-01.dateOf() = @2012-01", result=(True,)),
    ),
)
def date_of(call: Call) -> Collection:
    """The date of a DateTime, as precise as it is, in the time zone that it is written in."""
    return values.system(_part(_value(call, _DATES), _WHOLE_DATE), DATE)


@function(
    "timeOf",
    group=_GROUP,
    returns="Time",
    examples=(
        Example(expression="@2012-01-01T12:30:00.000-07:00.timeOf() = @T12:30:00.000", result=(True,)),
        Example(expression="@2012-01-01.timeOf()", result=()),
    ),
)
def time_of(call: Call) -> Collection:
    """The time of a DateTime, as precise as it is, in the time zone that it is written in; empty if it has none."""
    return values.system(_part(_value(call, _DATES), _WHOLE_TIME), TIME)
