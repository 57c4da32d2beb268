"""Sum, mean and extremes of quantities, whose units may differ as long as they are commensurable."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.functions import presence, quantities, quantity_arithmetic, values
from fhir4ds.functions.declaration import Call
from fhir4ds.functions.quantities import Form
from fhir4ds.plan.collection import INTEGER, QUANTITY, Collection
from fhir4ds.plan.nodes import Case, Fold, Node, Reference, apply, bind, integer, length, null


def are_quantities(call: Call) -> bool:
    """Whether the items of the focus are known to be quantities."""
    return quantities.form(call, call.focus) in (Form.SYSTEM, Form.FHIR)


def total(call: Call) -> Collection:
    """The sum, in the smallest unit that has been met; empty if units are not commensurable."""
    form = quantities.form(call, call.focus) or Form.SYSTEM

    def start(first: Node) -> Node:
        return quantities.apart(call.names, first, form, lambda q: quantities.made(q.value, q.system_unit))

    def added(sum: Node, item: Node) -> Node:
        sides = (values.system(sum, QUANTITY), attrs.evolve(call.focus, plan=item, choices=(), guard=None))
        return quantity_arithmetic.added(call, *sides, (Form.SYSTEM, form)).plan

    return values.system(_folded(call, start, added), QUANTITY)


def mean(call: Call) -> Collection:
    """The sum divided by the number of items."""
    count = values.system(presence.count(call, call.focus), INTEGER)
    return quantity_arithmetic.divided(call, total(call), count, (Form.SYSTEM, Form.NUMBER))


def extreme(call: Call, *, greatest: bool) -> Collection:
    """The least or greatest item; empty if units are not commensurable."""
    form = quantities.form(call, call.focus) or Form.SYSTEM

    def better(best: Node, item: Node) -> Node:
        left, right = (
            attrs.evolve(call.focus, plan=plan, choices=(), guard=None)
            for plan in ((best, item) if greatest else (item, best))
        )
        is_better = quantities.order(call, left, right, (form, form), "less")

        def chosen(found: Node) -> Node:
            return Case(((found, item), (apply("not", found), best)), null(SqlType.JSON))

        return bind(call.names.fresh(), is_better, chosen)

    plan = _folded(call, lambda first: first, better)
    return attrs.evolve(call.focus, plan=plan, choices=(), guard=None)


def _folded(call: Call, start: Callable[[Node], Node], body: Callable[[Node, Node], Node]) -> Node:
    """The items one after the other, beginning with the first: once there is no result, there is none for more items."""
    items = values.as_array(values.value(call.focus, call.model, call.names), call.names)
    accumulator, variable = (Reference(call.names.fresh(), SqlType.JSON) for _ in range(2))

    def fold(array: Node) -> Node:
        first = apply("array_at", array, integer(1), type=SqlType.JSON)
        rest = apply("array_slice", array, integer(2), length(array), type=SqlType.JSON, many=True)
        return Fold(rest, accumulator.name, variable.name, start(first), body(accumulator, variable))

    return bind(call.names.fresh(), items, fold)
