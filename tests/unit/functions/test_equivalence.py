"""``~`` of codes, of complex values and of quantities, on both databases."""

from __future__ import annotations

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
