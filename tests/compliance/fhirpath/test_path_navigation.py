"""The runner of the ten expressions: it passes on real databases, and it fails where an answer is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fhir4ds.database import connect
from tests.compliance.fhirpath.path_navigation import PATH_NAVIGATION, Case, expected_rows, faults, patients
from tests.compliance.fhirpath.test_runner import main

_CASE = Case("Patient.name.family", 200, ("Family1", "NickFamily1"))


def _without_last(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return resources[:-1]


def _one_value_changed(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    resources[56]["name"][1]["given"] = ["Somebody"]
    return resources


def _one_type_changed(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    resources[0]["address"] = [{"line": ["101 Main St", "Suite 1"], "city": 1}]
    return resources


def _names_exchanged(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    resources[9]["name"].reverse()
    return resources


_DAMAGES = pytest.mark.parametrize("damage", [_without_last, _one_value_changed, _one_type_changed, _names_exchanged])


def _pattern(case: Case, where: str) -> str:
    return rf"{re.escape(case.expression)} +{case.rows} +[\d.]+ +\d+  pass    {where}"


def test_embedded_duckdb_passes(capsys: pytest.CaptureFixture[str]) -> None:
    """Ten of ten on DuckDB, each with its rows and its time."""
    assert main(["--dialect", "duckdb"]) == 0
    shown = capsys.readouterr().out
    assert all(re.search(_pattern(case, "v"), shown) for case in PATH_NAVIGATION)
    assert "10/10 passed" in shown


@pytest.mark.postgres
def test_all_databases_pass_and_agree(postgres_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Ten of ten on both, with identical rows, and every answer of PostgreSQL comes from one live backend."""
    assert main(["--dialect", "all", "--url", postgres_url]) == 0
    shown = capsys.readouterr().out
    assert all(re.search(_pattern(case, r"PostgreSQL \d+"), shown) for case in PATH_NAVIGATION)
    assert shown.count("10/10 passed") == 2
    assert "parity duckdb / postgres: identical rows" in shown
    pids = re.findall(r"(\d+)  pass    PostgreSQL", shown)
    assert len(pids) == 10 and len(set(pids)) == 1


@pytest.mark.postgres
@pytest.mark.parametrize("name", ["postgres", "postgresql"])
def test_both_names_of_postgresql_are_taken(postgres_url: str, name: str) -> None:
    """The dialect and its alias are the same."""
    assert main(["--dialect", name, "--url", postgres_url]) == 0


@pytest.mark.postgres
def test_nothing_is_left_behind(postgres_url: str) -> None:
    """The fixture goes to a schema of its own, and that goes away."""
    assert main(["--dialect", "postgres", "--url", postgres_url]) == 0
    with connect(postgres_url) as database:
        assert database.execute_query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'fhir4ds%'") == []
        assert database.execute_query("SELECT relname FROM pg_class WHERE relname = 'resource'") == []


@pytest.mark.postgres
def test_it_starts_a_server_where_none_is_given() -> None:
    """The command alone is enough; it is run as anyone would run it."""
    command = [sys.executable, "-m", "tests.compliance.fhirpath.test_runner", "--dialect", "postgresql"]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "10/10 passed" in done.stdout and "PASSED" in done.stdout


def _file(folder: Path, resources: list[dict[str, Any]]) -> str:
    url = f"duckdb:///{folder / 'patients.duckdb'}"
    with connect(url) as database:
        database.load(resources)
    return url


def test_an_existing_table_is_asked_as_it_is(tmp_path: Path) -> None:
    """With the right patients in it, it passes."""
    assert main(["--dialect", "duckdb", "--url", _file(tmp_path, patients()), "--table", "resource"]) == 0


@_DAMAGES
def test_duckdb_fails_on_wrong_data(
    damage: Callable[[list[dict[str, Any]]], list[dict[str, Any]]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One patient, value, type or order that is wrong is enough."""
    assert main(["--dialect", "duckdb", "--url", _file(tmp_path, damage(patients())), "--table", "resource"]) == 1
    shown = capsys.readouterr().out
    assert "FAIL " in shown and shown.endswith("FAILED\n")


@pytest.mark.postgres
@_DAMAGES
def test_postgresql_fails_on_wrong_data_and_parity_is_refused(
    damage: Callable[[list[dict[str, Any]]], list[dict[str, Any]]],
    tmp_path: Path,
    postgres_url: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A right DuckDB beside it does not make it pass."""
    with connect(postgres_url, table=damage.__name__.strip("_")) as database:
        database.load(damage(patients()))
    with connect(url := f"duckdb:///{tmp_path / 'patients.duckdb'}", table=database.table) as right:
        right.load(patients())
    assert main(["--dialect", "all", "--url", postgres_url, "--url", url, "--table", database.table]) == 1
    shown = capsys.readouterr().out
    assert "10/10 passed" in shown
    assert "parity duckdb / postgres: differ in Patient." in shown
    assert shown.endswith("FAILED\n")


@pytest.mark.parametrize(
    ("dialect", "url"),
    [
        ("postgresql", "postgresql://postgres:secret@127.0.0.1:1/postgres"),
        ("duckdb", "duckdb:////no/such/folder/x.duckdb"),
    ],
)
def test_a_database_that_cannot_be_reached_fails(dialect: str, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It says so, without the password, and ends with 1."""
    assert main(["--dialect", dialect, "--url", url]) == 1
    shown = capsys.readouterr().out
    assert "FAILED" in shown and "secret" not in shown


def test_a_missing_table_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty database passes nothing."""
    assert main(["--dialect", "duckdb", "--url", f"duckdb:///{tmp_path / 'x.duckdb'}", "--table", "resource"]) == 1
    assert "PASSED" not in capsys.readouterr().out


def test_a_url_of_a_dialect_that_is_not_run_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody shall believe that a server was asked when it was not."""
    assert main(["--dialect", "duckdb", "--url", "postgresql://127.0.0.1/postgres"]) == 1
    assert "postgres" in capsys.readouterr().err


def test_right_rows_have_no_faults() -> None:
    """Whatever the keys of the table are."""
    rows = expected_rows(_CASE, patients())
    assert faults(_CASE, rows, patients()) == []
    numbers = {id: number for number, id in enumerate(dict.fromkeys(id for id, _ in rows))}
    assert faults(_CASE, [(numbers[id], value) for id, value in rows], patients()) == []


def test_wrong_rows_have_faults() -> None:
    """Too few rows, another value at the start or at the end, and a row that belongs to another resource."""
    rows = expected_rows(_CASE, patients())
    assert faults(_CASE, rows[:-1], patients()) == ["199 rows instead of 200"]
    assert faults(_CASE, [(rows[0][0], "X"), *rows[1:]], patients()) == ["row 1 is 'X' instead of 'Family1'"]
    assert faults(_CASE, [*rows[:-1], (rows[-1][0], "X")], patients()) != []
    assert faults(_CASE, [*rows[:-1], (rows[0][0], rows[-1][1])], patients()) != []
    assert faults(_CASE, [], patients()) == ["0 rows instead of 200", "0 resources instead of 100"]


def test_types_are_part_of_an_answer() -> None:
    """``1`` is not ``true``, and a text is not a dict."""
    case = Case("Patient.active", 100, (True, False))
    rows = expected_rows(case, patients())
    assert faults(case, rows, patients()) == []
    assert faults(case, [(id, int(value)) for id, value in rows], patients()) != []
