"""A connection is lost, or falls silent, while a query or a unit of work is under way."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from fhir4ds.dialect.faults import FaultKind
from fhir4ds.dialect.statement import Statement
from fhir4ds.errors import ConnectFailed, OutcomeUnknown, QueryTimeout
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.retry import Phase
from fhir4ds.runtime.session import Session
from tests.faults.connecting import quick
from tests.faults.model import Fault, Trial
from tests.faults.proxy import Commit, Weather
from tests.faults.scene import VALUE, Scene, statement

#: An answer of about 200 kB.
_LARGE = statement("repeat('x', 200000)")
_INSERT = "INSERT INTO written VALUES (%s) RETURNING pg_backend_pid()"


def warm(dispatcher: Dispatcher) -> int:
    """Open a connection, and return the process id of its server."""
    ((pid,),) = dispatcher.query(Statement(sql="SELECT pg_backend_pid()")).rows
    return int(pid)


def nap(pid: int) -> Statement:
    """A query that sleeps in one session only."""
    return statement(f"CAST(pg_sleep(CASE pg_backend_pid() WHEN {pid} THEN 20 ELSE 0 END) AS text)")


def napping(dispatcher: Dispatcher, pid: int) -> Trial:
    """A query that takes long in one session, and no time in another."""
    return Trial(dispatcher=dispatcher, call=lambda: dispatcher.query(nap(pid)).rows, expected=[(VALUE, "")])


@contextmanager
def _killed_while_idle(scene: Scene) -> Iterator[Trial]:
    dispatcher = scene.connect()
    scene.terminate(warm(dispatcher))
    yield quick(dispatcher)


@contextmanager
def _killed(scene: Scene) -> Iterator[Trial]:
    dispatcher = scene.connect()
    trial = napping(dispatcher, warm(dispatcher))
    scene.aside(lambda: scene.terminate(scene.sleeper()))
    yield trial


@contextmanager
def _killed_again_and_again(scene: Scene) -> Iterator[Trial]:
    dispatcher = scene.connect()
    warm(dispatcher)
    sleep = statement("pg_sleep(20)")

    def kill() -> None:
        for _ in range(3):
            scene.terminate(scene.sleeper())

    scene.aside(kill)
    yield Trial(dispatcher=dispatcher, call=lambda: dispatcher.query(sleep))


@contextmanager
def _network_reset(scene: Scene) -> Iterator[Trial]:
    dispatcher = scene.through_proxy()
    trial = napping(dispatcher, warm(dispatcher))

    def reset() -> None:
        scene.sleeper()
        scene.proxy.cut(reset=True)

    scene.aside(reset)
    yield trial
    scene.terminate(scene.sleeper())  # the server has not noticed


@contextmanager
def _cut_answer(scene: Scene) -> Iterator[Trial]:
    dispatcher = scene.through_proxy()
    warm(dispatcher)
    scene.recorder.on("query.retried", scene.proxy.clear)
    with scene.proxy.in_weather(Weather(cut_after=100_000)):
        yield Trial(
            dispatcher=dispatcher, call=lambda: dispatcher.query(_LARGE).rows, expected=[(VALUE, "x" * 200_000)]
        )


@contextmanager
def _silent(scene: Scene) -> Iterator[Trial]:
    dispatcher = scene.through_proxy()
    warm(dispatcher)
    with scene.proxy.in_weather(Weather(silent=True)):
        yield quick(dispatcher)


@contextmanager
def _silent_while_idle(scene: Scene) -> Iterator[Trial]:
    dispatcher = scene.through_proxy(probe_after=1e-9)
    warm(dispatcher)
    scene.proxy.forget()
    yield quick(dispatcher)


@contextmanager
def _frozen(scene: Scene) -> Iterator[Trial]:
    dispatcher = scene.connect()
    pid = warm(dispatcher)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield quick(dispatcher)
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def _slow(scene: Scene) -> Iterator[Trial]:
    """An answer that trickles in."""
    dispatcher = scene.through_proxy()
    warm(dispatcher)
    with scene.proxy.in_weather(Weather(delay=0.3)):
        yield quick(dispatcher)


@contextmanager
def _silent_after_the_answer(scene: Scene) -> Iterator[Trial]:
    dispatcher = scene.through_proxy()
    warm(dispatcher)

    def work(session: Session) -> object:
        rows = session.execute("SELECT %s", (VALUE,)).rows
        scene.proxy.weather = Weather(silent=True)
        return rows

    yield Trial(dispatcher=dispatcher, call=lambda: dispatcher.run(work, read_only=True), expected=[(VALUE,)])
    scene.proxy.clear()


# --- writes -----------------------------------------------------------------------------------------------------------


def written(scene: Scene) -> list[tuple[Any, ...]]:
    """What is in the table of writes."""
    return scene.ask("SELECT * FROM written")


@contextmanager
def _killed_write(scene: Scene, *, retry: bool) -> Iterator[Trial]:
    dispatcher = scene.connect()
    dispatcher.execute_query("CREATE TABLE written (name text)")
    attempts: list[int] = []

    def work(session: Session) -> int:
        ((pid,),) = session.execute(_INSERT, (VALUE,)).rows
        attempts.append(pid)
        if len(attempts) == 1:
            scene.terminate(pid)
        session.execute("SELECT 1")
        return len(attempts)

    yield Trial(dispatcher=dispatcher, call=lambda: dispatcher.run(work, retry=retry), expected=2)
    assert written(scene) == ([(VALUE,)] if retry else [])


@contextmanager
def _killed_insert(scene: Scene) -> Iterator[Trial]:
    """A single statement, which the database rolls back; it may be repeated without being asked for."""
    dispatcher = scene.connect()
    dispatcher.execute_query("CREATE TABLE written (name text)")
    pid = warm(dispatcher)
    insert = f"INSERT INTO written SELECT %s FROM pg_sleep(CASE pg_backend_pid() WHEN {pid} THEN 20 ELSE 0 END)"
    scene.aside(lambda: scene.terminate(scene.sleeper()))
    yield Trial(dispatcher=dispatcher, call=lambda: dispatcher.execute_query(insert, (VALUE,)), expected=[])
    assert written(scene) == [(VALUE,)]


@contextmanager
def _killed_load(scene: Scene) -> Iterator[Trial]:
    """The server ends a COPY with an error that quotes the row at which it was."""
    dispatcher = scene.connect()
    dispatcher.execute_query("CREATE TABLE written (name text)")
    scene.ask(
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END'"
    )
    scene.ask("CREATE TRIGGER die BEFORE INSERT ON written FOR EACH ROW EXECUTE FUNCTION die()")
    work = partial(Session.load, table="written", columns=["name"], rows=[[VALUE]] * 3)
    yield Trial(dispatcher=dispatcher, call=lambda: dispatcher.run(work))
    assert written(scene) == []


@contextmanager
def _commit(scene: Scene, fate: Commit) -> Iterator[Trial]:
    dispatcher = scene.through_proxy()
    dispatcher.execute_query("CREATE TABLE written (name text)")

    def work(session: Session) -> None:
        session.execute(_INSERT, (VALUE,))

    with scene.proxy.in_weather(Weather(commit=fate)):
        yield Trial(dispatcher=dispatcher, call=lambda: dispatcher.run(work, retry=True))
        assert scene.proxy.commits == 1, f"{scene.proxy.commits} COMMITs were sent"
    assert written(scene) == ([] if fate is Commit.LOST else [(VALUE,)])


# --- streams ----------------------------------------------------------------------------------------------------------


@contextmanager
def _stream_at_its_beginning(scene: Scene) -> Iterator[Trial]:
    dispatcher = scene.connect()
    pid = warm(dispatcher)
    scene.aside(lambda: scene.terminate(scene.sleeper()))
    yield Trial(
        dispatcher=dispatcher, call=lambda: list(dispatcher.stream(nap(pid), batch_size=10)), expected=[[(VALUE, "")]]
    )


@contextmanager
def _stream_in_its_middle(scene: Scene) -> Iterator[Trial]:
    dispatcher = scene.connect()
    pid = warm(dispatcher)
    rows = Statement(sql="SELECT generate_series(1, 10000)", summary="trial")

    def call() -> None:
        with dispatcher.stream(rows, batch_size=10) as stream:
            next(stream)
            scene.terminate(pid)
            next(stream)

    yield Trial(dispatcher=dispatcher, call=call)


_LOST_READ = (FaultKind.DISCONNECT, Phase.READ)
_LOST_WRITE = (FaultKind.DISCONNECT, Phase.WRITE)
_LOST_COMMIT = (FaultKind.DISCONNECT, Phase.COMMIT)

_LOST_AND_DONE = ("pool.discarded", "query.retried", "pool.connected", "query.done")
_LOST = ("pool.discarded", "query.failed")

FAULTS = (
    Fault(
        name="the session is killed while it is idle",
        provoke=_killed_while_idle,
        events=("pool.discarded", "pool.connected", "query.done"),
        advice="nothing: no query is sent to a connection that is known to be dead",
    ),
    Fault(
        name="the session is killed during a query",
        provoke=_killed,
        failures=(_LOST_READ,),
        events=_LOST_AND_DONE,
        advice="nothing",
    ),
    Fault(
        name="the session is killed during a query, again and again",
        provoke=_killed_again_and_again,
        raises=ConnectFailed,
        failures=(_LOST_READ,) * 3,
        events=(
            *("pool.discarded", "query.retried", "pool.connected"),
            *("pool.discarded", "query.retried", "pool.connected"),
            *("pool.discarded", "query.failed"),
        ),
        advice="look at the log of the server: the query itself may crash it or run out of memory",
    ),
    Fault(
        name="the network resets the connection during a query",
        provoke=_network_reset,
        failures=(_LOST_READ,),
        events=_LOST_AND_DONE,
        advice="nothing",
    ),
    Fault(
        name="the connection is cut in the middle of an answer",
        provoke=_cut_answer,
        failures=(_LOST_READ,),
        events=_LOST_AND_DONE,
        advice="nothing",
    ),
    Fault(
        name="the network is silent while an answer is awaited",
        provoke=_silent,
        raises=QueryTimeout,
        failures=(_LOST_READ,),
        events=_LOST,
        budget=0.5,
        exhausts=True,
        advice="look for a firewall that drops packets",
    ),
    Fault(
        name="the network falls silent after the answer to a read",
        provoke=_silent_after_the_answer,
        events=("pool.discarded", "query.done"),
        budget=0.5,
        exhausts=True,
        advice="nothing: the answer is complete",
    ),
    Fault(
        name="the network has forgotten an idle connection",
        provoke=_silent_while_idle,
        events=("pool.discarded", "pool.connected", "query.done"),
        advice="nothing; set `max_idle` below the idle limit of the firewall or load balancer",
    ),
    Fault(
        name="the server process is frozen",
        provoke=_frozen,
        raises=QueryTimeout,
        failures=(_LOST_READ,),
        events=_LOST,
        budget=0.5,
        exhausts=True,
        advice="look at the load and the disks of the server",
    ),
    Fault(
        name="the network is too slow for the time budget",
        provoke=_slow,
        raises=QueryTimeout,
        failures=(_LOST_READ,),
        events=_LOST,
        budget=0.4,
        exhausts=True,
        advice="raise `timeout`, or move closer to the server",
    ),
    Fault(
        name="the session is killed during a unit of work",
        provoke=partial(_killed_write, retry=False),
        raises=ConnectFailed,
        failures=(_LOST_WRITE,),
        events=_LOST,
        repeatable=False,
        advice="run it again: nothing was committed; or allow that with `retry=True`",
    ),
    Fault(
        name="the session is killed during a unit of work that may be repeated",
        provoke=partial(_killed_write, retry=True),
        failures=(_LOST_WRITE,),
        events=_LOST_AND_DONE,
        advice="nothing: the whole unit was repeated",
    ),
    Fault(
        name="the session is killed during a single INSERT",
        provoke=_killed_insert,
        failures=(_LOST_WRITE,),
        events=_LOST_AND_DONE,
        advice="nothing: the database has rolled it back, and it was repeated",
    ),
    Fault(
        name="the session is killed during a load",
        provoke=_killed_load,
        raises=ConnectFailed,
        failures=(_LOST_WRITE,),
        events=_LOST,
        repeatable=False,
        advice="load it again: nothing was committed",
    ),
    Fault(
        name="the connection is cut instead of the answer to COMMIT",
        provoke=partial(_commit, fate=Commit.REPLY_CUT),
        raises=OutcomeUnknown,
        failures=(_LOST_COMMIT,),
        events=_LOST,
        advice="look at the data: the write may have happened, so it is never repeated",
    ),
    Fault(
        name="the connection is cut before COMMIT arrives",
        provoke=partial(_commit, fate=Commit.LOST),
        raises=OutcomeUnknown,
        failures=(_LOST_COMMIT,),
        events=_LOST,
        advice="look at the data: nobody can tell this from the row above",
    ),
    Fault(
        name="the answer to COMMIT does not come",
        provoke=partial(_commit, fate=Commit.REPLY_HELD),
        raises=OutcomeUnknown,
        failures=(_LOST_COMMIT,),
        events=_LOST,
        budget=0.5,
        exhausts=True,
        advice="look at the data: the write may have happened, so it is never repeated",
    ),
    Fault(
        name="the session is killed before the first batch of a stream",
        provoke=_stream_at_its_beginning,
        failures=(_LOST_READ,),
        events=_LOST_AND_DONE,
        advice="nothing",
    ),
    Fault(
        name="the session is killed after the first batch of a stream",
        provoke=_stream_in_its_middle,
        raises=ConnectFailed,
        failures=(_LOST_READ,),
        events=_LOST,
        repeatable=False,
        advice="begin the stream anew: rows that were handed out cannot be taken back",
    ),
)
