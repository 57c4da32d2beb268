"""Components of dates and times, on both databases (FHIRPath, "Extract Date/DateTime/Time components")."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.errors import EvaluationError
from fhir4ds.testing.comparison import canonical

_OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o",
    "effectiveDateTime": "2020-02-03T04:05:06.789-03:30",
    "issued": "2020-12-31T23:59:60Z",
    "valueTime": "10:30:59",
    "component": [{"valueDateTime": "2019"}, {"valueString": "2018-01-01"}, {"valueDateTime": "2017-06"}],
}

_COMPONENTS = ("year", "month", "day", "hour", "minute", "second", "millisecond", "timezoneOffset")
#: What each component is of each value; None where there is none.
_VALUES: dict[str, tuple[int | str | None, ...]] = {
    "@2014": (2014, None, None, None, None, None, None, None),
    "@2014-03": (2014, 3, None, None, None, None, None, None),
    "@2014-03-09": (2014, 3, 9, None, None, None, None, None),
    "@2014T": (2014, None, None, None, None, None, None, None),
    "@0001-01-01T00": (1, 1, 1, 0, None, None, None, None),
    "@2014-03-09T08:07": (2014, 3, 9, 8, 7, None, None, None),
    "@2014-03-09T08:07Z": (2014, 3, 9, 8, 7, None, None, "0"),
    "@2014-03-09T08:07:06-00:45": (2014, 3, 9, 8, 7, 6, None, "-0.75"),
    "@2014-03-09T08:07:06.5+14:00": (2014, 3, 9, 8, 7, 6, 500, "14"),
    "@2014-03-09T23:59:59.0049+05:45": (2014, 3, 9, 23, 59, 59, 4, "5.75"),
    "effective": (2020, 2, 3, 4, 5, 6, 789, "-3.5"),
    "issued": (2020, 12, 31, 23, 59, 60, None, "0"),
}
_TIMES: dict[str, tuple[int | None, ...]] = {
    "@T10": (10, None, None, None),
    "@T10:09": (10, 9, None, None),
    "@T10:09:08.070": (10, 9, 8, 70),
    "value": (10, 30, 59, None),
}


def _items(value: int | str | None) -> list[Any]:
    return [] if value is None else [Decimal(value) if isinstance(value, str) else value]


@pytest.mark.parametrize("value", _VALUES)
def test_components(database: Database, value: str) -> None:
    found = {name: database.evaluate(f"{value}.{name}Of()", _OBSERVATION) for name in _COMPONENTS}
    expected = {name: _items(part) for name, part in zip(_COMPONENTS, _VALUES[value], strict=True)}
    assert {name: canonical(items) for name, items in found.items()} == {
        name: canonical(items) for name, items in expected.items()
    }


@pytest.mark.parametrize("value", _TIMES)
def test_components_of_times(database: Database, value: str) -> None:
    found = [database.evaluate(f"{value}.{name}Of()", _OBSERVATION) for name in _COMPONENTS[3:7]]
    assert found == [_items(part) for part in _TIMES[value]]


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        ("effective.dateOf()", ["2020-02-03"]),
        ("effective.dateOf() is Date", [True]),
        ("effective.dateOf() + 27 days", ["2020-03-01"]),
        ("effective.timeOf()", ["04:05:06.789"]),
        ("effective.timeOf() is Time", [True]),
        ("effective.timeOf() < @T05:00:00", [True]),
        ("@2014.dateOf()", ["2014"]),
        ("@2014-03-09T08.timeOf()", ["08"]),
        ("@2014-03-09.timeOf()", []),
        ("component.value.ofType(dateTime).select(yearOf())", [2019, 2017]),
        ("component.select(value.yearOf())", [2019, 2017]),
        ("component.where(value.monthOf() = 6).count()", [1]),
        ("{}.yearOf()", []),
        ("{}.timezoneOffsetOf()", []),
        ("today().dateOf() = today()", [True]),
        ("now().timeOf() is Time", [True]),
    ],
)
def test_dates_and_times(database: Database, expression: str, items: list[Any]) -> None:
    assert database.evaluate(expression, _OBSERVATION) == items


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        ("effectiveDateTime.hourOf()", [4]),
        ("effectiveDateTime.timezoneOffsetOf() = -3.5", [True]),
        ("valueTime.hourOf()", [10]),
        ("valueTime.yearOf()", []),
        ("component[0].valueDateTime.hourOf()", []),
        ("component.valueDateTime.last().dateOf()", ["2017-06"]),
    ],
)
def test_without_a_model(untyped: Database, expression: str, items: list[Any]) -> None:
    assert untyped.evaluate(expression, _OBSERVATION) == items


def test_of_several(database: Database) -> None:
    with pytest.raises(EvaluationError, match="expected a single item but found several"):
        database.evaluate("(@2012 | @2013).yearOf()", {})


@pytest.mark.parametrize("expression", ["'2020-01-01'.yearOf()", "1.hourOf()", "@T10:00.timeOf()", "code.dayOf()"])
def test_of_other_types(database: Database, expression: str) -> None:
    """What is no date or time has no component (FHIRPath, current specification)."""
    assert database.evaluate(expression, _OBSERVATION) == []
