"""Arithmetic (FHIRPath N1, section 6.6).

Integers are 32 bits wide and longs 64; decimals are exact and have 26 digits before the point and 12 after it, on every
database. A result out of range is empty, and so is a division by zero.
"""

from __future__ import annotations

from collections.abc import Callable

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import CompileError, InvalidOperation
from fhir4ds.functions import calendar, decimals, quantities, quantity_arithmetic, singletons, values
from fhir4ds.functions.declaration import Call, Example
from fhir4ds.functions.operators import operator
from fhir4ds.functions.quantities import Form
from fhir4ds.functions.strings import concatenated
from fhir4ds.functions.undecided import by_kind, of_each_kind, of_each_type
from fhir4ds.plan.collection import DECIMAL, INTEGER, LONG, STRING, Collection, TypeName
from fhir4ds.plan.nodes import Case, Cast, Constant, Extract, Node, Raise, Reference, apply, bind, integer, null

_GROUP = "Math"
_NUMBERS = (INTEGER, LONG, DECIMAL)
#: Operators that nothing but numbers have.
_OF_NUMBERS = ("div", "mod")
#: The bits of the whole numbers of a type, but for the one of the sign.
_BITS = {INTEGER: 31, LONG: 63}


def operands(call: Call, symbol: str, left: Collection, right: Collection) -> tuple[TypeName, TypeName] | None:
    """The System types of two operands; None if either is known to be empty."""
    if values.is_empty(left) or values.is_empty(right):
        return None
    a, b = values.system_of(left, call.model), values.system_of(right, call.model)
    if a is b is None and symbol in _OF_NUMBERS:
        a, b = _number_type(call, left), _number_type(call, right)
    a, b = a or _like(call, left, b), b or _like(call, right, a)
    if a is None or b is None:
        raise not_for(call, symbol, left, right)
    return a, b


def _like(call: Call, operand: Collection, other: TypeName | None) -> TypeName | None:
    """What an operand is taken for whose type is only known when it is met: for what the other one is.

    Beside an Integer it may be a Decimal, unless its types are known and that is none of them.
    """
    if not values.is_dynamic(operand, call.model):
        return None
    if other not in (INTEGER, LONG):
        return other
    type = _number_type(call, operand)
    return DECIMAL if type == DECIMAL else other


def _number_type(call: Call, operand: Collection) -> TypeName | None:
    """The widest type of number that an operand may turn out to have whose type is only known when it is met."""
    if not values.is_dynamic(operand, call.model):
        return None
    types = [values.system_type(type, call.model) for type in operand.types] or [DECIMAL]
    return next((type for type in reversed(_NUMBERS) if type in types), None)


def not_for(call: Call, symbol: str, left: Collection, right: Collection) -> CompileError:
    """The error for operands that an operator does not take."""
    shown, hint = values.shown(left, right)
    return call.error(InvalidOperation, f"the operator {symbol!r} does not take {shown}", hint)


def number(call: Call, collection: Collection, type: TypeName) -> Node:
    """A single number as a value of a type."""
    sql = SqlType.DECIMAL if type == DECIMAL else SqlType.INTEGER
    value = singletons.single_value(call, collection)
    if value.type is not SqlType.JSON:
        return Cast(value, sql)
    error = Raise("a number is needed here", call.position, sql)
    return once(call, value, lambda item: Cast(values.insisted(call, item, sql, error), sql))


def once(call: Call, value: Node, body: Callable[[Node], Node]) -> Node:
    """``body`` of a value that SQL has to repeat: a path or a constant as it is, anything else evaluated once."""
    plain = value.operand if isinstance(value, Cast) else value
    if isinstance(plain, Constant) or (isinstance(plain, Extract) and isinstance(plain.base, Reference)):
        return body(value)
    return bind(call.names.fresh(), value, body)


def _numbers(call: Call, symbol: str, left: Collection, right: Collection) -> tuple[TypeName, Node, Node] | None:
    """Two numbers as values of the type that both convert to; None if either is known to be empty."""
    types = operands(call, symbol, left, right)
    if types is None:
        return None
    if not (types[0] in _NUMBERS and types[1] in _NUMBERS):
        raise not_for(call, symbol, left, right)
    type = DECIMAL if DECIMAL in types else LONG if LONG in types else INTEGER
    return type, number(call, left, type), number(call, right, type)


def roomy(value: Node, type: TypeName) -> Node:
    """A number that is reckoned with: Longs fill the integers of a database, so what is made of them is a decimal at first."""
    return Cast(value, SqlType.DECIMAL) if type == LONG else value


def in_range(call: Call, type: TypeName, result: Node) -> Collection:
    """A computed number, empty where it does not fit its type; whole numbers may come as decimals of any size."""
    if type == DECIMAL:
        return values.system(result, type)

    def checked(value: Node) -> Node:
        low = apply("less_or_equal", integer(-(2 ** _BITS[type])), value)
        high = apply("less_or_equal", value, integer(2 ** _BITS[type] - 1))
        whole = Cast(value, SqlType.INTEGER) if value.type is SqlType.DECIMAL else value
        return Case(((apply("and", low, high), whole),), null(SqlType.INTEGER))

    return values.system(bind(call.names.fresh(), result, checked), type)


def _nothing(type: TypeName) -> Collection:
    return values.system(null(SqlType.DECIMAL if type == DECIMAL else SqlType.INTEGER), type)


