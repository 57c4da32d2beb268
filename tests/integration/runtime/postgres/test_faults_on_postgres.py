"""The runtime on a PostgreSQL that is not there, goes away, comes back, or keeps silent."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest
import structlog
from structlog.testing import capture_logs

from fhir4ds.dialect.driver import Connection
from fhir4ds.dialect.model import Dialect
from fhir4ds.dialect.statement import Statement
from fhir4ds.errors import Conflict, ConnectFailed, OutcomeUnknown, QueryFailed, QueryTimeout
from fhir4ds.runtime.clock import Clock
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.session import Session
from fhir4ds.runtime.settings import Settings
from fhir4ds.target import Target
from tests.support.postgres_server import SECRET, PostgresServer

from .backends import PID

FAST = {"backoff": 0.05, "jitter": 0.0}


class ImpatientClock(Clock):
    """The real clock, but for pauses before retries: it notes them and goes on."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if seconds > 10.0:  # for a connection
            return super().wait(event, seconds)
        self.pauses.append(seconds)
        return event.is_set()

    def random(self) -> float:
        return 0.0


class FreeingClock(Clock):
    """The real clock, but a pause before a retry ends when the guest that took the only place has left the server."""

    def __init__(self, url: str, guest: Connection) -> None:
        self._url = url
        self._guest = guest

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if seconds > 10.0:  # for a connection
            return super().wait(event, seconds)
        self._guest.close()
        while administer(self._url, "SELECT pid FROM pg_stat_activity WHERE usename = 'guest'"):
            time.sleep(0.01)
        return event.is_set()


@pytest.fixture
def connect(dialect: Dialect) -> Iterator[Callable[..., Dispatcher]]:
    """Make dispatchers for a URL; they are closed at the end."""
    made: list[Dispatcher] = []

    def make(url: str, clock: Clock | None = None, **settings: Any) -> Dispatcher:
        made.append(Dispatcher(dialect, Target.parse(url), Settings(**settings), clock=clock))
        return made[-1]

    yield make
    for dispatcher in made:
        dispatcher.close()


@pytest.fixture(autouse=True)
def log() -> Iterator[list[Any]]:
    """Every event of the test; none may ever hold a secret."""
    with capture_logs() as entries:
        yield entries
    structlog.reset_defaults()
    assert SECRET not in str(entries)


