"""Quantities within objects: what tells them from other members, and one of them as a text that says all of its unit.

Such a text is a number and what the units of its dimension are reckoned with (`units.measured`), like ``5 7 1 6 -1 0``. So a
unit is looked up once for each quantity, however many others that is compared with. One that is ranked says behind that where
it stands among others of its dimension.
"""

from __future__ import annotations

import functools

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.fhir.model import Model
from fhir4ds.functions import decimals, factors, quantities, units, values
from fhir4ds.functions.units import Purpose
from fhir4ds.plan.collection import TypeName
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import FALSE, Cast, Constant, Extract, Node, apply, bind, text

_VALUE = Step("value")

#: The places of the words of a text: the number, what `factors` read, and where the zero of its scale is.
_NUMBER, _UNIT, _ZERO = 1, 2, 6

#: What stands before the rank of a text: no word before it is empty.
_RANK = "  "

#: What numbers are raised by to have as many digits before the point as there may be.
_RAISED = Cast(Constant(5 * 10**25, SqlType.INTEGER), SqlType.DECIMAL)


@functools.cache
def _never_of_quantities(model: Model) -> tuple[str, ...]:
    """What types have that have a number called value and are no quantities.

    Examples
    --------
    >>> from fhir4ds.fhir.model import load_model
    >>> _never_of_quantities(load_model("R4B"))
    ('category', 'reason', 'amount')
    """
    found: dict[str, None] = {}
    for name in model.types:
        value = model.elements(name).get("value")
        if (
            value is not None
            and not value.choice
            and model.primitives.get(value.types[0]) == "Decimal"
            and not quantities.is_quantity(TypeName("FHIR", name), model)
        ):
            found |= dict.fromkeys(model.elements(name))
    return tuple(
        name for name in found if name not in (*model.elements("Quantity"), *model.elements("BackboneElement"))
    )


def is_quantity(item: Node, model: Model | None) -> Node:
    """Whether an object is a quantity with a value to reckon with, and no comparator; none is without a model."""
    if model is None:
        return FALSE
    of_number = values.is_of_json(Extract(item, (_VALUE,), SqlType.JSON), SqlType.DECIMAL)
    exact = apply("is_null", Extract(item, (Step("comparator"),), SqlType.TEXT))
    others = (apply("not", apply("json_has", item, text(name))) for name in _never_of_quantities(model))
    return functools.reduce(lambda a, b: apply("and", a, b), (apply("coalesce", of_number, FALSE), exact, *others))


def number(item: Node) -> Node:
    """The text of a JSON item that is a number."""
    decimal = Cast(values.read_dynamic(item, SqlType.DECIMAL), SqlType.DECIMAL)
    return apply("decimal_text", decimal, type=SqlType.TEXT)


def number_of(quantity: Node) -> Node:
    """The text of the value of an object that is a quantity."""
    return number(Extract(quantity, (_VALUE,), SqlType.JSON))


def _measured(number: Node, unit: Node, purpose: Purpose) -> Node:
    """The text of a number and of what is known of its unit; one of no unit that is known is commensurable with itself alone."""
    known = quantities.look_up(units.measured(purpose), unit)
    own = quantities.joined(apply("replace", unit, text(" "), text("\\u0020"), type=SqlType.TEXT), text(" 1 1 0 0"))
    return quantities.joined(number, text(" "), apply("coalesce", known, own, type=SqlType.TEXT))


def comparable(number: Node, unit: Node) -> Node:
    """The text of a quantity that is compared with others for equality."""
    return _measured(number, unit, Purpose.COMPARISON)


def ranked(names: Names, number: Node, unit: Node) -> Node:
    """The text of a quantity that is compared with others for equivalence, and put in an order with them before."""
    words = _measured(number, unit, Purpose.EQUIVALENCE)
    return bind(names.fresh(), words, lambda words: quantities.joined(words, text(_RANK), _rank(words)))


def ranked_number(names: Names, number: Node) -> Node:
    """The same of a number that is no quantity, whose dimension is its own."""
    return bind(
        names.fresh(),
        number,
        lambda number: quantities.joined(
            number, text(f" number 1 1 0 0{_RANK}"), _sortable(Cast(number, SqlType.DECIMAL))
        ),
    )


def _rank(words: Node) -> Node:
    """The number in the unit that all of its dimension share, to be sorted by."""
    return _sortable(apply("scale_ratio", above_zero(words), *factors.size(words, _UNIT), type=SqlType.DECIMAL))


def _sortable(number: Node) -> Node:
    """A number as a text of so many digits that texts sort as numbers do; what is too large for that has none."""
    raised = decimals.fitting(apply("add", number, _RAISED, type=SqlType.DECIMAL))
    return apply("coalesce", apply("decimal_text", raised, type=SqlType.TEXT), text(""), type=SqlType.TEXT)


def value(words: Node) -> Node:
    """The number."""
    return _decimal(words, _NUMBER)


def are_commensurable(one: Node, other: Node) -> Node:
    """Whether the units of two such texts are of one dimension."""
    return factors.are_commensurable(one, other, _UNIT)


def have_one_unit(one: Node, other: Node) -> Node:
    """Whether the units of two such texts are the same."""
    units = (apply("regexp_remove", each, text(f"^[^ ]*|{_RANK}.*$"), type=SqlType.TEXT) for each in (one, other))
    return apply("equal", *units)


def above_zero(words: Node) -> Node:
    """The number from where the zero of its dimension is."""
    return decimals.fitting(apply("add", value(words), _decimal(words, _ZERO), type=SqlType.DECIMAL))


def converted(own: Node, other: Node) -> Node:
    """The number of one text in the unit of another one."""
    scaled = apply("scale_ratio", above_zero(own), factor(own, other), factor(other, own), type=SqlType.DECIMAL)
    return decimals.fitting(apply("subtract", scaled, _decimal(other, _ZERO), type=SqlType.DECIMAL))


def factor(one: Node, other: Node) -> Node:
    """What the number of one text is multiplied with to be compared with that of another one, which is by its own factor."""
    return factors.factor(one, other, _UNIT)


def _decimal(words: Node, place: int) -> Node:
    return Cast(factors.word(words, place), SqlType.DECIMAL)
