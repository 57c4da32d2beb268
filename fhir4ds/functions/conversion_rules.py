"""What values of each System type become as values of another (FHIRPath, section "Conversion")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeAlias

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.functions import decimals, moments
from fhir4ds.functions.arithmetic import in_range
from fhir4ds.functions.declaration import Call
from fhir4ds.plan.collection import BOOLEAN, DATE, DATETIME, DECIMAL, INTEGER, LONG, STRING, TIME, TypeName
from fhir4ds.plan.nodes import FALSE, TRUE, Array, Case, Cast, Constant, Node, apply, bind, integer, null, text

#: From a value that is evaluated already to one of another type.
Conversion: TypeAlias = Callable[[Call, Node], Node]

_TRUE_TEXTS, _FALSE_TEXTS = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")

# --- what texts look like; no text that has the form can fail to be read ---------------------------------------------

_INTEGER = text("^[+-]?0*[0-9]{1,10}$")
_LONG = text("^[+-]?0*[0-9]{1,19}$")
#: Databases hold 26 digits before the point and 12 after it; more of the latter are rounded, which may carry.
_DECIMAL = text("^[+-]?0*(?:[0-9]{1,26}(?:[.][0-9]{1,12}0*)?|[0-9]{1,25}[.][0-9]+)$")

_LONGEST_DATE = len("2000-01-01")
_LEAST_LONG, _GREATEST_LONG = (Constant(Decimal(number), SqlType.DECIMAL) for number in (-(2**63), 2**63 - 1))


def _if_matches(value: Node, pattern: Node) -> Node:
    # Around the value and not around what is made of it: PostgreSQL evaluates constants while planning, in any branch.
    return Case(((apply("regexp_matches", value, pattern), value),), null(SqlType.TEXT))


def _same(call: Call, value: Node) -> Node:
    return value


def _cast(type: SqlType) -> Conversion:
    return lambda _, value: Cast(value, type)


def _truth_text(call: Call, value: Node) -> Node:
    return Cast(apply("json_boolean", value, type=SqlType.JSON), SqlType.TEXT)


def _decimal_text(call: Call, value: Node) -> Node:
    """A literal with the digits that it has."""
    if isinstance(value, Constant) and isinstance(value.value, Decimal):
        return text(f"{value.value:f}")
    return decimals.written(call.names, value)


def _choose(value: Node, type: SqlType) -> Node:
    """One for true and zero for false."""
    one, zero = (Cast(integer(number), type) for number in (1, 0))
    return Case(((value, one), (apply("not", value), zero)), null(type))


def _truth(call: Call, number: Node) -> Node:
    is_one, is_zero = (apply("equal", number, integer(known)) for known in (1, 0))
    return Case(((is_one, TRUE), (is_zero, FALSE)), null(SqlType.BOOLEAN))


def _read_truth(call: Call, value: Node) -> Node:
    def among(folded: Node, known: tuple[str, ...]) -> Node:
        return apply("array_contains", Array(tuple(map(text, known)), SqlType.TEXT), folded)

    return bind(
        call.names.fresh(),
        apply("lower", value, type=SqlType.TEXT),
        lambda folded: Case(
            ((among(folded, _TRUE_TEXTS), TRUE), (among(folded, _FALSE_TEXTS), FALSE)), null(SqlType.BOOLEAN)
        ),
    )


def _read_integer(call: Call, value: Node) -> Node:
    return in_range(call, INTEGER, Cast(_if_matches(value, _INTEGER), SqlType.INTEGER)).plan


def _read_long(call: Call, value: Node) -> Node:
    def checked(number: Node) -> Node:
        low, high = apply("less_or_equal", _LEAST_LONG, number), apply("less_or_equal", number, _GREATEST_LONG)
        return Cast(Case(((apply("and", low, high), number),), null(SqlType.DECIMAL)), SqlType.INTEGER)

    return bind(call.names.fresh(), Cast(_if_matches(value, _LONG), SqlType.DECIMAL), checked)


def _read(form: TypeName) -> Conversion:
    return lambda _, value: _if_matches(value, moments.FORMS[form])


@attrs.frozen
class Target:
    """A type and how values of others are converted to it.

    Parameters
    ----------
    type : TypeName
        The type.
    sources : Mapping of TypeName to Conversion
        Conversions by the type of the value; there is none from any other type.
    """

    type: TypeName
    sources: Mapping[TypeName, Conversion]


BOOLEANS = Target(BOOLEAN, {BOOLEAN: _same, INTEGER: _truth, LONG: _truth, DECIMAL: _truth, STRING: _read_truth})
INTEGERS = Target(
    INTEGER,
    {INTEGER: _same, BOOLEAN: lambda _, value: _choose(value, SqlType.INTEGER), STRING: _read_integer},
)
LONGS = Target(LONG, {**INTEGERS.sources, LONG: _same, STRING: _read_long})
DECIMALS = Target(
    DECIMAL,
    {
        DECIMAL: _same,
        INTEGER: _cast(SqlType.DECIMAL),
        LONG: _cast(SqlType.DECIMAL),
        BOOLEAN: lambda _, value: _choose(value, SqlType.DECIMAL),
        STRING: lambda _, value: Cast(_if_matches(value, _DECIMAL), SqlType.DECIMAL),
    },
)
STRINGS = Target(
    STRING,
    {
        **dict.fromkeys((STRING, DATE, DATETIME, TIME), _same),
        **dict.fromkeys((INTEGER, LONG), _cast(SqlType.TEXT)),
        BOOLEAN: _truth_text,
        DECIMAL: _decimal_text,
    },
)
DATES = Target(
    DATE,
    {
        DATE: _same,
        DATETIME: lambda _, value: apply("left", value, integer(_LONGEST_DATE), type=SqlType.TEXT),
        STRING: _read(DATE),
    },
)
DATETIMES = Target(DATETIME, {DATETIME: _same, DATE: _same, STRING: _read(DATETIME)})
TIMES = Target(TIME, {TIME: _same, STRING: _read(TIME)})
