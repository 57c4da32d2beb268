"""Operations on a choice element, whose type is only known when an item is met, on both databases."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.errors import EvaluationError, InvalidOperation
from fhir4ds.testing.comparison import canonical

_D = Decimal

#: What stands in the element, and in the same order what an expression gives of each.
_ELEMENTS: tuple[dict[str, Any], ...] = (
    {"valueQuantity": {"value": _D("2.5"), "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}},
    {"valueQuantity": {"value": 7, "code": "1"}},
    {"valueInteger": 3},
    {"valueString": "x"},
    {"valueDateTime": "2020-02-28"},
    {"valueTime": "10:30:00"},
    {"valueBoolean": True},
    {"valueCodeableConcept": {"text": "x"}},
    {},
)


def _mg(value: str) -> list[Any]:
    return [{"value": _D(value), "unit": "mg"}]


def _plain(value: str) -> list[Any]:
    return [{"value": _D(value), "unit": "1"}]


#: The item is of a type that does not take part in the operation.
_E = "an error"

_VALUES: dict[str, tuple[list[Any] | str, ...]] = {
    "value * 10": (_mg("25"), _plain("70"), [30], _E, _E, _E, _E, _E, []),
    "10 * value": (_mg("25"), _plain("70"), [30], _E, _E, _E, _E, _E, []),
    "value / 2": (_mg("1.25"), _plain("3.5"), [_D("1.5")], _E, _E, _E, _E, _E, []),
    "value - 1": ([], _plain("6"), [2], _E, _E, _E, _E, _E, []),
    "value + value": (_mg("5"), _plain("14"), [6], ["xx"], _E, _E, _E, _E, []),
    "value + 'y'": (_E, _E, _E, ["xy"], _E, _E, _E, _E, []),
    "value + 2 days": ([], [], [], _E, ["2020-03-01"], _E, _E, _E, []),
    "value + 2 hours": ([], [], [], _E, ["2020-02-28"], ["12:30:00"], _E, _E, []),
    "value * 2 'mg'": ([{"value": _D(5), "unit": "mg2"}], _mg("14"), _mg("6"), _E, _E, _E, _E, _E, []),
    "-value": (_mg("-2.5"), _plain("-7"), [-3], _E, _E, _E, _E, _E, []),
    "(-value).abs()": (_mg("2.5"), _plain("7"), [3], _E, _E, _E, _E, _E, []),
    "value.ceiling()": (_mg("3"), _plain("7"), [3], _E, _E, _E, _E, _E, []),
    "value.round(0)": (_mg("3"), _plain("7"), [_D(3)], _E, _E, _E, _E, _E, []),
    "value > 2": ([], [True], [True], _E, _E, _E, _E, _E, []),
    "2 >= value": ([], [False], [False], _E, _E, _E, _E, _E, []),
    "value > 2 'mg'": ([True], [], [], _E, _E, _E, _E, _E, []),
    "value >= 'a'": (_E, _E, _E, [True], _E, _E, _E, _E, []),
    "value < @2021": (_E, _E, _E, _E, [True], _E, _E, _E, []),
    "value <= @T11:00": (_E, _E, _E, _E, _E, [True], _E, _E, []),
    "(value * 10) > 20 'mg'": ([True], [], [], _E, _E, _E, _E, _E, []),
    "(value * 10) > 20": ([], [True], [True], _E, _E, _E, _E, _E, []),
    "value & 'y'": (_E, _E, _E, ["xy"], _E, _E, _E, _E, ["y"]),
    "value.length()": (_E, _E, _E, [1], _E, _E, _E, _E, []),
    "value.yearOf()": ([], [], [], [], [2020], [], [], [], []),
    "value = 3": ([], [False], [True], [False], [False], [False], [False], [False], []),
    "value = 2.5 'mg'": ([True], [], [], [False], [False], [False], [False], [False], []),
    "value = 'x'": ([False], [False], [False], [True], [False], [False], [False], [False], []),
    "value = @2020-02-28": ([False], [False], [False], [False], [True], [False], [False], [False], []),
    "value = value": ([True], [True], [True], [True], [True], [True], [True], [True], []),
    "value ~ 3": ([False], [False], [True], [False], [False], [False], [False], [False], [False]),
}


@pytest.mark.parametrize("expression", _VALUES)
def test_the_answer_is_that_of_the_type_that_is_there(database: Database, expression: str) -> None:
    found: list[list[Any] | str] = []
    for number, element in enumerate(_ELEMENTS):
        resource = {"resourceType": "Observation", "id": f"o{number}", **element}
        try:
            found.append(database.evaluate(expression, resource))
        except EvaluationError:
            found.append(_E)
    assert canonical(found) == canonical(list(_VALUES[expression]))


def test_items_that_are_put_together_are_told_apart_too(database: Database) -> None:
    assert canonical(database.evaluate("(1 | 5 'mg').select($this * 2)", {})) == canonical(
        [2, {"value": _D(10), "unit": "mg"}]
    )


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("extension('i').value + extension('j').value", "7"),
        ("extension('i').value * extension('n').value", "5.0"),
        ("extension('j').value mod extension('i').value", "1"),
        ("((1 | 2.5).first() + (2 | 3.5).first())", "3"),
        ("(1 | 2.5).aggregate($this + $total, 0)", "3.5"),
        ("(1 | 2 | 2.5).aggregate($total * $this, 1)", "5.0"),
        ("'abcdef'.substring(extension('i').value + extension('i').value)", "ef"),
    ],
)
def test_integers_that_may_be_decimals_stay_integers(database: Database, expression: str, shown: str) -> None:
    extensions = [
        {"url": "i", "valueInteger": 2},
        {"url": "j", "valueInteger": 5},
        {"url": "n", "valueDecimal": _D("2.50")},
    ]
    resource = {"resourceType": "Patient", "id": "p", "extension": extensions}
    assert database.evaluate(f"({expression}).toString()", resource) == [shown]


def test_each_item_of_many_has_its_own_type(database: Database) -> None:
    components = [{"valueQuantity": {"value": 2, "code": "mg"}}, {"valueInteger": 3}, {"valueString": "x"}]
    resource = {"resourceType": "Observation", "id": "o", "component": components}
    found = database.evaluate("Observation.component.take(2).select(value * 2)", resource)
    assert canonical(found) == canonical([{"value": 4, "unit": "mg"}, 6])
    with pytest.raises(EvaluationError, match="does not take items of these types"):
        database.evaluate("Observation.component.select(value * 2)", resource)


#: Answers, each with the value that it had or was given, of which several types are possible.
_ANSWERS = {
    "resourceType": "QuestionnaireResponse",
    "item": [
        {"linkId": "n", "answer": [{"valueInteger": 3}, {"valueInteger": 2}, {"valueDecimal": _D("1.5")}]},
        {"linkId": "d", "answer": [{"valueDate": "2020-01-02"}, {"valueDateTime": "2020-01-02T10:00:00Z"}]},
        {"linkId": "s", "answer": [{"valueString": "2020-01-02"}, {"valueTime": "10:00:00"}]},
        {"linkId": "q", "answer": [{"valueQuantity": {"value": 1, "code": "g"}}, {"valueQuantity": {"value": 1000, "code": "mg"}}]},
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "expected"),
    {
        "item[0].answer[0].value + item[0].answer[1].value": [_D(5)],
        "item[0].answer[0].value > item[0].answer[2].value": [True],
        "item[0].answer[0].value + 1": [4],
        "(item[0].answer[0].value + 1) is Integer": [True],
        "item[0].answer.aggregate($total + value, 0)": [_D("6.5")],
        "item[1].answer.where(value > @2020-01-01).count()": [2],
        "item[1].answer[0].value < today()": [True],
        "item[1].answer[0].value = item[1].answer[1].value": [],
        "item[1].answer.value.select(yearOf())": [2020, 2020],
        "item[1].answer[0].value = item[2].answer[0].value": [False],
        "item[2].answer[0].value = @2020-01-02": [False],
        "item[2].answer[0].value = '2020-01-02'": [True],
        "item[3].answer[0].value = item[3].answer[1].value": [True],
        "item[3].answer[0].value ~ item[3].answer[1].value": [True],
        "item[3].answer.value.distinct().count()": [1],
        "item[3].answer.value.isDistinct()": [False],
        "item.answer.value.distinct().count()": [8],
        "item.answer.value contains @2020-01-02": [True],
        "item[2].answer.value contains @2020-01-02": [False],
        "1000 'mg' in item.answer.value": [True],
        "item.answer.value.exclude(item[3].answer[1].value).count()": [7],
        "item.answer.value.intersect(item[1].answer.value).count()": [2],
        "item[1].answer.value.subsetOf(item.answer.value)": [True],
        "(item[1].answer[0].value | item[2].answer[0].value).count()": [2],
        "(item[3].answer[0].value | item[3].answer[1].value | 1 'g').count()": [1],
        "item[3].answer.value = (1 'g').combine(1 'g')": [True],
        "item[3].answer.value ~ (1000 'mg').combine(1 'g')": [True],
        "(1 | 1 '1').count()": [1],
        "('a' | 1 'g') = ('a' | 1000 'mg')": [True],
        "('a' | 1 'g') ~ (1000 'mg' | 'A')": [True],
        "(1 | @2012) = (1 | @2012-01)": [],
        "(@2020 | @2020-01-01T10:00)[0] < @2021": [True],
        "(1 | 2.5)[0] + (1 | 2.5)[1]": [_D("3.5")],
        "iif(true, @2020, @2020-01-01T10:00) < @2021": [True],
    }.items(),
)
def test_values_that_compare_are_of_one_kind(database: Database, expression: str, expected: list[Any]) -> None:
    """Numbers of any type, dates with and without a time, and quantities of any unit."""
    assert canonical(database.evaluate(expression, _ANSWERS)) == canonical(expected)


@pytest.mark.parametrize("expression", ["value * 'x'", "value - true", "value < true", "-code", "'x' - value"])
def test_what_no_type_takes_part_in_is_refused(database: Database, expression: str) -> None:
    with pytest.raises(InvalidOperation):
        database.evaluate(expression, {"resourceType": "Observation", "id": "o"})


@pytest.mark.parametrize("criteria", ["value > 2 and url = 'a'", "value > 2 and true", "url.exists() and value > 2"])
def test_parts_of_a_condition_are_tried_from_left_to_right(database: Database, criteria: str) -> None:
    """No database passes over a part that is an error because another one is false."""
    extensions = [{"url": "a", "valueInteger": 3}, {"url": "c", "valueCodeableConcept": {"text": "x"}}]
    patient = {"resourceType": "Patient", "id": "p", "extension": extensions}
    for expression in (
        f"extension.where({criteria})",
        f"extension.exists({criteria})",
        f"extension.first().where({criteria})",
    ):
        if "first" in expression:
            assert database.evaluate(expression + ".url", patient) == ["a"]
        else:
            with pytest.raises(EvaluationError):
                database.evaluate(expression, {**patient, "extension": extensions[::-1]})


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        ("(component.value | value).last().max()", [7]),
        ("(component.value | value).last().sum()", [7]),
        ("component[1].value.max()", []),
        ("component.value.union(5).sort().first()", [5]),
    ],
)
def test_one_item_of_several_types_that_was_computed(database: Database, expression: str, items: list[Any]) -> None:
    """It is written once, however many types it may have."""
    resource = {"resourceType": "Observation", "valueInteger": 7, "component": [{"valueInteger": 6}, {}]}
    assert database.evaluate(expression, resource) == items


@pytest.mark.parametrize(("operator", "items"), [("<", [False]), ("+", ["finalfinal"])])
def test_items_of_hundreds_of_types_are_compiled_in_no_time(
    database: Database, operator: str, items: list[Any]
) -> None:
    """Complex types are one kind for what takes values: their pairs would be a quarter of a million."""
    found = "entry.resource.descendants()"
    bundle = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Observation", "status": "final"}}]}
    assert database.evaluate(f"{found} {operator} {found}", bundle) == items
    with pytest.raises(EvaluationError, match="does not take"):
        database.evaluate(f"{found} * {found}", bundle)


def test_any_item_of_a_tree_is_converted(database: Database) -> None:
    resource = {"resourceType": "Observation", "contained": [{"resourceType": "Patient", "active": True}]}
    assert database.evaluate("contained.descendants().toQuantity()", resource) == [{"value": 1, "unit": "1"}]
