"""The runtime on a real PostgreSQL: the ordinary cases, with the server's own view as witness."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from fhir4ds.dialect.model import Dialect
from fhir4ds.dialect.statement import Statement
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import (
    PoolTimeout,
    QueryFailed,
)
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.session import Session
from fhir4ds.target import Target

from .backends import BACKENDS, PID, eventually, in_thread

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
