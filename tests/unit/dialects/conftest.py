"""Each dialect with a database that runs what it says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.engines import Engine, duckdb_engine, postgres_engine


@pytest.fixture(scope="module", params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """DuckDB, then PostgreSQL."""
    if request.param == "duckdb":
        with duckdb_engine() as engine:
            yield engine
    else:
        with postgres_engine(request.getfixturevalue("postgres_url")) as engine:
            yield engine
