"""The official FHIRPath suite for FHIR R4, on both databases, by the code of ``fhir4ds conformance fhirpath``.

What fails is known by name, with the reason: a test that begins to fail, or to pass, fails here. The guide
``docs/guides/conformance.md`` says the same to users.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from fhir4ds.conformance.report import Report
from fhir4ds.conformance.run import run_suite
from fhir4ds.conformance.suite import Case, read_suite
from fhir4ds.database import connect
from tests.support.conformance import conformance_dir

_GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "conformance.md"

_HOUR = (
    "an hour of which nothing more is known runs to minute 59, as in the example of highBoundary() in the specification"
)
_OUTWARDS = "a boundary is rounded away from the value, as in all other tests and in the specification: it is not 0"

#: Tests that fail, and why.
DEVIATIONS = {
    "testPlus/testPlusDate19": "seconds have a decimal part: 0.1 s more is .100, which later editions of the suite have",
    "HighBoundary/HighBoundaryDateTimeMillisecond1": _HOUR,
    "HighBoundary/HighBoundaryDateTimeMillisecond3": _HOUR,
    "LowBoundary/LowBoundaryDecimal15": _OUTWARDS,
    "HighBoundary/HighBoundaryDecimal15": _OUTWARDS,
    "HighBoundary/HighBoundaryDecimal16": _OUTWARDS,
}


@pytest.fixture(scope="module")
def cases() -> tuple[Case, ...]:
    return read_suite(conformance_dir() / "fhirpath")


@pytest.fixture(scope="module", params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def report(request: pytest.FixtureRequest, cases: tuple[Case, ...]) -> Report:
    url = "duckdb://" if request.param == "duckdb" else request.getfixturevalue("postgres_url")
    with connect(url) as database:
        return run_suite(database, cases)


def test_only_known_deviations_fail(report: Report) -> None:
    failed = {outcome.case.id: f"{outcome.case.expression} gave {outcome.given}" for outcome in report.failures}
    assert {id: shown for id, shown in failed.items() if id not in DEVIATIONS} == {}, "these began to fail"
    assert DEVIATIONS.keys() - failed.keys() == set(), "these pass by now: strike them out here and in the guide"


def test_every_test_is_counted(report: Report, cases: tuple[Case, ...]) -> None:
    assert [outcome.case for outcome in report.outcomes] == list(cases)
    kinds = Counter(case.invalid is not None for case in cases)
    assert report.values.passed + report.values.failed == kinds[False] == 900
    assert report.errors.passed + report.errors.failed == kinds[True] == 35


def test_deviations_are_in_the_guide() -> None:
    rows = [line for line in _GUIDE.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert {row.split("`")[1] for row in rows if "/" in row.split("`")[1]} == DEVIATIONS.keys()
