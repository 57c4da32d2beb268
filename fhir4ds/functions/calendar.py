"""Adding times to dates and times (FHIRPath, "Date/Time Arithmetic").

Years and months are those of the calendar, with days beyond the end of a month cut back to it; all other units are
amounts of time. Decimal places count for seconds and milliseconds alone. A result has the precision and the time zone of
the date: an amount that is more precise is first converted to the precision of the date, a year having 365 days and a
month 30.
"""

from __future__ import annotations

import json
from typing import TypeAlias

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidOperation
from fhir4ds.functions import moments, quantities, singletons, values
from fhir4ds.functions.declaration import Call
from fhir4ds.functions.moments import MICROSECONDS_OF
from fhir4ds.functions.quantities import Form, Quantity
from fhir4ds.functions.units import CALENDAR, DEFINITE, calendar_names, calendar_word
from fhir4ds.plan.collection import DATE, TIME, Collection, TypeName
from fhir4ds.plan.nodes import Case, Cast, Node, Raise, apply, bind, integer, null, text

_MONTHS_OF = {"year": 12, "month": 1}
_OF_TIME = ("hour", "minute", "second", "millisecond")
_DAY = MICROSECONDS_OF["day"]
_YEAR_OF_DAYS, _MONTH_OF_DAYS = 365 * _DAY, 30 * _DAY

#: The first and the last moment, in microseconds from 1970, and the first and last month, in months from the year 0.
_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
_FIRST_MONTH, _LAST_MONTH = 12, 9999 * 12 + 11
#: More of either than there are in all years.
_ALL_TIME, _ALL_MONTHS = 10**18, 10**6

_Amounts: TypeAlias = dict[str, tuple[str, int]]


def shifted(call: Call, left: Collection, right: Collection, *, back: bool = False) -> Collection | None:
    """A date or time moved by a quantity of time; None if the operands are not those."""
    dated, form = moments.dated(call, left), quantities.form(call, right)
    if dated is None or form in (None, Form.NUMBER):
        return None
    type, date = dated
    value = singletons.single_value(call, date)

    def move(value: Node) -> Node:
        return quantities.single(call, right, form or Form.OPEN, lambda q: _moved(call, value, type, q, back=back))

    def checked(value: Node) -> Node:
        return bind(call.names.fresh(), moments.insisted(value, type, call.position), move)

    return values.system(bind(call.names.fresh(), value, checked), type)


def _moved(call: Call, value: Node, type: TypeName, quantity: Quantity, *, back: bool) -> Node:
    amount = apply("negate", quantity.value, type=SqlType.DECIMAL) if back else quantity.value
    allowed = _amounts(type, fhir=quantity.form is not Form.SYSTEM)
    if quantity.known is not None:
        found = allowed.get(quantity.known)
        if found is None:
            raise call.error(
                InvalidOperation,
                f"the unit {quantity.known!r} cannot be added to a {type.name}",
                _hint(quantity.known, type),
            )
        kind, each = found
        short = kind == "time" and each < MICROSECONDS_OF["minute"]
        total = _total(amount, kind, integer(each), fraction=short)
        result = _by_months(call, value, total) if kind == "months" else _by_time(call, value, type, total)
    else:
        table = json.dumps({name: f"{kind} {each}" for name, (kind, each) in allowed.items()})
        result = bind(
            call.names.fresh(),
            quantities.look_up(table, quantity.unit),
            lambda entry: _by_entry(call, value, type, amount, entry),
        )
    missing = apply("or", apply("is_null", value), apply("is_null", amount))
    return Case(((missing, null(SqlType.TEXT)),), result)


def _hint(unit: str, type: TypeName) -> str | None:
    word = CALENDAR.get(unit)
    if type == DATE and (calendar_word(unit) or word) in _OF_TIME:
        return "a Date has no time of day; toDateTime() makes it a DateTime"
    return f"write {word}s: in UCUM {unit!r} is a mean, not a {word} of the calendar" if word in _MONTHS_OF else None


