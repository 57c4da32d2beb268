"""The driver and two sessions of DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from fhir4ds_duckdb.driver import DuckDBDriver

from fhir4ds.plugin import Connection, Driver, Target

from .sessions import connected


@pytest.fixture
def driver() -> Iterator[Driver]:
    with closing(DuckDBDriver(Target.parse("duckdb://"))) as driver:
        yield driver


@pytest.fixture
def connection(driver: Driver) -> Iterator[Connection]:
    with connected(driver) as connection:
        yield connection


@pytest.fixture
def second(driver: Driver) -> Iterator[Connection]:
    with connected(driver) as connection:
        yield connection


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database file of one table with one row."""
    path = tmp_path / "clinic.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS i")
    return path
