"""Equivalence: equality that overlooks case, white space, order and surplus precision (FHIRPath N1, section 6.1)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from fhir4ds.dialect.types import SqlType
from fhir4ds.functions import quantities, temporal, values
from fhir4ds.functions.canonical import canonical, levels_of
from fhir4ds.functions.combining import aligned
from fhir4ds.functions.comparison import comparable
from fhir4ds.functions.declaration import Call, Example
from fhir4ds.functions.operators import operator
from fhir4ds.functions.quantities import Form
from fhir4ds.functions.undecided import if_quantities
from fhir4ds.plan.collection import BOOLEAN, DATE, DATETIME, DECIMAL, STRING, TIME, Collection, TypeName
from fhir4ds.plan.nodes import FALSE, TRUE, Case, Cast, Each, Exists, Node, Reference, apply, bind, length

_GROUP = "Equality"
_Types = tuple[TypeName | None, TypeName | None]
_Pair = Callable[[Node, Node], Node]
_T = TypeVar("_T")


def equivalence(call: Call, left: Collection, right: Collection) -> Node:
    """Whether two collections are equivalent; NULL only for two quantities whose units are not commensurable."""
    if values.is_empty(left) or values.is_empty(right):
        other = right if values.is_empty(left) else left
        return TRUE if values.is_empty(other) else apply("not", values.present(call, other))
    forms = quantities.forms(call, left, right)
    if forms is not None:
        return _equivalent_quantities(call, left, right, forms)
    return if_quantities(call, left, right, equivalence, _equivalent)


def _equivalent(call: Call, left: Collection, right: Collection) -> Node:
    if _are_complex(call, left) and _are_complex(call, right):
        return _equivalent_complex(call, left, right)
    types = values.system_of(left, call.model), values.system_of(right, call.model)
    dynamic = values.is_dynamic(left, call.model) or values.is_dynamic(right, call.model)
    if not dynamic and not comparable(*types):
        # One item decides, and what the other side is is not looked at then, by no database.
        return Case(((values.present(call, left), FALSE), (values.present(call, right), FALSE)), TRUE)
    if not left.many and not right.many:
        a, b = (values.value(side, call.model, call.names) for side in (left, right))
        return bind(call.names.fresh(), a, lambda x: bind(call.names.fresh(), b, lambda y: _single(call, x, y, types)))
    return _arrays(call, *aligned(call, left, right), partial(_items, call), types)


def _are_complex(call: Call, collection: Collection) -> bool:
    """Whether every item is known to have members, and to be no quantity."""
    types = collection.types
    return bool(types) and all(
        values.system_type(type, call.model) is None and not quantities.is_quantity(type, call.model) for type in types
    )


def _equivalent_complex(call: Call, left: Collection, right: Collection) -> Node:
    """Equivalence of items whose members are equivalent, which is told by one text for each."""
    levels = 0 if call.model is None else levels_of(call.model, (*left.types, *right.types))
    a, b = (values.items(side, call.names) for side in (left, right))
    if a.many or b.many:
        a, b = (_texts(call, values.as_array(side, call.names), levels) for side in (a, b))
        return _arrays(call, a, b, lambda x, y, _: apply("equal", x, y), (None, None))
    present = [values.present(call, side) for side in (left, right)]
    texts = [values.of_parent(side, call.names, partial(canonical, call, levels=levels)) for side in (a, b)]
    return Case(((apply("and", *present), apply("equal", *texts)), (apply("or", *present), FALSE)), TRUE)


def _texts(call: Call, items: Node, levels: int) -> Node:
    item = Reference(call.names.fresh(), SqlType.JSON)
    return Each(items, item.name, canonical(call, item, levels))


def _equivalent_quantities(call: Call, left: Collection, right: Collection, forms: tuple[Form, Form]) -> Node:
    """Equivalence of collections one of which is known to hold quantities."""
    if left.many or right.many:
        # Numbers stand among quantities as JSON.
        a, b = aligned(call, left, right)
        first, second = (Form.OPEN if form is Form.NUMBER else form for form in forms)

        def equal(x: Node, y: Node, forms: tuple[Form, Form]) -> Node:
            return apply("coalesce", quantities.equivalent(call.names, x, y, forms), FALSE)

        return _arrays(call, a, b, equal, (first, second))
    pair = partial(quantities.equivalent, call.names, forms=forms)
    there = [values.present(call, side) for side in (left, right)]
    sides = [quantities.chosen(call, side) if side.choices else side for side in (left, right)]
    a, b = (values.value(side, call.model, call.names) for side in sides)
    return Case(((apply("and", *there), pair(a, b)), (apply("or", *there), FALSE)), TRUE)


def _single(call: Call, a: Node, b: Node, types: _Types) -> Node:
    missing_a, missing_b = apply("is_null", a), apply("is_null", b)
    both_missing = apply("and", missing_a, missing_b)
    either_missing = apply("or", missing_a, missing_b)
    return Case(((both_missing, TRUE), (either_missing, FALSE)), _items(call, a, b, types))


def _arrays(
    call: Call, a: Node, b: Node, equal: Callable[[Node, Node, tuple[_T, _T]], Node], kinds: tuple[_T, _T]
) -> Node:
    """Whether two arrays are of one length, and each item of one has as many equivalents in the other as in its own.

    Numbers are rounded, so what is equivalent to the same is not always equivalent; one side that is satisfied is enough.
    """
    first, second = kinds

    def compare(a: Node, b: Node) -> Node:
        fits = (
            _fits(call, a, b, lambda x, y: equal(x, y, (first, first)), lambda x, y: equal(x, y, kinds)),
            _fits(call, b, a, lambda x, y: equal(x, y, (second, second)), lambda x, y: equal(y, x, kinds)),
        )
        return Case(((apply("unequal", length(a), length(b)), FALSE),), apply("or", *fits))

    return bind(call.names.fresh(), a, lambda x: bind(call.names.fresh(), b, lambda y: compare(x, y)))


def _fits(call: Call, a: Node, b: Node, own: _Pair, across: _Pair) -> Node:
    """Whether no item of an array has more equivalents there than in the other."""
    mine = Reference(call.names.fresh(), a.type)

    def equivalents(array: Node, equal: _Pair) -> Node:
        each = Reference(call.names.fresh(), array.type)
        return length(Each(array, each.name, TRUE, where=equal(mine, each)))

    return apply("not", Exists(a, mine.name, apply("less", equivalents(b, across), equivalents(a, own))))


def _items(call: Call, a: Node, b: Node, types: _Types) -> Node:
    """Equivalence of two items that are there."""
    if a.type is not b.type and SqlType.JSON in (a.type, b.type):
        known = b.type if a.type is SqlType.JSON else a.type
        types = types[0] or types[1], types[1] or types[0]
        a, b = values.read_dynamic(a, known), values.read_dynamic(b, known)
    if a.type is SqlType.JSON:
        return apply("coalesce", _equal_json(call, a, b), FALSE)
    first, second = types
    if first is not None and second is not None and first in (DATE, DATETIME, TIME):
        return apply("coalesce", temporal.equal(a, b, (first, second), call.names), FALSE)
    if first == STRING:
        answer: Node = apply("equal", _folded(a), _folded(b))
    elif DECIMAL in types:
        answer = _rounded_equal(call, a, b)
    else:
        answer = apply("equal", a, b)
    return apply("coalesce", answer, FALSE)


def _folded(value: Node) -> Node:
    """Text without differences of case and white space."""
    return apply("fold_text", value, type=SqlType.TEXT)


def _equal_json(call: Call, a: Node, b: Node) -> Node:
    """Equality of numbers after rounding, and of anything else without differences of case and white space.

    Of complex values among others the order of items is not overlooked, since what JSON says of them is compared.
    """
    folded = (Cast(_folded(Cast(side, SqlType.TEXT)), SqlType.JSON) for side in (a, b))
    numbers = (values.read_dynamic(side, SqlType.DECIMAL) for side in (a, b))

    def compare(x: Node, y: Node) -> Node:
        both_numbers = apply("and", apply("is_not_null", x), apply("is_not_null", y))
        return Case(((both_numbers, _rounded_equal(call, x, y)),), apply("json_equal", *folded))

    first, second = numbers
    return bind(call.names.fresh(), first, lambda x: bind(call.names.fresh(), second, lambda y: compare(x, y)))


def _rounded_equal(call: Call, a: Node, b: Node) -> Node:
    """Equality after rounding to the digits of the less precise number."""
    digits = apply("least", _digits(a), _digits(b), type=SqlType.INTEGER)

    def compare(places: Node) -> Node:
        rounded = [apply("round", Cast(side, SqlType.DECIMAL), places, type=SqlType.DECIMAL) for side in (a, b)]
        return apply("equal", *rounded)

    return bind(call.names.fresh(), digits, compare)


def _digits(value: Node) -> Node:
    """Digits after the point, of which zeros at the end do not count."""
    return apply("decimal_digits", Cast(value, SqlType.DECIMAL), type=SqlType.INTEGER)


@operator(
    "~",
    group=_GROUP,
    examples=(
        Example(expression="'Ada  Byron' ~ 'ada byron'", result=(True,)),
        Example(expression="(1 | 2) ~ (2 | 1)", result=(True,)),
        Example(expression="0.67 ~ 0.666", result=(True,)),
        Example(expression="{} ~ {}", result=(True,)),
    ),
)
def equivalent(call: Call, left: Collection, right: Collection) -> Collection:
    """Whether both collections have equivalent items in any order; two empty collections are equivalent.

    Texts are equivalent without case and surplus white space, numbers as precise as the less precise of them, and complex
    values where their members are; numbers inside of these are not rounded.
    """
    return values.system(equivalence(call, left, right), BOOLEAN)


@operator("!~", group=_GROUP, examples=(Example(expression="'a' !~ 'A'", result=(False,)),))
def not_equivalent(call: Call, left: Collection, right: Collection) -> Collection:
    """The negation of ``~``."""
    return values.system(apply("not", equivalence(call, left, right)), BOOLEAN)
