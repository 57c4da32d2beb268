"""Equality and order of values (FHIRPath N1, sections 6.1 and 6.2)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidOperation
from fhir4ds.functions import presence, quantities, singletons, tags, temporal, values
from fhir4ds.functions.declaration import Call, Example
from fhir4ds.functions.deep_equality import equal_json
from fhir4ds.functions.operators import operator
from fhir4ds.functions.quantities import Form
from fhir4ds.functions.undecided import is_mixed, of_each_kind, related
from fhir4ds.plan import elements
from fhir4ds.plan.collection import (
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    INTEGER,
    LONG,
    QUANTITY,
    STRING,
    SYSTEM_TYPES,
    TIME,
    TYPE_INFO,
    Collection,
    TypeName,
)
from fhir4ds.plan.nodes import (
    FALSE,
    TRUE,
    Case,
    Cast,
    Each,
    Exists,
    Node,
    Reference,
    apply,
    bind,
    integer,
    length,
    null,
)

_NUMBERS = (INTEGER, LONG, DECIMAL)
_DATES = (DATE, DATETIME)
_EMPTY = null(SqlType.BOOLEAN)

_Types = tuple[TypeName | None, TypeName | None]
_Pair = Callable[[Node, Node], Node]


def comparable(left: TypeName | None, right: TypeName | None) -> bool:
    """Whether values of two System types can be compared at all."""
    return left == right or (left in _NUMBERS and right in _NUMBERS) or (left in _DATES and right in _DATES)


def _equal_values(call: Call, left: Node, right: Node, types: _Types, alike: _Pair) -> Node:
    """Equality of two values that are there; ``alike`` is that of JSON."""
    a, b = types
    if left.type is not right.type and SqlType.JSON in (left.type, right.type):
        # One of them is of a type that is only known now; if it is another type, the values differ.
        known = right.type if left.type is SqlType.JSON else left.type
        first, second = (_read_as(side, known) for side in (left, right))
        equal = _equal_values(call, first, second, (a or b, b or a), alike)
        if (a or b) in (*_DATES, TIME):
            # Empty where precision cannot tell, but not where the item is no text.
            unlike = apply("or", apply("is_null", first), apply("is_null", second))
            return Case(((unlike, FALSE),), equal)
        return apply("coalesce", equal, FALSE)
    if a is not None and b is not None and a in (*_DATES, TIME):
        return temporal.equal(left, right, (a, b), call.names, call.position)
    return alike(left, right) if left.type is SqlType.JSON else apply("equal", left, right)


def _read_as(item: Node, known: SqlType) -> Node:
    """An item beside a value of a type; what is beside an Integer may be a Decimal, so both are read as such."""
    if known is not SqlType.INTEGER:
        return values.read_dynamic(item, known)
    return Cast(values.read_dynamic(item, SqlType.DECIMAL), SqlType.DECIMAL)


def equality(call: Call, left: Collection, right: Collection, alike: _Pair | None = None) -> Node:
    """Whether two collections are equal: NULL where either is empty or precision cannot tell.

    Parameters
    ----------
    call : Call
        Of the operator.
    left, right : Collection
        What is compared.
    alike : callable, optional
        The equality of items that are JSON, where more is known of these than their JSON.
    """
    if values.is_empty(left) or values.is_empty(right):
        return _EMPTY
    forms = quantities.forms(call, left, right)
    if forms is not None:
        return _equal_quantities(call, left, right, forms)
    found = related(call, left, right, partial(equality, alike=alike), _EMPTY)
    return found or _equal_mixed(call, left, right) or _equal(call, left, right, alike)


def _equal_mixed(call: Call, left: Collection, right: Collection) -> Node | None:
    """Equality of collections of items of several kinds that JSON does not tell apart; None for any other."""
    pair = tags.of_both(call, left, right) if is_mixed(call, left) or is_mixed(call, right) else None
    if pair is None:
        return None

    def equal(x: Node, y: Node) -> Node:
        return by_values(x, y, equality(call, tags.as_tagged(left, x), tags.as_tagged(right, y)))

    return _equal_arrays(call, *pair, equal)


def _equal(call: Call, left: Collection, right: Collection, alike: _Pair | None) -> Node:
    types = values.compared_as(left, call.model), values.compared_as(right, call.model)
    dynamic = _dynamic(call, left, right)
    if not dynamic and not comparable(*types):
        # Where one side is empty, no database looks at the other one.
        beside = Case(((presence.present(call, right), FALSE),), _EMPTY)
        return Case(((presence.present(call, left), beside),), _EMPTY)
    a, b = values.value(left, call.model, call.names), values.value(right, call.model, call.names)
    alike = alike or partial(equal_json, call, left, right)
    if not a.many and not b.many:
        pair = _equal_values(call, a, b, types, alike)
        if not dynamic:
            return pair
        missing = apply("or", apply("is_null", a), apply("is_null", b))
        return Case(((missing, _EMPTY),), pair)
    equal = partial(_equal_values, call, types=types, alike=alike)
    found, lack = _equal_arrays(call, a, b, equal), presence.lacking(call, left, right)
    if lack is None:
        return found
    by_wholes = partial(wholes_alike, equal, (a.type, b.type), both_lack=presence.both_lack(call, left, right))
    x, y = (presence.wholes(call, side) for side in (left, right))
    return Case(((lack, _equal_arrays(call, x, y, by_wholes, unknown=_has_no_value)),), found)


def _has_no_value(left: Node, right: Node) -> Node:
    """Whether there are just two elements to be compared, of which one has no value: as single ones they are empty."""
    lack = (
        apply("is_null", elements.value_of(apply("array_at", array, integer(1), type=SqlType.JSON)))
        for array in (left, right)
    )
    return apply("and", apply("equal", length(left), integer(1)), apply("or", *lack))


def wholes_alike(
    equal: _Pair, types: tuple[SqlType, SqlType], left: Node, right: Node, *, both_lack: bool = True
) -> Node:
    """Whether two whole elements are alike as their values, of some types, are; what has no value, by what stands beside."""
    a, b = (elements.value_of(whole, type) for whole, type in zip((left, right), types, strict=True))
    return by_values(left, right, equal(a, b), both_lack=both_lack)


def by_values(left: Node, right: Node, equal: Node, *, both_lack: bool = True) -> Node:
    """Whether two whole elements are alike, given whether their values are: without those, what stands beside them counts.

    Unless it is known that not both can be without a value.
    """
    lack = [apply("is_null", elements.value_of(whole)) for whole in (left, right)]
    if not both_lack:
        return Case(((apply("or", *lack), FALSE),), equal)
    same = apply("coalesce", apply("json_equal", *map(elements.beside_of, (left, right))), FALSE)
    return Case(((apply("and", *lack), same), (apply("or", *lack), FALSE)), equal)


def _dynamic(call: Call, left: Collection, right: Collection) -> bool:
    """Whether the type of an item on either side is only known when it is met."""
    return values.is_dynamic(left, call.model) or values.is_dynamic(right, call.model)


def _equal_quantities(call: Call, left: Collection, right: Collection, forms: tuple[Form, Form]) -> Node:
    """Equality of collections one of which is known to hold quantities."""
    if Form.OPEN in forms and not (left.many or right.many):
        # Of a choice element only what may be a quantity is read; an element of another type differs.
        sides = [quantities.chosen(call, side) if side.choices else side for side in (left, right)]
        if sides != [left, right]:
            comparable_ = apply("and", *(presence.present(call, side) for side in sides))
            there = apply("and", *(presence.present(call, side) for side in (left, right)))
            first, second = sides
            return Case(((comparable_, equality(call, first, second)), (there, FALSE)), _EMPTY)
    a, b = values.value(left, call.model, call.names), values.value(right, call.model, call.names)
    pair = partial(quantities.equal, call.names, forms=forms)
    if a.many or b.many:
        return _equal_arrays(call, a, b, pair)
    if Form.OPEN not in forms:
        return pair(a, b)
    missing = apply("or", apply("is_null", a), apply("is_null", b))
    return Case(((missing, _EMPTY),), pair(a, b))


def equal_items(call: Call, left: Collection, right: Collection, alike: _Pair | None = None) -> Node:
    """Whether two single items that are there are equal; false where precision or units cannot tell.

    ``alike`` is as for `equality`.
    """
    a, b = values.value(left, call.model, call.names), values.value(right, call.model, call.names)
    forms = quantities.forms(call, left, right)
    if forms is not None:
        return apply("coalesce", quantities.equal(call.names, a, b, forms), FALSE)
    if not _may_be_comparable(call, left, right):
        return FALSE
    found = related(call, left, right, partial(equality, alike=alike), _EMPTY)
    if found is not None:
        return apply("coalesce", found, FALSE)
    types = values.compared_as(left, call.model), values.compared_as(right, call.model)
    alike = alike or partial(equal_json, call, left, right)
    return apply("coalesce", _equal_values(call, a, b, types, alike), FALSE)


def key(call: Call, left: Collection, right: Collection) -> Callable[[Node], Node] | None:
    """What values of two collections have in common if they are equal, and only then; None where types have no such thing."""
    a, b = values.compared_as(left, call.model), values.compared_as(right, call.model)
    plain = SqlType.JSON not in (values.sql_type(left, call.model), values.sql_type(right, call.model))
    if a is None or b is None or not plain or not comparable(a, b):
        return None
    if a in (*_DATES, TIME):
        return lambda value: temporal.key(value, (a, b), call.position)
    return (lambda value: value) if SYSTEM_TYPES[a.name] is SYSTEM_TYPES[b.name] else None


def _may_be_comparable(call: Call, left: Collection, right: Collection) -> bool:
    """Whether items on either side can be of types that are compared; so where nothing is known of a side."""
    a, b = ({values.system_type(type, call.model) for type in side.types} for side in (left, right))
    return not a or not b or any(comparable(first, second) for first in a for second in b)


def _equal_arrays(call: Call, a: Node, b: Node, equal: _Pair, *, unknown: _Pair | None = None) -> Node:
    """Equality of two arrays by that of pairs; empty where it cannot be known of the arrays."""

    def compare(first: Node, second: Node) -> Node:
        own, index = Reference(call.names.fresh(), a.type), call.names.fresh()
        other = apply("array_at", second, Reference(index, SqlType.INTEGER), type=b.type)
        pairs = Each(first, own.name, equal(own, other), index=index, keeps_places=True)
        none = apply("equal", integer(0), apply("least", length(first), length(second), type=SqlType.INTEGER))
        return Case(
            (
                (none, _EMPTY),
                (apply("unequal", length(first), length(second)), FALSE),
                *(() if unknown is None else ((unknown(first, second), _EMPTY),)),
            ),
            bind(call.names.fresh(), pairs, all_equal),
        )

    def all_equal(pairs: Node) -> Node:
        pair = Reference(call.names.fresh(), SqlType.BOOLEAN)
        return Case(
            (
                (Exists(pairs, pair.name, apply("not", pair)), FALSE),
                (Exists(pairs, pair.name, apply("is_null", pair)), _EMPTY),
            ),
            TRUE,
        )

    return bind(
        call.names.fresh(),
        values.as_array(a, call.names),
        lambda first: bind(call.names.fresh(), values.as_array(b, call.names), lambda second: compare(first, second)),
    )


@operator(
    "=",
    group="Equality",
    examples=(
        Example(expression="1 = 1.0", result=(True,)),
        Example(expression="'a' = 'A'", result=(False,)),
        Example(expression="@2018-03 = @2018-03-01", result=()),
        Example(expression="{} = 1", result=()),
    ),
)
def equals(call: Call, left: Collection, right: Collection) -> Collection:
    """True if both collections have equal items in the same order; empty if either is empty."""
    return values.system(equality(call, left, right), BOOLEAN)


@operator(
    "!=",
    group="Equality",
    examples=(Example(expression="1 != 2", result=(True,)), Example(expression="{} != 1", result=())),
)
def differs(call: Call, left: Collection, right: Collection) -> Collection:
    """The negation of ``=``."""
    return values.system(apply("not", equality(call, left, right)), BOOLEAN)


def _less(call: Call, left: Collection, right: Collection, *, or_equal: bool = False) -> Node:
    """Whether one single value comes before another."""
    if values.is_empty(left) or values.is_empty(right):
        return _EMPTY
    forms = quantities.forms(call, left, right)
    if forms is not None:
        return quantities.order(call, left, right, forms, "less_or_equal" if or_equal else "less")
    types = values.compared_as(left, call.model), values.compared_as(right, call.model)
    if _dynamic(call, left, right):
        types = types[0] or types[1], types[1] or types[0]
    # Quantities have been compared, and nothing else compares with them.
    if not comparable(*types) or types[0] in (None, BOOLEAN, QUANTITY, TYPE_INFO):
        shown, hint = values.shown(left, right, model=call.model)
        raise call.error(InvalidOperation, f"{shown} cannot be compared for order", hint)
    kind = SYSTEM_TYPES[types[0].name] if types[0] is not None else SqlType.JSON
    dynamic = _dynamic(call, left, right)
    a, b = (singletons.single_value(call, side) for side in (left, right))
    a, b = (_read_as(side, kind) if dynamic else values.read_dynamic(side, kind) for side in (a, b))
    first, second = types
    if first is not None and second is not None and first in (*_DATES, TIME):
        if or_equal:
            return apply("not", temporal.less(b, a, (second, first), call.names, call.position))
        return temporal.less(a, b, (first, second), call.names, call.position)
    if types[0] == STRING:
        return apply("not", apply("text_less", b, a)) if or_equal else apply("text_less", a, b)
    return apply("less_or_equal" if or_equal else "less", a, b)


@operator(
    "<",
    group="Comparison",
    examples=(
        Example(expression="1 < 2.5", result=(True,)),
        Example(expression="'b' < 'a'", result=(False,)),
        Example(expression="@2018-03 < @2018-03-01", result=()),
        Example(expression="@2018-02 < @2018-03-01", result=(True,)),
    ),
)
@of_each_kind
def less(call: Call, left: Collection, right: Collection) -> Collection:
    """Whether the left value comes before the right one."""
    return values.system(_less(call, left, right), BOOLEAN)


@operator("<=", group="Comparison", examples=(Example(expression="2 <= 2", result=(True,)),))
@of_each_kind
def less_or_equal(call: Call, left: Collection, right: Collection) -> Collection:
    """Whether the left value comes before the right one or is equal to it."""
    return values.system(_less(call, left, right, or_equal=True), BOOLEAN)


@operator(">", group="Comparison", examples=(Example(expression="@T10:30 > @T10:00", result=(True,)),))
@of_each_kind
def greater(call: Call, left: Collection, right: Collection) -> Collection:
    """Whether the left value comes after the right one."""
    return values.system(_less(call, right, left), BOOLEAN)


@operator(">=", group="Comparison", examples=(Example(expression="1 >= 2", result=(False,)),))
@of_each_kind
def greater_or_equal(call: Call, left: Collection, right: Collection) -> Collection:
    """Whether the left value comes after the right one or is equal to it."""
    return values.system(_less(call, right, left, or_equal=True), BOOLEAN)
