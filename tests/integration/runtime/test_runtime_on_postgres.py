"""The runtime on a real PostgreSQL: the ordinary cases, with the server's own view as witness."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from fhir4ds.dialect.model import Dialect
from fhir4ds.dialect.statement import Statement
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import (
    EvaluationError,
    PoolTimeout,
    QueryCancelled,
    QueryFailed,
    QueryTimeout,
)
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.session import Session
from fhir4ds.runtime.settings import Settings
from fhir4ds.target import Target

psycopg2 = pytest.importorskip("psycopg2")

PID = Statement(sql="SELECT pg_backend_pid()", summary="pid")
SLEEP = Statement(sql="SELECT pg_sleep(20)", summary="sleep", expression="Patient.sleep()")


@pytest.fixture(scope="module")
def dialect() -> Dialect:
    from fhir4ds_postgres import fhir4ds_dialects

    (only,) = fhir4ds_dialects()
    assert isinstance(only, Dialect)
    return only


@pytest.fixture
def open_(dialect: Dialect, postgres_url: str) -> Iterator[Callable[..., Dispatcher]]:
    """Make dispatchers with settings; they are closed at the end."""
    made: list[Dispatcher] = []

    def make(**settings: Any) -> Dispatcher:
        made.append(Dispatcher(dialect, Target.parse(postgres_url), Settings(**settings)))
        return made[-1]

    yield make
    for dispatcher in made:
        dispatcher.close()
    structlog.reset_defaults()


@pytest.fixture
def witness(postgres_url: str) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    """Ask the server on a connection of its own, which it leaves out of what it sees of this database."""
    with closing(psycopg2.connect(postgres_url)) as connection:
        connection.autocommit = True

        def ask(sql: str) -> list[tuple[Any, ...]]:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall()  # type: ignore[no-any-return]

        yield ask


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


# --- answers ----------------------------------------------------------------------------------------------------------


def test_ddl_writes_and_reads(open_: Callable[..., Dispatcher]) -> None:
    dispatcher = open_()
    assert dispatcher.execute_query("CREATE TEMP TABLE gone (id integer); SELECT 1") == [(1,)]
    assert dispatcher.execute_query("CREATE TABLE ddl (id integer, j jsonb, k json)") == []
    insert = "INSERT INTO ddl VALUES (%s, %s, %s)"
    assert dispatcher.execute_query(insert, (1, '{"a": [1.50, true, "ü\\"\'"]}', "1e2")) == []
    assert dispatcher.execute_query("INSERT INTO ddl VALUES (2) RETURNING id, j") == [(2, None)]
    assert dispatcher.execute_query("SELECT * FROM ddl WHERE id < %(most)s", {"most": 2}) == [
        (1, {"a": [Decimal("1.50"), True, "ü\"'"]}, Decimal("1E+2"))
    ]
    assert dispatcher.execute_query("SELECT '100%'") == [("100%",)]
    with pytest.raises(QueryFailed, match="gone"):
        dispatcher.execute_query("SELECT * FROM gone")
    assert dispatcher.execute_query("DELETE FROM ddl") == []
    assert dispatcher.execute_query("SELECT * FROM ddl") == []


def test_types_stay_what_they_are(open_: Callable[..., Dispatcher]) -> None:
    sql = "SELECT 1, 9007199254740993::bigint, 1.50::numeric, true, 'x', DATE '2020-02-29', NULL"
    (row,) = open_().execute_query(sql)
    assert row[:5] == (1, 9007199254740993, Decimal("1.50"), True, "x")
    assert [type(value).__name__ for value in row] == ["int", "int", "Decimal", "bool", "str", "date", "NoneType"]


def test_a_query_leaves_json_as_text_and_cannot_write(open_: Callable[..., Dispatcher]) -> None:
    dispatcher = open_()
    answer = dispatcher.query(Statement(sql="SELECT %(id)s AS id, '[1.50]'::jsonb AS j", parameters={"id": 7}))
    assert (answer.columns, answer.rows) == ((("id", SqlType.INTEGER), ("j", SqlType.JSON)), [(7, "[1.50]")])
    dispatcher.execute_query("CREATE TABLE readonly (id integer)")
    for sql in ("INSERT INTO readonly VALUES (1)", "WITH w AS (INSERT INTO readonly VALUES (1) RETURNING 1) TABLE w"):
        with pytest.raises(QueryFailed, match="read-only transaction") as error:
            dispatcher.query(Statement(sql=sql))
        assert error.value.code == "25006"
    with pytest.raises(QueryFailed, match="read-only transaction"):
        dispatcher.run(lambda session: session.execute("INSERT INTO readonly VALUES (1)"), read_only=True)
    assert dispatcher.execute_query("SELECT * FROM readonly") == []


def test_an_empty_answer_has_columns_and_no_rows(open_: Callable[..., Dispatcher]) -> None:
    answer = open_().query(Statement(sql="SELECT 1 AS one WHERE false"))
    assert (answer.columns, answer.rows) == ((("one", SqlType.INTEGER),), [])


def test_a_unit_of_work_is_all_or_nothing(open_: Callable[..., Dispatcher]) -> None:
    dispatcher = open_()
    dispatcher.execute_query("CREATE TABLE unit (id text, resource text)")

    def work(session: Session) -> int:
        loaded = session.load('"unit"', ['"id"', '"resource"'], ((str(n), '{"a": "ü\\n"}') for n in range(5000)))
        assert session.execute("SELECT count(*) FROM unit").rows == [(5000,)]
        return loaded

    def failing(session: Session) -> None:
        work(session)
        with pytest.raises(QueryFailed, match="nonsense"):
            session.execute("SELECT nonsense FROM unit")

    with pytest.raises(QueryFailed, match="nonsense"):
        dispatcher.run(failing)
    assert dispatcher.execute_query("SELECT count(*) FROM unit") == [(0,)]
    assert dispatcher.run(work) == 5000
    assert dispatcher.execute_query("SELECT count(*), min(resource) FROM unit") == [(5000, '{"a": "ü\\n"}')]


def test_what_the_source_of_a_load_raises_comes_through(open_: Callable[..., Dispatcher]) -> None:
    dispatcher = open_()
    dispatcher.execute_query("CREATE TABLE source (id text)")
    error = LookupError("line 7")

    def source() -> Iterator[tuple[str]]:
        yield ("1",)
        raise error

    with pytest.raises(LookupError) as caught:
        dispatcher.run(lambda session: session.load("source", ["id"], source()))
    assert caught.value is error
    assert dispatcher.execute_query("SELECT * FROM source") == []


def test_streams_come_in_batches_from_the_server(open_: Callable[..., Dispatcher]) -> None:
    dispatcher = open_()
    statement = Statement(sql="SELECT g FROM generate_series(1, %(n)s) AS g", parameters={"n": 10_000})
    sizes = []
    seen = []
    for batch in dispatcher.stream(statement, batch_size=3000):
        sizes.append(len(batch))
        seen += batch
    assert sizes == [3000, 3000, 3000, 1000]
    assert seen == [(number,) for number in range(1, 10_001)]
    with dispatcher.stream(statement, batch_size=10) as stream:
        assert len(next(stream)) == 10
        assert dispatcher.stats().used == 1
    assert dispatcher.stats().used == 0
    assert dispatcher.stats().created == 1


def test_a_session_streams_inside_its_transaction(open_: Callable[..., Dispatcher]) -> None:
    def work(session: Session) -> list[Any]:
        session.execute("CREATE TABLE inside AS SELECT generate_series(1, 5) AS n")
        batches = list(session.stream("SELECT n FROM inside ORDER BY n", batch_size=2))
        session.execute("DROP TABLE inside")
        return batches

    assert open_().run(work) == [[(1,), (2,)], [(3,), (4,)], [(5,)]]


# --- connections ------------------------------------------------------------------------------------------------------


def test_a_connection_is_used_again_and_none_stays_after_closing(
    open_: Callable[..., Dispatcher], witness: Callable[[str], list[tuple[Any, ...]]]
) -> None:
    dispatcher = open_()
    first = dispatcher.query(PID).rows
    assert dispatcher.query(PID).rows == first
    with pytest.raises(QueryFailed):
        dispatcher.execute_query("SELECT nonsense")
    assert dispatcher.execute_query("SELECT pg_backend_pid()") == first
    assert witness(BACKENDS) == first
    dispatcher.close_all_connections()
    eventually(lambda: witness(BACKENDS) == [])


def test_none_stays_after_an_exception_in_a_with_block(
    open_: Callable[..., Dispatcher], witness: Callable[[str], list[tuple[Any, ...]]]
) -> None:
    dispatcher = open_()
    stream = dispatcher.stream(Statement(sql="SELECT generate_series(1, 10)"), batch_size=1)

    def work() -> None:
        with dispatcher:
            next(stream)
            assert len(witness(BACKENDS)) == 1
            raise LookupError

    with pytest.raises(LookupError):
        work()
    stream.close()
    eventually(lambda: witness(BACKENDS) == [])


def test_a_dropped_dispatcher_leaves_no_connection(
    open_: Callable[..., Dispatcher],
    dialect: Dialect,
    postgres_url: str,
    witness: Callable[[str], list[tuple[Any, ...]]],
) -> None:
    dispatcher = Dispatcher(dialect, Target.parse(postgres_url))
    dispatcher.query(PID)
    assert len(witness(BACKENDS)) == 1
    del dispatcher
    eventually(lambda: witness(BACKENDS) == [])


def test_threads_share_the_pool_and_never_exceed_it(
    open_: Callable[..., Dispatcher], witness: Callable[[str], list[tuple[Any, ...]]]
) -> None:
    dispatcher = open_(pool_size=3)
    counts: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            counts.append(len(witness(BACKENDS)))

    results: list[bool] = []

    def call(number: int) -> None:
        for _ in range(15):
            statement = Statement(sql="SELECT %(n)s, pg_sleep(0.002)", parameters={"n": number})
            results.append(dispatcher.query(statement).rows[0][0] == number)

    with in_thread(watch):
        threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        done.set()
    assert results == [True] * 120
    assert max(counts) == 3
    stats = dispatcher.stats()
    assert (stats.created, stats.idle, stats.used, stats.pending, stats.leases) == (3, 3, 0, 0, 120)
    assert stats.wait_time > 0.0


def test_an_exhausted_pool_is_waited_for_and_then_named(open_: Callable[..., Dispatcher]) -> None:
    dispatcher = open_(pool_size=2, pool_timeout=0.3)
    with dispatcher.connection(), dispatcher.connection():
        started = time.monotonic()
        with pytest.raises(PoolTimeout) as error:
            dispatcher.query(PID)
        assert 0.3 <= time.monotonic() - started < 0.5
        assert error.value.message == "no connection became free within 0.3 s: 2 of 2 in use, 1 waiting"
        assert error.value.hint == "raise pool_size or pool_timeout, or find what keeps connections for so long"
    connection = dispatcher.get_connection()
    other = dispatcher.get_connection()
    threading.Timer(0.1, dispatcher.release_connection, (connection,)).start()
    assert dispatcher.query(PID).rows == [(connection.info.backend_pid,)]
    dispatcher.release_connection(other)


def test_lent_connections_are_the_drivers_own_and_come_back_clean(open_: Callable[..., Dispatcher]) -> None:
    dispatcher = open_(pool_size=1)
    with dispatcher.connection() as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("CREATE TABLE never (id integer)")
        cursor.execute("SET application_name = 'left behind'")
    assert dispatcher.execute_query("SELECT to_regclass('never'), current_setting('application_name')") == [
        (None, "fhir4ds")
    ]
    with dispatcher.connection() as connection, connection.cursor() as cursor:
        cursor.execute("VACUUM")  # runs only outside a transaction


def test_what_cannot_run_in_a_transaction_says_where_it_can(open_: Callable[..., Dispatcher]) -> None:
    with pytest.raises(QueryFailed, match="VACUUM cannot run inside a transaction block") as error:
        open_().execute_query("VACUUM")
    assert error.value.hint == (
        "the statement cannot run inside a transaction; run it on a connection of its own, from connection()"
    )


@pytest.mark.parametrize("name", ["max_lifetime", "max_idle"])
def test_connections_are_replaced_by_age_and_idleness(open_: Callable[..., Dispatcher], name: str) -> None:
    dispatcher = open_(**{name: 0.05})
    first = dispatcher.query(PID).rows
    time.sleep(0.1)
    assert dispatcher.query(PID).rows != first
    assert open_().query(PID).rows != first


def test_a_child_process_has_connections_of_its_own(open_: Callable[..., Dispatcher]) -> None:
    dispatcher = open_()
    mine = dispatcher.query(PID).rows
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, str(dispatcher.query(PID).rows[0][0]).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(reading, 20)) != mine[0][0]
    assert dispatcher.query(PID).rows == mine


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


@pytest.mark.parametrize("work", ["query", "run", "stream", "execute_query"])
def test_ctrl_c_stops_the_server_too(
    open_: Callable[..., Dispatcher], witness: Callable[[str], list[tuple[Any, ...]]], work: str
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
    with capture_logs() as entries, pytest.raises(KeyboardInterrupt):
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
