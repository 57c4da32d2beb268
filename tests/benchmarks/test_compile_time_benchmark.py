"""The benchmark itself works: it measures what it says, on a tiny suite."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks.compile_time import Report, main, misses
from tests.unit.conformance.suites import entry, write_suite


@pytest.fixture
def suite(tmp_path: Path) -> str:
    """Three expressions, of which one cannot be compiled."""
    tests = [entry("a", "Patient.name.given"), entry("b", "1 +", invalid="syntax"), entry("c", "1 + 1")]
    return str(write_suite(tmp_path, tests))


def test_a_tiny_run(suite: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--suite", suite, "--rounds", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    heads = [line for line in lines if not line.startswith(" ")]
    assert heads[:2] == [f"{name}, 2 expressions, milliseconds" for name in ("duckdb", "postgres")]
    assert [line.split()[0] for line in lines[1:4]] == ["first", "cached", "slowest"]


def test_a_tiny_run_as_json(suite: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--suite", suite, "--rounds", "2", "--json"]) == 0
    for report in json.loads(capsys.readouterr().out)["reports"]:
        assert report["expressions"] == 2
        assert report["first"]["median"] > report["cached"]["median"] > 0
        assert report["slowest"] in {"Patient.name.given", "1 + 1"}


def test_misses() -> None:
    """A median above its target is named; a single slow expression is not."""
    fast, slow = [1.0, 1.0, 90.0], [0.01, 0.2, 0.3]
    assert misses([Report("duckdb", fast, [0.01] * 3, "x")]) == []
    assert misses([Report("duckdb", fast, slow, "x"), Report("postgres", [9.0] * 3, [0.1] * 3, "x")]) == [
        "duckdb: cached compilation takes 0.2000 ms, target 0.1 ms",
        "postgres: first compilation takes 9.0000 ms, target 5 ms",
    ]
