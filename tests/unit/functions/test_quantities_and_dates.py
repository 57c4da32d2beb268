"""Quantities with their units, and dates with quantities of time, evaluated by both databases."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.errors import EvaluationError, InvalidOperation


def _quantity(value: int | str, unit: str) -> list[Any]:
    return [{"value": Decimal(value), "unit": unit}]


_VALUES: dict[str, list[Any]] = {
    # the calendar clips to the end of a month, and the result keeps precision and offset
    "@2024-01-31 + 1 month": ["2024-02-29"],
    "@2024-02-29 + 1 year": ["2025-02-28"],
    "@2024-03-31 - 1 month": ["2024-02-29"],
    "@2024-01-01T + 36 hours": ["2024-01-02"],
    "@2024-01-01.toDateTime() + 36 hours": ["2024-01-02"],
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
    "(1 year + 6 months) = 18 months": [True],
    "1 year - 6 months = 6 months": [True],
    "1 month + 30 days": [],
    "1 year = 1 'a'": [],
    "1 year ~ 1 'a'": [True],
    # and the same where units are known only when they are met
    "(1 year).combine(3 'mg') = (12 months).combine(3 'mg')": [True],
    "(1 year).combine(3 'mg').first() = (365 days).combine(3 'mg').first()": [True],
    "(2 months).combine(3 'mg').first() > (59 days).combine(3 'mg').first()": [True],
    "(1 year).combine(3 'mg').first() = (1 'a').combine(3 'mg').first()": [],
    "(1 year).combine(3 'mg').first() ~ (1 'a').combine(3 'mg').first()": [True],
    "(1 year).combine(3 'mg').first() + (6 months).combine(3 'mg').first()": _quantity(18, "months"),
    "(1 month).combine(3 'mg').first() + (30 days).combine(3 'mg').first()": [],
    "(2 years | 3 'mg') ~ (3 'mg' | 2 'a')": [True],
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


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        ("component.take(1).value = 2 years", [True]),
        ("component.take(1).value = 24 months", [True]),
        ("component.take(1).value != 3 years", [True]),
        ("component.where(code.text = 'a').value.ofType(Quantity) = 2 years", [True]),
        ("component.take(1).value = 2 'a'", [True]),
        ("component.value contains 2 years", [True]),
        ("3 years in component.value", [False]),
        ("(2 years).subsetOf(component.value)", [True]),
        ("component.value.exclude(24 months).count()", [0]),
        ("component.value ~ (24 months).combine(2 years)", [True]),
        ("component.value.take(1) ~ 2 years", [True]),
        ("component.value.take(1) = (730 days | 1 'mg').first()", [True]),
        ("component.value.take(1) = (730 'd' | 1 'mg').first()", [False]),
    ],
)
def test_years_of_resources_among_several(database: Database, expression: str, items: list[Any]) -> None:
    """A year of UCUM is one of the calendar where the other operand is one, also among several items."""
    codes = {"a": 2, "mo": 24}
    component = [
        {"code": {"text": code}, "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": code}}
        for code, value in codes.items()
    ]
    assert database.evaluate(expression, {"resourceType": "Observation", "id": "o", "component": component}) == items


@pytest.mark.parametrize("unit", ["hours", "'h'", "minute", "'s'", "milliseconds"])
def test_a_date_has_no_time_of_day(database: Database, unit: str) -> None:
    """FHIRPath N1, section 6.7.1: what is added to a Date is in years, months, weeks or days."""
    for sign in "+-":
        with pytest.raises(InvalidOperation, match="cannot be added to a Date") as caught:
            database.evaluate(f"@2024-01-01 {sign} 1 {unit}", {})
        assert caught.value.hint == "a Date has no time of day; toDateTime() makes it a DateTime"
    with pytest.raises(EvaluationError, match="the unit of the quantity cannot be added to a Date"):
        database.evaluate(f"(1 day).combine(1 {unit}).select(@2024-01-01 + $this)", {})


_IMPOSSIBLE = {
    "resourceType": "Observation",
    "id": "o",
    "effectiveDateTime": "2020-02-30T10:00:00Z",
    "valueQuantity": {"value": "abc", "unit": "mg"},
}


@pytest.mark.parametrize(
    "expression",
    ["effective > @2019", "effective + 1 day", "effective = effective + 1 day", "effective.highBoundary()"],
)
def test_dates_of_resources_that_are_none(database: Database, expression: str) -> None:
    """What is no moment is an error of the resource that has it, with its place, and nothing that a database says."""
    with pytest.raises(EvaluationError, match="the value is no DateTime of the calendar") as caught:
        database.evaluate(expression, _IMPOSSIBLE)
    assert caught.value.position is not None


def test_one_impossible_date_among_others(database: Database) -> None:
    database.load([_IMPOSSIBLE, {**_IMPOSSIBLE, "id": "p", "effectiveDateTime": "2020-02-29T10:00:00Z"}])
    found = database.query("Observation.where(effective > @2019).id", on_error="null")
    assert found.rows == [("p", "p")]
    assert [(error.key, error.message) for error in found.diagnostics] == [
        ("o", "the value is no DateTime of the calendar")
    ]


def test_a_number_that_is_none(database: Database) -> None:
    with pytest.raises(EvaluationError, match="'value' must be a number"):
        database.evaluate("value.ofType(Quantity).value", _IMPOSSIBLE)


def test_the_end_of_time(database: Database) -> None:
    """The last day of the last year, west of Greenwich, is after everything; leap seconds are the moment after."""
    period = {
        "resourceType": "Observation",
        "effectiveDateTime": "9999-12-31T23:59:59-05:00",
        "issued": "2016-12-31T23:59:60Z",
    }
    for expression in (
        "effective > now()",
        "effective = effective",
        "effective > @9999-12-31T23:59:59Z",
        "issued < @2017-01-02T00:00:00Z",
        "issued > @2016-12-31T23:59:59Z",
        "@2020-01-01T00:00:00.9999999Z < @2020-01-01T00:00:01Z",
        "@2020-01-01T00:00:00.1234569Z = @2020-01-01T01:00:00.123456+01:00",
    ):
        assert database.evaluate(expression, period) == [True], expression


@pytest.mark.parametrize(
    ("expression", "expected"),
    {
        "component.select(value.toQuantity().value)": [1, 5, 2, 3],
        "component.select(value.toQuantity().unit)": ["1", "mg", "kg", "1"],
        "component.select(value.convertsToQuantity())": [True, True, True, True, False],
    }.items(),
)
def test_choices_as_quantities(database: Database, expression: str, expected: list[Any]) -> None:
    values = [
        {"valueBoolean": True},
        {"valueString": "5 'mg'"},
        {"valueQuantity": {"value": 2, "unit": "kg"}},
        {"valueInteger": 3},
        {"valueDateTime": "2020"},
    ]
    assert database.evaluate(expression, {"resourceType": "Observation", "component": values}) == expected
