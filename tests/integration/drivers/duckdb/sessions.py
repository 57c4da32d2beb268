"""Sessions of DuckDB for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fhir4ds_duckdb.driver import DuckDBDriver

from fhir4ds.plugin import Connection, Driver, Target

#: Runs for hours, and checks for interrupts.
ENDLESS = "SELECT count(*) FROM range(100000000000) t (i) WHERE i % 7 = 3"


@contextmanager
def connected(driver: Driver) -> Iterator[Connection]:
    connection = driver.connect(5)
    try:
        yield connection
    finally:
        driver.disconnect(connection)


def on_file(path: Path, **options: str) -> Driver:
    return DuckDBDriver(Target(scheme="duckdb", database=str(path), options=options))
