"""What can be asked of the compiler beside the expression."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal

import attrs

from fhir4ds.errors import InvalidArguments
from fhir4ds.plan.collection import BOOLEAN, DATE, DATETIME, DECIMAL, INTEGER, STRING, TIME, TypeName


class OnError(enum.Enum):
    """What becomes of a resource for which an expression raises an error."""

    RAISE = "raise"  # the error ends the query
    NULL = "null"  # it has no items, and the error is told beside them

    @classmethod
    def named(cls, name: str) -> OnError:
        """The choice that a user names.

        Raises
        ------
        InvalidArguments
            For any other name.
        """
        try:
            return cls(name)
        except ValueError:
            raise InvalidArguments(f"on_error is 'raise' or 'null', not {name!r}") from None


@attrs.frozen(kw_only=True)
class Options:
    """Choices that change the meaning of an expression; equal options compile alike.

    Parameters
    ----------
    model : str, optional
        FHIR version that types elements, such as ``"R4"``; None navigates untyped JSON.
    strict : bool
        Whether the specification's strict rules are enforced.
    context : tuple of str
        Resource types that the expression is about, where it does not begin with one.
    variables : tuple of (str, TypeName)
        Variables that the expression may use as ``%name``, and their types.
    on_error : OnError
        What becomes of a resource for which the expression raises an error.
    """

    model: str | None = "R4"
    strict: bool = False
    context: tuple[str, ...] = ()
    variables: tuple[tuple[str, TypeName], ...] = ()
    on_error: OnError = OnError.RAISE


def variable_types(variables: Mapping[str, object]) -> tuple[tuple[str, TypeName], ...]:
    """The types of the values of variables.

    Parameters
    ----------
    variables : Mapping of str to object
        Booleans, integers, decimals, strings, dates, times or date-times.

    Returns
    -------
    tuple of (str, TypeName)
        In the order of names.

    Raises
    ------
    InvalidArguments
        For a value of any other type.

    Examples
    --------
    >>> [(name, str(type)) for name, type in variable_types({"g": "female", "n": 3})]
    [('g', 'System.String'), ('n', 'System.Integer')]
    """
    return tuple((name, _type_of(name, value)) for name, value in sorted(variables.items()))


def bound_value(value: object) -> object:
    """The value as it is bound: dates and times as the text that FHIRPath has for them."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return Decimal(str(value)) if isinstance(value, float) else value


def _type_of(name: str, value: object) -> TypeName:
    # bool is a kind of int, and datetime a kind of date, in Python.
    for python, found in (
        (bool, BOOLEAN),
        (int, INTEGER),
        (Decimal, DECIMAL),
        (float, DECIMAL),
        (str, STRING),
        (datetime, DATETIME),
        (date, DATE),
        (time, TIME),
    ):
        if isinstance(value, python):
            return found
    raise InvalidArguments(
        f"variable %{name} has a value of type {type(value).__name__!r}, which FHIRPath has no type for",
        hint="use bool, int, Decimal, str, date, time or datetime",
    )
