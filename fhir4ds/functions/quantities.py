"""Quantities in a plan: how they stand in SQL, how they are taken apart, and how two of them compare.

A System.Quantity is JSON with a value and a unit. A FHIR Quantity stays what it is and is read where its value is needed:
its unit is its code, or its unit where it has none. Units that an expression states meet at compile time and become
constant factors; units of data are looked up in a constant table when they are met (FHIRPath, "Quantity Equality" and
"Comparison"). A FHIR Quantity with a comparator, such as ``< 5 mg``, has no value to reckon with.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable
from decimal import Decimal

import attrs

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.fhir.model import Model
from fhir4ds.functions import decimals, factors, singletons, units, values
from fhir4ds.functions.declaration import Call
from fhir4ds.functions.units import Purpose
from fhir4ds.plan.collection import DECIMAL, INTEGER, LONG, QUANTITY, Collection, TypeName
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import (
    FALSE,
    TRUE,
    Apply,
    Array,
    Case,
    Cast,
    Constant,
    Extract,
    FromJson,
    Node,
    apply,
    bind,
    integer,
    null,
    text,
)
from fhir4ds.ucum.expression import ANNOTATION

NUMBERS = (INTEGER, LONG, DECIMAL)

#: The unit of a number.
UNITY = "1"

_OPEN, _MIDDLE, _CLOSE = '{"value": ', ', "unit": ', "}"


class Form(enum.Enum):
    """How an operand holds a quantity."""

    SYSTEM = "system"  # JSON with value and unit
    FHIR = "fhir"  # a FHIR Quantity or Money
    NUMBER = "number"  # a number, which converts to a quantity without a unit
    OPEN = "open"  # JSON that may be a quantity or a number, or neither


@attrs.frozen
class Quantity:
    """A single quantity taken apart.

    Parameters
    ----------
    value : Node
        Its value, a Decimal; NULL if there is no quantity.
    unit : Node
        Its unit, text.
    known : str or None
        The unit, if it is known at compile time.
    form : Form
        What it was taken from.
    """

    value: Node
    unit: Node
    known: str | None
    form: Form

    @property
    def system_unit(self) -> Node:
        """The unit that the quantity has as a System.Quantity.

        The UCUM year and month of a FHIR Quantity are those of the calendar then (FHIR, "FHIRPath", section "Use of FHIR
        Quantity").
        """
        if self.form not in (Form.FHIR, Form.OPEN):
            return self.unit
        renamed = ((units.DEFINITE[word], word) for word in ("year", "month"))
        branches = tuple((apply("equal", self.unit, text(code)), text(word)) for code, word in renamed)
        return Case(branches, self.unit)


def is_quantity(type: TypeName, model: Model | None) -> bool:
    """Whether the values of a type are quantities; those of Money are, in units of its currency."""
    if type.namespace == "System":
        return type == QUANTITY
    return model is not None and (type.name == "Money" or model.is_subtype(type.name, "Quantity"))


def form(call: Call, collection: Collection) -> Form | None:
    """How a collection holds quantities; None if it cannot hold any."""
    if values.is_empty(collection):
        return None
    if values.system_of(collection, call.model) in NUMBERS:
        return Form.NUMBER
    if collection.types and all(values.system_type(type, call.model) in NUMBERS for type in collection.types):
        return Form.OPEN
    found = [is_quantity(type, call.model) for type in collection.types]
    if found and all(found):
        return Form.SYSTEM if collection.type == QUANTITY else Form.FHIR
    return Form.OPEN if any(found) or (not found and collection.plan.type is SqlType.JSON) else None


def forms(call: Call, left: Collection, right: Collection) -> tuple[Form, Form] | None:
    """How two operands hold quantities; None if the operation is not about quantities.

    One of them must be known to be a quantity, and the other at least may be one.
    """
    a, b = form(call, left), form(call, right)
    return (a, b) if a is not None and b is not None and {a, b} & {Form.SYSTEM, Form.FHIR} else None


def chosen(call: Call, collection: Collection) -> Collection:
    """A choice element without the types that are neither quantities nor numbers."""
    kept = tuple(
        choice
        for choice in collection.choices
        if is_quantity(choice.type, call.model) or values.system_type(choice.type, call.model) in NUMBERS
    )
    return attrs.evolve(collection, choices=kept, types=tuple(dict.fromkeys(choice.type for choice in kept)))


# --- making and taking apart ------------------------------------------------------------------------------------------


def literal(value: Decimal, unit: str) -> Collection:
    """The collection of a quantity that stands in an expression."""
    written = f"{_OPEN}{value:f}{_MIDDLE}{json.dumps(unit, ensure_ascii=False)}{_CLOSE}"
    return values.system(Constant(written, SqlType.JSON), QUANTITY)


def made(value: Node, unit: Node) -> Node:
    """A System.Quantity of a computed value and a unit; NULL if either is."""
    head = joined(text(_OPEN), value_text(Cast(value, SqlType.DECIMAL)))
    if isinstance(unit, Constant):
        tail: Node = text(f"{_MIDDLE}{json.dumps(unit.value, ensure_ascii=False)}{_CLOSE}")
    else:
        written = Cast(apply("to_json", Cast(unit, SqlType.TEXT), type=SqlType.JSON), SqlType.TEXT)
        tail = joined(text(_MIDDLE), written, text(_CLOSE))
    return Cast(joined(head, tail), SqlType.JSON)


def value_text(value: Node) -> Node:
    """The text of a value; that of a literal with the digits it was written with."""
    if isinstance(value, Constant) and isinstance(value.value, Decimal):
        return text(f"{value.value:f}")
    return apply("decimal_text", value, type=SqlType.TEXT)


def joined(*parts: Node) -> Node:
    """Texts one after the other."""
    result = parts[0]
    for part in parts[1:]:
        result = apply("concat", result, part, type=SqlType.TEXT)
    return result


def _stated(plan: Node) -> Quantity | None:
    """The parts of a quantity whose unit its plan states; None for any other plan."""
    match plan:
        case Constant(value=str(written)):
            parts = json.loads(written, parse_float=Decimal, parse_int=Decimal)
            value: Node = Constant(parts["value"], SqlType.DECIMAL)
        case Cast(
            Apply("concat", (Apply("concat", (Constant(), Apply("decimal_text", (value,)))), Constant(str(tail))))
        ):
            parts = json.loads("{" + tail.removeprefix(", "))
        case _:
            return None
    return Quantity(value, text(parts["unit"]), parts["unit"], Form.SYSTEM)


def apart(names: Names, item: Node, form: Form, body: Callable[[Quantity], Node]) -> Node:
    """Take a single item apart and go on with its parts."""
    stated = Quantity(Cast(item, SqlType.DECIMAL), text(UNITY), UNITY, form) if form is Form.NUMBER else None
    if form is Form.SYSTEM:
        stated = _stated(item)

    def valued(quantity: Quantity) -> Node:
        # Bound, as a conversion that finds no room for a value passes over one that cannot be read, and over any error.
        return decimals.settled(names, (quantity.value,), lambda value: body(attrs.evolve(quantity, value=value)))

    return valued(stated) if stated is not None else bind(names.fresh(), item, lambda json: valued(_read(json, form)))


def _read(json: Node, form: Form) -> Quantity:
    value = _member(json, "value", SqlType.DECIMAL)
    if form is Form.SYSTEM:
        return Quantity(value, _member(json, "unit"), None, form)
    exact = apply("is_null", _member(json, "comparator"))
    value = Case(((exact, value),), null(SqlType.DECIMAL))
    if form is Form.OPEN:
        number = apply("equal", apply("json_kind", json, type=SqlType.TEXT), text("number"))
        value = Case(((number, FromJson(json, SqlType.DECIMAL)),), value)
    return Quantity(value, unit_of(json), None, form)


def unit_of(json: Node) -> Node:
    """The unit of a FHIR Quantity, or of Money, of which it is the currency."""
    stated = (_member(json, name) for name in ("code", "unit", "currency"))
    return apply("coalesce", *stated, text(UNITY), type=SqlType.TEXT)


def _member(json: Node, name: str, type: SqlType = SqlType.TEXT) -> Node:
    return Extract(json, (Step(name),), type)


def single(call: Call, collection: Collection, form: Form, body: Callable[[Quantity], Node]) -> Node:
    """Take a collection of at most one item apart and go on with its parts."""
    if form is Form.OPEN and collection.choices:
        collection = chosen(call, collection)
    return apart(call.names, singletons.single_value(call, collection), form, body)


def pair(
    call: Call,
    left: Collection,
    right: Collection,
    forms: tuple[Form, Form],
    body: Callable[[Quantity, Quantity], Node],
) -> Node:
    """Take two operands apart and go on with the parts of both."""
    return single(call, left, forms[0], lambda a: single(call, right, forms[1], lambda b: body(a, b)))


def mapped(call: Call, collection: Collection, change: Callable[[Node], Node]) -> Collection:
    """A single quantity with another value."""
    form_ = form(call, collection) or Form.SYSTEM
    return values.system(single(call, collection, form_, lambda q: made(change(q.value), q.system_unit)), QUANTITY)


# --- units ------------------------------------------------------------------------------------------------------------


def with_ratio(
    names: Names, a: Quantity, b: Quantity, purpose: Purpose, body: Callable[[Node, Node], Node], type: SqlType
) -> Node:
    """Go on with two whole numbers ``p`` and ``q``: a value ``x`` of ``a`` is ``y`` of ``b`` if ``x * p = y * q``.

    They are NULL, or there is NULL of ``type`` instead of the body, where the units are not commensurable.
    """
    if a.known is not None and b.known is not None:
        ratio = units.ratio(a.known, b.known, purpose)
        return null(type) if ratio is None else body(integer(ratio[0]), integer(ratio[1]))
    if b.known is not None:
        table = units.ratios_to(b.known, purpose, fhir=a.form is not Form.SYSTEM)
        return bind(names.fresh(), look_up(table, a.unit), lambda e: body(factors.whole(e, 1), factors.whole(e, 2)))
    if a.known is not None:
        return with_ratio(names, b, a, purpose, lambda q, p: body(p, q), type)
    return bind(
        names.fresh(),
        _unit_beside(a, b),
        lambda u: bind(names.fresh(), _unit_beside(b, a), lambda v: _with_shared_ratio(names, u, v, purpose, body)),
    )


def _unit_beside(own: Quantity, other: Quantity) -> Node:
    """The unit of a quantity beside another one: of a FHIR Quantity that of the calendar, if the other one has such."""
    if own.form not in (Form.FHIR, Form.OPEN) or other.form is not Form.SYSTEM:
        return own.unit
    words = Array(tuple(map(text, units.calendar_names())), SqlType.TEXT)
    named = apply("coalesce", look_up(units.words(), own.unit), own.unit, type=SqlType.TEXT)
    return Case(((apply("array_contains", words, other.unit), named),), own.unit)


def _with_shared_ratio(names: Names, u: Node, v: Node, purpose: Purpose, body: Callable[[Node, Node], Node]) -> Node:
    """The same for two units of data, by way of a unit that all of their dimension share."""
    same = apply("equal", u, v)
    first, second = (Case(((same, null(SqlType.TEXT)),), look_up(units.all_ratios(purpose), unit)) for unit in (u, v))
    of_both = look_up(units.ratios_of_calendar(purpose), joined(u, text(" "), v))

    def go_on(e: Node, f: Node, pair: Node) -> Node:
        commensurable = factors.are_commensurable(e, f)
        of_calendar = apply("is_not_null", pair)
        p, q = (
            Case(
                (
                    (same, integer(1)),
                    (of_calendar, factors.whole(pair, place)),
                    (commensurable, factors.factor(own, other)),
                ),
                null(SqlType.INTEGER),
            )
            for place, own, other in ((1, e, f), (2, f, e))
        )
        return bind(names.fresh(), p, lambda p: bind(names.fresh(), q, lambda q: body(p, q)))

    return bind(
        names.fresh(),
        first,
        lambda e: bind(names.fresh(), second, lambda f: bind(names.fresh(), of_both, lambda g: go_on(e, f, g))),
    )


def look_up(table: str, unit: Node) -> Node:
    """What a JSON object says of a unit; NULL if it has none of that code."""
    return apply("look_up", Constant(table, SqlType.JSON), bare(unit), type=SqlType.TEXT)


def bare(unit: Node) -> Node:
    """A unit without its annotations."""
    rest = apply("regexp_remove", unit, text(ANNOTATION), type=SqlType.TEXT)
    return apply("coalesce", apply("null_if", rest, text(""), type=SqlType.TEXT), text(UNITY), type=SqlType.TEXT)


def _scaled(value: Node, factor: Node) -> Node:
    return value if factor == integer(1) else apply("scale", value, factor, type=SqlType.DECIMAL)


def converted(value: Node, p: Node, q: Node) -> Node:
    """A value times ``p`` over ``q``, NULL where it does not fit."""
    if q == integer(1):
        return _scaled(value, p)
    return value if p == q else apply("scale_ratio", value, p, q, type=SqlType.DECIMAL)


def _zero(a: Quantity, b: Quantity) -> Node | None:
    """How much above absolute zero the scale of a temperature begins, where the other one may be on another scale."""
    if a.known is not None:
        zero = units.zeros().get(a.known)
        return None if zero is None or a.known == b.known else Constant(zero, SqlType.DECIMAL)
    if b.known is not None and not units.is_temperature(b.known):
        return None
    nothing = Constant(Decimal(0), SqlType.DECIMAL)
    zeros = units.zeros().items()
    return Case(
        tuple((apply("equal", a.unit, text(code)), Constant(zero, SqlType.DECIMAL)) for code, zero in zeros), nothing
    )


def _moved(primitive: str, value: Node, zero: Node | None) -> Node:
    return value if zero is None else decimals.fitting(apply(primitive, value, zero, type=SqlType.DECIMAL))


# --- comparison -------------------------------------------------------------------------------------------------------


def compared(names: Names, a: Quantity, b: Quantity, primitive: str) -> Node:
    """Whether a relation holds between two quantities; NULL where their units are not commensurable."""
    return with_ratio(
        names,
        a,
        b,
        Purpose.COMPARISON,
        lambda p, q: apply(
            primitive, *(_scaled(_moved("add", x.value, _zero(x, y)), z) for x, y, z in ((a, b, p), (b, a, q)))
        ),
        SqlType.BOOLEAN,
    )


def equal(names: Names, left: Node, right: Node, forms: tuple[Form, Form]) -> Node:
    """Equality of two items that are there; NULL where their units are not commensurable."""

    def compare(a: Quantity, b: Quantity) -> Node:
        found = _if_quantities(a, b, compared(names, a, b, "equal"))
        if forms != (Form.FHIR, Form.FHIR):
            return found
        # The same element is equal to itself, also where it has no value.
        same = Case(((apply("json_equal", left, right), TRUE),), null(SqlType.BOOLEAN))
        return apply("coalesce", found, same)

    return apart(names, left, forms[0], lambda a: apart(names, right, forms[1], lambda b: compare(a, b)))


def is_less(names: Names, left: Node, right: Node, form: Form) -> Node:
    """Whether one of two items that are there is less; NULL where their units are not commensurable."""
    return apart(names, left, form, lambda a: apart(names, right, form, lambda b: compared(names, a, b, "less")))


def equivalent(names: Names, left: Node, right: Node, forms: tuple[Form, Form]) -> Node:
    """Equivalence of two items that are there; NULL where their units are not commensurable."""

    def compare(a: Quantity, b: Quantity) -> Node:
        return _if_quantities(a, b, alike(names, a, b))

    return apart(names, left, forms[0], lambda a: apart(names, right, forms[1], lambda b: compare(a, b)))


def alike(names: Names, a: Quantity, b: Quantity) -> Node:
    """Equivalence of two quantities; NULL where their units are not commensurable.

    Values compare in the larger of both units, rounded to the digits of the less precise of them (FHIRPath, "Quantity
    Equivalence").
    """

    def rounded(p: Node, q: Node) -> Node:
        x = _moved("subtract", converted(_moved("add", a.value, _zero(a, b)), p, q), _zero(b, a))
        y = _moved("subtract", converted(_moved("add", b.value, _zero(b, a)), q, p), _zero(a, b))
        if isinstance(p, Constant) and isinstance(q, Constant):
            return decimals.alike(names, a.value if whole(q) <= whole(p) else x, b.value if whole(p) <= whole(q) else y)
        larger = apply("less_or_equal", q, p)
        return decimals.alike(names, Case(((larger, a.value),), x), Case(((larger, y),), b.value))

    return with_ratio(names, a, b, Purpose.EQUIVALENCE, rounded, SqlType.BOOLEAN)


def whole(node: Constant) -> int:
    """The whole number that a constant is."""
    return node.value if isinstance(node.value, int) else 0


def _if_quantities(a: Quantity, b: Quantity, answer: Node) -> Node:
    """An answer about two items, false if one of them turns out to be neither a quantity nor a number."""
    other: Node | None = None
    for side in (a, b):
        if side.form is Form.OPEN:
            missing = apply("is_null", side.value)
            other = missing if other is None else apply("or", other, missing)
    return answer if other is None else Case(((other, FALSE),), answer)


def order(call: Call, left: Collection, right: Collection, forms: tuple[Form, Form], primitive: str) -> Node:
    """Whether a relation of order holds between two single quantities."""
    return pair(call, left, right, forms, lambda a, b: compared(call.names, a, b, primitive))
