"""Arithmetic of quantities (FHIRPath, "Math"): sums in the smaller unit, products of units by UCUM."""

from __future__ import annotations

from fhir4ds.dialect.types import SqlType
from fhir4ds.functions import decimals, quantities, units, values
from fhir4ds.functions.declaration import Call
from fhir4ds.functions.quantities import UNITY, Form, Quantity
from fhir4ds.functions.units import Operation, Purpose
from fhir4ds.plan.collection import QUANTITY, Collection
from fhir4ds.plan.nodes import Array, Case, Constant, Node, apply, bind, null, text

_NOTHING = null(SqlType.JSON)


def added(
    call: Call, left: Collection, right: Collection, forms: tuple[Form, Form], primitive: str = "add"
) -> Collection:
    """The sum of two quantities, or their difference, in the smaller of their units.

    That is the "most granular" one (FHIRPath, "Math"). A number is a quantity of unit ``1``. Empty where the units are not
    commensurable, as years and months of the calendar are with each other alone.
    """

    def total(a: Quantity, b: Quantity) -> Node:
        def made(left: Node, right: Node, unit: Node) -> Node:
            return quantities.made(decimals.computed(call.names, primitive, left, right), unit)

        def sum_of(p: Node, q: Node) -> Node:
            in_left = made(a.value, quantities.converted(b.value, p, q), a.system_unit)
            in_right = made(quantities.converted(a.value, q, p), b.value, b.system_unit)
            if isinstance(p, Constant) and isinstance(q, Constant):
                return in_right if quantities.whole(p) < quantities.whole(q) else in_left
            return Case(((apply("less", p, q), in_right),), in_left)

        return quantities.with_ratio(call.names, b, a, Purpose.ADDITION, sum_of, SqlType.JSON)

    return values.system(quantities.pair(call, left, right, forms, total), QUANTITY)


def multiplied(call: Call, left: Collection, right: Collection, forms: tuple[Form, Form]) -> Collection:
    """The product of two quantities."""

    def result(a: Quantity, b: Quantity) -> Node:
        value = decimals.computed(call.names, "multiply_decimal", a.value, b.value)
        if UNITY in (a.known, b.known):
            return quantities.made(value, a.system_unit if b.known == UNITY else b.system_unit)
        plain = [apply("equal", side.unit, text(UNITY)) for side in (a, b)]
        simple = ((plain[0], b.system_unit), (plain[1], a.system_unit))
        return _composed(call, a, b, value, Operation.PRODUCT, simple)

    return values.system(quantities.pair(call, left, right, forms, result), QUANTITY)


def divided(call: Call, left: Collection, right: Collection, forms: tuple[Form, Form]) -> Collection:
    """The quotient of two quantities; empty for a division by zero."""

    def result(a: Quantity, b: Quantity) -> Node:
        value = decimals.divided(call.names, a.value, b.value)
        if b.known == UNITY:
            return quantities.made(value, a.system_unit)
        plain, same = apply("equal", b.unit, text(UNITY)), apply("equal", a.unit, b.unit)
        return _composed(call, a, b, value, Operation.QUOTIENT, ((plain, a.system_unit), (same, text(UNITY))))

    return values.system(quantities.pair(call, left, right, forms, result), QUANTITY)


def _composed(
    call: Call, a: Quantity, b: Quantity, value: Node, operation: Operation, simple: tuple[tuple[Node, Node], ...]
) -> Node:
    """A value with a unit composed of two; NULL if either is a unit that takes no part in products.

    Calendar units are such, and so are those with a scale that is no ratio.
    """
    if a.known is not None and b.known is not None:
        unit = operation.compose(a.known, b.known)
        return _NOTHING if unit is None else quantities.made(value, text(unit))
    if a.known is not None:
        composed = quantities.look_up(units.composed_after(a.known, operation), b.unit)
    elif b.known is not None:
        composed = quantities.look_up(units.composed_before(b.known, operation), a.unit)
    else:
        usable = apply("and", _takes_part(a), _takes_part(b))
        written = quantities.joined(text("("), a.unit, text(f"){operation.value}("), b.unit, text(")"))
        composed = Case(((usable, written),), null(SqlType.TEXT))
    return bind(call.names.fresh(), Case(simple, composed), lambda unit: quantities.made(value, unit))


def _takes_part(quantity: Quantity) -> Node:
    ratio_units = Array(tuple(map(text, units.ratio_units())), SqlType.TEXT)
    return apply("array_contains", ratio_units, quantities.bare(quantity.unit))
