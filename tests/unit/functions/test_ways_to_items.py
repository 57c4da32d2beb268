"""Items to which several ways lead, or which have several FHIR types, on both databases."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.testing.comparison import canonical

_PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "birthDate": "2020-01-01",
    "name": [{"family": "f", "given": ["a", "b"]}],
    "identifier": [{"value": "i"}],
    "telecom": [{"value": "t"}],
    "extension": [{"url": "x", "valueString": "e"}, {"url": "y", "valueInteger": 3}],
    "contained": [
        {"resourceType": "Observation", "valueInteger": 5, "component": [{"valueString": "c"}]},
        {"resourceType": "Organization", "name": "o"},
    ],
}

_VALUES: dict[str, list[Any]] = {
    # An element that is a choice in some types, plain in others, and in the resources that are contained.
    "children().value": [5, "e", 3, "i", "t"],
    "children().children().value": ["c"],
    "descendants().value": [5, "e", 3, "i", "t", "c"],
    "descendants().where(value = 't').count()": [1],
    "children().name": ["o"],
    "contained.name": ["o"],
    "contained.value": [5],
    # A FHIR type and the System type of its values.
    "iif(true, name.family, 'x') = 'f'": [True],
    "iif(true, name.family, 'x') != 'f'": [False],
    "iif(true, name.family, 'x') ~ 'F'": [True],
    "iif(true, name.family, 'x') < 'z'": [True],
    "iif(true, name.family, 'x') + 'y'": ["fy"],
    "(name.family | 'x').select($this + '1')": ["f1", "x1"],
    "name.given.aggregate(iif($total.empty(), $this, $total + ', ' + $this))": ["a, b"],
    "iif(true, birthDate, @2021) > @2019": [True],
    "iif(true, birthDate, @2021) + 1 day": ["2020-01-02"],
    "-iif(true, 1, 2.5)": [Decimal(-1)],
    # A first total of another type than the later ones, and none at all.
    "(1 | 2).aggregate($this, '')": [2],
    "{}.aggregate($this, 'none')": ["none"],
    "('a' | 'b').aggregate($this, 1)": ["b"],
    "(1 | 2).aggregate($total + $this, 0.5)": [Decimal("3.5")],
    "({}).anyFalse()": [False],
    "({}).allFalse()": [True],
    # A single primitive element with a value, of whichever type.
    "name.given.getValue()": [],
    "name.given.hasValue()": [False],
    "name.given[0].getValue()": ["a"],
    "name.getValue()": [],
    "extension.value.hasValue()": [False],
    "extension[1].value.hasValue()": [True],
    "extension[1].value.getValue() + 1": [4],
    "contained.value.getValue()": [5],
    "('a' | @2020).getValue()": [],
    "(5 'mg').hasValue()": [False],
    "1.type().hasValue()": [False],
}

_UNTYPED: dict[str, list[Any]] = {
    "name.given[0].hasValue()": [True],
    "name.given[0].getValue()": ["a"],
    "name.given.hasValue()": [False],
    "name.hasValue()": [False],
    "name.getValue()": [],
    "nothing.hasValue()": [False],
    "nothing.getValue()": [],
}


@pytest.mark.parametrize("expression", _VALUES)
def test_all_ways_are_gone(database: Database, expression: str) -> None:
    """Every item is found, and is what its value is."""
    assert canonical(database.evaluate(expression, _PATIENT)) == canonical(_VALUES[expression])


@pytest.mark.parametrize("expression", _UNTYPED)
def test_json_tells_what_has_a_value(untyped: Database, expression: str) -> None:
    """Without a model, what has no members."""
    assert untyped.evaluate(expression, _PATIENT) == _UNTYPED[expression]


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("'a'.combine('A').combine('b') ~ 'b'.combine('a').combine('A')", True),
        ("'a'.combine('A').combine('b') ~ 'b'.combine('a').combine('B')", False),
        ("1.combine(1).combine(2) ~ 1.combine(2).combine(2)", False),
        ("1 'g'.combine(1 'g').combine(2 'g') ~ 2 'g'.combine(1000 'mg').combine(1 'g')", True),
        ("1 'g'.combine(1 'g').combine(2 'g') ~ 2 'g'.combine(2000 'mg').combine(1 'g')", False),
        ("(1.1 | 1.2) ~ (1.0 | 1.2)", True),
        ("(1.0 | 1.2) ~ (1.1 | 1.2)", True),
        ("'1'.combine(1) ~ 1.combine('1')", True),
        ("'a'.combine(1) ~ 1.combine('b')", False),
    ],
)
def test_equivalence_counts(database: Database, expression: str, answer: bool) -> None:
    """Each item has as many equivalents in the other collection as in its own."""
    assert database.evaluate(expression, {}) == [answer]


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("name[0] ~ name[1]", True),  # other order, other case
        ("name[0] = name[1]", False),
        ("name[0] ~ name[2]", False),
        ("name ~ name.skip(1)", False),
        ("name.take(2) ~ name[1].combine(name[0])", True),
        ("name.take(2) ~ name[1].combine(name[2])", False),
        ("maritalStatus ~ contact[0].relationship", True),
        ("maritalStatus ~ contact[1].relationship", False),  # each member is there, but not in one item
        ("identifier[0] ~ identifier[1]", True),  # at the third level
        ("$this ~ $this", True),
        ("photo ~ photo", True),
        ("name[0] ~ photo", False),
        ("name ~ identifier", False),
    ],
)
def test_equivalence_of_complex_values_is_deep(database: Database, expression: str, answer: bool) -> None:
    """Items within them are in any order, and texts without case and surplus white space."""
    one, two = {"system": "s", "code": "1"}, {"system": "t", "code": "2"}
    resource = {
        "resourceType": "Patient",
        "name": [
            {"use": "official", "family": "Le\t Roy", "given": ["A", "b"]},
            {"given": ["B", "a"], "family": "le roy", "use": "official"},
            {"family": "x"},
        ],
        "maritalStatus": {"coding": [one, two]},
        "contact": [
            {"relationship": [{"coding": [{"code": "2", "system": "T"}, {"code": "1", "system": "S"}]}]},
            {"relationship": [{"coding": [{"code": "2", "system": "s"}, {"code": "1", "system": "t"}]}]},
        ],
        "identifier": [
            {"value": "1", "type": {"coding": [one, two]}},
            {"type": {"coding": [two, one]}, "value": "1"},
        ],
    }
    assert database.evaluate(expression, resource) == [answer]


def test_a_null_is_no_item(untyped: Database) -> None:
    """Neither in the place of an element nor, where no model says what it is, among items."""
    thing = {"no": None, "some": [None, 1], "deep": {"no": None}, "yes": True}
    expected: dict[str, list[Any]] = {
        "no.exists()": [False],
        "yes and no": [],
        "no or no": [],
        "some.count()": [1],
        "some.first()": [1],
        "some[1]": [],
        "deep.children().count()": [0],
        "children().count()": [3],
        "descendants().where($this = 1).count()": [1],
    }
    assert {expression: untyped.evaluate(expression, thing) for expression in expected} == expected
