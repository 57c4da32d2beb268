"""Dates and times as ISO 8601 text: the parts that they have, and the moment that they mean.

How long the text is, without a time zone, says how precise it is. A Time has the length of a DateTime once a day is put
before it.
"""

from __future__ import annotations

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.functions import values
from fhir4ds.functions.declaration import Call
from fhir4ds.plan.collection import DATE, DATETIME, TIME, Collection, TypeName
from fhir4ds.plan.nodes import Case, Cast, Constant, Node, Raise, apply, integer, text

#: Length of a text that stops at a component.
YEAR, MONTH, DAY, HOUR, MINUTE, SECOND = 4, 7, 10, 13, 16, 19
#: With microseconds.
MICROSECOND = 26

#: The types of dates and times.
TYPES = (DATE, DATETIME, TIME)

#: What is put before a Time to make it a moment.
SOME_DAY = "2000-01-01T"

_ZONE = "(Z|[-+][0-9]{2}:[0-9]{2})$"

#: Microseconds.
MICROSECONDS_OF = {
    "millisecond": 1_000,
    "second": 1_000_000,
    "minute": 60_000_000,
    "hour": 3_600_000_000,
    "day": 86_400_000_000,
    "week": 604_800_000_000,
}

_SOME_YEAR = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_WHOLE_DAY = (
    f"(?:{_SOME_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    f"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
_PARTIAL_DATE = f"{_SOME_YEAR}(?:-(?:0[1-9]|1[0-2]))?"
_CLOCK = "(?:[01][0-9]|2[0-3])(?::[0-5][0-9](?::[0-5][0-9](?:[.][0-9]+)?)?)?"
_OFFSET = "(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
#: How values of each type are written.
FORMS = {
    DATE: text(f"^(?:{_PARTIAL_DATE}|{_WHOLE_DAY})$"),
    DATETIME: text(f"^(?:{_PARTIAL_DATE}|{_WHOLE_DAY}(?:T{_CLOCK}{_OFFSET}?)?)$"),
    TIME: text(f"^{_CLOCK}$"),
}


#: How elements are written that have a time zone; a minute may have a leap second.
ZONED = text(f"^{_WHOLE_DAY}T{_CLOCK.replace('[0-5][0-9](?:[.]', '(?:[0-5][0-9]|60)(?:[.]')}{_OFFSET}$")


def insisted(value: Node, type: TypeName, position: int) -> Node:
    """A date or time of a resource, which need not be one of the calendar: then it is an error, as every operation needs one."""
    if isinstance(value, Constant):
        return value
    error = Raise(f"the value is no {type.name} of the calendar", position, SqlType.TEXT)
    good = apply("or", apply("is_null", value), apply("regexp_matches", value, FORMS[type]))
    if type == DATETIME:
        good = apply("or", good, apply("regexp_matches", value, ZONED))
    return Case(((good, value),), error)


def dated(call: Call, collection: Collection) -> tuple[TypeName, Collection] | None:
    """The type of dates or times that a collection holds, and what holds them; None if it holds others, or several.

    Of a choice element only the types of dates and times are looked at.
    """
    if values.is_empty(collection):
        return None
    types = {type: values.system_type(type, call.model) for type in collection.types}
    found = {type for type in types.values() if type is not None and type in TYPES}
    if not found or (len(set(types.values())) > 1 and not collection.choices) or (TIME in found and len(found) > 1):
        return None
    if collection.choices:
        choices = tuple(choice for choice in collection.choices if types[choice.type] in found)
        collection = attrs.evolve(collection, choices=choices, types=tuple(choice.type for choice in choices))
    return DATETIME if DATETIME in found else found.pop(), collection


def local(value: Node) -> Node:
    """The text without its time zone."""
    return apply("regexp_remove", value, text(_ZONE), type=SqlType.TEXT)


def zone(value: Node, local: Node) -> Node:
    """The time zone of a text, given the text without it; empty text if there is none."""
    return head_of(value, apply("subtract", length(value), length(local), type=SqlType.INTEGER), last=True)


def length(value: Node) -> Node:
    """Number of characters."""
    return apply("length", value, type=SqlType.INTEGER)


def head(value: Node, count: int) -> Node:
    """The first characters."""
    return head_of(value, integer(count))


def head_of(value: Node, count: Node, *, last: bool = False) -> Node:
    """The first characters, or the last."""
    return apply("right" if last else "left", value, count, type=SqlType.TEXT)


def slice_of(value: Node, start: int, count: int) -> Node:
    """Characters from a place, which counts from 1."""
    return apply("substring", value, integer(start), integer(count), type=SqlType.TEXT)


def joined(*parts: Node) -> Node:
    """Texts one after the other."""
    result = parts[0]
    for part in parts[1:]:
        result = apply("concat", result, part, type=SqlType.TEXT)
    return result


def whole(value: Node) -> Node:
    """The integer that a text of digits is."""
    return Cast(value, SqlType.INTEGER)


def padded(local: Node) -> Node:
    """A text without a time zone with what it lacks of a date, or of a time to the second, if it has a time."""
    rest = ((YEAR, "-01-01"), (MONTH, "-01"), (HOUR, ":00:00"), (MINUTE, ":00"))
    branches = tuple((apply("equal", length(local), integer(n)), joined(local, text(more))) for n, more in rest)
    return Case(branches, head(local, MICROSECOND))


def microseconds(local: Node) -> Node:
    """Microseconds from 1970 to a moment, given by a text without a time zone."""
    return apply("microseconds", padded(local), type=SqlType.INTEGER)
