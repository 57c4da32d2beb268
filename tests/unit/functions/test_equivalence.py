"""``~`` of codes, of complex values and of quantities, on both databases."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.fhir.model import load_model
from fhir4ds.functions.measures import _never_of_quantities
from fhir4ds.functions.quantities import is_quantity
from fhir4ds.plan.collection import TypeName
from fhir4ds.testing.comparison import canonical

_OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o",
    "code": {"coding": [{"system": "s", "code": "a", "display": "A", "version": "1"}]},
    "category": [
        {"coding": [{"system": "s", "code": "a", "display": "B"}]},
        {"coding": [{"system": "s", "code": "z"}, {"system": "s", "code": "a"}]},
        {"coding": [{"system": "s", "code": "z"}]},
        {"text": "x  y"},
        {"text": "X Y", "id": "5"},
        {"coding": [{"system": "t", "code": "a"}]},
    ],
    "valueQuantity": {"value": 5, "unit": "cm"},
    "component": [{"valueQuantity": {"value": 5, "unit": "cm"}}],
    "referenceRange": [
        {"low": {"value": 1, "unit": "cm"}, "high": {"value": 50, "unit": "mm"}, "id": "1"},
        {"low": {"value": 1, "unit": "cm"}, "high": {"value": 50, "unit": "mm"}, "id": "2"},
    ],
}

_VALUES: dict[str, list[Any]] = {
    # FHIR R4, "FHIRPath", section "Changes to operators"
    "code ~ category[0]": [True],
    "code ~ category[1]": [True],
    "code ~ category[2]": [False],
    "code ~ category[3]": [False],
    "code ~ category[5]": [False],
    "code !~ category[5]": [True],
    "category[3] ~ category[4]": [True],
    "code.coding ~ category[0].coding": [True],
    "code.coding.first() ~ category[1].coding[1]": [True],
    "code.coding.first() ~ category[1].coding[0]": [False],
    "code.coding = category[0].coding": [False],
    "category.where($this ~ %context.code).count()": [2],
    "category ~ category": [True],
    "category ~ category.take(3)": [False],
    "category.take(2) ~ category.skip(1).take(2)": [False],
    "referenceRange[0] ~ referenceRange[1]": [True],
    "referenceRange[0] = referenceRange[1]": [False],
    # quantities, also among other items, which are equivalent to none
    "value ~ referenceRange[0].high": [True],
    "value ~ component.value": [True],
    "component.value ~ value": [True],
    "referenceRange.low ~ referenceRange.high": [False],
    "referenceRange[0].low ~ 1 'cm'": [True],
    "referenceRange.low ~ (10 'mm').combine(1 'cm')": [True],
    "referenceRange.low ~ (10 'mm').combine(1 'mm')": [False],
    "(5 'cm' | 6 'cm') ~ (5 'cm' | 'y')": [False],
    "(5 'cm' | 'y') ~ ('y' | 50 'mm')": [True],
    "5 'cm' ~ 5 'g'": [False],
    "5 'cm' !~ 5 'g'": [True],
    "1 'foo' ~ 1 'bar'": [False],
    "value ~ 5 'g'": [False],
    "value ~ 5": [False],
    # every item counts
    "(1 | 1.0 | 2) ~ (2 | 1)": [True],
    "1.combine(1).combine(2) ~ 1.combine(2).combine(2)": [False],
    "1.combine(1).combine(2) ~ 2.combine(1).combine(1)": [True],
    "(@2020 | @2021) ~ (@2021 | @2020)": [True],
    "('a' | 'B') ~ ('b' | 'A')": [True],
}


@pytest.mark.parametrize("expression", _VALUES)
def test_value(database: Database, expression: str) -> None:
    assert canonical(database.evaluate(expression, _OBSERVATION)) == canonical(_VALUES[expression])


@pytest.mark.parametrize("expression", ["s ~ 5 'cm'", "b ~ 5 'cm'", "k ~ 5 'cm'", "5 'cm' ~ s", "s ~ 5 days"])
def test_what_is_no_quantity_is_equivalent_to_none(untyped: Database, expression: str) -> None:
    values = {"s": "x", "b": True, "k": {"z": 1}, "q": {"value": 5, "unit": "cm"}}
    assert untyped.evaluate(expression, values) == [False]
    assert untyped.evaluate("q ~ 50 'mm'", values) == [True]


_RANGES = {
    "resourceType": "Observation",
    "id": "o",
    "referenceRange": [
        {"low": {"value": Decimal("1.50"), "unit": "g"}, "age": {"low": {"value": 3}}},
        {"age": {"low": {"value": Decimal("3.4")}}, "low": {"value": Decimal("1.5"), "unit": "g"}},
        {"low": {"value": Decimal("1.4"), "unit": "g"}, "age": {"low": {"value": 3}}},
        {"low": {"value": 2, "unit": "g"}, "age": {"low": {"value": 3}}},
        {"low": {"value": Decimal("1.5"), "unit": "mg"}, "age": {"low": {"value": 3}}},
        {"low": {"value": Decimal("1.5"), "unit": "g"}},
        # Units of UCUM are written as they are: this is a gauss.
        {"low": {"value": Decimal("1.5"), "unit": "G"}, "age": {"low": {"value": 3}}},
    ],
}


@pytest.mark.parametrize(
    ("other", "equivalent"), [(0, True), (1, True), (2, False), (3, True), (4, False), (5, False), (6, False)]
)
def test_numbers_of_complex_values_are_rounded(database: Database, other: int, equivalent: bool) -> None:
    """As precise as the less precise of both, as numbers outside of complex values are."""
    pair = f"referenceRange[0] ~ referenceRange[{other}]", f"referenceRange[{other}] ~ referenceRange[0]"
    assert [database.evaluate(expression, _RANGES) for expression in pair] == [[equivalent]] * 2
    among = f"referenceRange.take(1) ~ referenceRange.skip({other}).take(1)"
    assert database.evaluate(among, _RANGES) == [equivalent]


def _low(value: Any, **unit: str) -> dict[str, Any]:
    return {"low": {"value": value, **unit}}


_QUANTITIES: dict[str, Any] = {
    "resourceType": "Observation",
    "component": [
        {"code": {"text": "a"}, "valueQuantity": {"value": 5, "unit": "mg", "code": "mg", "system": "s"}},
        {"code": {"text": "A"}, "valueQuantity": {"value": 0.005, "code": "g"}},
        {"code": {"text": "A"}, "valueQuantity": {"value": 0.0062, "code": "g"}},
        {"code": {"text": "A"}, "valueQuantity": {"value": 0.005, "comparator": "<", "code": "g"}},
        {"code": {"text": "A"}, "valueQuantity": {"value": 5.0, "comparator": "<", "code": "mg"}},
        {"code": {"text": "A"}, "valueInteger": 5},
    ],
    "referenceRange": [
        {**_low(37, code="Cel"), "high": {"value": 50, "unit": "mm"}},
        {**_low(98.6, code="[degF]"), "high": {"value": 5.0, "unit": "cm"}},
        {**_low(310.15, code="K"), "high": {"value": 0.05, "unit": "m"}},
        _low(12, unit="months"),
        _low(1, unit="year"),
        _low(1, code="a"),
        _low(5, unit="a few  drops"),
        _low(5.0, unit="a few  drops"),
        _low(5, unit="a few drops"),
        _low(5),
        _low(5.00, code="1{x}"),
        {},
    ],
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    {
        "component[0] ~ component[1]": True,
        "component[0] ~ component[2]": False,
        "component[1] ~ component[2]": False,
        "component[0] ~ component[3]": False,
        "component[3] ~ component[4]": False,
        "component[3] ~ component[3]": True,
        "component[0] ~ component[5]": False,
        "component.take(2) ~ component.take(2)": True,
        "component.take(2) ~ component[1].combine(component[1])": True,
        "component.take(2) ~ component.skip(1).take(2)": False,
        "component[0].combine(component[0].value) ~ component[1].value.combine(component[1])": True,
        "component[0].combine(component[0].value) ~ component[2].value.combine(component[2])": False,
        "referenceRange[0] ~ referenceRange[1]": True,
        "referenceRange[0] ~ referenceRange[2]": True,
        "referenceRange[2] ~ referenceRange[1]": True,
        "referenceRange[3] ~ referenceRange[4]": True,
        "referenceRange[4] ~ referenceRange[5]": True,
        "referenceRange[6] ~ referenceRange[7]": True,
        "referenceRange[6] ~ referenceRange[8]": False,
        "referenceRange[6] ~ referenceRange[9]": False,
        "referenceRange[9] ~ referenceRange[10]": True,
        "referenceRange[9] ~ referenceRange[0]": False,
        "$this ~ $this": True,
    }.items(),
)
def test_quantities_of_complex_values(database: Database, expression: str, expected: bool) -> None:
    """As they are by themselves: in the larger of both units, and rounded (FHIRPath, "Quantity Equivalence")."""
    assert database.evaluate(expression, _QUANTITIES) == [expected]


def test_quantities_of_complex_values_are_those_by_themselves(database: Database) -> None:
    lows = "referenceRange.where(low.exists())"
    objects = f"{lows}.select(defineVariable('one').select(%context.{lows}.select($this ~ %one)))"
    alone = f"{lows}.select(defineVariable('one').select(%context.{lows}.select(low ~ %one.low)))"
    resource = {
        **_QUANTITIES,
        "referenceRange": [{"low": each.get("low")} for each in _QUANTITIES["referenceRange"][:-1]],
    }
    found = database.evaluate(objects, resource)
    assert len(found) == 11**2
    assert found == database.evaluate(alone, resource)


@pytest.mark.parametrize("version", ["R4", "R4B", "R5"])
def test_what_is_taken_for_a_quantity_is_one(version: str) -> None:
    """A type with a number called value is a quantity, or has members that tell it from one, or nothing but that number."""
    model = load_model(version)
    of_quantities = {*model.elements("Quantity"), *model.elements("Money"), *model.elements("BackboneElement")}
    for name in model.types:
        value = model.elements(name).get("value")
        if value is None or value.choice or model.is_primitive(name):
            continue
        if {model.primitives.get(type) for type in value.types} & {"Decimal", "Integer", "Long"}:
            others = set(model.elements(name)) - of_quantities
            assert others <= set(_never_of_quantities(model)), name
            assert others or is_quantity(TypeName("FHIR", name), model), name


_TREE: dict[str, Any] = {
    "a": {"e": 1},
    "b": {"e": 1.1},
    "c": {"x": ["p", {"q": [1, 2]}], "y": "A  b"},
    "d": {"y": "a B", "x": [{"q": [2, 1.0]}, "P"]},
    "s": "Ab",
    "n": 1.50,
    "arr": [3, 1, 2],
    "brr": [1, 2, 3],
    "l": [{"a": 1}, {"a": 2}],
    "k": [{"a": 2}, {"a": 1.01}],
    "one": {"id": "1", "v": True},
    "other": {"id": "2", "v": True},
    "third": {"v": False},
    "mg": {"value": 5, "code": "mg"},
    "g": {"value": 0.005, "code": "g"},
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    {
        "a ~ b": True,
        "c ~ d": True,
        "c ~ a": False,
        "s ~ n": False,
        "n ~ 1.5": True,
        "s ~ 'aB'": True,
        "arr ~ brr": True,
        "arr ~ l": False,
        "l ~ k": True,
        "l ~ k.take(1)": False,
        "l[0] ~ k[0]": False,
        "one ~ other": True,
        "one ~ third": False,
        "mg ~ g": False,
        "nothing ~ none": True,
        "a ~ none": False,
        "a !~ c": True,
        "s.combine(n) ~ n.combine(s)": True,
        "$this ~ $this": True,
    }.items(),
)
def test_without_a_model(untyped: Database, expression: str, expected: bool) -> None:
    """Objects are equivalent if what is in them is, in any order; there are no quantities."""
    assert untyped.evaluate(expression, _TREE) == [expected]
