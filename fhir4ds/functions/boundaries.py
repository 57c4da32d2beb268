"""How precise a value is, and the least and the greatest that it can mean (FHIRPath, section "Utility functions").

A number that is written with so many digits after the point means all numbers that round to it; a date or time means all
moments that begin with its components. What is delivered has the precision that is asked for: digits after the point of
a number, digits in all of a date or time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidOperation
from fhir4ds.functions import decimals, moments, quantities, singletons, values
from fhir4ds.functions.arguments import whole
from fhir4ds.functions.arithmetic import number
from fhir4ds.functions.declaration import Call, Example, Parameter, function
from fhir4ds.functions.quantities import Form
from fhir4ds.functions.undecided import by_kind
from fhir4ds.plan.collection import DATE, DATETIME, DECIMAL, INTEGER, LONG, TIME, Collection, TypeName
from fhir4ds.plan.exactness import numeral
from fhir4ds.plan.nodes import Apply, Case, Cast, Constant, Extract, FromJson, Node, apply, bind, integer, null, text

_GROUP = "Utility"
_PRECISION = Parameter("precision", optional=True)

#: Digits after the point that databases hold, and how many there are unless others are asked for.
_MOST_DIGITS, _DIGITS = 12, 8

_FRACTION = text("[.]([0-9]+)")
_MONTH = text("^(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})-(?:0[1-9]|1[0-2])$")


@attrs.frozen(kw_only=True)
class _Clock:
    """What a type of dates or times looks like when nothing is missing.

    Parameters
    ----------
    first, last : str
        The least and the greatest value there is, without a time zone.
    cuts : Mapping of int to int
        How many characters a value has that is so precise.
    """

    first: str
    last: str
    cuts: Mapping[int, int]

    @property
    def full(self) -> int:
        """The precision of a value that lacks nothing."""
        return max(self.cuts)


_DATE_CUTS = {4: moments.YEAR, 6: moments.MONTH, 8: moments.DAY}
_CLOCKS = {
    DATE: _Clock(first="0001-01-01", last="9999-12-31", cuts=_DATE_CUTS),
    DATETIME: _Clock(
        first="0001-01-01T00:00:00.000",
        last="9999-12-31T23:59:59.999",
        cuts={
            **_DATE_CUTS,
            10: moments.HOUR,
            12: moments.MINUTE,
            14: moments.SECOND,
            17: moments.SECOND + len(".000"),
        },
    ),
    TIME: _Clock(
        first="00:00:00.000",
        last="23:59:59.999",
        cuts={2: len("00"), 4: len("00:00"), 6: len("00:00:00"), 9: len("00:00:00.000")},
    ),
}


@attrs.frozen(kw_only=True)
class _End:
    """One end of what a value can mean; ``zone`` is the time zone in which a moment without one comes there."""

    high: bool
    zone: str


_LOW, _HIGH = _End(high=False, zone="+14:00"), _End(high=True, zone="-12:00")


# --- the kinds of values ----------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class _Kinds:
    """What is made of each kind of values that has a precision; None for a kind that is refused."""

    of_number: Callable[[Collection], Collection]
    of_quantity: Callable[[Collection], Collection] | None
    of_moment: Callable[[TypeName, Collection], Collection]

    def apply(self, call: Call) -> Collection:
        """Apply to the focus; where several types are possible, to items of each that has a precision."""
        return by_kind(call, (call.focus,), lambda focus: self._of(call, focus[0]))

    def _of(self, call: Call, focus: Collection) -> Collection:
        if values.is_empty(focus):
            return focus
        dated = moments.dated(call, focus)
        if dated is not None:
            return self.of_moment(*dated)
        form = quantities.form(call, focus)
        if form is Form.NUMBER or values.is_dynamic(focus, call.model):
            return self.of_number(focus)
        if form in (Form.SYSTEM, Form.FHIR) and self.of_quantity is not None:
            return self.of_quantity(focus)
        raise call.error(InvalidOperation, f"values of {values.shown(focus)[0]} have no precision")


# --- numbers ----------------------------------------------------------------------------------------------------------


def _digits_written(call: Call, focus: Collection) -> Node:
    """Digits after the point that a single number was written with."""
    if values.system_of(focus, call.model) in (INTEGER, LONG):
        return integer(0)
    plan = values.items(singletons.single(call, focus), call.names)
    if plan.type is SqlType.JSON:
        return _fraction_length(plan)
    return _digits_of(plan)


def _digits_of(value: Node) -> Node:
    """Digits after the point of a number: as it was written, where the plan still knows."""
    match value:
        case Constant(value=Decimal() as known):
            return integer(max(0, -int(known.as_tuple().exponent)))
        case Apply("negate", (operand,)) | Cast(operand, SqlType.DECIMAL):
            return _digits_of(operand)
        case Extract() | FromJson():
            return _fraction_length(
                value.operand if isinstance(value, FromJson) else attrs.evolve(value, type=SqlType.JSON)
            )
        case Case():
            branches = tuple((condition, _digits_of(branch)) for condition, branch in value.branches)
            return Case(branches, _digits_of(value.otherwise))
        case Constant(value=None):
            return null(SqlType.INTEGER)
        case _ if value.type is SqlType.INTEGER:
            return integer(0)
    return Cast(apply("decimal_digits", Cast(value, SqlType.DECIMAL), type=SqlType.INTEGER), SqlType.INTEGER)


def _fraction_length(json: Node) -> Node:
    """Digits after the point that a JSON number was written with."""
    fraction = apply("regexp_group", numeral(json), _FRACTION, integer(1), type=SqlType.TEXT)
    digits = apply("coalesce", moments.length(fraction), integer(0), type=SqlType.INTEGER)
    return Case(((apply("is_not_null", json), digits),), null(SqlType.INTEGER))


def _power(table: Mapping[int, str], digits: Node) -> Node:
    """The number that a table has for so many digits; NULL if it has none."""
    if isinstance(digits, Constant):
        known = table.get(digits.value) if isinstance(digits.value, int) else None
        return Constant(None if known is None else Decimal(known), SqlType.DECIMAL)
    written = json.dumps({str(count): number for count, number in table.items()})
    return Cast(quantities.look_up(written, Cast(digits, SqlType.TEXT)), SqlType.DECIMAL)


#: One in the last of so many digits, and half of it. Half of the last digit that a database holds is rounded to it, away
#: from the value, which no boundary of so many digits can tell from what it should be.
_UNITS = {digits: f"{Decimal(1).scaleb(-digits):f}" for digits in range(_MOST_DIGITS + 1)}
_HALVES = {
    **{digits: f"{Decimal(5).scaleb(-digits - 1):f}" for digits in range(_MOST_DIGITS)},
    _MOST_DIGITS: _UNITS[12],
}


def _boundary_of_number(call: Call, value: Node, digits: Node, precision: Node, end: _End) -> Node:
    """The least or the greatest number that rounds to a value, with so many digits, of which the last is cut outwards."""
    step, half = _power(_UNITS, precision), _power(_HALVES, digits)
    away, back = ("add", "less") if end.high else ("subtract", "less")

    def cut(exact: Node, step: Node) -> Node:
        def outwards(rounded: Node) -> Node:
            pair = (rounded, exact) if end.high else (exact, rounded)
            return Case(((apply(back, *pair), decimals.computed(call.names, away, rounded, step)),), rounded)

        # The digits are those of the step, so that a precision that there is not is none here either.
        known = Case(((apply("is_not_null", step), precision),), null(SqlType.INTEGER))
        return bind(call.names.fresh(), decimals.computed(call.names, "round", exact, known), outwards)

    exact = decimals.computed(call.names, away, value, half)
    return bind(call.names.fresh(), step, lambda step: bind(call.names.fresh(), exact, lambda exact: cut(exact, step)))


# --- dates and times --------------------------------------------------------------------------------------------------


def _boundary_of_moment(call: Call, type: TypeName, value: Node, precision: Node, end: _End) -> Node:
    clock = _CLOCKS[type]
    cut = _cut(clock, precision)

    def bounded(value: Node) -> Node:
        if cut == null(SqlType.INTEGER):
            return Case(((apply("is_null", value), null(SqlType.TEXT)),), null(SqlType.TEXT))
        if type != DATETIME:
            return moments.head_of(_filled(value, clock, end), cut)
        return bind(call.names.fresh(), moments.local(value), lambda local: zoned(value, local))

    def zoned(value: Node, local: Node) -> Node:
        timed = apply("less", integer(8), precision)
        own = moments.zone(value, local)
        zone = Case(((apply("equal", own, text("")), text(end.zone)),), own)
        shown: Node = Case(((timed, zone),), text(""))
        if isinstance(precision, Constant):
            shown = zone if isinstance(precision.value, int) and precision.value > 8 else text("")
        return moments.joined(moments.head_of(_filled(local, clock, end), cut), shown)

    return bind(call.names.fresh(), value, bounded)


def _cut(clock: _Clock, precision: Node) -> Node:
    """Characters of a value of a precision; NULL if there is no such precision."""
    if isinstance(precision, Constant):
        known = clock.cuts.get(precision.value) if isinstance(precision.value, int) else None
        return Constant(known, SqlType.INTEGER)
    table = json.dumps({str(digits): str(cut) for digits, cut in clock.cuts.items()})
    return Cast(quantities.look_up(table, Cast(precision, SqlType.TEXT)), SqlType.INTEGER)


def _filled(local: Node, clock: _Clock, end: _End) -> Node:
    """A value with the least or the greatest of all that it lacks."""
    pattern = clock.last if end.high else clock.first

    def with_rest(known: Node, count: Node) -> Node:
        lacking = apply("subtract", integer(len(pattern)), count, type=SqlType.INTEGER)
        rest = apply("greatest", lacking, integer(0), type=SqlType.INTEGER)
        return moments.joined(known, moments.head_of(text(pattern), rest, last=True))

    filled = with_rest(local, moments.length(local))
    if not end.high or clock is _CLOCKS[TIME]:
        return filled
    # As many months after the last of January there is the last day of the month.
    month = moments.whole(moments.slice_of(local, moments.YEAR + 2, 2))
    january = moments.joined(moments.head(local, moments.YEAR), text("-01-31"))
    later = apply("subtract", month, integer(1), type=SqlType.INTEGER)
    last_day = apply("add_months", january, later, type=SqlType.TEXT)
    return Case(((apply("regexp_matches", local, _MONTH), with_rest(last_day, integer(moments.DAY))),), filled)


# --- the functions ----------------------------------------------------------------------------------------------------


def _boundary(call: Call, end: _End) -> Collection:
    precision = _precision(call)
    digits = integer(_DIGITS) if precision is None else precision

    def of_number(focus: Collection) -> Collection:
        value, written = number(call, focus, DECIMAL), _digits_written(call, focus)
        return values.system(_boundary_of_number(call, value, written, digits, end), DECIMAL)

    def of_quantity(focus: Collection) -> Collection:
        return quantities.mapped(
            call, focus, lambda value: _boundary_of_number(call, value, _digits_of(value), digits, end)
        )

    def of_moment(type: TypeName, focus: Collection) -> Collection:
        value, known = singletons.single_value(call, focus), precision or integer(_CLOCKS[type].full)
        # Bound, since a database that knows a precision to be NULL leaves the errors of the value out.
        plan = bind(
            call.names.fresh(),
            known,
            lambda known: bind(
                call.names.fresh(),
                value,
                lambda value: _boundary_of_moment(call, type, moments.insisted(value, type, call.position), known, end),
            ),
        )
        return values.system(plan, type)

    return _Kinds(of_number=of_number, of_quantity=of_quantity, of_moment=of_moment).apply(call)


def _precision(call: Call) -> Node | None:
    if not call.count:
        return None
    return whole(call, call.value(0), "the precision")


@function(
    "lowBoundary",
    _PRECISION,
    group=_GROUP,
    returns="a value of the same type; a Decimal for an Integer",
    examples=(
        Example(expression="3.14.lowBoundary() = 3.135", result=(True,)),
        Example(expression="3.14.lowBoundary(1) = 3.1", result=(True,)),
        Example(expression="@2020-02.lowBoundary()", result=("2020-02-01",)),
        Example(expression="@2020-02-03T09.lowBoundary()", result=("2020-02-03T09:00:00.000+14:00",)),
        Example(expression="@T09:41.lowBoundary(6)", result=("09:41:00",)),
        Example(expression="3.14.lowBoundary(40)", result=()),
    ),
)
def low_boundary(call: Call) -> Collection:
    """The least value that the input can mean, to a precision; empty if there is no such precision.

    The precision counts the digits after the point of a number, 8 unless given, at most 12; and all digits of a date or
    time, of which nothing is missing unless it is given. A DateTime without a time zone is taken to be where it comes
    first, in +14:00.
    """
    return _boundary(call, _LOW)


@function(
    "highBoundary",
    _PRECISION,
    group=_GROUP,
    returns="a value of the same type; a Decimal for an Integer",
    examples=(
        Example(expression="3.14.highBoundary() = 3.145", result=(True,)),
        Example(expression="3.14.highBoundary(1) = 3.2", result=(True,)),
        Example(expression="@2020-02.highBoundary()", result=("2020-02-29",)),
        Example(expression="@2020-02-03T09:41Z.highBoundary()", result=("2020-02-03T09:41:59.999Z",)),
        Example(expression="@T09:41.highBoundary()", result=("09:41:59.999",)),
    ),
)
def high_boundary(call: Call) -> Collection:
    """The greatest value that the input can mean, to a precision; empty if there is no such precision.

    The precision counts as for `lowBoundary`. A DateTime without a time zone is taken to be where it comes last, in
    -12:00.
    """
    return _boundary(call, _HIGH)


@function(
    "precision",
    group=_GROUP,
    returns="Integer",
    examples=(
        Example(expression="1.5870.precision()", result=(4,)),
        Example(expression="12.precision()", result=(0,)),
        Example(expression="@2020-02.precision()", result=(6,)),
        Example(expression="@T09:41.precision()", result=(4,)),
    ),
)
def precision(call: Call) -> Collection:
    """How many digits a number has after the point, or a date or time in all, without its time zone."""

    def of_number(focus: Collection) -> Collection:
        written = _digits_written(call, focus)
        there = apply("is_not_null", number(call, focus, DECIMAL))
        return values.system(Case(((there, written),), null(SqlType.INTEGER)), INTEGER)

    def of_moment(type: TypeName, focus: Collection) -> Collection:
        digits = apply(
            "regexp_remove", moments.local(singletons.single_value(call, focus)), text("[^0-9]"), type=SqlType.TEXT
        )
        return values.system(moments.length(digits), INTEGER)

    return _Kinds(of_number=of_number, of_quantity=None, of_moment=of_moment).apply(call)
