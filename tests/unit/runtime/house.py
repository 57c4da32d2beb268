"""A dispatcher over a fake driver and a fake clock, and all that it knows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from fhir4ds.dialect.faults import Fault, FaultKind
from fhir4ds.dialect.statement import Statement
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.session import Session
from fhir4ds.runtime.settings import Settings
from fhir4ds.target import Target

from .fakes import (
    FakeClock,
    FakeCursor,
    FakeDriver,
    fake_dialect,
)

SELECT = Statement(sql="SELECT", summary="fhirpath Patient.id", expression="Patient.id")
INTERRUPTED = Fault(kind=FaultKind.INTERRUPTED, code="57014", message="canceling statement")


class House:
    """A dispatcher and all that it knows."""

    def __init__(self, **settings: Any) -> None:
        self.driver = FakeDriver()
        self.clock = FakeClock()
        self.dispatcher = Dispatcher(
            fake_dialect(self.driver),
            Target.parse("fake://ada:s3cret@db.example/clinic"),
            Settings(**settings),
            clock=self.clock,
        )

    def pauses(self) -> list[float]:
        """Waits before retries; those for a connection end with the budget."""
        return [wait for wait in self.clock.waits if wait < 10.0]


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread will do soon."""
    end = time.monotonic() + 5.0
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def threads(name: str, before: set[threading.Thread]) -> int:
    """How many threads of a name there are that were not there before."""
    return sum(thread.name == name for thread in set(threading.enumerate()) - before)


def rows(*values: object) -> FakeCursor:
    return FakeCursor([("value", None)], [(value,) for value in values])


def insert(session: Session) -> str:
    session.execute("INSERT")
    return "inserted"
