"""Mathematical functions (FHIRPath N1, section 5.7)."""

from __future__ import annotations

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidOperation
from fhir4ds.functions import decimals, quantities, values
from fhir4ds.functions.arguments import whole
from fhir4ds.functions.arithmetic import in_range, number, roomy
from fhir4ds.functions.decimals import ZERO
from fhir4ds.functions.declaration import Call, Example, Parameter, function
from fhir4ds.functions.quantities import Form
from fhir4ds.functions.undecided import with_each_kind, with_each_type
from fhir4ds.plan.collection import DECIMAL, INTEGER, LONG, Collection, TypeName
from fhir4ds.plan.nodes import Case, Cast, Constant, Node, Raise, apply, bind, integer, null

_GROUP = "Math"

#: More than any Decimal has after its point.
_MOST_DIGITS = 28

#: The exponent of Euler's number, rounded up, whose power has more digits than a Decimal; that of its inverse has none.
_LARGEST_EXPONENT = Cast(Constant(60, SqlType.INTEGER), SqlType.DECIMAL)
_SMALLEST_EXPONENT = Cast(Constant(-60, SqlType.INTEGER), SqlType.DECIMAL)


_NULL = null(SqlType.DECIMAL)


def _type(call: Call, collection: Collection) -> TypeName | None:
    """The type of the numbers of a collection; None if it is known to be empty."""
    if values.is_empty(collection):
        return None
    type = values.system_of(collection, call.model)
    if type is None and values.is_dynamic(collection, call.model):
        return DECIMAL
    if type not in (INTEGER, LONG, DECIMAL):
        raise call.error(InvalidOperation, f"a number is needed here, not {collection.type}")
    return type


def _is_quantity(call: Call) -> bool:
    return quantities.form(call, call.focus) in (Form.SYSTEM, Form.FHIR)


def _same_type(call: Call, primitive: str) -> Collection:
    """A function whose result is of the type of its input."""
    if _is_quantity(call):
        return quantities.mapped(call, call.focus, lambda value: apply(primitive, value, type=SqlType.DECIMAL))
    type = _type(call, call.focus)
    if type is None:
        return call.focus
    value = roomy(number(call, call.focus, type), type)
    return in_range(call, type, apply(primitive, value, type=value.type))


def _whole(call: Call, primitive: str) -> Collection:
    """A function from a number to an Integer, or from a quantity to one with a whole value."""
    if _is_quantity(call):
        return quantities.mapped(call, call.focus, lambda value: apply(primitive, value, type=SqlType.DECIMAL))
    type = _type(call, call.focus)
    if type is None:
        return call.focus
    rounded = apply(primitive, number(call, call.focus, DECIMAL), type=SqlType.DECIMAL)
    return in_range(call, LONG if type == LONG else INTEGER, rounded)


def _real(call: Call, primitive: str, *arguments: Node, positive: bool = False) -> Collection:
    """A function of real numbers; empty where it is not defined."""
    if _type(call, call.focus) is None:
        return call.focus
    value = number(call, call.focus, DECIMAL)

    def defined(value: Node) -> Node:
        # The argument itself is NULL where the function is not defined, so that no database can trip over it.
        allowed = apply("less" if positive else "less_or_equal", ZERO, value)
        safe = Case(((allowed, value),), null(SqlType.DECIMAL))
        return apply(primitive, safe, *arguments, type=SqlType.DECIMAL)

    return values.system(bind(call.names.fresh(), value, defined), DECIMAL)


@function(
    "abs",
    group=_GROUP,
    returns="a number of the same type",
    examples=(Example(expression="(-5).abs()", result=(5,)), Example(expression="(-5.5).abs() = 5.5", result=(True,))),
)
@with_each_type
def absolute(call: Call) -> Collection:
    """The distance from zero."""
    return _same_type(call, "absolute")


@function("ceiling", group=_GROUP, returns="Integer", examples=(Example(expression="(-1.1).ceiling()", result=(-1,)),))
@with_each_kind
def ceiling(call: Call) -> Collection:
    """The smallest Integer that is not less than the number."""
    return _whole(call, "ceiling")


@function("floor", group=_GROUP, returns="Integer", examples=(Example(expression="(-1.1).floor()", result=(-2,)),))
@with_each_kind
def floor(call: Call) -> Collection:
    """The largest Integer that is not greater than the number."""
    return _whole(call, "floor")


@function(
    "truncate", group=_GROUP, returns="Integer", examples=(Example(expression="(-1.9).truncate()", result=(-1,)),)
)
@with_each_kind
def truncate(call: Call) -> Collection:
    """The number without the digits after the point."""
    return _whole(call, "truncate")


@function("exp", group=_GROUP, returns="Decimal", examples=(Example(expression="0.exp() = 1", result=(True,)),))
def exp(call: Call) -> Collection:
    """Euler's number to the power of the input."""
    if _type(call, call.focus) is None:
        return call.focus

    def defined(value: Node) -> Node:
        power = decimals.computed(call.names, "exponential", _allowed(value, value))
        return Case(((apply("less", value, _SMALLEST_EXPONENT), ZERO),), power)

    return values.system(bind(call.names.fresh(), number(call, call.focus, DECIMAL), defined), DECIMAL)


def _allowed(value: Node, exponent: Node) -> Node:
    """A value where the exponent of Euler's number makes a Decimal, so that no database can trip over another one."""
    low, high = apply("less_or_equal", _SMALLEST_EXPONENT, exponent), apply("less", exponent, _LARGEST_EXPONENT)
    return Case(((apply("and", low, high), value),), null(SqlType.DECIMAL))


