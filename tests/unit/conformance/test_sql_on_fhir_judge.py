"""When a test of a view passes: rows as a multiset, values strictly, errors by their kind."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir4ds.conformance.report import Report
from fhir4ds.conformance.sql_on_fhir import ViewOutcome, ViewTest, official_report
from fhir4ds.dialect.statement import Column
from fhir4ds.errors import EvaluationError, InvalidView, QueryFailed, UnknownElement
from fhir4ds.runtime.result import Result


def outcome(expected: dict[str, Any], given: Result | Exception, title: str = "t") -> ViewOutcome:
    return ViewOutcome(file="basic.json", test=ViewTest(title=title, view={}, expected=expected), given=given)


def result(*values: Any) -> Result:
    return Result((Column(name="a"),), [(value,) for value in values])


@pytest.mark.parametrize(
    ("given", "expected", "passes"),
    [
        ([1, 2], [2, 1], True),
        ([1, 1], [1], False),
        ([1], [1, 1], False),
        ([Decimal("5.0")], [5], True),
        ([5], [Decimal("5.00")], True),
        ([True], [1], False),
        ([True], [True], True),
        (["1"], [1], False),
        ([None], [None], True),
        ([None], [""], False),
        ([None], [False], False),
        ([["a", "b"]], [["a", "b"]], True),
        ([["a", "b"]], [["b", "a"]], False),
        ([[]], [None], False),
        ([{"x": Decimal("1.0")}], [{"x": 1}], True),
        ([], [], True),
    ],
)
def test_values(given: list[Any], expected: list[Any], passes: bool) -> None:
    assert outcome({"expect": [{"a": value} for value in expected]}, result(*given)).passed is passes


def test_rows_have_exactly_the_keys() -> None:
    assert not outcome({"expect": [{}]}, result(None)).passed
    assert not outcome({"expect": [{"a": 1, "b": None}]}, result(1)).passed


@pytest.mark.parametrize(("columns", "passes"), [(["a", "b"], True), (["b", "a"], False), (["a"], False)])
def test_columns_are_in_order(columns: list[str], passes: bool) -> None:
    given = Result((Column(name="a"), Column(name="b")), [(1, 2)])
    assert outcome({"expect": [{"b": 2, "a": 1}], "expectColumns": columns}, given).passed is passes


def test_counts() -> None:
    assert outcome({"expectCount": 2}, result(1, 1)).passed
    assert not outcome({"expectCount": 1}, result(1, 1)).passed


@pytest.mark.parametrize(
    ("given", "passes"),
    [
        (InvalidView("no"), True),
        (UnknownElement("no"), True),
        (EvaluationError("no"), True),
        (QueryFailed("the database refused what we made"), False),
        (RuntimeError("a crash"), False),
        (result(), False),
        (result(1), False),
    ],
)
def test_errors_count_by_their_kind(given: Result | Exception, passes: bool) -> None:
    judged = outcome({"expectError": True}, given)
    assert (judged.passed, judged.wants_error) == (passes, True)


def test_an_error_passes_no_test_of_values() -> None:
    assert not outcome({"expect": []}, InvalidView("no")).passed


def test_official_report() -> None:
    outcomes = (
        outcome({"expect": [{"a": 1}]}, result(1), "good"),
        outcome({"expect": [{"a": 1}]}, result(2), "other"),
        outcome({"expectError": True}, RuntimeError("boom"), "crash"),
    )
    report = Report(dialect="duckdb", version="v1", outcomes=outcomes)
    assert official_report(report) == {
        "basic.json": {
            "tests": [
                {"name": "good", "result": {"passed": True}},
                {"name": "other", "result": {"passed": False, "error": "other rows than expected"}},
                {"name": "crash", "result": {"passed": False, "error": "RuntimeError: boom"}},
            ]
        }
    }
    assert (str(report.total), str(report.errors)) == ("1 passed, 2 failed", "0 passed, 1 failed")
