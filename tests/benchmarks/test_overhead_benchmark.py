"""The benchmark itself works: it measures what it says, in a few rounds."""

from __future__ import annotations

import json

import pytest

from tests.benchmarks.overhead import Report, main, misses


@pytest.mark.postgres
def test_a_tiny_run(postgres_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", postgres_url, "--rounds", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.endswith("(median)")] == [
        f"{name}, microseconds (median)" for name in ("duckdb", "postgres")
    ]
    assert [line.split()[0] for line in lines[1:5]] == ["lease", "bare", "through", "dispatcher"]


@pytest.mark.postgres
def test_a_tiny_run_as_json(postgres_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--url", postgres_url, "--rounds", "3", "--json"])
    reports = json.loads(capsys.readouterr().out)["reports"]
    assert [report["database"] for report in reports] == ["duckdb", "postgres"]
    for report in reports:
        assert report["lease"] < report["main"] and report["bare"] > 0
        assert report["ratio"] == pytest.approx(report["main"] / report["bare"], rel=0.05)


def test_misses() -> None:
    """A loan and our own share of a query have targets; how long a query takes has none."""
    good = Report("duckdb", lease=10.0, bare=300.0, same=900.0, main=1000.0, other=1.0, script=1.0)
    bad = Report("postgres", lease=30.0, bare=90.0, same=100.0, main=300.0, other=1.0, script=1.0)
    assert misses([good]) == []
    assert misses([good, bad]) == [
        "postgres: a loan takes 30.0 us, target 25 us",
        "postgres: a query costs 200.0 us, target 150 us",
    ]