def _computed(call: Call, symbol: str, primitive: str, left: Collection, right: Collection) -> Collection:
    numbers = _numbers(call, symbol, left, right)
    if numbers is None:
        return _nothing(INTEGER)
    type, a, b = numbers
    if type == INTEGER:
        return in_range(call, type, apply(primitive, a, b, type=a.type))
    a, b = roomy(a, type), roomy(b, type)
    exact = "multiply_decimal" if primitive == "multiply" else primitive
    return in_range(call, type, decimals.computed(call.names, exact, a, b))


def signed(call: Call, sign: str) -> Collection:
    """A number or a quantity with a sign before it (FHIRPath N1, section 6.6)."""
    return by_kind(call, (call.focus,), lambda focus: _signed(call.on(focus[0]), sign), numbers_apart=True)


def _signed(call: Call, sign: str) -> Collection:
    operand = call.focus
    if values.is_empty(operand):
        return operand
    if quantities.form(call, operand) in (Form.SYSTEM, Form.FHIR):
        return operand if sign == "+" else quantities.mapped(call, operand, _negated)
    types = {values.system_type(type, call.model) for type in operand.types}
    if not types or not types <= {*_NUMBERS}:
        shown, hint = values.shown(operand, model=call.model)
        raise call.error(InvalidOperation, f"{sign} needs a number, not {shown}", hint)
    type = values.system_of(operand, call.model)
    value = number(call, operand, DECIMAL) if type is None else singletons.single_value(call, operand)
    stated = isinstance(value, Constant) and isinstance(value.value, int) and value.value >= 0
    if sign == "+" or type is None or type == DECIMAL or stated:
        return values.system(value if sign == "+" else _negated(value), type or DECIMAL)
    return in_range(call, type, _negated(roomy(value, type)))


def _negated(value: Node) -> Node:
    return apply("negate", value, type=value.type)


@operator(
    "+",
    group=_GROUP,
    examples=(
        Example(expression="1 + 2", result=(3,)),
        Example(expression="'a' + 'b'", result=("ab",)),
        Example(expression="1 + {}", result=()),
    ),
)
@of_each_type
def add(call: Call, left: Collection, right: Collection) -> Collection:
    """The sum of two numbers, or two strings one after the other."""
    forms = quantities.forms(call, left, right)
    if forms is not None:
        return quantity_arithmetic.added(call, left, right, forms)
    moved = calendar.shifted(call, left, right)
    if moved is not None:
        return moved
    if operands(call, "+", left, right) == (STRING, STRING):
        return concatenated(call, left, right)
    return _computed(call, "+", "add", left, right)


@operator("-", group=_GROUP, examples=(Example(expression="3 - 5", result=(-2,)),))
@of_each_type
def subtract(call: Call, left: Collection, right: Collection) -> Collection:
    """The difference of two numbers."""
    forms = quantities.forms(call, left, right)
    if forms is not None:
        return quantity_arithmetic.added(call, left, right, forms, "subtract")
    moved = calendar.shifted(call, left, right, back=True)
    if moved is not None:
        return moved
    return _computed(call, "-", "subtract", left, right)


@operator("*", group=_GROUP, examples=(Example(expression="3 * 4", result=(12,)),))
@of_each_type
def multiply(call: Call, left: Collection, right: Collection) -> Collection:
    """The product of two numbers."""
    forms = quantities.forms(call, left, right)
    if forms is not None:
        return quantity_arithmetic.multiplied(call, left, right, forms)
    return _computed(call, "*", "multiply", left, right)


@operator(
    "/",
    group=_GROUP,
    examples=(Example(expression="6 / 4 = 1.5", result=(True,)), Example(expression="1 / 0", result=())),
)
@of_each_kind
def divide(call: Call, left: Collection, right: Collection) -> Collection:
    """The quotient of two numbers, a Decimal; empty for a division by zero."""
    forms = quantities.forms(call, left, right)
    if forms is not None:
        return quantity_arithmetic.divided(call, left, right, forms)
    numbers = _numbers(call, "/", left, right)
    if numbers is None:
        return _nothing(DECIMAL)
    dividend, divisor = number(call, left, DECIMAL), number(call, right, DECIMAL)
    return values.system(decimals.divided(call.names, dividend, divisor), DECIMAL)


@operator(
    "div",
    group=_GROUP,
    examples=(Example(expression="7 div 2", result=(3,)), Example(expression="-7 div 2", result=(-3,))),
)
@of_each_kind
def quotient(call: Call, left: Collection, right: Collection) -> Collection:
    """The whole part of the quotient of two numbers; empty for a division by zero."""
    numbers = _numbers(call, "div", left, right)
    if numbers is None:
        return _nothing(INTEGER)
    type, a, b = numbers
    a, b = roomy(a, type), roomy(b, type)
    primitive = "quotient" if type == INTEGER else "quotient_decimal"
    result = apply(primitive, a, _not_zero(b), type=a.type)
    return in_range(call, LONG if type == LONG else INTEGER, result)


@operator(
    "mod",
    group=_GROUP,
    examples=(Example(expression="7 mod 2", result=(1,)), Example(expression="7 mod 0", result=())),
)
@of_each_type
def remainder(call: Call, left: Collection, right: Collection) -> Collection:
    """The remainder of the division of two numbers, with the sign of the left one; empty for a division by zero."""
    numbers = _numbers(call, "mod", left, right)
    if numbers is None:
        return _nothing(INTEGER)
    type, a, b = numbers
    a, b = roomy(a, type), roomy(b, type)
    return in_range(call, type, apply("remainder", a, _not_zero(b), type=a.type))


def _not_zero(value: Node) -> Node:
    # NULLIF, and no CASE around the division: a constant 1 / 0 would be evaluated while planning.
    zero = Cast(Constant(0, SqlType.INTEGER), value.type)
    return apply("null_if", value, zero, type=value.type)
