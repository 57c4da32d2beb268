"""From and to quantities (FHIRPath, "Quantity Conversion Functions"), and whether two can be compared."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidArguments
from fhir4ds.functions import presence, quantities, singletons, units, values
from fhir4ds.functions.declaration import Call, Example, Parameter, function
from fhir4ds.functions.quantities import UNITY, Form, Quantity
from fhir4ds.functions.subsetting import at
from fhir4ds.functions.undecided import with_each_kind
from fhir4ds.functions.units import Purpose
from fhir4ds.plan.collection import BOOLEAN, QUANTITY, STRING, Collection
from fhir4ds.plan.nodes import (
    FALSE,
    Array,
    Case,
    Cast,
    Constant,
    Node,
    apply,
    bind,
    both,
    integer,
    null,
    text,
)
from fhir4ds.ucum.units import unit as ucum_unit

_GROUP = "Conversion"
_UNIT = Parameter("unit", optional=True)
_WORDS = "|".join(units.calendar_names())

#: More digits than that no database holds before the point.
_PATTERN = rf"^([+-]?[0-9]{{1,26}}(\.[0-9]+)?)[ \t\r\n]*('([^']+)'|({_WORDS}))?$"
_VALUE, _CODE, _WORD = 1, 4, 5


def _read(call: Call, body: Callable[[Quantity], Node]) -> Node | None:
    """Go on with the quantity that the focus converts to, whose value is NULL if it does not; None if it never does."""
    focus, names = call.focus, call.names
    form = quantities.form(call, focus)
    system = values.system_of(focus, call.model)
    if system == STRING:
        return bind(names.fresh(), singletons.single_value(call, focus), lambda s: body(_parsed(s)))
    if system == BOOLEAN:
        one, zero = (Cast(integer(n), SqlType.DECIMAL) for n in (1, 0))
        truth = singletons.single_value(call, focus)
        missing = null(SqlType.DECIMAL)
        number = bind(names.fresh(), truth, lambda t: Case(((t, one), (apply("not", t), zero)), missing))
        return body(Quantity(number, text(UNITY), UNITY, Form.NUMBER))
    if form is None:
        return None
    return quantities.single(call, focus, form, body)


def _parsed(written: Node) -> Quantity:
    """The quantity that a text has: a number, and behind it a calendar unit or a UCUM code in quotes."""
    value, code, word = (
        apply("regexp_group", written, text(_PATTERN), integer(group), type=SqlType.TEXT)
        for group in (_VALUE, _CODE, _WORD)
    )
    unit = apply("coalesce", code, word, text(UNITY), type=SqlType.TEXT)
    return Quantity(Cast(value, SqlType.DECIMAL), unit, None, Form.SYSTEM)


def _to_quantity(call: Call) -> Node | None:
    """The quantity that the focus converts to, JSON; None if it never does."""
    if not call.count:
        return _read(call, lambda q: quantities.made(q.value, q.system_unit))
    argument = call.value(0)
    if values.is_empty(argument):
        return None
    if values.system_of(argument, call.model) != STRING:
        raise call.error(InvalidArguments, "the unit must be a String")
    target = singletons.single_value(call, argument)
    known = target.value if isinstance(target, Constant) and isinstance(target.value, str) else None
    if known is not None and ucum_unit(known) is None and units.calendar_word(known) is None:
        return None
    wanted = Quantity(null(SqlType.DECIMAL), target, known, Form.SYSTEM)
    return bind(
        call.names.fresh(),
        target,
        lambda unit: _read(call, lambda q: _in_unit(call, q, attrs.evolve(wanted, unit=unit))) or null(SqlType.JSON),
    )


def _in_unit(call: Call, quantity: Quantity, wanted: Quantity) -> Node:
    """A quantity in another unit; one without a unit is taken to be in it."""
    labelled = quantities.made(quantity.value, wanted.unit)
    if quantity.known == UNITY:
        return labelled
    converted = quantities.with_ratio(
        call.names,
        quantity,
        wanted,
        Purpose.CONVERSION,
        lambda p, q: quantities.made(quantities.converted(quantity.value, p, q), wanted.unit),
        SqlType.JSON,
    )
    if quantity.known is not None:
        return converted
    return Case(((apply("equal", quantity.unit, text(UNITY)), labelled),), converted)


@function(
    "toQuantity",
    _UNIT,
    group=_GROUP,
    returns="Quantity",
    examples=(
        Example(expression="'4.5 \\'mg\\''.toQuantity() = 4.5 'mg'", result=(True,)),
        Example(expression="'4 days'.toQuantity() = 4 days", result=(True,)),
        Example(expression="52 'cm'.toQuantity('m') = 0.52 'm'", result=(True,)),
        Example(expression="45.toQuantity('m') = 45 'm'", result=(True,)),
        Example(expression="24 'm'.toQuantity('kg')", result=()),
    ),
)
@with_each_kind
def to_quantity(call: Call) -> Collection:
    """The single item as a quantity, in the given unit if there is one; empty if that cannot be.

    A String converts if it is a number, with or without a calendar unit such as ``days`` or a UCUM code in single quotes
    behind it. Numbers and Booleans have the unit ``'1'`` and take any other that is given. Conversions between calendar
    units and UCUM are reckoned in the units of the source.
    """
    plan = _to_quantity(call)
    return values.system(null(SqlType.JSON) if plan is None else plan, QUANTITY)


@function(
    "convertsToQuantity",
    _UNIT,
    group=_GROUP,
    returns="Boolean",
    examples=(
        Example(expression="'1 day'.convertsToQuantity()", result=(True,)),
        Example(expression="'1 wk'.convertsToQuantity()", result=(False,)),
        Example(expression="10 'm'.convertsToQuantity('kg')", result=(False,)),
        Example(expression="{}.convertsToQuantity()", result=()),
    ),
)
@with_each_kind
def converts_to_quantity(call: Call) -> Collection:
    """Whether `toQuantity` gives a quantity; empty if there is no item."""
    plan = _to_quantity(call)
    found = FALSE if plan is None else apply("is_not_null", plan)
    focus = singletons.single(call, call.focus)
    answer = Case(((presence.present(call, focus), found),), null(SqlType.BOOLEAN))
    return values.system(answer, BOOLEAN)


@function(
    "comparable",
    Parameter("other"),
    group="Comparison",
    returns="Boolean",
    examples=(
        Example(expression="1 'cm'.comparable(1 '[in_i]')", result=(True,)),
        Example(expression="1 'cm'.comparable(1 's')", result=(False,)),
        Example(expression="1 year.comparable(1 'a')", result=(False,)),
        Example(expression="1.comparable(2 '1')", result=(True,)),
    ),
)
def comparable(call: Call) -> Collection:
    """Whether two quantities can be compared: their units measure the same; empty if either is no single quantity."""
    sides = [call.focus, call.value(0)]
    forms = [quantities.form(call, side) for side in sides]
    first, second = forms
    if first is None or second is None:
        return values.system(null(SqlType.BOOLEAN), BOOLEAN)
    alone: Node | None = None
    for place, side in enumerate(sides):
        if side.many:
            alone = both(alone, apply("equal", presence.count(call, side), integer(1)))
            sides[place] = at(call, side, integer(0))

    def decide(a: Quantity, b: Quantity) -> Node:
        common = quantities.with_ratio(
            call.names, a, b, Purpose.COMPARISON, lambda p, _: apply("is_not_null", p), SqlType.BOOLEAN
        )
        missing = apply("or", apply("is_null", a.value), apply("is_null", b.value))
        return Case(((missing, null(SqlType.BOOLEAN)),), apply("coalesce", common, FALSE))

    answer = quantities.pair(call, sides[0], sides[1], (first, second), decide)
    if alone is not None:
        answer = Case(((alone, answer),), null(SqlType.BOOLEAN))
    return values.system(answer, BOOLEAN)


def as_text(call: Call, collection: Collection) -> Node:
    """A single quantity as ``toString`` shows it: ``4 days``, and UCUM codes in quotes, ``5 'mg'``."""
    form = quantities.form(call, collection) or Form.SYSTEM

    def written(quantity: Quantity) -> Node:
        unit, known = quantity.system_unit, quantity.known
        quoted = quantities.joined(text("'"), unit, text("'"))
        words = Array(tuple(map(text, units.calendar_names())), SqlType.TEXT)
        shown = quoted if known is not None else Case(((apply("array_contains", words, unit), unit),), quoted)
        if known is not None and units.calendar_word(known) is not None:
            shown = unit
        return quantities.joined(quantities.value_text(quantity.value), text(" "), shown)

    return quantities.single(call, collection, form, written)
