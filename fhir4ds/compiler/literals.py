"""What literals mean: values of System types, each within the range of its type (FHIRPath N1, section 4.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType

import attrs

from fhir4ds.errors import CompileError, InvalidOperation
from fhir4ds.fhirpath import ast
from fhir4ds.functions import quantities, values
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
from fhir4ds.plan.nodes import Constant

_TYPES: Mapping[ast.LiteralType, TypeName] = MappingProxyType(
    {
        ast.LiteralType.BOOLEAN: BOOLEAN,
        ast.LiteralType.STRING: STRING,
        ast.LiteralType.INTEGER: INTEGER,
        ast.LiteralType.LONG: LONG,
        ast.LiteralType.DECIMAL: DECIMAL,
        ast.LiteralType.DATE: DATE,
        ast.LiteralType.DATETIME: DATETIME,
        ast.LiteralType.TIME: TIME,
    }
)

#: What whole numbers are below, and how a larger one can be written.
_LIMITS = {
    ast.LiteralType.INTEGER: (2**31, "an Integer is below 2147483648; write {0}L for a Long, {0}.0 for a Decimal"),
    ast.LiteralType.LONG: (2**63, "a Long is below 9223372036854775808; write {0}.0 for a Decimal"),
}
#: Decimals have 26 digits before the point.
_LARGEST = 10**26, "at most 26 digits stand before the point"

Fail = Callable[[type[CompileError], str, str], CompileError]


def literal(node: ast.Literal, fail: Fail) -> Collection:
    """The collection of a literal.

    Parameters
    ----------
    node : ast.Literal
        The literal.
    fail : callable
        Makes an error of a class, a message and a hint.

    Raises
    ------
    InvalidOperation
        For a number that its type has no room for.
    """
    number = node.value.value if isinstance(node.value, ast.Quantity) else node.value
    limit, hint = _LIMITS.get(node.type, _LARGEST)
    if isinstance(number, int | Decimal) and number >= limit:
        shown = f"{Decimal(number):f}"
        raise fail(InvalidOperation, f"the number {shown} is too large", hint.format(shown))
    if isinstance(node.value, ast.Quantity):
        return quantities.literal(node.value.value, node.value.unit)
    type = _TYPES[node.type]
    return values.system(Constant(node.value, SYSTEM_TYPES[type.name]), type)


def negative(node: ast.Polarity) -> ast.Literal | None:
    """The least number of a type, which has no counterpart above zero, as a literal; None for anything else.

    Examples
    --------
    >>> from fhir4ds.fhirpath.parser import parse
    >>> negative(parse("-2147483648")).value, negative(parse("-1"))
    (-2147483648, None)
    """
    number = node.operand
    if node.sign != "-" or not isinstance(number, ast.Literal) or number.type not in _LIMITS:
        return None
    limit, _ = _LIMITS[number.type]
    return attrs.evolve(number, value=-limit) if number.value == limit else None
