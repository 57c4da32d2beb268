"""Sessions of PostgreSQL for tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from fhir4ds.plugin import Connection, Driver
from fhir4ds.testing.engine import run
from tests.support.driver_calls import eventually


@contextmanager
def connected(driver: Driver) -> Iterator[Connection]:
    connection = driver.connect(5)
    try:
        yield connection
    finally:
        driver.disconnect(connection)


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process of the server that accepts, and answers nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def backend(driver: Driver, connection: Connection) -> int:
    [(pid,)] = run(driver, connection, "SELECT pg_backend_pid()")
    assert isinstance(pid, int)
    return pid


def waits(driver: Driver, connection: Connection, pid: int, what: str) -> bool:
    """Whether a session comes to wait on something, such as a lock."""
    query = "SELECT 1 FROM pg_stat_activity WHERE pid = %(pid)s AND wait_event_type = %(what)s"
    return eventually(lambda: run(driver, connection, query, {"pid": pid, "what": what}) == [(1,)])
