"""Sum, mean and extremes of quantities, on both databases."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.errors import EvaluationError
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
    with pytest.raises(EvaluationError, match="does not take items of these types"):
        database.evaluate(f"component.value.{function}()", _OBSERVATION)
    alone = f"component.where(value is Quantity).value.{function}()"
    assert database.evaluate(alone, _OBSERVATION) == database.evaluate(f"{_QUANTITIES}.{function}()", _OBSERVATION)


_ANSWERS = {
    "resourceType": "QuestionnaireResponse",
    "item": [
        {"answer": [{"valueInteger": 3}, {"valueInteger": 4}]},
        {"answer": [{"valueDecimal": Decimal("1.5")}, {"valueInteger": 2}]},
        {"answer": [{"valueString": "b"}, {"valueString": "a"}, {"valueString": "B"}]},
        {"answer": [{"valueQuantity": {"value": 1, "code": "g"}}, {"valueQuantity": {"value": 2, "code": "g"}}]},
        {"answer": [{"valueBoolean": True}, {"valueBoolean": False}]},
        {"answer": [{"valueDate": "2020-01-01"}, {"valueInteger": 5}]},
    ],
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    {
        "item[0].answer.value.sum()": [7],
        "item[0].answer.value.sum() is Integer": [True],
        "item[0].answer.value.avg()": [Decimal("3.5")],
        "item[1].answer.value.sum()": [Decimal("3.5")],
        "item[1].answer.value.max()": [Decimal(2)],
        "item[2].answer.value.max()": ["b"],
        "item[2].answer.value.min()": ["B"],
        "item[3].answer.value.sum()": [{"value": Decimal(3), "unit": "g"}],
        "item[3].answer.value.avg()": [{"value": Decimal("1.5"), "unit": "g"}],
        "item[4].answer.value.allTrue()": [False],
        "item[4].answer.value.anyTrue()": [True],
        "item[9].answer.value.sum()": [],
        "item[9].answer.value.allTrue()": [True],
    }.items(),
)
def test_choices_that_are_of_one_kind(database: Database, expression: str, expected: list[Any]) -> None:
    assert canonical(database.evaluate(expression, _ANSWERS)) == canonical(expected)


@pytest.mark.parametrize(
    "expression", ["item[5].answer.value.sum()", "item[2].answer.value.sum()", "item[0].answer.value.allTrue()"]
)
def test_choices_that_turn_out_to_be_of_others(database: Database, expression: str) -> None:
    with pytest.raises(EvaluationError, match="does not take items of these types"):
        database.evaluate(expression, _ANSWERS)
