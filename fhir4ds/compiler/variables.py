"""Variables that are given from outside: their types, how their values are bound, and the collections that they denote."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidArguments
from fhir4ds.functions import values
from fhir4ds.plan.collection import (
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    INTEGER,
    LONG,
    STRING,
    SYSTEM_TYPES,
    TIME,
    Collection,
    TypeName,
)
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import Cast, Each, FromJson, Parameter, Reference, apply, null

#: Whole numbers, of which the first type is taken that has room.
_WHOLE = ((INTEGER, 2**31), (LONG, 2**63))
#: Numbers that stand beside others in one collection, the widest last.
_NUMBERS = (INTEGER, LONG, DECIMAL)
#: Decimals have 26 digits before the point.
_LARGEST = 10**26
_SURROGATE = re.compile("[\ud800-\udfff]")
_HINT = "use bool, int, Decimal, str, date, time or datetime, a list of one of them, or None"


@attrs.frozen
class Variable:
    """What is known of a variable before its value is.

    Parameters
    ----------
    type : TypeName, optional
        The type of its items; None for the empty collection.
    many : bool
        Whether it has any number of items.
    """

    type: TypeName | None
    many: bool = False


def variable_types(variables: Mapping[str, object]) -> tuple[tuple[str, Variable], ...]:
    """The types of the values of variables.

    Parameters
    ----------
    variables : Mapping of str to object
        Booleans, integers, decimals, strings, dates, times or date-times; lists or tuples of one of these, and None.

    Returns
    -------
    tuple of (str, Variable)
        In the order of names.

    Raises
    ------
    InvalidArguments
        For a value of any other type.

    Examples
    --------
    >>> [(name, str(variable.type), variable.many) for name, variable in variable_types({"g": ["a", "b"], "n": 3})]
    [('g', 'System.String', True), ('n', 'System.Integer', False)]
    """
    return tuple((name, _variable(name, value)) for name, value in sorted(variables.items()))


def bound_value(value: object) -> object:
    """The value as it is bound: dates and times as the text that FHIRPath has for them, collections as a JSON array of texts.

    Examples
    --------
    >>> bound_value([Decimal("1.50"), 2]), bound_value(date(2020, 2, 29))
    ('["1.50", "2"]', '2020-02-29')
    """
    if isinstance(value, list | tuple):
        return json.dumps([_text(bound_value(item)) for item in value], ensure_ascii=False)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return Decimal(str(value)) if isinstance(value, float) else value


def collection(name: str, variable: Variable, names: Names) -> Collection:
    """The collection that a variable denotes."""
    if variable.type is None:
        return Collection(plan=null(SqlType.JSON))
    type = SYSTEM_TYPES[variable.type.name]
    if not variable.many:
        return values.system(Parameter(name, type), variable.type)
    item = Reference(names.fresh(), SqlType.JSON)
    written = FromJson(item, SqlType.TEXT)
    array = apply("json_items", Parameter(name, SqlType.JSON), type=SqlType.JSON, many=True)
    return values.system(
        Each(array, item.name, written if type is SqlType.TEXT else Cast(written, type)), variable.type
    )


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _variable(name: str, value: object) -> Variable:
    if not isinstance(value, list | tuple):
        return Variable(None if value is None else _type_of(name, value))
    types = {_type_of(name, item) for item in value}
    if types and types <= {*_NUMBERS}:
        types = {max(types, key=_NUMBERS.index)}
    if len(types) > 1:
        shown = " and ".join(sorted(type.name for type in types))
        raise InvalidArguments(
            f"variable %{name} has items of several types: {shown}", hint="give it items of one type"
        )
    return Variable(types.pop(), many=True) if types else Variable(None)


def _fault(value: object) -> str | None:
    """Why a value of a type that FHIRPath has is none of its own; None if it is one."""
    match value:
        case float() | Decimal():
            number = Decimal(str(value))
            if not number.is_finite():
                return "is no number"
            return "is too large for a Decimal" if abs(number) >= _LARGEST else None
        case str():
            if "\x00" in value:
                return "has the character U+0000, which no database takes"
            return "has half a character, a lone surrogate" if _SURROGATE.search(value) else None
        case datetime():
            offset = value.utcoffset()
            return "has a time zone with seconds" if offset is not None and offset.seconds % 60 else None
        case time():
            return "has a time zone, which a Time has not" if value.tzinfo is not None else None
    return None


def _type_of(name: str, value: object) -> TypeName:
    fault = _fault(value)
    if fault is not None:
        raise InvalidArguments(f"the value of variable %{name} {fault}")
    # bool is a kind of int, and datetime a kind of date, in Python.
    for python, found in (
        (bool, BOOLEAN),
        (Decimal, DECIMAL),
        (float, DECIMAL),
        (str, STRING),
        (datetime, DATETIME),
        (date, DATE),
        (time, TIME),
    ):
        if isinstance(value, python):
            return found
    if isinstance(value, int):
        for found, limit in _WHOLE:
            if -limit <= value < limit:
                return found
        raise InvalidArguments(f"the value of variable %{name} is too large for a Long", hint="give a Decimal")
    raise InvalidArguments(
        f"variable %{name} has a value of type {type(value).__name__!r}, which FHIRPath has no type for", hint=_HINT
    )
