"""Order of dates and times whose precision varies (FHIRPath N1, sections 6.1 and 6.2).

Values stay text, with the precision that they were written with. Two values compare component by component; where one
stops before a difference is found the answer is empty. Seconds and milliseconds are one precision.
"""

from __future__ import annotations

from collections.abc import Callable

from fhir4ds.dialect.types import SqlType
from fhir4ds.functions import moments
from fhir4ds.plan.collection import DATE, TIME, TypeName
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import FALSE, TRUE, Case, Node, Raise, apply, bind, integer, null, text

_ZONE = "T.*(Z|[-+][0-9]{2}:[0-9]{2})$"

#: Lengths of a text that stops at hour, minute and second, and of one with six digits of a fraction of a second.
_HOUR, _MINUTE, _SECOND, _FRACTION = 13, 16, 19, 26
#: How much shorter a time without a date is.
_NO_DATE = len("2000-01-01T")


def less(left: Node, right: Node, types: tuple[TypeName, TypeName], names: Names, position: int) -> Node:
    """Whether one value comes before another; NULL where their precision cannot tell."""

    def compare(a: Node, b: Node) -> Node:
        start_a, start_b = _common(a, b)
        return Case(
            (
                (apply("text_less", start_a, start_b), TRUE),
                (apply("text_less", start_b, start_a), FALSE),
                (apply("equal", _length(a), _length(b)), FALSE),
            ),
            null(SqlType.BOOLEAN),
        )

    return _compared(left, right, types, names, position, compare)


def equal(left: Node, right: Node, types: tuple[TypeName, TypeName], names: Names, position: int) -> Node:
    """Whether two values are the same; NULL where their precision cannot tell."""

    def compare(a: Node, b: Node) -> Node:
        start_a, start_b = _common(a, b)
        return Case(
            ((apply("unequal", start_a, start_b), FALSE), (apply("equal", _length(a), _length(b)), TRUE)),
            null(SqlType.BOOLEAN),
        )

    return _compared(left, right, types, names, position, compare)


def key(value: Node, types: tuple[TypeName, TypeName], position: int) -> Node:
    """What two values of some types have in common if they are equal, and only then."""
    if types == (DATE, DATE):
        return value
    if TIME in types:
        return _digits(value, _SECOND - _NO_DATE)
    return _in_utc(value, position, zone="Z")


def _compared(
    left: Node,
    right: Node,
    types: tuple[TypeName, TypeName],
    names: Names,
    position: int,
    compare: Callable[[Node, Node], Node],
) -> Node:
    """Compare two values after each was brought to UTC and a fixed number of digits."""
    if types == (DATE, DATE):
        return _bind(names, (left, right), compare)

    def normal(a: Node, b: Node) -> Node:
        if TIME in types:
            return _bind(names, (_digits(a, _SECOND - _NO_DATE), _digits(b, _SECOND - _NO_DATE)), compare)
        # Whether a time with a zone comes before one without cannot be told.
        timed = apply("and", _longer(a, _HOUR - 1), _longer(b, _HOUR - 1))
        zones_differ = apply("unequal", _has_zone(a), _has_zone(b))
        unknown = (apply("and", timed, zones_differ), null(SqlType.BOOLEAN))
        return Case((unknown,), _bind(names, (_in_utc(a, position), _in_utc(b, position)), compare))

    return _bind(names, (left, right), normal)


def _bind(names: Names, pair: tuple[Node, Node], body: Callable[[Node, Node], Node]) -> Node:
    left, right = pair
    return bind(names.fresh(), left, lambda a: bind(names.fresh(), right, lambda b: body(a, b)))


def _in_utc(value: Node, position: int, zone: str = "") -> Node:
    """A date or date-time in UTC, where it has a zone, with the precision that it has, and with a mark of the zone."""
    length = _length(value)
    offset = Case(
        ((apply("equal", apply("right", value, integer(1), type=SqlType.TEXT), text("Z")), integer(len("Z"))),),
        integer(len("+00:00")),
    )
    local = apply("subtract", length, offset, type=SqlType.INTEGER)
    filled = Case(
        tuple(
            (apply("equal", local, integer(precision)), _insert(value, precision, rest, length))
            for precision, rest in ((_HOUR, ":00:00"), (_MINUTE, ":00"))
        ),
        value,
    )
    # Databases round what is shorter than a microsecond, each in its own way.
    exact = apply("regexp_replace", value, text("([.][0-9]{6})[0-9]+"), text("\\1"), type=SqlType.TEXT)
    filled = Case(((apply("less", integer(_FRACTION), local), exact),), filled)
    precision = Case(((apply("less", local, integer(_SECOND)), local),), integer(_FRACTION))
    moved = apply("to_utc", filled, type=SqlType.TEXT)
    # What is after the year 9999 in UTC comes after all others, as a colon does after all digits.
    ordered = apply("regexp_replace", moved, text("^10000"), text(":000"), type=SqlType.TEXT)
    utc = apply("left", ordered, precision, type=SqlType.TEXT)
    if zone:
        utc = apply("concat", utc, text(zone), type=SqlType.TEXT)
    error = Raise("the value is no DateTime of the calendar", position, SqlType.TEXT)
    valid = apply("regexp_matches", value, moments.ZONED)
    return Case(((valid, utc), (_has_zone(value), error)), _digits(value, _SECOND))


def _insert(value: Node, precision: int, rest: str, length: Node) -> Node:
    head = apply("left", value, integer(precision), type=SqlType.TEXT)
    zone_length = apply("subtract", length, integer(precision), type=SqlType.INTEGER)
    zone = apply("right", value, zone_length, type=SqlType.TEXT)
    return apply("concat", head, apply("concat", text(rest), zone, type=SqlType.TEXT), type=SqlType.TEXT)


def _digits(value: Node, seconds: int) -> Node:
    """The value with six digits of a fraction, if it goes down to the second."""
    dotted = Case(
        ((apply("equal", _length(value), integer(seconds)), apply("concat", value, text("."), type=SqlType.TEXT)),),
        value,
    )
    width = integer(seconds + _FRACTION - _SECOND)
    padded = apply("pad_right", dotted, width, text("0"), type=SqlType.TEXT)
    return Case(((_longer(value, seconds - 1), padded),), value)


def _has_zone(value: Node) -> Node:
    return apply("regexp_matches", value, text(_ZONE))


def _longer(value: Node, length: int) -> Node:
    return apply("less", integer(length), _length(value))


def _length(value: Node) -> Node:
    return apply("length", value, type=SqlType.INTEGER)


def _common(a: Node, b: Node) -> tuple[Node, Node]:
    shorter = apply("least", _length(a), _length(b), type=SqlType.INTEGER)
    return apply("left", a, shorter, type=SqlType.TEXT), apply("left", b, shorter, type=SqlType.TEXT)