def _amounts(type: TypeName, *, fhir: bool) -> _Amounts:
    """The units that can be added to a type: whether they are months or microseconds, and how many.

    The years and months of a FHIR Quantity are those of the calendar (FHIR, "FHIRPath", section "Use of FHIR Quantity").
    """
    found: _Amounts = {}
    for name in (*calendar_names(), *DEFINITE.values()):
        word = calendar_word(name) or CALENDAR[name]
        # A Date has no time, and a Time no date (FHIRPath N1, section 6.7.1).
        if (type == TIME and word not in _OF_TIME) or (type == DATE and word in _OF_TIME):
            continue
        if word in MICROSECONDS_OF:
            found[name] = "time", MICROSECONDS_OF[word]
        elif fhir or name not in CALENDAR:
            found[name] = "months", _MONTHS_OF[word]
    return found


def _by_entry(call: Call, value: Node, type: TypeName, amount: Node, entry: Node) -> Node:
    """Move by an amount whose unit is known from data."""
    kind = apply("split_part", entry, text(" "), integer(1), type=SqlType.TEXT)
    each = Cast(apply("split_part", entry, text(" "), integer(2), type=SqlType.TEXT), SqlType.INTEGER)
    long = apply("less_or_equal", integer(MICROSECONDS_OF["minute"]), each)
    time = Case(((long, _total(amount, "time", each, fraction=False)),), _total(amount, "time", each, fraction=True))
    branches = [(apply("equal", kind, text("time")), _by_time(call, value, type, time))]
    if type != TIME:
        months = _total(amount, "months", each, fraction=False)
        branches.append((apply("equal", kind, text("months")), _by_months(call, value, months)))
    error = Raise(f"the unit of the quantity cannot be added to a {type.name}", call.position, SqlType.TEXT)
    return Case(tuple(branches), error)


def _total(amount: Node, kind: str, each: Node, *, fraction: bool) -> Node:
    """Whole months or microseconds in an amount; NULL if they are more than there are."""
    if not fraction:
        amount = apply("truncate", amount, type=SqlType.DECIMAL)
    # CASE stands inside the cast, as a database may evaluate a constant cast while planning.
    limit = integer(_ALL_MONTHS if kind == "months" else _ALL_TIME)
    total = apply("truncate", apply("scale", amount, each, type=SqlType.DECIMAL), type=SqlType.DECIMAL)
    within = apply("less", apply("absolute", total, type=SqlType.DECIMAL), limit)
    return Cast(Case(((within, total),), null(SqlType.DECIMAL)), SqlType.INTEGER)


def _checked(call: Call, within: Node, result: Node) -> Node:
    error = Raise("the result is not between the years 1 and 9999", call.position, SqlType.TEXT)
    return Case(((within, result),), error)


def _between(low: int, value: Node, high: int) -> Node:
    return apply("and", apply("less_or_equal", integer(low), value), apply("less_or_equal", value, integer(high)))


def _quotient(a: Node, b: Node) -> Node:
    return apply("quotient", a, b, type=SqlType.INTEGER)


def _times(a: Node, b: Node) -> Node:
    return apply("multiply", a, b, type=SqlType.INTEGER)


def _plus(a: Node, b: Node) -> Node:
    return apply("add", a, b, type=SqlType.INTEGER)


def _has_length(value: Node, count: int) -> Node:
    return apply("equal", moments.length(value), integer(count))


def _by_months(call: Call, value: Node, months: Node) -> Node:
    """A date moved by whole months; a year without months by whole years."""
    year = integer(12)
    months = Case(((_has_length(value, moments.YEAR), _times(_quotient(months, year), year)),), months)
    start = Case(
        (
            (_has_length(value, moments.YEAR), moments.joined(value, text("-01-01"))),
            (_has_length(value, moments.MONTH), moments.joined(value, text("-01"))),
        ),
        moments.head(value, moments.DAY),
    )

    def move(start: Node, months: Node) -> Node:
        before = _plus(
            _times(moments.whole(moments.head(start, 4)), year), moments.whole(moments.slice_of(start, 6, 2))
        )
        within = _between(_FIRST_MONTH + 1, _plus(before, months), _LAST_MONTH + 1)
        date = apply("add_months", start, Case(((within, months),), null(SqlType.INTEGER)), type=SqlType.TEXT)
        kept = apply("least", moments.length(value), integer(moments.DAY), type=SqlType.INTEGER)
        rest = moments.slice_of(value, moments.DAY + 1, 40)
        return _checked(call, within, moments.joined(moments.head_of(date, kept), rest))

    return bind(call.names.fresh(), start, lambda s: bind(call.names.fresh(), months, lambda months: move(s, months)))


