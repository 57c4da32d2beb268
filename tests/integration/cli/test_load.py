"""``fhir4ds load``: what it reports, what it rejects, and what a nightly job sees."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.integration.cli.running import Outcome, run

_PATIENT = '{"resourceType":"Patient","id":"%s"}\n'


def report(out: str) -> str:
    """The report without its time, which varies."""
    return re.sub(r"^\d+\.\d\d s\n", "", out, flags=re.MULTILINE)


def expected(inserted: int, updated: int, unchanged: int, rejected: int) -> str:
    head = "resource type  inserted  updated  unchanged  superseded  rejected\n"
    row = "{:<15}{:>8}{:>9}{:>11}{:>12}{:>10}\n"
    rows = [("Patient", inserted, updated, unchanged, 0, 0)]
    if rejected:
        rows.append(("(unknown)", 0, 0, 0, 0, rejected))
    rows.append(("all", inserted, updated, unchanged, 0, rejected))
    return head + "".join(row.format(*cells) for cells in rows)


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where to load: an empty database of each kind."""
    if request.param == "duckdb":
        return str(tmp_path / "clinic.duckdb")
    url: str = request.getfixturevalue("postgres_url")
    return url


def test_a_second_load_changes_nothing_and_an_edit_is_an_update(place: str, tmp_path: Path) -> None:
    export = tmp_path / "export"
    export.mkdir()
    file = export / "patients.ndjson"
    file.write_text(_PATIENT % "a" + _PATIENT % "b")
    table = ("--table", "idempotent")
    for counts in ((2, 0, 0, 0), (0, 0, 2, 0)):
        loaded = run("load", str(export), "--to", place, *table)
        assert (loaded.code, report(loaded.out), loaded.err) == (0, expected(*counts), "")
    file.write_text(_PATIENT % "a" + '{"resourceType":"Patient","id":"b","gender":"male"}\n')
    assert report(run("load", str(export), "--to", place, *table).out) == expected(0, 1, 1, 0)
    assert run("query", "Patient.gender", place, *table, "--format", "csv").out == "id,value\nb,male\n"


def test_rejects_are_listed_and_the_rest_is_loaded(place: str, tmp_path: Path) -> None:
    file = tmp_path / "export.ndjson"
    file.write_text(_PATIENT % "a" + "not json\n" + '{"id":"x"}\n' + _PATIENT % "b")
    loaded = run("load", str(file), "--to", place, "--table", "rejects")
    assert (loaded.code, report(loaded.out)) == (1, expected(2, 0, 0, 2))
    assert [line.split(": ", 2)[:2] for line in loaded.err.splitlines()] == [
        ["rejected", f"{file}:2"],
        ["rejected", f"{file}:3"],
    ]
    quiet = run("load", str(file), "--to", place, "--table", "rejects", "--quiet")
    assert quiet == Outcome(1, "", loaded.err)


def test_strict_load_changes_nothing(place: str, tmp_path: Path) -> None:
    file = tmp_path / "export.ndjson"
    file.write_text(_PATIENT % "a" + "not json\n")
    loaded = run("load", str(file), "--to", place, "--table", "strict", "--strict")
    assert (loaded.code, loaded.out) == (1, "")
    assert loaded.err.startswith(f"error: {file}:2: ")
    assert "there is no table 'strict'" in run("query", "Patient.id", place, "--table", "strict").err


def test_quiet_says_nothing_when_all_is_well(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text(_PATIENT % "a")
    assert run("load", str(tmp_path), "--to", str(tmp_path / "c.duckdb"), "-q") == Outcome(0, "", "")


def test_many_rejects_are_counted_and_some_are_listed(tmp_path: Path) -> None:
    file = tmp_path / "bad.ndjson"
    file.write_text("bad\n" * 1_005)
    loaded = run("load", str(file), "--to", str(tmp_path / "c.duckdb"))
    lines = loaded.err.splitlines()
    assert (loaded.code, len(lines), lines[-1]) == (1, 1_001, "rejected: 5 more")


@pytest.mark.parametrize(
    ("arguments", "code", "err"),
    [
        (["load", "x.ndjson"], 2, "error: Missing option '--to'.\nhint: fhir4ds load --help\n"),
        (["load", "--to", "c.duckdb"], 2, "error: Missing argument 'PATHS...'.\nhint: fhir4ds load --help\n"),
        (
            ["load", "x.ndjson", "--to", "c.duckdb"],
            1,
            "error: no such file or folder: x.ndjson\nhint: check the path; it is taken from the current folder\n",
        ),
    ],
)
def test_refusals(tmp_path: Path, arguments: list[str], code: int, err: str) -> None:
    assert run(*arguments, cwd=tmp_path) == Outcome(code, "", err)
    assert list(tmp_path.iterdir()) == []


def test_bundles_and_arrays(tmp_path: Path) -> None:
    patient = json.loads(_PATIENT % "a")
    (tmp_path / "bundle.json").write_text(json.dumps({"resourceType": "Bundle", "entry": [{"resource": patient}]}))
    (tmp_path / "array.json").write_text(json.dumps([{**patient, "id": "b"}, {**patient, "id": "c"}]))
    loaded = run("load", str(tmp_path), "--to", str(tmp_path / "c.duckdb"))
    assert (loaded.code, report(loaded.out), loaded.err) == (0, expected(3, 0, 0, 0), "")
