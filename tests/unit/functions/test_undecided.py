"""Operations on a choice element, whose type is only known when an item is met, on both databases."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.errors import InvalidOperation
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


_VALUES: dict[str, tuple[list[Any], ...]] = {
    "value * 10": (_mg("25"), _plain("70"), [30], [], [], [], [], [], []),
    "10 * value": (_mg("25"), _plain("70"), [30], [], [], [], [], [], []),
    "value / 2": (_mg("1.25"), _plain("3.5"), [_D("1.5")], [], [], [], [], [], []),
    "value - 1": (_mg("1.5"), _plain("6"), [2], [], [], [], [], [], []),
    "value + value": (_mg("5"), _plain("14"), [6], ["xx"], [], [], [], [], []),
    "value + 'y'": ([], [], [], ["xy"], [], [], [], [], []),
    "value + 2 days": ([], [], [{"value": _D(5), "unit": "days"}], [], ["2020-03-01"], [], [], [], []),
    "value + 2 hours": ([], [], [{"value": _D(5), "unit": "hours"}], [], ["2020-02-28"], ["12:30:00"], [], [], []),
    "value * 2 'mg'": ([{"value": _D(5), "unit": "mg2"}], _mg("14"), _mg("6"), [], [], [], [], [], []),
    "-value": (_mg("-2.5"), _plain("-7"), [-3], [], [], [], [], [], []),
    "(-value).abs()": (_mg("2.5"), _plain("7"), [3], [], [], [], [], [], []),
    "value.ceiling()": (_mg("3"), _plain("7"), [3], [], [], [], [], [], []),
    "value.round(0)": (_mg("3"), _plain("7"), [_D(3)], [], [], [], [], [], []),
    "value > 2": ([], [True], [True], [], [], [], [], [], []),
    "2 >= value": ([], [False], [False], [], [], [], [], [], []),
    "value > 2 'mg'": ([True], [], [], [], [], [], [], [], []),
    "value >= 'a'": ([], [], [], [True], [], [], [], [], []),
    "value < @2021": ([], [], [], [], [True], [], [], [], []),
    "value <= @T11:00": ([], [], [], [], [], [True], [], [], []),
    "(value * 10) > 20 'mg'": ([True], [], [], [], [], [], [], [], []),
    "(value * 10) > 20": ([], [True], [True], [], [], [], [], [], []),
}


@pytest.mark.parametrize("expression", _VALUES)
def test_the_answer_is_that_of_the_type_that_is_there(database: Database, expression: str) -> None:
    found = []
    for number, element in enumerate(_ELEMENTS):
        resource = {"resourceType": "Observation", "id": f"o{number}", **element}
        found.append(database.evaluate(expression, resource))
    assert canonical(found) == canonical(list(_VALUES[expression]))


def test_items_that_are_put_together_are_told_apart_too(database: Database) -> None:
    assert canonical(database.evaluate("(1 | 5 'mg').select($this * 2)", {})) == canonical(
        [2, {"value": _D(10), "unit": "mg"}]
    )


def test_each_item_of_many_has_its_own_type(database: Database) -> None:
    components = [{"valueQuantity": {"value": 2, "code": "mg"}}, {"valueInteger": 3}, {"valueString": "x"}]
    resource = {"resourceType": "Observation", "id": "o", "component": components}
    found = database.evaluate("Observation.component.select(value * 2)", resource)
    assert canonical(found) == canonical([{"value": 4, "unit": "mg"}, 6])


@pytest.mark.parametrize("expression", ["value * 'x'", "value - true", "value < true", "-code", "'x' - value"])
def test_what_no_type_takes_part_in_is_refused(database: Database, expression: str) -> None:
    with pytest.raises(InvalidOperation):
        database.evaluate(expression, {"resourceType": "Observation", "id": "o"})