def _by_time(call: Call, value: Node, type: TypeName, total: Node) -> Node:
    """A date or time moved by microseconds, as far as its precision shows."""

    def move(total: Node) -> Node:
        if type == TIME:
            # A Time is cyclic: what goes beyond midnight goes on at the beginning of the day.
            day = moments.joined(text(moments.SOME_DAY), value)
            within_day = apply("remainder", total, integer(_DAY), type=SqlType.INTEGER)
            return moments.slice_of(_at_precision(call, day, type, within_day), len(moments.SOME_DAY) + 1, 40)
        months = Case(
            ((_has_length(value, moments.YEAR), _times(_quotient(total, integer(_YEAR_OF_DAYS)), integer(12))),),
            _quotient(total, integer(_MONTH_OF_DAYS)),
        )
        partial = apply("less", moments.length(value), integer(moments.DAY))
        return Case(((partial, _by_months(call, value, months)),), _at_precision(call, value, type, total))

    return bind(call.names.fresh(), total, move)


def _at_precision(call: Call, value: Node, type: TypeName, total: Node) -> Node:
    """A date or time that has a day, moved by whole units of its precision."""

    def move(local: Node) -> Node:
        branches = (
            (_has_length(local, moments.DAY), integer(_DAY)),
            (_has_length(local, moments.HOUR), integer(MICROSECONDS_OF["hour"])),
            (_has_length(local, moments.MINUTE), integer(MICROSECONDS_OF["minute"])),
        )
        unit = integer(_DAY) if type == DATE else Case(branches, integer(1))
        amount = bind(call.names.fresh(), unit, lambda unit: _times(_quotient(total, unit), unit))
        return bind(call.names.fresh(), amount, lambda amount: _moment(call, value, local, type, amount))

    return bind(call.names.fresh(), value if type in (DATE, TIME) else moments.local(value), move)


def _moment(call: Call, value: Node, local: Node, type: TypeName, amount: Node) -> Node:
    def written(moment: Node) -> Node:
        day = moments.head(moment, moments.DAY)
        if type == DATE:
            return day
        zone = text("") if type == TIME else moments.zone(value, local)
        shorter = tuple(
            (_has_length(local, precision), moments.joined(moments.head(moment, precision), zone))
            for precision in (moments.HOUR, moments.MINUTE)
        )
        seconds = moments.joined(moments.head(moment, moments.SECOND), _fraction(call, local, amount, moment), zone)
        return Case((*(((_has_length(local, moments.DAY), day),) if type != TIME else ()), *shorter), seconds)

    def move(moment: Node) -> Node:
        within = _between(_FIRST, moment, _LAST)
        safe = Case(((within, moment),), null(SqlType.INTEGER))
        moved = bind(call.names.fresh(), safe, lambda m: apply("from_microseconds", m, type=SqlType.TEXT))
        return _checked(call, within, bind(call.names.fresh(), moved, written))

    return bind(call.names.fresh(), _plus(moments.microseconds(local), amount), move)


def _fraction(call: Call, local: Node, amount: Node, moment: Node) -> Node:
    """The fraction of a second, with its point: as many digits as there were, or milliseconds if they do not suffice."""
    had = moments.slice_of(local, moments.SECOND + 1, 40)
    whole_seconds = apply(
        "equal", apply("remainder", amount, integer(MICROSECONDS_OF["second"]), type=SqlType.INTEGER), integer(0)
    )
    last = moments.head_of(moment, integer(6), last=True)
    digits = apply("regexp_remove", last, text("0+$"), type=SqlType.TEXT)

    def written(digits: Node) -> Node:
        had_digits = apply(
            "greatest",
            apply("subtract", moments.length(had), integer(1), type=SqlType.INTEGER),
            integer(0),
            type=SqlType.INTEGER,
        )
        needed = moments.length(digits)
        enough = apply("less_or_equal", needed, had_digits)
        width = Case(((enough, had_digits),), apply("greatest", needed, integer(3), type=SqlType.INTEGER))
        shown = moments.head_of(apply("pad_right", digits, integer(9), text("0"), type=SqlType.TEXT), width)
        nothing = apply("equal", width, integer(0))
        return Case(((nothing, text("")),), moments.joined(text("."), shown))

    return Case(((whole_seconds, had),), bind(call.names.fresh(), digits, written))
