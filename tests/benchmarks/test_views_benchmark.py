"""The benchmark of views works: it measures what it says, on tiny data."""

from __future__ import annotations

import json

import pytest

from tests.benchmarks.views import TARGET, Measurement, main

pytestmark = pytest.mark.postgres


def test_a_tiny_run(postgres_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each database; view and expert gave the same rows, or it would have failed."""
    assert main(["--patients", "3", "--rounds", "2", "--url", postgres_url]) in (0, 1)
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith("3 patients, medians of 2 rounds")
    assert [line.split()[:3] for line in lines] == [["duckdb", "6", "rows"], ["postgres", "6", "rows"]]


def test_a_tiny_run_as_json(postgres_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The same for programs."""
    main(["--patients", "2", "--rounds", "1", "--url", postgres_url, "--json"])
    report = json.loads(capsys.readouterr().out)
    assert (report["patients"], report["target"]) == (2, TARGET)
    assert all(found["ratio"] > 0 for found in report["views"])


def test_a_miss_is_marked() -> None:
    """What is slower than its target says so."""
    slow = Measurement("duckdb", "v2", 6, [2.0, 4.0, 2.0], [1.0, 2.0, 1.0])
    assert (slow.ratio, "2.00!" in str(slow)) == (2.0, True)
    assert "!" not in str(Measurement("duckdb", "v2", 6, [1.0], [1.0]))
