"""The benchmark itself works: it measures what it says, on tiny data."""

from __future__ import annotations

import json

import pytest

from tests.benchmarks.path_navigation import Measurement, Report, main, misses
from tests.compliance.fhirpath.path_navigation import PATH_NAVIGATION

pytestmark = pytest.mark.postgres

_FAST = {"duckdb": [1.0], "postgres": [1.1], "duckdb expert": [1.0], "postgres expert": [1.0]}
#: Three rounds, of which one met a busy machine.
_SLOW = {
    "duckdb": [1.0, 1.0, 8.0],
    "postgres": [2.0, 2.0, 16.0],
    "duckdb expert": [0.5, 0.5, 4.0],
    "postgres expert": [1.9, 1.9, 15.0],
}


def test_a_tiny_run_as_table(postgres_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each expression, with all figures; the answers of all variants were equal, or it would have failed."""
    assert main(["--patients", "3", "--rounds", "2", "--url", postgres_url]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("3 patients, medians of 2 rounds, DuckDB v")
    assert [line.split()[0] for line in lines[2:12]] == [case.expression for case in PATH_NAVIGATION]
    assert all(len(line.split()) == 6 for line in lines[2:12])


def test_a_tiny_run_as_json(postgres_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The same for programs."""
    assert main(["--patients", "2", "--rounds", "1", "--url", postgres_url, "--json"]) == 0
    [report] = json.loads(capsys.readouterr().out)["reports"]
    assert report["versions"]["postgres"].startswith("PostgreSQL ")
    assert len(report["expressions"]) == 10
    assert all(row["milliseconds"]["postgres"] > 0 for row in report["expressions"])


@pytest.mark.parametrize(
    ("patients", "times", "missed"),
    [
        (100, _FAST, []),
        (100, _SLOW, ["duckdb/expert is 2.00, target 1.25", "postgres/duckdb is 2.00, target 1.2"]),
        (10_000, _SLOW, ["duckdb/expert is 2.00, target 1.25"]),
    ],
)
def test_misses(patients: int, times: dict[str, list[float]], missed: list[str]) -> None:
    """What is too slow is named, and PostgreSQL against DuckDB is judged at a hundred patients only."""
    report = Report(patients, 1, {"duckdb": "v", "postgres": "p"}, [Measurement("Patient.x", times)])
    assert misses([report]) == [f"{patients} patients, Patient.x: {text}" for text in missed]
