"""Expected values, which suites write as text, and whether a value that came is one.

Nothing here is shared with the engine that is judged: a judge that reads literals with the engine's own parser would
share its faults.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from fhir4ds.conformance.suite import Output


class Kind(enum.Enum):
    """What sorts of values look alike, whatever their type."""

    BOOLEAN = "boolean"
    NUMBER = "number"
    MOMENT = "date or dateTime"
    TIME = "time"
    QUANTITY = "quantity"
    STRING = "string"


#: The kind of each type, by its name with a small first letter; all other primitive types are strings.
_KINDS: Final[Mapping[str, Kind]] = {
    "boolean": Kind.BOOLEAN,
    "integer": Kind.NUMBER,
    "long": Kind.NUMBER,
    "integer64": Kind.NUMBER,
    "positiveInt": Kind.NUMBER,
    "unsignedInt": Kind.NUMBER,
    "decimal": Kind.NUMBER,
    "date": Kind.MOMENT,
    "dateTime": Kind.MOMENT,
    "instant": Kind.MOMENT,
    "time": Kind.TIME,
    "quantity": Kind.QUANTITY,
}

_NUMBER: Final = r"[+-]?[0-9]+(?:\.[0-9]+)?"
_QUANTITY: Final = re.compile(rf"(?P<value>{_NUMBER})\s+(?:'(?P<code>.*)'|(?P<word>[a-z]+))")

#: How literals look, where the suite gives no type. What looks like none of these is taken as it is.
_FORMS: Final = (
    (Kind.BOOLEAN, re.compile(r"true|false")),
    (Kind.NUMBER, re.compile(_NUMBER)),
    (Kind.TIME, re.compile(r"@T[0-9].*")),
    (Kind.MOMENT, re.compile(r"@[0-9].*")),
    (Kind.QUANTITY, _QUANTITY),
)


def plain_name(type: str) -> str:
    """The name by which suites call a type of either namespace.

    Examples
    --------
    >>> plain_name("System.DateTime"), plain_name("FHIR.code"), plain_name("Quantity")
    ('dateTime', 'code', 'quantity')
    """
    name = type.rpartition(".")[2]
    return name[:1].lower() + name[1:]


def kind_of_type(type: str) -> Kind:
    """The kind of the values of a type."""
    return _KINDS.get(plain_name(type), Kind.STRING)


def kind_of(output: Output) -> Kind:
    """The kind that is expected: that of the type, or of the literal where there is none."""
    if output.type is not None:
        return kind_of_type(output.type)
    return next((kind for kind, form in _FORMS if form.fullmatch(output.value)), Kind.STRING)


def equals(value: object, output: Output) -> bool:
    """Whether a value is the expected one.

    Numbers are equal by value, quantities by number and unit, everything else by its text: dates and times have the
    precision and the offset that they are written with.

    Examples
    --------
    >>> equals(Decimal("1.50"), Output("decimal", "1.5")), equals(True, Output("integer", "1"))
    (True, False)
    >>> equals("2014-01", Output(None, "@2014-01")), equals("2014", Output(None, "@2014-01"))
    (True, False)
    """
    return _COMPARISONS[kind_of(output)](value, output.value)


def _boolean(value: Any, text: str) -> bool:
    return isinstance(value, bool) and value is {"true": True, "false": False}.get(text)


def _number(value: Any, text: str) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or re.fullmatch(_NUMBER, text) is None:
        return False
    return Decimal(value) == Decimal(text)


def _quantity(value: Any, text: str) -> bool:
    wanted = _QUANTITY.fullmatch(text)
    if wanted is None or not isinstance(value, dict):
        return False
    # FHIR's Quantity has the unit of measure as its code, and beside it whatever people are to read.
    unit = value.get("code", value.get("unit"))
    return _number(value.get("value"), wanted["value"]) and unit == (wanted["code"] or wanted["word"])


def _string(value: Any, text: str) -> bool:
    return isinstance(value, str) and value == text


_COMPARISONS: Final[Mapping[Kind, Callable[[Any, str], bool]]] = {
    Kind.BOOLEAN: _boolean,
    Kind.NUMBER: _number,
    Kind.MOMENT: lambda value, text: _string(value, text.removeprefix("@")),
    Kind.TIME: lambda value, text: _string(value, text.removeprefix("@T")),
    Kind.QUANTITY: _quantity,
    Kind.STRING: _string,
}
