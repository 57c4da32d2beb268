"""Collections whose items differ in type, keys that order nothing, and iterations that must end; on both databases."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.errors import EvaluationError, InvalidArguments, InvalidOperation
from fhir4ds.testing.comparison import canonical

_D = Decimal
_PATIENT: dict[str, Any] = {"resourceType": "Patient", "id": "p", "name": [{"given": ["A", "1"]}, {"given": ["C"]}]}

_VALUES: dict[str, list[Any]] = {
    # a total that begins with several items
    "(3 | 4).aggregate($total | $this, (2 | 5))": [2, 5, 3, 4],
    "(3 | 4).aggregate($total.first() + $this, (2 | 5))": [9],
    "(3 | 4).aggregate($total.first() + 0.5, (2 | 5))": [_D(3)],
    "{}.aggregate($total, (2 | 'a'))": [2, "a"],
    # items of types that cannot be compared differ, and are no error
    "('a' | '1').exclude(1)": ["a", "1"],
    "(1 | 2).exclude('1')": [1, 2],
    "(1 | 'a').exclude(1)": ["a"],
    "(1 | 'a').exclude('a' | 2)": [1],
    "(true | false).exclude(1)": [True, False],
    "(1.0 | 2.5).exclude(1)": [_D("2.5")],
    "(1 'mg' | 2 'g').exclude(1)": [{"value": _D(1), "unit": "mg"}, {"value": _D(2), "unit": "g"}],
    "name.given.exclude(1)": ["A", "1", "C"],
    "name.exclude(1).count()": [2],
    "('a' | '1').intersect(1)": [],
    "(1 | 2.5 | 'a').intersect(1.0 | 'a')": [1, "a"],
    "(1.0 | 2.5).intersect(1)": [_D(1)],
    "name.given.intersect(1 | 'A')": ["A"],
    "('a' | '1').subsetOf(1)": [False],
    "(1 | 2).subsetOf(1.0 | 2.0 | 3.0)": [True],
    "(1 | 2).subsetOf('1' | '2' | 1 | 2)": [True],
    "(1 | 2).supersetOf('1')": [False],
    "(true | 1).supersetOf(true)": [True],
    "name.supersetOf(1)": [False],
    "'1' in (1 | 2)": [False],
    "1 in name.given": [False],
    "(1 | 2) contains 1.0": [True],
    "@2020 in (1 | '2020')": [False],
    # dates and times are the same if they are equal, not if precision cannot tell
    "(@2020 | @2020-01 | @2020).count()": [2],
    "(@2020-01-01T10:00:00Z | @2020-01-01T12:00:00.0+02:00 | @2020-01-01T10:00:00).count()": [2],
    "(@2020-01-01T10:00Z | @2020-01-01T11:00+01:00 | @2020-01-01T10:00:00Z).count()": [2],
    "(@2020-01-01T | @2020-01-01T10 | @2020-01-01T).count()": [2],
    "(@T10:30:00 | @T10:30:00.000 | @T10:30).count()": [2],
    "(@T10:30:00 | @T10:30).intersect(@T10:30:00.0).count()": [1],
    "(@2020-01-01T10:00:00Z | @2021).exclude(@2020-01-01T11:00:00+01:00).count()": [1],
    # items that turn out to be of one type are sorted and joined
    "(1 | 'a' | 2).where($this is Integer).sort($this desc)": [2, 1],
    "(1 | 'a' | 'b').where($this is String).join('-')": ["a-b"],
    # an item that is picked is of its own type, and what is made of Integers and Longs is whole
    "(1 | 2.5).min()": [1],
    "(1 | 2.5).min().toString()": ["1"],
    "(3 | 2.5).max() is Integer": [True],
    "(3 | 2.5).min() is Integer": [False],
    "(1L | 2.5).min().toString()": ["1"],
    "(1L | 2).sum()": [3],
    "(1L | 2).max().toString()": ["2"],
    # a Date among DateTimes is compared as one of them
    "(@2020-01-01T10:00:00Z | @2021).first() = @2020-01-01T11:00:00+01:00": [True],
    "(@2020-01-01T10:00:00Z | @2021).first() ~ @2020-01-01T11:00:00+01:00": [True],
    "(@2020-01-01T10:00:00Z | @2021) ~ (@2021 | @2020-01-01T11:00:00+01:00)": [True],
    "(@2020-01-01T10:00:00Z | @2021) = (@2020-01-01T11:00:00+01:00 | @2021)": [True],
    "(@2020 | @2021-01-01T10:00:00Z | @2021-01-01T11:00:00+01:00).count()": [2],
    "@2021 in (@2020 | @2021-01-01T10:00:00Z | @2021)": [True],
    # a key that is the same for all items leaves them in their order
    "(3 | 1 | 2).sort(1)": [3, 1, 2],
    "(3 | 1 | 2).sort(2, $this)": [1, 2, 3],
    "('b' | 'a').sort('x' desc, $this)": ["a", "b"],
    "(1 'g' | 300 'mg' | 0.5 'g').sort().select(value)": [Decimal(300), Decimal("0.5"), Decimal(1)],
    "(1 'g' | 300 'mg' | 0.5 'g').sort($this desc).select(value)": [Decimal(1), Decimal("0.5"), Decimal(300)],
    # a total may have any number of digits
    "(1.5 | 2.5).aggregate($this)": [_D("2.5")],
    "(1.5 | 2.5).aggregate($total + $this, 0.0)": [_D(4)],
    "(1.5 | 2.5).aggregate(iif($total.empty(), $this, $total * $this))": [_D("3.75")],
    # an iteration over its own results goes on for as long as it has new ones
    "1.repeat(iif($this < 99, $this + 1)).count()": [98],
    "name.repeat(given)": ["A", "1", "C"],
    "name.repeatAll(given)": ["A", "1", "C"],
}


@pytest.mark.parametrize(("expression", "expected"), _VALUES.items(), ids=_VALUES)
def test_value(database: Database, expression: str, expected: list[Any]) -> None:
    assert list(map(canonical, database.evaluate(expression, _PATIENT))) == list(map(canonical, expected))


@pytest.mark.parametrize(
    "expression", ["1.repeat($this + 1)", "(1 | 2).repeatAll('x')", "name.where(repeatAll(1).exists())"]
)
def test_an_iteration_that_does_not_end_is_an_error(database: Database, expression: str) -> None:
    """And neither a result that was cut off nor a wait until the deadline."""
    with pytest.raises(EvaluationError, match="still gives items after 100 levels"):
        database.evaluate(expression, _PATIENT)


@pytest.mark.parametrize("expression", ["1.repeatAll(1 | 2)", "name.repeatAll(%resource.name)"])
def test_an_iteration_that_has_more_on_each_level_is_an_error(database: Database, expression: str) -> None:
    """Long before a level has more items than fit anywhere."""
    with pytest.raises(EvaluationError, match="gives more than 100000 items of one level"):
        database.evaluate(expression, _PATIENT)


def test_what_has_no_order_is_not_sorted(database: Database) -> None:
    with pytest.raises(EvaluationError, match="the quantities cannot be compared for order"):
        database.evaluate("(1 'g' | 300 'mm').sort()", {})
    measured = {"resourceType": "Observation", "component": [{"valueRange": {}}, {"valueRange": {}}]}
    with pytest.raises(EvaluationError, match="items with elements have no order"):
        database.evaluate("component.value.sort()", measured)


_MEASURED = {
    "resourceType": "Observation",
    "component": [
        {"id": "a", "valueQuantity": {"value": 1, "code": "L"}},
        {"id": "b"},
        {"id": "c", "valueQuantity": {"value": 900, "code": "mL"}},
        {"id": "d", "valueQuantity": {"value": Decimal("1000.0"), "unit": "mL"}},
    ],
}


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        ("component.sort(value).id", ["b", "c", "a", "d"]),
        ("component.sort(value desc).id", ["a", "d", "c", "b"]),
        ("component.sort(-value).id", ["b", "a", "d", "c"]),
        ("component.sort(value, id desc).id", ["b", "c", "d", "a"]),
        ("component.value.sort().value", [900, 1, 1000]),
        ("component.value.ofType(Quantity).sort().value", [900, 1, 1000]),
        ("component.value.union(1 'dL').sort().first()", [{"value": 1, "unit": "dL"}]),
    ],
)
def test_a_choice_element_is_sorted_where_all_are_quantities(
    database: Database, expression: str, items: list[Any]
) -> None:
    assert database.evaluate(expression, _MEASURED) == items


@pytest.mark.parametrize("other", [{"valueRange": {"low": {"value": 1}}}, {"valueInteger": 5}, {"valueString": "a"}])
def test_quantities_have_no_order_with_what_is_none(database: Database, other: dict[str, Any]) -> None:
    resource = {"resourceType": "Observation", "component": [*_MEASURED["component"], other]}
    for expression in ("component.sort(value)", "component.value.sort()"):
        with pytest.raises(EvaluationError, match="no order"):
            database.evaluate(expression, resource)


@pytest.mark.parametrize(
    "expression",
    ["(1 | 'a').sort()", "(1 | true).sort()", "(@2020 | 1).sort()", "('a' | @2020).sort()", "component.sort(value)"],
)
def test_keys_of_several_types_are_not_sorted(database: Database, expression: str) -> None:
    """FHIRPath, current specification, "sort": items of types that do not compare are an error."""
    measured = {"resourceType": "Observation", "component": [{"valueString": "a"}, {"valueInteger": 1}]}
    with pytest.raises(EvaluationError, match="items of several types have no order"):
        database.evaluate(expression, measured)


@pytest.mark.parametrize("expression", ["(1 | 'b').join()", "(@2020 | 'a').join('-')", "component.value.join(',')"])
def test_only_strings_are_joined(database: Database, expression: str) -> None:
    measured = {"resourceType": "Observation", "component": [{"valueString": "a"}, {"valueInteger": 1}]}
    with pytest.raises(EvaluationError, match="does not take items of these types"):
        database.evaluate(expression, measured)


def test_the_order_of_what_is_combined(database: Database) -> None:
    """The strict rules have none, unless it is asked for with a literal (FHIRPath, "combine")."""
    first = "name.given.combine('x'{}).first()"
    assert database.evaluate(first.format(""), _PATIENT) == ["A"]
    assert database.evaluate(first.format(", true"), _PATIENT, strict=True) == ["A"]
    for other in ("", ", false", ", {}"):
        with pytest.raises(InvalidOperation, match="first needs an order"):
            database.evaluate(first.replace("{}", other), _PATIENT, strict=True)
    with pytest.raises(InvalidArguments, match="preserveOrder must be true or false"):
        database.evaluate(first.format(", name.exists()"), _PATIENT)


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        # without a first total, its type and cardinality are those of what comes of none
        ("name.aggregate(iif($total.empty(), given.single(), $total & given.single()))", ["ab"]),
        ("name.aggregate($total | given)", ["a", "b"]),
        ("name.aggregate($total.combine(family))", ["F", "G"]),
        ("name.aggregate(given)", ["b"]),
        ("name.aggregate(iif($total.empty(), $this, $total)).family", ["F"]),
        ("(1 | 2 | 3).aggregate($total + $this)", []),
        ("(1 | 2 | 3).aggregate(iif($total.empty(), $this, $total + $this))", [6]),
        ("name.select(given.aggregate($total & $this))", ["a", "b"]),
    ],
)
def test_totals_without_a_first_one(database: Database, expression: str, items: list[object]) -> None:
    names = [{"family": "F", "given": ["a"]}, {"family": "G", "given": ["b"]}]
    assert database.evaluate(expression, {"resourceType": "Patient", "id": "p", "name": names}) == items
