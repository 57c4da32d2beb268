"""Both databases, for tests of what functions give."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fhir4ds.database import Database, connect


@pytest.fixture(scope="module", params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """DuckDB, then PostgreSQL."""
    url = "duckdb://" if request.param == "duckdb" else request.getfixturevalue("postgres_url")
    with connect(url) as database:
        yield database


@pytest.fixture(scope="module")
def untyped(database: Database) -> Iterator[Database]:
    """The same database without a FHIR model: what an item is, is only known when it is met."""
    with Database(database.dispatcher, model=None) as untyped:
        yield untyped
