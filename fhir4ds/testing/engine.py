"""A session of the database that is tested, through its driver and without the runtime."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Any, TypeVar

import attrs

from fhir4ds.dialect.driver import Connection, Driver, Parameters, Row
from fhir4ds.dialect.faults import Fault
from fhir4ds.dialect.model import Dialect
from fhir4ds.dialect.syntax import Syntax

T = TypeVar("T")


@attrs.frozen
class Engine:
    """What runs SQL text.

    Parameters
    ----------
    dialect : Dialect
        What is tested.
    driver : Driver
        Its driver.
    connection : object
        A connection of the driver.
    """

    dialect: Dialect
    driver: Driver
    connection: Connection

    @property
    def syntax(self) -> Syntax:
        """The words of the dialect."""
        return self.dialect.syntax

    @property
    def errors(self) -> type[Exception]:
        """Base class of the errors of the database API."""
        return self.driver.errors

    def run(self, sql: str, parameters: Parameters = None) -> list[Row]:
        """All rows of a statement, as the driver gives them."""
        return run(self.driver, self.connection, sql, parameters)

    def value(self, expression: str) -> Any:
        """The value of one SQL expression."""
        [(value,)] = self.run(f"SELECT {expression}")
        return value


def run(driver: Driver, connection: Connection, sql: str, parameters: Parameters = None) -> list[Row]:
    """All rows of a statement, fetched as the runtime does."""
    cursor = driver.execute(connection, sql, parameters)
    rows: list[Row] = []
    while batch := cursor.fetchmany(1000):
        rows += batch
    cursor.close()
    return rows


def fault_of(driver: Driver, connection: Connection, sql: str, parameters: Parameters = None) -> Fault:
    """What the driver says of a statement that must fail, when it is run or when its rows are fetched.

    Raises
    ------
    AssertionError
        If the statement does not fail.
    """
    try:
        rows = run(driver, connection, sql, parameters)
    except driver.errors as error:
        return driver.fault(error, connection)
    raise AssertionError(f"no error of the class that the driver names, but {len(rows)} rows")


def in_background(function: Callable[..., T], *arguments: Any) -> Future[T]:
    """Start a function on a thread that nobody waits for, so that a call that hangs fails one test and not all.

    Returns
    -------
    Future
        Of what it returns or raises.
    """
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(function(*arguments))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where the result is asked for
            future.set_exception(error)

    Thread(target=work, daemon=True).start()
    return future