@function(
    "ln",
    group=_GROUP,
    returns="Decimal",
    examples=(Example(expression="1.ln() = 0", result=(True,)), Example(expression="0.ln()", result=())),
)
def ln(call: Call) -> Collection:
    """The natural logarithm; empty where there is none."""
    return _real(call, "natural_logarithm", positive=True)


@function(
    "log",
    Parameter("base"),
    group=_GROUP,
    returns="Decimal",
    examples=(Example(expression="16.log(2) = 4", result=(True,)),),
)
def log(call: Call) -> Collection:
    """The logarithm to a base; empty where there is none."""
    base = call.value(0)
    if _type(call, base) is None or _type(call, call.focus) is None:
        return values.system(null(SqlType.DECIMAL), DECIMAL)

    def defined(base: Node) -> Node:
        one = Cast(Constant(1, SqlType.INTEGER), SqlType.DECIMAL)
        allowed = apply("and", apply("less", ZERO, base), apply("unequal", base, one))
        return Case(((allowed, base),), null(SqlType.DECIMAL))

    return _real(call, "logarithm", bind(call.names.fresh(), number(call, base, DECIMAL), defined), positive=True)


@function(
    "sqrt",
    group=_GROUP,
    returns="Decimal",
    examples=(Example(expression="81.sqrt() = 9", result=(True,)), Example(expression="(-1).sqrt()", result=())),
)
def sqrt(call: Call) -> Collection:
    """The square root; empty for a negative number."""
    return _real(call, "square_root")


@function(
    "power",
    Parameter("exponent"),
    group=_GROUP,
    returns="a number",
    examples=(
        Example(expression="2.power(3)", result=(8,)),
        Example(expression="2.5.power(2) = 6.25", result=(True,)),
        Example(expression="(-1).power(0.5)", result=()),
    ),
)
def power(call: Call) -> Collection:
    """The number raised to an exponent; empty where the result is no real number."""
    exponent = call.value(0)
    base_type, exponent_type = _type(call, call.focus), _type(call, exponent)
    if base_type is None or exponent_type is None:
        return values.system(null(SqlType.DECIMAL), DECIMAL)
    type = INTEGER if base_type == exponent_type == INTEGER else DECIMAL

    def defined(base: Node, exponent: Node) -> Node:
        whole = apply("equal", apply("floor", exponent, type=SqlType.DECIMAL), exponent)
        real = apply("and", apply("less", base, ZERO), whole)
        size = Case(
            ((apply("or", apply("less", ZERO, base), real), apply("absolute", base, type=SqlType.DECIMAL)),), _NULL
        )
        growth = decimals.computed(
            call.names, "multiply_decimal", exponent, apply("natural_logarithm", size, type=SqlType.DECIMAL)
        )
        return bind(call.names.fresh(), growth, lambda growth: raised(base, exponent, growth))

    def raised(base: Node, exponent: Node, growth: Node) -> Node:
        power = decimals.computed(call.names, "power", _allowed(base, growth), exponent)
        of_zero = (
            (apply("less", ZERO, exponent), ZERO),
            (apply("equal", ZERO, exponent), Cast(integer(1), SqlType.DECIMAL)),
        )
        return Case(
            (
                (apply("equal", base, ZERO), Case(of_zero, _NULL)),
                (apply("less", growth, _SMALLEST_EXPONENT), ZERO),
            ),
            power,
        )

    result = decimals.settled(call.names, (number(call, call.focus, DECIMAL), number(call, exponent, DECIMAL)), defined)
    # A negative exponent makes a fraction even of integers; then the result is no Integer and so empty.
    if type == INTEGER:
        whole = bind(
            call.names.fresh(),
            result,
            lambda value: Case(((apply("equal", apply("floor", value, type=SqlType.DECIMAL), value), value),), _NULL),
        )
        return in_range(call, INTEGER, whole)
    return values.system(result, DECIMAL)


def _not_negative(call: Call, digits: Node) -> Node:
    error = Raise("the precision of round must not be negative", call.position, SqlType.INTEGER)
    if isinstance(digits, Constant):
        return error if isinstance(digits.value, int) and digits.value < 0 else digits
    # Without a model a number can be larger than any that counts digits.
    most = integer(_MOST_DIGITS)
    return bind(
        call.names.fresh(),
        digits,
        lambda d: Case(((apply("less", d, integer(0)), error), (apply("less", most, d), most)), d),
    )


@function(
    "round",
    Parameter("precision", optional=True),
    group=_GROUP,
    returns="Decimal",
    examples=(
        Example(expression="3.14159.round(3) = 3.142", result=(True,)),
        Example(expression="1.5.round() = 2", result=(True,)),
        Example(expression="(-1.5).round() = -2", result=(True,)),
    ),
)
@with_each_kind
def round_number(call: Call) -> Collection:
    """The number to so many digits after the point; half of a digit goes away from zero."""
    if not _is_quantity(call) and _type(call, call.focus) is None:
        return call.focus
    digits: Node = integer(0)
    if call.count:
        precision = call.value(0)
        if values.is_empty(precision):
            return values.system(null(SqlType.DECIMAL), DECIMAL)
        digits = _not_negative(call, whole(call, precision, "the precision", InvalidOperation))
    if _is_quantity(call):
        return quantities.mapped(call, call.focus, lambda value: decimals.computed(call.names, "round", value, digits))
    rounded = decimals.computed(call.names, "round", number(call, call.focus, DECIMAL), digits)
    return values.system(rounded, DECIMAL)
