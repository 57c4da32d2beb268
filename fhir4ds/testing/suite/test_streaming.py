"""Answers of any size are read piece by piece."""

from __future__ import annotations

from time import monotonic, sleep

import pytest

from fhir4ds.dialect.driver import Connection, Driver
from fhir4ds.dialect.faults import FaultKind
from fhir4ds.dialect.model import Dialect
from fhir4ds.testing.cases.statements import ENDLESS, many_rows, numbers
from fhir4ds.testing.engine import in_background, run


def _begin(dialect: Dialect, driver: Driver, connection: Connection) -> None:
    run(driver, connection, dialect.syntax.begin(read_only=True))


def test_streamed_rows_are_those_of_the_query(dialect: Dialect, driver: Driver, connection: Connection) -> None:
    """All of them, in order, however many are asked for at a time."""
    _begin(dialect, driver, connection)
    cursor = driver.stream(connection, numbers(2_503), None, 100)
    assert [name for name, _ in cursor.columns] == ["i"]
    rows = []
    while batch := cursor.fetchmany(100):
        assert len(batch) <= 100
        rows += batch
    cursor.close()
    assert rows == [(i,) for i in range(1, 2_504)]
    run(driver, connection, "COMMIT")


def test_streamed_queries_take_parameters(dialect: Dialect, driver: Driver, connection: Connection) -> None:
    """By name, as other queries do."""
    _begin(dialect, driver, connection)
    sql = f"SELECT i FROM ({numbers(5)}) AS numbers WHERE i > {dialect.syntax.placeholder('least')} ORDER BY i"
    cursor = driver.stream(connection, sql, {"least": 3}, 10)
    assert cursor.fetchmany(10) == [(4,), (5,)]
    cursor.close()
    run(driver, connection, "COMMIT")


def test_a_stream_without_rows_has_columns(dialect: Dialect, driver: Driver, connection: Connection) -> None:
    """Before the first row is asked for, and after there was none."""
    _begin(dialect, driver, connection)
    cursor = driver.stream(connection, "SELECT 1 AS i WHERE 1 = 0", None, 10)
    assert ([name for name, _ in cursor.columns], cursor.fetchmany(10)) == (["i"], [])
    cursor.close()
    run(driver, connection, "COMMIT")


def test_a_stream_can_be_left_early(dialect: Dialect, driver: Driver, connection: Connection) -> None:
    """What is left is thrown away, and the connection can be used again at once."""
    _begin(dialect, driver, connection)
    cursor = driver.stream(connection, numbers(100_000), None, 10)
    assert cursor.fetchmany(10) == [(i,) for i in range(1, 11)]
    cursor.close()
    cursor.close()
    assert run(driver, connection, "SELECT 1") == [(1,)]
    run(driver, connection, "COMMIT")
    driver.reset(connection)
    assert run(driver, connection, "SELECT 2") == [(2,)]


@pytest.mark.requires("server_cursor")
def test_the_first_rows_come_before_the_last_are_found(
    dialect: Dialect, driver: Driver, connection: Connection
) -> None:
    """A thousand million rows are neither waited for nor held in memory."""
    _begin(dialect, driver, connection)
    started = monotonic()
    cursor = driver.stream(connection, many_rows(dialect, 9), None, 1000)
    assert [len(cursor.fetchmany(1000)) for _ in range(3)] == [1000] * 3
    assert monotonic() - started < 5
    cursor.close()
    driver.reset(connection)
    assert run(driver, connection, "SELECT 1") == [(1,)]


def test_a_stream_can_be_cancelled(dialect: Dialect, driver: Driver, connection: Connection) -> None:
    """From another thread, while its first rows are waited for."""
    _begin(dialect, driver, connection)
    reading = in_background(lambda: driver.stream(connection, ENDLESS, None, 10).fetchmany(10))
    sleep(0.3)
    driver.cancel(connection, 1.0)
    with pytest.raises(driver.errors) as caught:
        reading.result(timeout=10)
    assert driver.fault(caught.value, connection).kind is FaultKind.INTERRUPTED
    driver.reset(connection)
    assert run(driver, connection, "SELECT 1") == [(1,)]
