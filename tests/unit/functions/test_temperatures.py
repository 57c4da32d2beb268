"""Temperatures on scales whose zeros differ, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from fhir4ds.database import Database

_VALUES: dict[str, list[Any]] = {
    "23 'Cel' > 72 '[degF]'": [True],
    "23 'Cel' < 72 '[degF]'": [False],
    "0 'Cel' = 273.15 'K'": [True],
    "10000 'mK' < 0 'Cel'": [True],
    "-40 'Cel' = -40 '[degF]'": [True],
    "80 '[degRe]' = 100 'Cel'": [True],
    "671.67 '[degR]' = 212 '[degF]'": [True],
    "1 'Cel' < 2 'Cel'": [True],
    "1 'Cel' < 1 'm'": [],
    "1 'Cel'.comparable(1 'K')": [True],
    "37 'Cel' ~ 98.7 '[degF]'": [True],
    "37.1 'Cel' ~ 98.7 '[degF]'": [True],
    "37.2 'Cel' ~ 98.7 '[degF]'": [False],
    "98.7 '[degF]' ~ 37.1 'Cel'": [True],
    # How much warmer is not how warm: sums stay on one scale.
    "1 'Cel' + 1 'Cel' = 2 'Cel'": [True],
    "1 'Cel' + 1 'K'": [],
    "(1 'Cel' | 1 'K').sum()": [],
    "1 'Cel'.toQuantity('K')": [],
}


@pytest.mark.parametrize("expression", _VALUES)
def test_constants(database: Database, expression: str) -> None:
    assert database.evaluate(expression, {}) == _VALUES[expression]


def _observation(*temperatures: tuple[float, str]) -> dict[str, Any]:
    system = "http://unitsofmeasure.org"
    component = [{"valueQuantity": {"value": value, "system": system, "code": code}} for value, code in temperatures]
    return {"resourceType": "Observation", "id": "o", "component": component}


def test_temperatures_of_resources(database: Database) -> None:
    observation = _observation((98.6, "[degF]"), (37, "Cel"), (310.15, "K"), (5, "kg"))
    assert database.evaluate("component.value.where($this > 36 'Cel').count()", observation) == [3]
    assert database.evaluate("component.where(value = 310.15 'K').count()", observation) == [3]
    for pair in ("component[0].value = component[1].value", "component[2].value ~ component[0].value"):
        assert database.evaluate(pair, observation) == [True]
    assert database.evaluate("component[0].value < component[1].value", observation) == [False]
    assert database.evaluate("component[0].value = component[3].value", observation) == []
    assert database.evaluate("component[0].value + component[1].value", observation) == []


def test_elements_that_may_be_quantities_are_equal_as_such(database: Database) -> None:
    """Where both turn out to be quantities, their units are converted; other values compare as they are."""
    observation = _observation((1, "kg"), (1000, "g"), (1, "g"))
    observation["component"].append({"valueString": "x"})
    assert database.evaluate("component[0].value = component[1].value", observation) == [True]
    assert database.evaluate("component[0].value != component[2].value", observation) == [True]
    assert database.evaluate("component[0].value ~ component[1].value", observation) == [True]
    assert database.evaluate("component[0].value = component[3].value", observation) == [False]
    assert database.evaluate("component[3].value = component[3].value", observation) == [True]
    assert database.evaluate("component[4].value = component[0].value", observation) == []
