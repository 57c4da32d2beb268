"""Running a suite and what is reported of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fhir4ds.conformance.report import Report, Tally
from fhir4ds.conformance.run import run_suite
from fhir4ds.conformance.suite import Case, read_suite
from fhir4ds.database import Database, connect
from fhir4ds.errors import ConnectFailed, QueryTimeout
from tests.unit.conformance.suites import FAILING, MIXED, PASSING, write_suite


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with connect() as database:
        yield database


@pytest.fixture
def cases(tmp_path: Path) -> tuple[Case, ...]:
    return read_suite(write_suite(tmp_path, MIXED))


@pytest.fixture
def report(database: Database, cases: tuple[Case, ...]) -> Report:
    return run_suite(database, cases)


def test_verdicts(report: Report) -> None:
    assert [outcome.case.id for outcome in report.outcomes] == [test["id"] for test in MIXED]
    assert [outcome.case.id for outcome in report.outcomes if outcome.passed] == PASSING
    assert [outcome.case.id for outcome in report.failures] == FAILING


def test_numbers(report: Report) -> None:
    assert report.total == Tally(passed=8, failed=6)
    assert report.values == Tally(passed=4, failed=3)
    assert report.errors == Tally(passed=4, failed=3)
    assert report.groups == {"one": Tally(passed=4, failed=3), "two": Tally(passed=4, failed=3)}
    assert list(report.groups) == ["one", "two"]


def test_json_of_a_report(report: Report) -> None:
    found = report.to_dict()
    assert found.pop("version") == report.version
    tests = found.pop("tests")
    assert found == {
        "dialect": "duckdb",
        "passed": 8,
        "failed": 6,
        "values": {"passed": 4, "failed": 3},
        "errors": {"passed": 4, "failed": 3},
        "groups": [{"name": "one", "passed": 4, "failed": 3}, {"name": "two", "passed": 4, "failed": 3}],
    }
    assert [test["id"] for test in tests] == [test["id"] for test in MIXED]
    assert [test["id"] for test in report.to_dict(failures_only=True)["tests"]] == FAILING
    assert tests[0] == {
        "id": "one/given",
        "group": "one",
        "kind": "value",
        "expression": "Patient.name.given",
        "passed": True,
        "expected": "Ada (string), Eve (string)",
        "got": '"Ada", "Eve" (FHIR.string)',
        "stage": None,
    }
    assert {test["id"]: (test["kind"], test["stage"], test["got"].split(": ")[:2]) for test in tests[-7:]} == {
        "two/syntax": ("error", "syntax", ["syntax error", "FHIRPathSyntaxError"]),
        "two/semantic": ("error", "semantic", ["semantic error", "UnknownElement"]),
        "two/strict": ("error", "semantic", ["semantic error", "InvalidOperation"]),
        "two/execution": ("error", "execution", ["execution error", "EvaluationError"]),
        "two/no-function": ("error", None, ["no error of the language", "UnknownFunction"]),
        "two/no-refusal": ("error", None, ['{"given"', '["Ada", "Eve"]} (FHIR.HumanName)']),
        "two/no-late-refusal": ("error", "execution", ["execution error", "EvaluationError"]),
    }


def test_progress(database: Database, cases: tuple[Case, ...]) -> None:
    told: list[tuple[int, int]] = []
    run_suite(database, cases[:3], lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("error", [QueryTimeout("too slow"), ZeroDivisionError("a fault of ours")])
def test_whatever_is_raised_fails_its_test_alone(
    cases: tuple[Case, ...], error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect() as database:
        evaluate = database.evaluate

        def sometimes(expression: str, *arguments: Any, **options: Any) -> list[Any]:
            if expression == "1 + 1":
                raise error
            return evaluate(expression, *arguments, **options)

        monkeypatch.setattr(database, "evaluate", sometimes)
        failures = run_suite(database, cases).failures
    assert [outcome.case.id for outcome in failures] == sorted(["one/sum", *FAILING], key=_place)
    assert str(failures[0].given) == f"no error of the language: {type(error).__name__}: {error}"


def _place(id: str) -> int:
    return [test["id"] for test in MIXED].index(id)


def test_a_database_that_cannot_be_reached_fails_no_test(cases: tuple[Case, ...]) -> None:
    with connect("duckdb:////nowhere/at/all.duckdb", attempts=1) as database, pytest.raises(ConnectFailed):
        run_suite(database, cases)
