"""``fhir4ds view``: every format and destination, checks, tables in the database, and refusals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pyarrow.parquet as pq
import pytest

from fhir4ds.database import connect
from tests.integration.cli.running import FHIR4DS, PATIENTS, Outcome, run, run_process

VIEW: dict[str, Any] = {
    "resource": "Patient",
    "name": "people",
    "constant": [{"name": "few", "valueInteger": 2}, {"name": "sex", "valueCode": "female"}],
    "where": [{"path": "id < 'patient-004'"}],
    "select": [
        {
            "column": [
                {"name": "id", "path": "getResourceKey()", "type": "id"},
                {"name": "asked", "path": "gender = %sex", "type": "boolean"},
                {"name": "born", "path": "birthDate", "type": "date"},
                {"name": "given", "path": "name.given", "type": "string", "collection": True},
                {"name": "few", "path": "name.count() <= %few", "type": "boolean"},
            ]
        }
    ],
}
_CSV = 'id,asked,born,given,few\npatient-001,true,1971-02-02,"[""Given1"", ""Alias1"", ""Nick1""]",true\n'


@pytest.fixture
def view(tmp_path: Path) -> str:
    file = tmp_path / "people.json"
    file.write_text(json.dumps(VIEW))
    return str(file)


def changed(view: str, **members: Any) -> str:
    """The view with other members."""
    Path(view).write_text(json.dumps({**VIEW, **members}))
    return view


@pytest.fixture
def postgres(postgres_url: str) -> list[str]:
    """The words that name a table of patients on a server."""
    table = f"resource_{uuid4().hex[:8]}"
    place = [postgres_url, "--table", table]
    assert run("load", PATIENTS, "--to", *place, "--quiet") == Outcome(0, "", "")
    return place


def test_formats_say_what_the_library_says(view: str, tmp_path: Path) -> None:
    with connect() as database:
        rows = database.view(Path(view), files=PATIENTS).run()
    assert len(rows) == 3
    assert json.loads(run("view", view, PATIENTS, "--format", "json").out) == rows.to_dicts()
    lines = run("view", view, PATIENTS, "--format", "ndjson").out.splitlines()
    assert [json.loads(line) for line in lines] == rows.to_dicts()
    assert run("view", view, PATIENTS, "--limit", "1", "--format", "csv") == Outcome(0, _CSV, "")
    shown = run("view", view, PATIENTS)
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.splitlines()[0].split() == ["id", "asked", "born", "given", "few"]
    assert shown.out.splitlines()[-1] == "3 rows"
    for name in ("rows.csv", "rows.ndjson", "rows.json", "rows.parquet", "rows"):
        target = tmp_path / "out" / name
        target.parent.mkdir(exist_ok=True)
        assert run("view", view, PATIENTS, "-o", str(target)) == Outcome(0, "", "")
    assert pq.read_table(tmp_path / "out" / "rows.parquet") == rows.to_arrow()
    assert (tmp_path / "out" / "rows.csv").read_text().startswith(_CSV)
    assert run("view", view, PATIENTS, "-o", "-", "--format", "csv").out == (tmp_path / "out" / "rows.csv").read_text()
    assert len(list((tmp_path / "out").iterdir())) == 5


@pytest.mark.postgres
def test_databases_say_the_same(view: str, postgres: list[str]) -> None:
    expected = run("view", view, PATIENTS, "--format", "csv")
    assert (expected.code, len(expected.out.splitlines())) == (0, 4)
    assert run("view", view, *postgres, "--format", "csv") == expected


@pytest.mark.parametrize(
    ("constants", "cells"),
    [
        ([], ("true", "true")),
        (["sex=male"], ("false", "true")),
        (["few=0"], ("true", "false")),
        (["few:Integer=0", "sex=male"], ("false", "false")),
        (["sex=male' or 'a' = 'a"], ("false", "true")),
    ],
)
def test_constants(view: str, constants: list[str], cells: tuple[str, str]) -> None:
    words = [word for constant in constants for word in ("--constant", constant)]
    done = run("view", view, PATIENTS, "--format", "csv", "--limit", "1", *words)
    row = done.out.splitlines()[1].split(",")
    assert (done.code, (row[1], row[-1])) == (0, cells)


def test_check(view: str) -> None:
    assert run("view", view, "--check") == Outcome(0, f"{view} is valid\n", "")
    shareable = run("view", view, "--check", "shareable")
    assert (shareable.code, shareable.err) == (1, "")
    assert shareable.out.splitlines() == [
        "url: a view that is shared needs url [shareable]",
        "  hint: add url",
        "fhirVersion: a view that is shared needs fhirVersion [shareable]",
        "  hint: add fhirVersion",
    ]
    tabular = run("view", view, "--check", "tabular")
    assert (tabular.code, tabular.out.splitlines()[0]) == (
        1,
        "select[0].column[3].collection: the column 'given' of a tabular view must not be a collection [no-collections]",
    )


def test_check_tells_all_faults(view: str) -> None:
    columns = [{"name": "a", "path": "brthDate"}, {"name": "a", "path": "name.family +"}, {"name": "1", "path": "%x"}]
    done = run("view", changed(view, select=[{"column": columns}], constant=[]), "--check")
    assert (done.code, done.err) == (1, "")
    rules = [line.rpartition(" ")[2] for line in done.out.splitlines() if line.startswith("select[")]
    places = [line.partition(":")[0] for line in done.out.splitlines() if line.startswith("select[")]
    assert len(places) == 5
    assert {"[sql-name]", "[unique-columns]"} <= set(rules)
    assert {f"select[0].column[{number}].path" for number in range(3)} <= set(places)
    Path(view).write_text("{")
    assert run("view", view, "--check").code == 1


def test_an_invalid_view_is_refused_before_any_database(view: str, tmp_path: Path) -> None:
    done = run("view", changed(view, selct=[]), "duckdb:///nowhere.duckdb")
    assert (done.code, done.out) == (1, "")
    assert "selct" in done.err
    assert run("view", str(tmp_path / "none.json"), PATIENTS).code == 1


def test_several_values_are_told_with_the_resource(view: str, tmp_path: Path) -> None:
    target = tmp_path / "rows.csv"
    target.write_text("before")
    columns = [{"name": "given", "path": "name.given"}]
    done = run("view", changed(view, select=[{"column": columns}]), PATIENTS, "-o", str(target))
    assert (done.code, done.out) == (1, "")
    assert "the column has several values" in done.err
    assert "patient-00" in done.err
    assert target.read_text() == "before"


@pytest.mark.parametrize("kind", ["table", "view"])
def test_materialize_from_files(view: str, tmp_path: Path, kind: str) -> None:
    place = str(tmp_path / "clinic.duckdb")
    words = ("view", view, PATIENTS, "--to", place, "--materialize", kind)
    said = "table people: 3 rows\n" if kind == "table" else "view people\n"
    for _ in range(2):
        assert run(*words) == Outcome(0, said, "")
    with duckdb.connect(place) as connection:
        rows = connection.execute("SELECT id, given FROM people ORDER BY id").fetchall()
    assert rows[0] == ("patient-001", ["Given1", "Alias1", "Nick1"])
    assert len(rows) == 3
    other = "view" if kind == "table" else "table"
    refused = run(*words[:-1], other)
    assert (refused.code, refused.out) == (1, "")
    assert f"there is a {kind} 'people', which does not become a {other}" in refused.err


@pytest.mark.postgres
@pytest.mark.parametrize("kind", ["table", "view", "materialized-view"])
def test_materialize_on_a_server(view: str, postgres: list[str], kind: str) -> None:
    name = f"people_{uuid4().hex[:8]}"
    indexes = [] if kind == "view" else ["--index", "id", "--index", "born"]
    words = ("--materialize", kind, "--name", name, "--schema", "public", *indexes, "--constant", "few=1")
    done = run("view", view, *postgres, *words)
    said = f"view public.{name}\n" if kind == "view" else f"{kind.replace('-', ' ')} public.{name}: 3 rows\n"
    assert done == Outcome(0, said, "")
    with connect(postgres[0]) as database:
        rows = database.execute_query(f"SELECT id, asked, born, given, few FROM {name} ORDER BY id")
    assert rows[0] == ("patient-001", True, "1971-02-02", ["Given1", "Alias1", "Nick1"], False)


def test_nothing_of_ours_replaces_the_resources(view: str, tmp_path: Path) -> None:
    place = str(tmp_path / "clinic.duckdb")
    assert run("load", PATIENTS, "--to", place, "--quiet").code == 0
    refused = run("view", view, place, "--materialize", "table", "--name", "resource")
    assert (refused.code, refused.out) == (1, "")
    assert "there is a table 'resource' that was not made by fhir4ds, and it is left alone" in refused.err
    assert run("query", "Patient.id", place, "--format", "csv").out.count("\n") == 101


def test_a_mistyped_database_is_not_made(view: str, tmp_path: Path) -> None:
    place = tmp_path / "clinc.duckdb"
    assert run("view", view, str(place), "--materialize", "table").code == 1
    assert not place.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "name the files or the database to read, or --check the view"),
        ([PATIENTS, "--format", "parquet"], "parquet is for files; name one with -o FILE"),
        ([PATIENTS, "-o", "rows.xlsx"], "there is no format for .xlsx files; choose one with --format"),
        ([PATIENTS, "--index", "id"], "--index goes only with --materialize"),
        ([PATIENTS, "--to", "x.duckdb"], "--to goes only with --materialize"),
        ([PATIENTS, "--materialize", "table"], "name the database to keep the rows in with --to URL"),
        (["x.duckdb", "--materialize", "table", "--to", "y.duckdb"], "the rows of a database are kept there"),
        (["x.duckdb", "--materialize", "table", "-o", "y.csv"], "--output goes without --materialize"),
        (["--check", "--materialize", "table"], "--check"),
        ([PATIENTS, "--constant", "few=many"], "this is no Integer, such as 42"),
        ([PATIENTS, "--constant", "few"], "'few' is not NAME=VALUE or NAME:TYPE=VALUE"),
    ],
)
def test_wrong_calls(view: str, words: list[str], message: str) -> None:
    done = run("view", view, *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_a_constant_that_the_view_has_not(view: str) -> None:
    done = run("view", view, PATIENTS, "--constant", "sexx=male")
    assert (done.code, done.out) == (1, "")
    assert "did you mean 'sex'?" in done.err


def test_reader_that_has_seen_enough(view: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{' '.join(FHIR4DS)} view {view} {PATIENTS} --format csv | head -1"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "id,asked,born,given,few\n", "")


def test_ctrl_c_leaves_the_file_as_it_was(view: str, tmp_path: Path) -> None:
    target = tmp_path / "out" / "rows.csv"
    target.parent.mkdir()
    target.write_text("before")
    many = tmp_path / "many.ndjson"
    line = '{"resourceType":"Patient","id":"patient-0030","name":[{"given":["a"]}]}\n'
    # Written in two seconds and more, so that the signal comes before the end, however busy the machine is.
    many.write_text(line * 1_600_000)
    command = [*FHIR4DS, "view", view, str(many), "-o", str(target)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 30
        while len(list(target.parent.iterdir())) == 1 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said.strip()) == (130, "cancelled")
    assert target.read_text() == "before"
    assert list(target.parent.iterdir()) == [target]


def test_help_is_there() -> None:
    done = run_process("view", "--help")
    assert done.code == 0
    assert "ViewDefinition" in done.out
