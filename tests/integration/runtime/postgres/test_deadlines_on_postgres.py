"""Time limits, cancelling and errors of the runtime on a real PostgreSQL."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg2
import pytest
from structlog.testing import capture_logs

from fhir4ds.dialect.statement import Statement
from fhir4ds.errors import (
    EvaluationError,
    QueryCancelled,
    QueryFailed,
    QueryTimeout,
)
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.session import Session
from tests.support.handlers import handlers

from .backends import BACKENDS, PID, SLEEP, in_thread

# --- time -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("thread", ["main", "other"])
def test_a_timeout_of_one_second_takes_one_second_once(open_: Callable[..., Dispatcher], thread: str) -> None:
    dispatcher = open_()
    first = dispatcher.query(PID).rows
    caught: list[tuple[QueryTimeout, float]] = []

    def call() -> None:
        started = time.monotonic()
        try:
            dispatcher.query(SLEEP, timeout=1.0)
        except QueryTimeout as error:
            caught.append((error, time.monotonic() - started))

    with capture_logs() as entries:
        if thread == "main":
            call()
        else:
            with in_thread(call):
                pass
    ((error, seconds),) = caught
    assert 1.0 <= seconds <= 1.2
    assert error.code == "57014"
    assert error.expression == "Patient.sleep()"
    assert error.message.startswith("sleep did not end within its 1 s: 0.00 s getting a connection, 1.0")
    assert [(entry["event"], entry["attempts"]) for entry in entries] == [("query.failed", 1)]
    assert dispatcher.query(PID).rows == first


def test_the_settings_have_a_timeout_too(open_: Callable[..., Dispatcher]) -> None:
    started = time.monotonic()
    with pytest.raises(QueryTimeout):
        open_(query_timeout=0.2).execute_query("SELECT pg_sleep(20)")
    assert time.monotonic() - started <= 0.32


def test_there_may_be_no_limit(open_: Callable[..., Dispatcher]) -> None:
    dispatcher = open_(query_timeout=math.inf, pool_timeout=math.inf)
    assert dispatcher.query(Statement(sql="SHOW statement_timeout")).rows == [("0",)]


def test_the_budget_covers_a_whole_unit_of_work(open_: Callable[..., Dispatcher]) -> None:
    def work(session: Session) -> None:
        for _ in range(50):
            session.execute("SELECT pg_sleep(0.1)")

    started = time.monotonic()
    with pytest.raises(QueryTimeout):
        open_().run(work, timeout=0.55)
    assert 0.55 <= time.monotonic() - started <= 0.55 * 1.1 + 0.1


@pytest.mark.parametrize("others", [(), (signal.SIGUSR1,)], ids=["alone", "beside another signal"])
@pytest.mark.parametrize("work", ["query", "run", "stream", "execute_query"])
def test_ctrl_c_stops_the_server_too(
    open_: Callable[..., Dispatcher],
    witness: Callable[[str], list[tuple[Any, ...]]],
    work: str,
    others: tuple[int, ...],
) -> None:
    dispatcher = open_()
    calls: dict[str, Callable[[], object]] = {
        "query": lambda: dispatcher.query(SLEEP),
        "run": lambda: dispatcher.run(lambda session: session.execute(SLEEP.sql)),
        "stream": lambda: list(dispatcher.stream(SLEEP, batch_size=10)),
        "execute_query": lambda: dispatcher.execute_query(SLEEP.sql),
    }
    pid = dispatcher.query(PID).rows
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    started = time.monotonic()
    with handlers(*others), capture_logs() as entries, pytest.raises(KeyboardInterrupt):
        calls[work]()
    assert time.monotonic() - started < 1.0
    timer.join()
    assert witness(f"SELECT pid FROM ({BACKENDS} AND state = 'active') AS active") == []
    assert dispatcher.query(PID).rows == pid, "the connection was not lost"
    assert dispatcher.stats().used == 0
    assert [entry["event"] for entry in entries if entry["event"].startswith("query")] == ["query.cancelled"]


def test_another_thread_may_cancel(open_: Callable[..., Dispatcher]) -> None:
    dispatcher = open_()
    threading.Timer(0.2, dispatcher.cancel).start()
    started = time.monotonic()
    with pytest.raises(QueryCancelled, match="sleep was cancelled"):
        dispatcher.query(SLEEP)
    assert time.monotonic() - started < 1.0
    assert dispatcher.stats().used == 0


def test_an_administrator_may_cancel(
    open_: Callable[..., Dispatcher], witness: Callable[[str], list[tuple[Any, ...]]]
) -> None:
    dispatcher = open_()
    (pid,) = dispatcher.query(PID).rows[0]
    threading.Timer(0.2, witness, (f"SELECT pg_cancel_backend({pid})",)).start()
    with pytest.raises(QueryCancelled, match="the database cancelled sleep: canceling statement due to user request"):
        dispatcher.query(SLEEP)


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "code", "message", "hint"),
    [
        (
            "SELECT nonsense",
            "42703",
            "'Patient.x' failed on postgres: column \"nonsense\" does not exist",
            "check that the table exists where the connection looks for it, and load resources first",
        ),
        (
            "SELECT * FROM nowhere",
            "42P01",
            "'Patient.x' failed on postgres: relation \"nowhere\" does not exist",
            "check that the table exists where the connection looks for it, and load resources first",
        ),
        (
            "SELEC 1",
            "42601",
            "'Patient.x' failed on postgres: syntax error at or near \"SELEC\"",
            "the database does not understand or allow the statement",
        ),
        (
            "SELECT 'Jane Doe'::integer",
            "22P02",
            "'Patient.x' failed on postgres: invalid input syntax for type integer: '...'",
            "a value does not fit its type; the cause has the database's own words",
        ),
        (
            "SELECT 1 / 0",
            "22012",
            "'Patient.x' failed on postgres: division by zero",
            "a value does not fit its type; the cause has the database's own words",
        ),
        (
            "SELECT repeat('x', 1100000000)",
            "54000",
            None,
            "the database ran out of disk, memory or another limit; select less, or raise the limit",
        ),
    ],
)
def test_refusals_say_what_where_and_what_to_try(
    open_: Callable[..., Dispatcher], sql: str, code: str, message: str | None, hint: str
) -> None:
    with pytest.raises(QueryFailed) as error:
        open_().query(Statement(sql=sql, expression="Patient.x"))
    assert error.value.code == code
    assert error.value.hint == hint
    assert error.value.expression == "Patient.x"
    assert isinstance(error.value.__cause__, psycopg2.Error)
    if message is not None:
        assert error.value.message == message


def test_a_constraint_is_named_and_its_values_are_not(open_: Callable[..., Dispatcher]) -> None:
    dispatcher = open_()
    dispatcher.execute_query("CREATE TABLE keys (name text PRIMARY KEY)")
    dispatcher.execute_query("INSERT INTO keys VALUES ('Jane Doe')")
    with capture_logs() as entries, pytest.raises(QueryFailed) as error:
        dispatcher.execute_query("INSERT INTO keys VALUES (%s)", ("Jane Doe",))
    assert error.value.message == (
        'INSERT failed on postgres: duplicate key value violates unique constraint "keys_pkey"'
    )
    assert "Jane" not in str(error.value) + str(entries)


def test_an_error_that_a_statement_raises_by_itself_is_an_evaluation_error(open_: Callable[..., Dispatcher]) -> None:
    raised = 'fhir4ds:{"message": "several \\"items\\" in Jane\\u0027s", "position": 8, "key": "p1"}'
    with pytest.raises(EvaluationError) as error:
        open_().query(Statement(sql=f"SELECT CAST('{raised}' AS integer)", expression="Patient.name.single()"))
    assert str(error.value) == 'several "items" in Jane\'s'
    assert (error.value.position, error.value.key, error.value.expression) == (8, "p1", "Patient.name.single()")


def test_values_that_do_not_fit_the_placeholders_are_refused(open_: Callable[..., Dispatcher]) -> None:
    dispatcher = open_()
    for sql, values in [("SELECT %s, %s", (1,)), ("SELECT %(a)s", {"b": 1}), ("SELECT %s", ("\x00",))]:
        with pytest.raises(QueryFailed):
            dispatcher.execute_query(sql, values)  # type: ignore[arg-type]
    assert dispatcher.stats().idle == 1
