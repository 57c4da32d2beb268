"""A database API, a dialect and a clock that do as a test says; no database is imitated."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import cast

import attrs

from fhir4ds.dialect.driver import Connection, Driver, Parameters, Row
from fhir4ds.dialect.faults import Fault, FaultKind
from fhir4ds.dialect.model import Capabilities, Dialect
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.dialect.types import SqlType
from fhir4ds.events import Event
from fhir4ds.runtime.clock import Clock
from fhir4ds.target import Target

LOST = Fault(kind=FaultKind.DISCONNECT, disconnected=True, message="server closed the connection")
REFUSED = Fault(kind=FaultKind.CONNECT, message="Connection refused")
CONFLICT = Fault(kind=FaultKind.CONFLICT, code="40001", message="could not serialize access")


class FakeClock(Clock):
    """A clock that goes on only while somebody waits, and that remembers for how long.

    Actions planned with `at` happen in the middle of a wait. Threads are not started: a task runs at once, or, with
    ``held``, when the test calls it.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []
        self.chance = 0.0
        self.held: list[Callable[[], None]] | None = None
        self._plan: list[tuple[float, Callable[[], object]]] = []

    def monotonic(self) -> float:
        return self.now

    def random(self) -> float:
        return self.chance

    def start(self, task: Callable[[], None]) -> None:
        if self.held is None:
            task()
        else:
            self.held.append(task)

    def at(self, seconds: float, action: Callable[[], object]) -> None:
        """Do something when some seconds have passed, while somebody waits."""
        self._plan.append((self.now + seconds, action))
        self._plan.sort(key=lambda item: item[0])

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.waits.append(seconds)
        end = self.now + seconds
        while not event.is_set() and self._plan and self._plan[0][0] <= end:
            self.now, action = self._plan.pop(0)
            action()
        if not event.is_set():
            assert end < math.inf, "this would wait for ever"
            self.now = max(self.now, end)
        return event.is_set()


class FakeError(Exception):
    """An error of the fake database API; it carries what the driver will say about it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@attrs.define(eq=False)
class FakeConnection:
    number: int
    alive: bool = True
    closed: bool = False
    log: list[str] = attrs.field(factory=list)


@attrs.define(eq=False, slots=False)
class FakeCursor:
    columns: Sequence[tuple[str, SqlType | None]] = ()
    rows: list[Row] = attrs.field(factory=list)
    closed: bool = False

    def fetchmany(self, size: int) -> list[Row]:
        batch, self.rows = self.rows[:size], self.rows[size:]
        return batch

    def close(self) -> None:
        self.closed = True


Answering = Callable[[], FakeCursor]


class FakeDriver:
    """A driver that keeps a diary and answers as it was told."""

    errors: type[Exception] = FakeError

    def __init__(self) -> None:
        self.connections: list[FakeConnection] = []
        self.connecting: list[Fault | None] = []  # what the next attempts to connect meet; None is success
        self.timeouts: list[float] = []
        self.answers: dict[str, list[Fault | FakeCursor | Answering]] = {}
        self.probes: list[bool] = []
        self.closed = 0
        self.cancelled: list[FakeConnection] = []
        self.aborted: list[FakeConnection] = []

    def answer(self, sql: str, *answers: Fault | FakeCursor | Answering) -> None:
        """Say what a statement meets, one after the other; the last one for ever."""
        self.answers[sql] = list(answers)

    def statements(self) -> list[str]:
        """Everything that was sent, whatever the connection."""
        return [entry for connection in self.connections for entry in connection.log]

    @property
    def open(self) -> int:
        return sum(not connection.closed for connection in self.connections)

    def connect(self, timeout: float) -> Connection:
        self.timeouts.append(timeout)
        fault = self.connecting.pop(0) if self.connecting else None
        if fault is not None:
            raise FakeError(fault)
        connection = FakeConnection(len(self.connections) + 1)
        self.connections.append(connection)
        return connection

    def disconnect(self, connection: FakeConnection) -> None:
        connection.closed = True

    def execute(self, connection: FakeConnection, sql: str, parameters: Parameters) -> FakeCursor:
        assert not connection.closed
        connection.log.append(sql)
        answers = self.answers.get(sql)
        if not answers:
            return FakeCursor()
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Fault):
            connection.alive = connection.alive and not answer.disconnected
            raise FakeError(answer)
        return answer if isinstance(answer, FakeCursor) else answer()

    def stream(self, connection: FakeConnection, sql: str, parameters: Parameters, batch: int) -> FakeCursor:
        return self.execute(connection, sql, parameters)

    def load(
        self, connection: FakeConnection, table: str, columns: Sequence[str], rows: Iterable[Sequence[str]]
    ) -> int:
        connection.log.append(f"load {table} {','.join(columns)}")
        try:
            return sum(1 for _ in rows)
        except ValueError as error:
            # As a real API does, which calls back into the source in the middle of its own work.
            raise FakeError(Fault(kind=FaultKind.INTERRUPTED, message=f"error in source: {error}")) from error

    def alive(self, connection: FakeConnection, *, probe: bool) -> bool:
        self.probes.append(probe)
        return connection.alive

    def reset(self, connection: FakeConnection) -> None:
        self.execute(connection, "reset", None)

    def cancel(self, connection: FakeConnection, timeout: float) -> None:
        self.cancelled.append(connection)

    def abort(self, connection: FakeConnection) -> None:
        self.aborted.append(connection)

    def fault(self, error: BaseException, connection: FakeConnection | None) -> Fault:
        assert isinstance(error, FakeError)
        return error.fault

    def close(self) -> None:
        assert self.open == 0, "a driver is closed after its last connection"
        self.closed += 1


class FakeSyntax:
    """The three words that the runtime uses, of a server that limits time."""

    def begin(self, *, read_only: bool) -> str:
        return "BEGIN READ ONLY" if read_only else "BEGIN"

    def limit_time(self, milliseconds: int) -> str | None:
        return f"LIMIT TIME {milliseconds}"

    def query_at_once(self, sql: str, milliseconds: int | None) -> str | None:
        return None


class FakeSyntaxAtOnce(FakeSyntax):
    """The same, with queries in one round trip."""

    def query_at_once(self, sql: str, milliseconds: int | None) -> str | None:
        return f"AT ONCE: {sql}"


def fake_dialect(
    driver: FakeDriver, syntax: FakeSyntax | None = None, capabilities: Capabilities | None = None
) -> Dialect:
    """A dialect whose driver is the one that is given."""

    def load_driver() -> Callable[[Target], Driver]:
        return lambda target: driver

    return Dialect(
        name="fake",
        api=1,
        schemes=("fake",),
        system="fake_sql",
        syntax=cast("Syntax", syntax or FakeSyntax()),
        load_driver=load_driver,
        requires="fake-driver>=1",
        driver_module="fake_driver",
        capabilities=capabilities or Capabilities(read_only=True, statement_timeout=True),
    )


class Diary:
    """Takes events where a pool reports them."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, dict[str, object]]] = []

    def __call__(self, event: Event, keys: object) -> None:
        assert isinstance(keys, dict)
        self.entries.append((event.value, keys))

    def of(self, event: Event) -> list[dict[str, object]]:
        return [keys for name, keys in self.entries if name == event.value]
