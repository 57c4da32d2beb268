"""Databases to load into, each with tables of its own for each test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import pytest

from fhir4ds.database import Database, connect

Contents: TypeAlias = dict[tuple[str, str], Any]

#: Opens the same database again, with other settings.
Open: TypeAlias = Callable[..., Database]


@pytest.fixture(scope="module", params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A DuckDB file, then a live PostgreSQL."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return f"duckdb:///{tmp_path_factory.mktemp('store') / 'store.duckdb'}"


@pytest.fixture
def open_(url: str) -> Iterator[Open]:
    """Opens databases, by default with a table that does not exist yet; the same one each time."""
    opened: list[Database] = []
    table = f"resource_{uuid4().hex[:8]}"

    def open_database(**settings: Any) -> Database:
        opened.append(connect(url, **{"table": table, "pool_size": 2, **settings}))
        return opened[-1]

    yield open_database
    for database in opened:
        database.close()


@pytest.fixture
def db(open_: Open) -> Database:
    """A database whose table does not exist yet."""
    return open_()


def contents(database: Database) -> Contents:
    """What is in the table: the text of each resource as Python values, by type and id; numbers as they are spelled."""
    quote = database.dialect.syntax.quote
    name = quote(database.table) if database.schema is None else f"{quote(database.schema)}.{quote(database.table)}"
    text = "VARCHAR" if database.dialect.name == "duckdb" else "TEXT"
    rows = database.execute_query(f"SELECT resource_type, id, CAST(resource AS {text}) FROM {name}")
    found = {(type, id): spelled(text) for type, id, text in rows}
    assert len(found) == len(rows)
    return found


def spelled(text: str) -> Any:
    """JSON with numbers as decimals that remember their digits."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def exact(value: Any) -> Any:
    """Values in which 1.5 and 1.50 differ."""
    match value:
        case dict():
            return {name: exact(member) for name, member in value.items()}
        case list():
            return [exact(item) for item in value]
        case Decimal():
            return "number", str(value)
        case _:
            return value


def tables(database: Database) -> set[str]:
    """Names of all tables that there are."""
    return {
        name
        for (name,) in database.execute_query(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
        )
    }


def write_lines(file: Path, resources: list[Any]) -> Path:
    """Write NDJSON."""
    file.write_text(
        "".join(f"{item if isinstance(item, str) else json.dumps(item, separators=(',', ':'))}\n" for item in resources)
    )
    return file
