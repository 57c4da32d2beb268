"""Statements that PostgreSQL is asked, and ways to look at its sessions."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fhir4ds.dialect.statement import Statement

PID = Statement(sql="SELECT pg_backend_pid()", summary="pid")
SLEEP = Statement(sql="SELECT pg_sleep(20)", summary="sleep", expression="Patient.sleep()")


BACKENDS = """SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""


@contextmanager
def in_thread(function: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=function)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def eventually(condition: Callable[[], bool]) -> None:
    """A backend leaves the server's list a moment after its connection."""
    end = time.monotonic() + 5.0
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)
