"""Quantities with their units, and dates with quantities of time, evaluated by both databases."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.errors import InvalidOperation


def _quantity(value: int | str, unit: str) -> list[Any]:
    return [{"value": Decimal(value), "unit": unit}]


_VALUES: dict[str, list[Any]] = {
    # the calendar clips to the end of a month, and the result keeps precision and offset
    "@2024-01-31 + 1 month": ["2024-02-29"],
    "@2024-02-29 + 1 year": ["2025-02-28"],
    "@2024-03-31 - 1 month": ["2024-02-29"],
    "@2024-01-01 + 36 hours": ["2024-01-02"],
    "@2024-01-01 - 1 day": ["2023-12-31"],
    "@2024-01-01T10:00:00Z + 90 minutes": ["2024-01-01T11:30:00Z"],
    "@2024-01-01T23:30:00.000+10:00 + 1 hour": ["2024-01-02T00:30:00.000+10:00"],
    "@2024-01-01T00:00:00.000Z + 10 'ms'": ["2024-01-01T00:00:00.010Z"],
    "@T23:30:00 + 1 hour": ["00:30:00"],
    "@2024-01 + 1 month": ["2024-02"],
    "@2024 + 2 years": ["2026"],
    "@2024-01-01 + 1 'd'": ["2024-01-02"],
    "@2024-01-01 + 1 'wk'": ["2024-01-08"],
    # units convert; what cannot be converted cannot be compared
    "5 'mg' = 0.005 'g'": [True],
    "1 'kg' > 999 'g'": [True],
    "1 'kg' = 1 'm'": [],
    "1 'kg' < 1 'm'": [],
    "1 'g' ~ 1000 'mg'": [True],
    "(1 'g' | 1000 'mg').count()": [1],
    "5 'mg' in (0.005 'g' | 1 'kg')": [True],
    # calendar words and units: a week is a week, a year is no Julian year
    "7 days = 1 week": [True],
    "1 year = 12 months": [True],
    "1 year = 1 'a'": [],
    "1 year ~ 1 'a'": [True],
    "2 'g' + 500 'mg'": _quantity("2500", "mg"),
    "2 'g' - 500 'mg'": _quantity("1500", "mg"),
    "2 'm' * 3 'm'": _quantity(6, "m2"),
    "6 'm2' / 2 'm'": _quantity(3, "m"),
    "3 * 2 'm'": _quantity(6, "m"),
    "6 'm' / 2": _quantity(3, "m"),
    "(-5 'mg').abs()": _quantity(5, "mg"),
    "-(5 'mg')": _quantity(-5, "mg"),
    "'5 \\'mg\\''.toQuantity()": _quantity(5, "mg"),
    "'1 day'.toQuantity() = 1 day": [True],
    "1.toQuantity()": _quantity(1, "1"),
    "'x'.convertsToQuantity()": [False],
    "1 'cm'.comparable(1 '[in_i]')": [True],
    "1 'cm'.comparable(1 's')": [False],
}


@pytest.mark.parametrize(("expression", "expected"), _VALUES.items(), ids=_VALUES)
def test_value(database: Database, expression: str, expected: list[Any]) -> None:
    assert database.evaluate(expression, {"resourceType": "Patient"}) == expected


@pytest.mark.parametrize("expression", ["@2024-01-01 + 1 'mo'", "@2024-01-01 + 1 'kg'", "@2024-01-01 + 7"])
def test_no_amount_of_time(database: Database, expression: str) -> None:
    """A definite month of UCUM, a mass and a bare number cannot be added to a date."""
    with pytest.raises(InvalidOperation):
        database.evaluate(expression, {"resourceType": "Patient"})


def test_quantities_of_resources(database: Database) -> None:
    """A quantity of a resource converts by its code."""
    quantity = {"value": 185, "unit": "lbs", "system": "http://unitsofmeasure.org", "code": "[lb_av]"}
    observation = {"resourceType": "Observation", "valueQuantity": quantity}
    assert database.evaluate("value.ofType(Quantity) > 80 'kg'", observation) == [True]
    assert database.evaluate("value.ofType(Quantity) < 80 'kg'", observation) == [False]
    assert database.evaluate("value.ofType(Quantity) > 80 'm'", observation) == []
