"""Which database is asked, and that asking changes nothing."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

import fhir4ds
from fhir4ds.cli.opening import open_to_read, source_of
from fhir4ds.cli.query import command
from fhir4ds.errors import ConnectFailed, FHIRPathExecutionError


@pytest.fixture(autouse=True)
def _command() -> object:
    """Opening asks the command that is running whether it is verbose."""
    with click.Context(command) as context:
        yield context


@pytest.mark.parametrize(
    ("source", "url", "files"),
    [
        (["postgresql://ada@h/d"], "postgresql://ada@h/d", ()),
        (["duckdb:///a.duckdb"], "duckdb:///a.duckdb", ()),
        (["a.duckdb"], "a.duckdb", ()),
        (["export"], "duckdb://", ("export",)),
        (["a.ndjson", "b.json"], "duckdb://", ("a.ndjson", "b.json")),
        (["a.ndjson", "b.duckdb"], "duckdb://", ("a.ndjson", "b.duckdb")),
        (["mysql://h/d"], "mysql://h/d", ()),
    ],
)
def test_source(source: list[str], url: str, files: tuple[str, ...]) -> None:
    assert source_of(source) == (url, files)


@pytest.mark.parametrize("others", [["a.ndjson"], ["postgresql://h/d"]])
def test_database_is_asked_alone(others: list[str]) -> None:
    with pytest.raises(click.UsageError, match="a database is asked alone; name one URL, or files and folders"):
        source_of(["postgresql://ada:secret@h/d", *others])


@pytest.mark.parametrize("form", ["{}", "duckdb:///{}", "duckdb:///{}?threads=1"])
def test_file_is_opened_to_read(tmp_path: Path, form: str) -> None:
    """As often as one likes at the same time, by path or by URL."""
    path = tmp_path / "a b.duckdb"
    with fhir4ds.connect(str(path)) as database:
        database.load([{"resourceType": "Patient", "id": "p1"}])
    url = form.format(path)
    with open_to_read(url) as one, open_to_read(url) as other:
        assert one.query("Patient.id").rows == other.query("Patient.id").rows == [("p1", "p1")]
        with pytest.raises(FHIRPathExecutionError, match="read-only"):
            one.execute_query("DELETE FROM resource")


def test_file_can_be_opened_to_write_on_request(tmp_path: Path) -> None:
    with open_to_read(f"duckdb:///{tmp_path}/a.duckdb?read_only=false") as database:
        assert database.execute_query("SELECT 1") == [(1,)]


def test_mistyped_file_is_not_made(tmp_path: Path) -> None:
    with open_to_read(str(tmp_path / "typo.duckdb")) as database, pytest.raises(ConnectFailed, match="does not exist"):
        database.query("Patient.id")
    assert list(tmp_path.iterdir()) == []


def test_memory_is_opened_as_it_is() -> None:
    with open_to_read("duckdb://") as database:
        assert database.execute_query("SELECT 1") == [(1,)]


def test_table_and_settings_are_handed_on() -> None:
    with open_to_read("duckdb://", table="analytics.patients", model=None, strict=True, query_timeout=7) as database:
        assert (database.schema, database.table, database.model, database.strict) == (
            "analytics",
            "patients",
            None,
            True,
        )
        assert database.dispatcher.settings.query_timeout == 7
