"""The constants of a view: what values each FHIR type takes, and what FHIRPath takes them for."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from decimal import Decimal

from fhir4ds.compiler.variables import bound_value
from fhir4ds.plan.collection import BOOLEAN, DATE, DATETIME, DECIMAL, INTEGER, STRING, TIME, TypeName

_DATE = r"\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?"
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d(?::(?:[0-5]\d|60)(?:\.\d+)?)?"
_ZONE = r"(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)"

#: The System type of each FHIR type that a constant can have (``ViewDefinition.constant.value[x]``).
CONSTANT_TYPES: Mapping[str, TypeName] = {
    "base64Binary": STRING,
    "boolean": BOOLEAN,
    "canonical": STRING,
    "code": STRING,
    "date": DATE,
    "dateTime": DATETIME,
    "decimal": DECIMAL,
    "id": STRING,
    "instant": DATETIME,
    "integer": INTEGER,
    "integer64": INTEGER,
    "markdown": STRING,
    "oid": STRING,
    "string": STRING,
    "positiveInt": INTEGER,
    "time": TIME,
    "unsignedInt": INTEGER,
    "uri": STRING,
    "url": STRING,
    "uuid": STRING,
}

#: How values of the types look whose texts have a form (FHIR R4, "Data Types", section "Primitive Types").
_FORMS = {
    "date": re.compile(_DATE),
    "dateTime": re.compile(f"{_DATE}(?:T{_TIME}{_ZONE}?)?"),
    "instant": re.compile(f"{_DATE}T{_TIME}{_ZONE}"),
    "time": re.compile(_TIME),
}

#: The smallest and the largest value of the types of whole numbers.
_RANGES = {
    "integer": (-(2**31), 2**31 - 1),
    "integer64": (-(2**63), 2**63 - 1),
    "positiveInt": (1, 2**31 - 1),
    "unsignedInt": (0, 2**31 - 1),
}


def constant_fault(type: str, value: object) -> str | None:
    """Why a value is none of a FHIR type; None if it is one.

    Parameters
    ----------
    type : str
        One of `CONSTANT_TYPES`.
    value : object
        The value as JSON has it.

    Examples
    --------
    >>> constant_fault("positiveInt", 0)
    'is not between 1 and 2147483647'
    >>> constant_fault("code", "final") is None
    True
    """
    if type == "boolean":
        return None if isinstance(value, bool) else "is not true or false"
    if type in _RANGES:
        # FHIR R5 writes integer64 as a string, "JSON Representation of Resources".
        if type == "integer64" and isinstance(value, str) and re.fullmatch(r"-?\d+", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            return "is not a whole number"
        low, high = _RANGES[type]
        return None if low <= value <= high else f"is not between {low} and {high}"
    if type == "decimal":
        number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        return None if number and (not isinstance(value, Decimal) or value.is_finite()) else "is not a number"
    if not isinstance(value, str):
        return "is not a string"
    form = _FORMS.get(type)
    return None if form is None or form.fullmatch(value) else f"is not a {type} of FHIR"


def constant_value(type: str, value: object) -> object:
    """A value of a FHIR type as it is bound.

    Parameters
    ----------
    type : str
        One of `CONSTANT_TYPES`.
    value : object
        As JSON has it, or as Python has it: dates and times may be such.
    """
    if isinstance(value, str) and type == "integer64":
        return int(value)
    if type == "decimal" and isinstance(value, int):
        return Decimal(value)
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    return bound_value(value)
