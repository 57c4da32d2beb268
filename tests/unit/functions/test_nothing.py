"""What is not there: conditions that are neither true nor false, missing parents, empty arguments, on both databases."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.errors import EvaluationError, UnknownElement
from fhir4ds.testing.comparison import canonical

_PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "multipleBirthInteger": 1,
    "name": [{"family": "B", "given": ["x", "y", "z"]}, {"use": "usual"}, {"family": "A"}],
    "telecom": [{"rank": 2}, {"value": "a"}, {"rank": 1}],
    "deceasedBoolean": True,
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    {
        # the criterion is empty, and so is what it is asked of
        "Patient.where(gender = 'male').exists()": [False],
        "Patient.where(gender = 'male').empty()": [True],
        "Patient.where(gender = 'male').count()": [0],
        "Patient.where(gender = 'male').all(false)": [True],
        "iif(Patient.where(gender = 'male').empty(), 'a', 'b')": ["a"],
        "birthDate.where($this > @1990-05-01).exists()": [False],
        # an element that repeats, below one that is missing
        "contact.first().name.given.empty()": [True],
        "contact.first().name.given.count()": [0],
        "contact.first().name.given.exists()": [False],
        "contact.single().name.given.all(false)": [True],
        "contact.last().name.given.isDistinct()": [True],
        "contact[3].telecom.value.subsetOf(name.given)": [True],
        "contact.first().telecom.aggregate($total + 1, 0)": [0],
        "contact.first().telecom.repeat($this)": [],
        "contact.first().telecom.value = contact.first().telecom.value": [],
        "(contact.first() | contact.last()).telecom.count()": [0],
        # empty arguments
        "name[{}]": [],
        "name.take({})": [],
        "name.skip({})": [],
        "extension({})": [],
        "name.given.skip(telecom[1].rank)": [],
        "name.given.take(telecom[1].rank)": [],
        "name.given[telecom[1].rank]": [],
        # arguments that are there
        "name.given.skip(telecom[2].rank)": ["y", "z"],
        "name.given.skip(telecom[2].rank).first()": ["y"],
        "name.take(telecom.last().rank).family": ["B"],
        "name.given[multipleBirth]": ["y"],
        "name.given.take(multipleBirth)": ["x"],
        "'abc'.substring(multipleBirth)": ["bc"],
        "1.259.round(multipleBirth)": [Decimal("1.3")],
        # what has no key is before all else, and so last in descending order
        "name.sort(family).first().use": ["usual"],
        "name.sort(family desc).last().use": ["usual"],
        "name.sort(-family).first().use": ["usual"],
        "telecom.sort(rank desc).rank": [2, 1],
        "telecom.sort(rank desc).last().value": ["a"],
        # nothing has no type and no elements
        "{} is string": [],
        "{}.ofType(string)": [],
        "{}.as(string)": [],
        "{}.select(given)": [],
        "{}.where(foo = 1)": [],
        "1.children()": [],
        "(1 | 2).descendants()": [],
    }.items(),
)
def test_nothing(database: Database, expression: str, expected: list[Any]) -> None:
    assert canonical(database.evaluate(expression, _PATIENT)) == canonical(expected)


def test_a_population_with_an_empty_criterion(database: Database) -> None:
    """Each resource has an answer, also where the criterion has none."""
    database.load([{**_PATIENT, "id": "a"}, {**_PATIENT, "id": "b", "gender": "male"}])
    assert database.query("Patient.where(gender = 'male').exists()").rows == [("a", False), ("b", True)]


@pytest.mark.parametrize(
    "expression", ["name.given[multipleBirth]", "name.take(multipleBirth)", "'abc'.substring(multipleBirth)"]
)
def test_arguments_that_turn_out_to_be_no_integers(database: Database, expression: str) -> None:
    patient = {name: value for name, value in _PATIENT.items() if name != "multipleBirthInteger"}
    with pytest.raises(EvaluationError, match="must be an Integer"):
        database.evaluate(expression, {**patient, "multipleBirthBoolean": True})


def test_untyped_arguments(untyped: Database) -> None:
    assert untyped.evaluate("a.skip(i)", {"a": [1, 2, 3], "i": 2}) == [3]
    assert untyped.evaluate("a[i]", {"a": [1, 2, 3], "i": 2}) == [3]
    assert untyped.evaluate("a[none]", {"a": [1, 2, 3], "i": 2}) == []
    for value in (1.5, "1", True):
        with pytest.raises(EvaluationError, match="must be an Integer"):
            untyped.evaluate("a.take(i)", {"a": [1, 2, 3], "i": value})


_RESPONSE: dict[str, Any] = {
    "resourceType": "QuestionnaireResponse",
    "item": [
        {"linkId": "a", "answer": [{"valueInteger": 3, "item": [{"linkId": "a1"}]}, {"valueInteger": 4}]},
        {"linkId": "b", "item": [{"linkId": "b1"}]},
    ],
}


def test_repeat_goes_through_elements_that_come_later(database: Database) -> None:
    """An element that the first items do not have is one of those below them; a name that nothing has is an error."""
    found = database.evaluate("repeat(item | answer).linkId", _RESPONSE)
    assert sorted(found) == ["a", "a1", "b", "b1"]
    with pytest.raises(UnknownElement, match="QuestionnaireResponse has no element 'itm'"):
        database.evaluate("repeat(itm)", _RESPONSE)
