"""Sum, mean and extremes of quantities, on both databases."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.errors import InvalidOperation
from fhir4ds.testing.comparison import canonical


def _element(value: int, unit: str, **more: str) -> dict[str, Any]:
    return {"valueQuantity": {"value": value, "code": unit, "system": "http://unitsofmeasure.org", **more}}


_OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o",
    "component": [_element(1, "g"), _element(250, "mg"), _element(2, "kg"), {"valueInteger": 9}],
    "referenceRange": [{"low": {"value": 3, "code": "m"}}, {"low": {"value": 4, "code": "s"}}],
}
_QUANTITIES = "component.value.ofType(Quantity)"


def _quantity(value: str, unit: str) -> list[Any]:
    return [{"value": Decimal(value), "unit": unit}]


_VALUES: dict[str, list[Any]] = {
    "(1 'm' | 2 'cm').sum()": _quantity("102", "cm"),
    "(1 'm' | 2 'cm').avg()": _quantity("51", "cm"),
    "(1 'm' | 2 'cm').min()": _quantity("2", "cm"),
    "(1 'm' | 2 'cm').max()": _quantity("1", "m"),
    "(2 days | 3 hours | 1 week).max()": _quantity("1", "week"),
    "(3 'm').sum()": _quantity("3", "m"),
    "(3 'm').max()": _quantity("3", "m"),
    f"{_QUANTITIES}.sum()": _quantity("2001250", "mg"),
    f"{_QUANTITIES}.avg().value.round(6) = 667083.333333": [True],
    f"{_QUANTITIES}.min().code": ["mg"],
    f"{_QUANTITIES}.max().value": [Decimal(2)],
    f"{_QUANTITIES}.max() is Quantity": [True],
    f"{_QUANTITIES}.where(value > 5000).sum()": [],
    f"{_QUANTITIES}.where(value > 5000).max()": [],
    f"{_QUANTITIES}.first().sum()": _quantity("1", "g"),
    # what cannot be compared has no sum, wherever it stands
    "(1 'm' | 2 's' | 3 'm').sum()": [],
    "(1 'm' | 2 's' | 3 'm').max()": [],
    "referenceRange.low.min()": [],
    "referenceRange.low.avg()": [],
}


@pytest.mark.parametrize("expression", _VALUES)
def test_value(database: Database, expression: str) -> None:
    assert canonical(database.evaluate(expression, _OBSERVATION)) == canonical(_VALUES[expression])


def test_a_value_that_is_a_limit_has_no_sum(database: Database) -> None:
    observation = {**_OBSERVATION, "component": [_element(1, "g"), _element(2, "g", comparator="<")]}
    assert database.evaluate(f"{_QUANTITIES}.sum()", observation) == []


@pytest.mark.parametrize("function", ["sum", "avg"])
def test_quantities_beside_others(database: Database, function: str) -> None:
    with pytest.raises(InvalidOperation, match="the items must be numbers, not of several types"):
        database.evaluate(f"component.value.{function}()", _OBSERVATION)
