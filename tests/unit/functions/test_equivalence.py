"""``~`` of codes, of complex values and of quantities, on both databases."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir4ds.database import Database
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
        {"age": {"low": {"value": Decimal("3.4")}}, "low": {"value": Decimal("1.5"), "unit": "G"}},
        {"low": {"value": Decimal("1.4"), "unit": "g"}, "age": {"low": {"value": 3}}},
        {"low": {"value": 2, "unit": "g"}, "age": {"low": {"value": 3}}},
        {"low": {"value": Decimal("1.5"), "unit": "mg"}, "age": {"low": {"value": 3}}},
        {"low": {"value": Decimal("1.5"), "unit": "g"}},
    ],
}


@pytest.mark.parametrize(("other", "equivalent"), [(0, True), (1, True), (2, False), (3, True), (4, False), (5, False)])
def test_numbers_of_complex_values_are_rounded(database: Database, other: int, equivalent: bool) -> None:
    """As precise as the less precise of both, as numbers outside of complex values are."""
    pair = f"referenceRange[0] ~ referenceRange[{other}]", f"referenceRange[{other}] ~ referenceRange[0]"
    assert [database.evaluate(expression, _RANGES) for expression in pair] == [[equivalent]] * 2
    among = f"referenceRange.take(1) ~ referenceRange.skip({other}).take(1)"
    assert database.evaluate(among, _RANGES) == [equivalent]
