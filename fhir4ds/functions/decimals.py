"""Computed decimals: exact where they fit, empty where they do not (FHIRPath N1, section 6.6)."""

from __future__ import annotations

from collections.abc import Callable

from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import Case, Cast, Constant, Node, Reference, apply, bind, integer, null, text

#: The number zero, as a Decimal.
ZERO = Cast(Constant(0, SqlType.INTEGER), SqlType.DECIMAL)

#: A divisor has fewer digits before the point than other decimals, which leaves room for those of the remainder.
_LARGEST_DIVISOR = Cast(Constant(10**25, SqlType.INTEGER), SqlType.DECIMAL)


def computed(names: Names, primitive: str, *operands: Node) -> Node:
    """A primitive applied to decimals; NULL where the result has more digits before the point than a Decimal.

    The operands are evaluated apart, as a database that finds no room for the result has no error of theirs either.
    """
    return settled(names, operands, lambda *known: fitting(apply(primitive, *known, type=SqlType.DECIMAL)))


def fitting(result: Node) -> Node:
    """A result that cannot raise; NULL where it has more digits before the point than a Decimal."""
    return apply("fitting", result, type=SqlType.DECIMAL)


def divided(names: Names, dividend: Node, divisor: Node) -> Node:
    """The quotient of two decimals; NULL for a division by zero, and by more than has room for a remainder."""
    return settled(names, (dividend, divisor), lambda a, b: computed(names, "divide_decimal", a, _divisor(b)))


def _divisor(value: Node) -> Node:
    # NULL itself, and no CASE around the division: a constant 1 / 0 would be evaluated while planning.
    size = apply("absolute", value, type=SqlType.DECIMAL)
    allowed = apply("and", apply("less", ZERO, size), apply("less", size, _LARGEST_DIVISOR))
    return Case(((allowed, value),), null(SqlType.DECIMAL))


def written(names: Names, decimal: Node) -> Node:
    """A decimal as text: no zeros at its end, but for the one that tells it from an integer.

    FHIRPath N1, section 5.5.6: ``(-)?#0.0#``.
    """

    def shown(value: Node) -> Node:
        digits = apply("decimal_text", value, type=SqlType.TEXT)
        whole = apply("equal", apply("decimal_digits", value, type=SqlType.INTEGER), integer(0))
        return Case(((whole, apply("concat", digits, text(".0"), type=SqlType.TEXT)),), digits)

    return bind(names.fresh(), Cast(decimal, SqlType.DECIMAL), shown)


def alike(names: Names, left: Node, right: Node) -> Node:
    """Whether two numbers are the same, rounded to the digits of the less precise one; zeros at the end do not count.

    FHIRPath N1, section 6.1.2.
    """

    def compare(a: Node, b: Node) -> Node:
        digits = (apply("decimal_digits", side, type=SqlType.INTEGER) for side in (a, b))
        places = apply("least", *digits, type=SqlType.INTEGER)
        return apply("equal", *(apply("round", side, places, type=SqlType.DECIMAL) for side in (a, b)))

    return settled(names, (Cast(left, SqlType.DECIMAL), Cast(right, SqlType.DECIMAL)), compare)


def settled(names: Names, operands: tuple[Node, ...], body: Callable[..., Node]) -> Node:
    """``body`` of operands each of which is evaluated once and before it."""
    if not operands:
        return body()
    first, *rest = operands

    def go_on(known: Node) -> Node:
        return settled(names, tuple(rest), lambda *others: body(known, *others))

    plain = first.operand if isinstance(first, Cast) else first
    return go_on(first) if isinstance(plain, Constant | Reference) else bind(names.fresh(), first, go_on)
