"""Exports take little memory, whatever the number of rows; the figures of 200,000 rows are measured by hand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.benchmarks.export_memory import TARGET, main, measure

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux says the most memory of a process"),
]


def test_a_small_run(postgres_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rows", "2000", "--url", postgres_url]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"2,000 rows of 12 columns as parquet, at most {TARGET} MB"
    assert [line.split()[0] for line in lines[1:]] == ["duckdb", "postgres"]
    assert all(0 < int(line.split()[1]) < TARGET for line in lines[1:])


def test_memory_does_not_grow_with_the_rows(postgres_url: str, tmp_path: Path) -> None:
    few, many = (measure(postgres_url, rows, "csv", tmp_path) for rows in (4_000, 40_000))
    assert many < few + 10
