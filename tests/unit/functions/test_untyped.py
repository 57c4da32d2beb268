"""Without a FHIR model an item is of the type that its JSON says, on both databases."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.errors import EvaluationError, InvalidOperation, UnsupportedFeature
from fhir4ds.testing.comparison import canonical

_D = Decimal

_THING: dict[str, Any] = {
    "two": 2,
    "three": 3,
    "half": _D("2.5"),
    "one": _D("1.0"),
    "b": "b",
    "a": "a",
    "no": False,
    "yes": True,
    "object": {"n": 1, "text": "X y"},
    "folded": {"text": "x  Y", "n": 1},
    "may": "2020-05",
    "numbers": [1, 2, 3],
    "decimals": [1, _D("2.5")],
    "texts": ["a", "B"],
    "truths": [True, False],
    "mixed": [1, "a"],
    "weight": {"value": 4, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
}

_VALUES: dict[str, list[Any]] = {
    "two + three": [_D(5)],
    "two + half": [_D("4.5")],
    "a + b": ["ab"],
    "a + b + a": ["aba"],
    "two + three + half": [_D("7.5")],
    "(two + three) * 2": [_D(10)],
    "half - two": [_D("0.5")],
    "two * half": [_D(5)],
    "three / two": [_D("1.5")],
    "three div two": [1],
    "three mod two": [_D(1)],
    "-half": [_D("-2.5")],
    "half.round(0)": [_D(3)],
    "numbers.select($this * 2)": [_D(2), _D(4), _D(6)],
    "two + nothing": [],
    "nothing + nothing": [],
    "two < three": [True],
    "b <= a": [False],
    "numbers.where($this > 1)": [2, 3],
    "no and true": [False],
    "no or false": [False],
    "no xor yes": [True],
    "two implies no": [False],
    "no.not()": [True],
    "two.not()": [False],
    "iif(no, 1, 2)": [2],
    "truths.select($this.not())": [False, True],
    "object.where(%resource.no)": [],
    "two is Integer": [True],
    "half is Integer": [False],
    "half is Decimal": [True],
    "one is Decimal": [True],
    "a is String": [True],
    "no is Boolean": [True],
    "object is Boolean": [False],
    "nothing is String": [],
    "two as Integer": [2],
    "two as String": [],
    "mixed.type().name": ["Integer", "String"],
    "no.type().namespace": ["System"],
    "nothing.type()": [],
    "mixed.ofType(Integer)": [1],
    "mixed.ofType(String)": ["a"],
    "decimals.ofType(Decimal)": [_D("2.5")],
    "numbers.sum()": [_D(6)],
    "decimals.avg()": [_D("1.75")],
    "decimals.min()": [_D(1)],
    "numbers.max()": [_D(3)],
    "nothing.sum()": [],
    "truths.allTrue()": [False],
    "truths.anyFalse()": [True],
    "may = @2020-05": [True],
    "may < @2020-06": [True],
    "may = @2020-05-01": [],
    "may = @2021": [False],
    "two = @2020": [False],
    "may + 1 year": ["2021-05"],
    "weight = 4 'kg'": [True],
    "weight > 3 'kg'": [True],
    "two > 1 'kg'": [],
    "b ~ 'B'": [True],
    "two ~ half": [False],
    "half ~ 2.51": [True],
    "two ~ a": [False],
    "object ~ folded": [True],
    "object = folded": [False],
    "texts ~ ('b' | 'A')": [True],
}


@pytest.mark.parametrize("expression", _VALUES)
def test_items_are_what_json_says(untyped: Database, expression: str) -> None:
    assert canonical(untyped.evaluate(expression, _THING)) == canonical(_VALUES[expression])


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("two + three", "5"),
        ("two + 1", "3"),
        ("two - three", "-1"),
        ("two * three + two", "8"),
        ("three mod two", "1"),
        ("-two", "-2"),
        ("(-two).abs()", "2"),
        ("two + half", "4.5"),
        ("two * 1.0", "2.0"),
        ("three / three", "1.0"),
        ("numbers.sum()", "6"),
        ("numbers.max()", "3"),
        ("decimals.sum()", "3.5"),
        ("decimals.min()", "1"),
        ("numbers.aggregate($total + $this, 0)", "6"),
        ("numbers[two - 1]", "2"),
        ("'abc'.substring(two - 1)", "bc"),
        ("numbers.take(three - two).first()", "1"),
    ],
)
def test_integers_stay_integers(untyped: Database, expression: str, shown: str) -> None:
    """What is made of Integers is one, and what is made of a Decimal is one."""
    assert untyped.evaluate(f"({expression}).toString()", _THING) == [shown]


@pytest.mark.parametrize(
    "expression",
    [
        "two + a",
        "a + 1",
        "a < two",
        "object < 1",
        "-a",
        "a.abs()",
        "no + no",
        "may + 1 'kg'",
        "a mod two",
        "a < @2020",
        "may > @T12:00",
    ],
)
def test_what_does_not_take_part_is_an_error(untyped: Database, expression: str) -> None:
    with pytest.raises(EvaluationError, match="the operation does not take items of these types"):
        untyped.evaluate(expression, _THING)


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("mixed.sum()", "numbers"),
        ("texts.max()", "numbers"),
        ("mixed.avg()", "numbers"),
        ("numbers.allTrue()", "Booleans"),
    ],
)
def test_aggregates_name_what_they_need(untyped: Database, expression: str, named: str) -> None:
    with pytest.raises(EvaluationError, match=f"the items must be {named}"):
        untyped.evaluate(expression, _THING)


def test_what_json_does_not_say_is_refused(untyped: Database) -> None:
    with pytest.raises(EvaluationError, match="the type of an item with members cannot be told"):
        untyped.evaluate("object.type()", _THING)
    with pytest.raises(UnsupportedFeature, match=r"whether an item is a System\.Date cannot be told"):
        untyped.evaluate("may is Date", _THING)
    with pytest.raises(InvalidOperation):
        untyped.evaluate("two < true", _THING)


def test_errors_are_met_by_items_only(untyped: Database) -> None:
    """An operand that is missing makes the answer empty, whatever the other one is."""
    assert untyped.evaluate("nothing + a + two", _THING) == []
    assert untyped.evaluate("iif(two is Integer, two * 2, two + a)", _THING) == [4]


def test_numbers_of_several_types_have_a_sum(database: Database) -> None:
    assert database.evaluate("(1 | 2.5).sum()", {}) == [_D("3.5")]
    assert database.evaluate("(1 | 2.5).max()", {}) == [_D("2.5")]
    assert database.evaluate("(1 | 2.5).avg()", {}) == [_D("1.75")]


@pytest.mark.parametrize(
    ("value", "negated"),
    [
        ({"valueBoolean": False}, [True]),
        ({"valueString": "x"}, [False]),
        ({"_valueString": {"id": "i"}}, [False]),
        ({"_valueBoolean": {"id": "i"}}, []),
        ({}, []),
    ],
)
def test_truth_of_an_element_that_may_be_a_boolean(
    database: Database, value: dict[str, Any], negated: list[bool]
) -> None:
    """A Boolean counts as what it is, also where the element could be of another type."""
    resource = {"resourceType": "Observation", "id": "o", **value}
    assert database.evaluate("value.not()", resource) == negated
    assert database.evaluate("value.select($this.not())", resource) == negated


@pytest.mark.parametrize(
    ("expression", "resource", "expected"),
    [
        ("Name", {"Name": 5}, [5]),
        ("Name + 1", {"Name": 5}, [6]),
        ("Items.where($this > 1)", {"Items": [1, 2]}, [2]),
        ("Missing.exists()", {"Items": [1, 2]}, [False]),
        ("low.Up", {"low": {"Up": 3}}, [3]),
        ("Foo.n", {"resourceType": "Foo", "n": 7}, [7]),
        ("Foo.Bar.x", {"resourceType": "Foo", "Bar": [{"x": 1}]}, [1]),
        ("Bar.x", {"resourceType": "Foo", "Bar": [{"x": 1}]}, [1]),
        ("Baz.n", {"resourceType": "Foo", "n": 7}, []),
        ("Foo.exists()", {"resourceType": "Foo"}, [True]),
    ],
)
def test_a_name_is_that_of_the_type_only_if_the_resource_says_so(
    untyped: Database, expression: str, resource: dict[str, Any], expected: list[Any]
) -> None:
    """FHIRPath N1, section "Path Selection"."""
    assert canonical(untyped.evaluate(expression, resource)) == canonical(expected)


@pytest.mark.parametrize(
    "expression", ["name <= ('a').type()", "(1 'mg' implies name <= ('a').type())[(%resource or 1).isDistinct()]"]
)
def test_what_has_no_order_is_refused(untyped: Database, expression: str) -> None:
    with pytest.raises(InvalidOperation, match="cannot be compared for order"):
        untyped.evaluate(expression, {"name": "x"})


def test_a_component_of_no_known_type_beside_others(untyped: Database) -> None:
    assert untyped.evaluate("(d.dateOf() | 'a') contains given", {"d": "2020-01-01T10:00:00Z", "given": "a"}) == [True]