def administer(url: str, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            return cursor.fetchall() if cursor.description else []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def names(log: list[Any]) -> list[str]:
    return [entry["event"] for entry in log if entry["event"].startswith("query")]


def in_time(seconds: float, budget: float) -> bool:
    return seconds <= budget * 1.1 + 0.1


# --- connecting -------------------------------------------------------------------------------------------------------


def test_a_server_that_is_not_running_is_tried_again_after_1_2_and_4_seconds(
    connect: Callable[..., Dispatcher], log: list[Any]
) -> None:
    clock = ImpatientClock()
    port = free_port()
    with pytest.raises(ConnectFailed) as error:
        connect(f"postgresql://ada:{SECRET}@127.0.0.1:{port}/clinic", clock).execute_query("SELECT 1")
    assert clock.pauses == [1.0, 2.0, 4.0]
    assert [entry["delay"] for entry in log if entry["event"] == "query.retried"] == [1.0, 2.0, 4.0]
    assert names(log) == ["query.retried"] * 3 + ["query.failed"]
    assert error.value.message.startswith(
        f"cannot connect to postgresql://ada:***@127.0.0.1:{port}/clinic after 4 attempts: "
    )
    assert "refused" in error.value.message
    assert error.value.hint == "check that the server is running and reachable at this host and port"


def test_a_server_that_comes_back_meanwhile_answers(
    connect: Callable[..., Dispatcher], postgres_server: PostgresServer, log: list[Any]
) -> None:
    dispatcher = connect(postgres_server.url, backoff=0.2, attempts=6)
    first = dispatcher.query(PID).rows
    postgres_server.stop()
    threading.Timer(0.4, postgres_server.start).start()
    assert dispatcher.query(PID).rows != first
    delays = [entry["delay"] for entry in log if entry["event"] == "query.retried"]
    assert 1 <= len(delays) <= 4
    assert delays == pytest.approx([0.2 * 2**turn for turn in range(len(delays))], rel=0.11)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_costs_idle_connections_but_no_query(
    connect: Callable[..., Dispatcher], postgres_server: PostgresServer, log: list[Any], mode: Any
) -> None:
    dispatcher = connect(postgres_server.url, **FAST)
    with dispatcher.connection(), dispatcher.connection():
        pass
    postgres_server.restart(mode)
    assert dispatcher.query(PID).rows == dispatcher.query(PID).rows
    assert names(log) == ["query.done"] * 4
    assert [entry["reason"] for entry in log if entry["event"] == "pool.discarded"] == ["dead", "dead"]


def test_wrong_credentials_are_not_tried_again_and_not_repeated_in_words(
    connect: Callable[..., Dispatcher], postgres_server: PostgresServer, log: list[Any]
) -> None:
    url = postgres_server.url.replace(SECRET, "wr0ng" + SECRET)
    with pytest.raises(ConnectFailed) as error:
        connect(url, **FAST).query(PID)
    assert 'password authentication failed for user "postgres"' in error.value.message
    assert error.value.hint == "check user name and password, and that the server lets this user in"
    assert SECRET not in f"{error.value!s} {error.value!r} {error.value.__cause__!s}"
    assert names(log) == ["query.failed"]


def test_a_missing_database_is_not_tried_again(
    connect: Callable[..., Dispatcher], postgres_server: PostgresServer, log: list[Any]
) -> None:
    with pytest.raises(ConnectFailed, match='database "nowhere" does not exist') as error:
        connect(postgres_server.database_url("nowhere"), **FAST).query(PID)
    assert error.value.hint == "check the name of the database, or create it"
    assert names(log) == ["query.failed"]


def test_a_full_server_is_tried_again(
    connect: Callable[..., Dispatcher], postgres_admin_url: str, log: list[Any]
) -> None:
    administer(postgres_admin_url, "CREATE ROLE guest LOGIN PASSWORD %s CONNECTION LIMIT 1", SECRET)
    parts = urlsplit(postgres_admin_url)
    url = parts._replace(netloc=f"guest:{SECRET}@{parts.hostname}:{parts.port}").geturl()
    try:
        occupant = connect(url)
        connection = occupant.get_connection()
        dispatcher = connect(url, attempts=2, **FAST)
        with pytest.raises(ConnectFailed, match="after 2 attempts") as error:
            dispatcher.query(PID)
        assert error.value.hint == "let go of other connections, lower pool_size, or raise the limit of the server"
        clock = FreeingClock(postgres_admin_url, connection)
        assert connect(url, clock, attempts=5).query(PID).rows
        occupant.close()
        dispatcher.close()
    finally:
        administer(postgres_admin_url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'guest'")
        administer(postgres_admin_url, "DROP ROLE guest")
    tries = names(log)
    assert tries[:4] == ["query.done", "query.retried", "query.failed", "query.retried"]
    # A server counts who leaves for a moment longer than it shows them.
    assert set(tries[4:-1]) <= {"query.retried"}
    assert tries[-1] == "query.done"


@pytest.mark.parametrize("thread", ["main", "other"])
def test_a_server_that_accepts_and_keeps_silent_does_not_hold_a_call(
    connect: Callable[..., Dispatcher], thread: str
) -> None:
    caught: list[tuple[Exception, float]] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dispatcher = connect(f"postgresql://ada@127.0.0.1:{silent.getsockname()[1]}/clinic")

        def call() -> None:
            started = time.monotonic()
            try:
                dispatcher.query(PID, timeout=0.4)
            except ConnectFailed as error:
                caught.append((error, time.monotonic() - started))

        if thread == "main":
            call()
        else:
            other = threading.Thread(target=call)
            other.start()
            other.join()
    ((error, seconds),) = caught
    assert in_time(seconds, 0.4)
    assert "did not answer within 0.4 s" in str(error)


def test_ctrl_c_gets_through_to_a_call_that_waits_for_a_silent_server(connect: Callable[..., Dispatcher]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dispatcher = connect(f"postgresql://ada@127.0.0.1:{silent.getsockname()[1]}/clinic")
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            dispatcher.get_connection()
        assert time.monotonic() - started < 0.5
        timer.join()


# --- losing connections -----------------------------------------------------------------------------------------------


def test_a_killed_idle_connection_is_replaced_unseen(
    connect: Callable[..., Dispatcher], postgres_url: str, log: list[Any]
) -> None:
    dispatcher = connect(postgres_url)
    ((pid,),) = dispatcher.query(PID).rows
    administer(postgres_url, "SELECT pg_terminate_backend(%s, 5000)", pid)
    assert dispatcher.query(PID).rows != [(pid,)]
    assert names(log) == ["query.done", "query.done"]


def test_a_read_survives_the_loss_of_its_connection(
    connect: Callable[..., Dispatcher], postgres_url: str, log: list[Any]
) -> None:
    dispatcher = connect(postgres_url, **FAST)
    ((pid,),) = dispatcher.query(PID).rows
    threading.Timer(0.2, administer, (postgres_url, "SELECT pg_terminate_backend(%s)", pid)).start()
    # It sleeps only where it is killed.
    sql = f"SELECT pg_backend_pid(), pg_sleep(CASE pg_backend_pid() WHEN {pid} THEN 20 ELSE 0 END)"
    started = time.monotonic()
    ((other, _),) = dispatcher.query(Statement(sql=sql)).rows
    assert other != pid
    assert time.monotonic() - started < 2.0
    assert names(log) == ["query.done", "query.retried", "query.done"]
    assert dispatcher.stats().discarded == 1


def test_a_write_that_lost_its_connection_has_not_happened(
    connect: Callable[..., Dispatcher], postgres_url: str, log: list[Any]
) -> None:
    dispatcher = connect(postgres_url, **FAST)
    dispatcher.execute_query("CREATE TABLE writes (id integer)")
    calls: list[int] = []

    def work(session: Session) -> None:
        calls.append(len(calls))
        ((pid,),) = session.execute("INSERT INTO writes VALUES (1) RETURNING pg_backend_pid()").rows
        if len(calls) == 1:
            administer(postgres_url, "SELECT pg_terminate_backend(%s, 5000)", pid)
        session.execute("INSERT INTO writes VALUES (2)")

    with pytest.raises(ConnectFailed, match="was lost during work"):
        dispatcher.run(work)
    assert dispatcher.execute_query("SELECT id FROM writes") == []
    assert len(calls) == 1
    calls.clear()
    dispatcher.run(work, retry=True)
    assert dispatcher.execute_query("SELECT id FROM writes") == [(1,), (2,)]
    assert len(calls) == 2


def test_a_commit_without_an_answer_is_not_repeated(
    connect: Callable[..., Dispatcher], postgres_url: str, log: list[Any]
) -> None:
    dispatcher = connect(postgres_url, **FAST)
    administer(
        postgres_url,
        """CREATE TABLE commits (id integer);
        CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(20); RETURN NULL; END';
        CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON commits DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION dawdle()""",
    )
    calls: list[int] = []

    def work(session: Session) -> None:
        calls.append(len(calls))
        ((pid,),) = session.execute("INSERT INTO commits VALUES (1) RETURNING pg_backend_pid()").rows
        threading.Timer(0.2, administer, (postgres_url, "SELECT pg_terminate_backend(%s)", pid)).start()

    with pytest.raises(OutcomeUnknown, match="was lost while load was being committed: whether it was is not known"):
        dispatcher.run(work, retry=True, summary="load")
    assert len(calls) == 1
    assert names(log) == ["query.failed"]


def test_a_deadline_during_commit_leaves_no_doubt_where_the_server_answers(
    connect: Callable[..., Dispatcher], postgres_url: str
) -> None:
    dispatcher = connect(postgres_url)
    administer(
        postgres_url,
        """CREATE TABLE slow_commits (id integer);
        CREATE FUNCTION dally() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(20); RETURN NULL; END';
        CREATE CONSTRAINT TRIGGER dally AFTER INSERT ON slow_commits DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION dally()""",
    )
    started = time.monotonic()
    with pytest.raises(QueryTimeout):
        dispatcher.execute_query("INSERT INTO slow_commits VALUES (1)", timeout=0.4)
    assert in_time(time.monotonic() - started, 0.4)
    assert dispatcher.execute_query("SELECT * FROM slow_commits") == []


@pytest.mark.parametrize("thread", ["main", "other"])
def test_a_backend_that_keeps_silent_does_not_hold_a_call(
    connect: Callable[..., Dispatcher], postgres_server: PostgresServer, thread: str
) -> None:
    dispatcher = connect(postgres_server.url)
    ((pid,),) = dispatcher.query(PID).rows
    caught: list[tuple[Exception, float]] = []

    def call() -> None:
        started = time.monotonic()
        try:
            dispatcher.query(Statement(sql="SELECT pg_sleep(20)", summary="sleep"), timeout=0.5)
        except QueryTimeout as error:
            caught.append((error, time.monotonic() - started))

    os.kill(pid, signal.SIGSTOP)
    try:
        if thread == "main":
            call()
        else:
            other = threading.Thread(target=call)
            other.start()
            other.join()
    finally:
        os.kill(pid, signal.SIGCONT)
    ((error, seconds),) = caught
    assert in_time(seconds, 0.5)
    assert "sleep did not end within its 0.5 s" in str(error)
    assert dispatcher.stats().idle == 0
    assert dispatcher.query(PID).rows != [(pid,)]


def test_a_stream_that_loses_its_connection_says_so(connect: Callable[..., Dispatcher], postgres_url: str) -> None:
    dispatcher = connect(postgres_url, **FAST)
    stream = dispatcher.stream(Statement(sql="SELECT pg_backend_pid() FROM generate_series(1, 10000)"), batch_size=10)
    pid = next(stream)[0][0]
    administer(postgres_url, "SELECT pg_terminate_backend(%s, 5000)", pid)
    with pytest.raises(ConnectFailed, match="was lost"):
        next(stream)
    assert dispatcher.stats().used == 0


# --- conflicts --------------------------------------------------------------------------------------------------------


def test_a_deadlock_is_retried(connect: Callable[..., Dispatcher], postgres_url: str, log: list[Any]) -> None:
    dispatcher = connect(postgres_url, **FAST)
    dispatcher.execute_query("CREATE TABLE locks (id integer PRIMARY KEY, n integer)")
    dispatcher.execute_query("INSERT INTO locks VALUES (1, 0), (2, 0)")
    meeting = threading.Barrier(2, timeout=10.0)
    attempts: list[int] = []

    def work(session: Session, ids: tuple[int, int]) -> None:
        attempts.append(ids[0])
        session.execute("SET LOCAL deadlock_timeout = '100ms'")
        session.execute("UPDATE locks SET n = n + 1 WHERE id = %s", (ids[0],))
        if len(attempts) <= 2:
            meeting.wait()
        session.execute("UPDATE locks SET n = n + 1 WHERE id = %s", (ids[1],))

    threads = [
        threading.Thread(target=lambda ids=ids: dispatcher.run(lambda session: work(session, ids), retry=True))
        for ids in [(1, 2), (2, 1)]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dispatcher.execute_query("SELECT id, n FROM locks ORDER BY id") == [(1, 2), (2, 2)]
    assert len(attempts) == 3
    (retried,) = [entry for entry in log if entry["event"] == "query.retried"]
    assert (retried["fault"], retried["db.response.status_code"]) == ("conflict", "40P01")


def test_a_conflict_that_does_not_end_is_called_so(connect: Callable[..., Dispatcher], postgres_url: str) -> None:
    dispatcher = connect(postgres_url, attempts=2, **FAST)
    dispatcher.execute_query("CREATE TABLE held (id integer)")
    with dispatcher.connection() as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE held")
        with pytest.raises(Conflict, match="after 2 attempts") as error:
            dispatcher.execute_query("LOCK TABLE held NOWAIT")
    assert error.value.code == "55P03"


# --- everything at once -----------------------------------------------------------------------------------------------


def test_no_error_and_no_event_tells_a_secret_or_a_value(
    connect: Callable[..., Dispatcher], postgres_url: str, log: list[Any]
) -> None:
    dispatcher = connect(postgres_url, log_statements=True)
    statement = Statement(sql="SELECT %(name)s", parameters={"name": "Jane Doe"})
    assert dispatcher.query(statement).rows == [("Jane Doe",)]
    with pytest.raises(QueryFailed) as error:
        dispatcher.query(Statement(sql="SELECT %(name)s::integer", parameters={"name": "Jane Doe"}))
    dispatcher.execute_query("SELECT 'Jane Doe'")
    assert "Jane" not in f"{error.value} {log}"
    texts = [entry.get("db.query.text") for entry in log if entry["event"] == "query.done"]
    assert texts == ["SELECT %(name)s", None]
