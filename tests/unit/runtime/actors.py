"""Threads that run one at a time, as a test says: every order in which the steps of a pool can happen, and no chance.

An actor rests wherever the pool may block: while it waits for a connection, and inside the driver. So a step is what the
pool does between two such places, which is all that its lock has to keep in one piece.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import attrs

from fhir4ds.dialect.driver import Connection
from fhir4ds.runtime.clock import Clock

from .fakes import REFUSED, FakeDriver, FakeError

#: Longer than any step takes; an actor that does not rest by then hangs, usually on a lock that it holds itself.
_PATIENCE = 10.0


class Actor:
    """A thread that goes on when it is told to, and rests at its next `rest`."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._go = threading.Semaphore(0)
        self._rests = threading.Semaphore(0)
        self.place = "start"
        self.value: Any = None
        self.error: BaseException | None = None
        #: What it sleeps on, and until when, where its place is "wait".
        self.event = threading.Event()
        self.until = math.inf
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def finished(self) -> bool:
        return self.place == "end"

    def rest(self, place: str) -> None:
        """Called by the thread itself: stop here until the next step."""
        self.place = place
        self._rests.release()
        self._go.acquire()

    def step(self) -> None:
        """Called by the test: let it run until it rests again."""
        self._go.release()
        assert self._rests.acquire(timeout=_PATIENCE), f"it hangs after {self.place!r}"

    def _run(self) -> None:
        self._go.acquire()
        try:
            self.value = self._function()
        except BaseException as error:
            self.error = error
        self.place = "end"
        self._rests.release()


class Stage(Clock):
    """A clock that stands still, and whose threads are actors."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.chance = 0.0
        self.actors: list[Actor] = []
        self.current: Actor | None = None
        #: How many steps there were; time stands still in between.
        self.moment = 0
        #: Broken laws, kept here as the pool hands on whatever is raised inside a driver.
        self.broken: list[str] = []

    def law(self, holds: bool, text: str) -> None:
        if not holds:
            self.broken.append(text)

    def monotonic(self) -> float:
        return self.now

    def random(self) -> float:
        return self.chance

    def wait(self, event: threading.Event, seconds: float) -> bool:
        actor = self.acting()
        actor.event, actor.until = event, self.now + max(0.0, seconds)
        actor.rest("wait")
        return event.is_set()

    def start(self, task: Callable[[], None]) -> None:
        self.add(task)

    def add(self, function: Callable[[], Any]) -> Actor:
        actor = Actor(function)
        self.actors.append(actor)
        return actor

    def acting(self) -> Actor:
        assert self.current is not None, "only an actor may come here"
        return self.current

    def step(self, actor: Actor) -> None:
        assert self.current is None
        self.current = actor
        self.moment += 1
        try:
            actor.step()
        finally:
            self.current = None
        if actor.finished:
            self.actors.remove(actor)

    def ready(self) -> list[Actor]:
        """Those who can go on: who waits needs a reason to wake up."""
        return [
            actor for actor in self.actors if actor.place != "wait" or actor.event.is_set() or self.now >= actor.until
        ]


@attrs.define(eq=False)
class StagedConnection:
    """A connection, and what the test knows of it that the pool has to find out. Moments are numbers of steps."""

    number: int
    opened_at: float
    idle_since: float
    alive: bool = True
    #: Dead, although nothing has come that would tell: only a round trip can.
    silent: bool = False
    closed: bool = False
    died: float = math.inf
    doubted: float = math.inf
    #: When it was last looked at: the time, how long it had been idle then, the moments at which that began and ended,
    #: and whether it had to answer.
    looked_at: float = -math.inf
    looked_idle: float = 0.0
    look_began: int = -1
    look_ended: int = -1
    probed: bool = False


class StagedDriver(FakeDriver):
    """A driver in which the actors rest, and which keeps count."""

    def __init__(self, stage: Stage, limit: int) -> None:
        super().__init__()
        self._stage = stage
        self._limit = limit
        self.may_block: Callable[[], bool] = lambda: True
        self.opening = self.probing = self.refused = 0
        self.refuse_next = False
        self.all: list[StagedConnection] = []

    @property
    def open(self) -> int:
        return sum(not connection.closed for connection in self.all)

    def _rest(self, place: str) -> None:
        self._stage.law(self.may_block(), f"{place} under the lock of the pool")
        self._stage.acting().rest(place)

    def connect(self, timeout: float) -> Connection:
        self._stage.law(timeout > 0, "an attempt to connect without time")
        self.opening += 1
        self._stage.law(self.open + self.opening <= self._limit, "more connections than the pool may have")
        self._rest("connect")
        self.opening -= 1
        if self.refuse_next:
            self.refuse_next = False
            self.refused += 1
            raise FakeError(REFUSED)
        connection = StagedConnection(len(self.all) + 1, self._stage.now, self._stage.now)
        self.all.append(connection)
        return connection

    def disconnect(self, connection: Any) -> None:
        self._stage.law(not connection.closed, "a connection closed twice")
        self._rest("disconnect")
        connection.closed = True

    def alive(self, connection: Any, *, probe: bool) -> bool:
        self._stage.law(not connection.closed, "a look at a closed connection")
        connection.looked_at, connection.look_began, connection.probed = self._stage.now, self._stage.moment, probe
        connection.looked_idle = self._stage.now - connection.idle_since
        self.probing += probe
        self._rest("probe" if probe else "look")
        self.probing -= probe
        connection.look_ended = self._stage.moment
        connection.idle_since = self._stage.now
        return bool(connection.alive and not (probe and connection.silent))

    def close(self) -> None:
        self._stage.law(self.open == 0, "the driver closed before its last connection")
        self.closed += 1
