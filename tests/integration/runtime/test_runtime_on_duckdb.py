"""The runtime on a real DuckDB."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fhir4ds.dialect.model import Dialect
from fhir4ds.dialect.statement import Statement
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import ConnectFailed, QueryCancelled, QueryFailed, QueryTimeout
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.session import Session
from fhir4ds.runtime.settings import Settings
from fhir4ds.target import Target
from tests.support.handlers import handlers

duckdb = pytest.importorskip("duckdb")

#: Runs for minutes, and can be interrupted at any time.
ENDLESS = Statement(
    sql="SELECT sum(a.range * b.range) FROM range(3000000) AS a, range(1000000) AS b", summary="endless"
)


@pytest.fixture(scope="module")
def dialect() -> Dialect:
    from fhir4ds_duckdb import fhir4ds_dialects

    (only,) = fhir4ds_dialects()
    assert isinstance(only, Dialect)
    return only


@pytest.fixture
def dispatcher(dialect: Dialect) -> Iterator[Dispatcher]:
    with Dispatcher(dialect, Target.parse("duckdb://"), Settings(pool_size=4)) as dispatcher:
        yield dispatcher


def test_ddl_writes_and_reads(dispatcher: Dispatcher) -> None:
    assert dispatcher.execute_query("CREATE TABLE t (id INTEGER, j JSON)") == []
    assert dispatcher.execute_query("INSERT INTO t VALUES (?, ?), (?, ?)", (1, '{"a": [1.50, true]}', 2, None)) == []
    assert dispatcher.execute_query("INSERT INTO t VALUES (3, '\"x\"') RETURNING id") == [(3,)]
    assert dispatcher.execute_query("SELECT * FROM t WHERE id < $most ORDER BY id", {"most": 3}) == [
        (1, {"a": [Decimal("1.50"), True]}),
        (2, None),
    ]


def test_a_query_leaves_json_as_text_and_cannot_write(dispatcher: Dispatcher) -> None:
    answer = dispatcher.query(Statement(sql="SELECT 1 AS id, CAST('[1.50]' AS JSON) AS j"))
    assert (answer.columns, answer.rows) == ((("id", SqlType.INTEGER), ("j", SqlType.JSON)), [(1, "[1.50]")])
    dispatcher.execute_query("CREATE TABLE t (id INTEGER)")
    with pytest.raises(QueryFailed) as error:
        dispatcher.query(Statement(sql="INSERT INTO t VALUES (1)", summary="write"))
    assert error.value.hint == "queries run in read-only transactions; write with execute_query or load"
    assert dispatcher.execute_query("SELECT * FROM t") == []


def test_a_unit_of_work_is_all_or_nothing(dispatcher: Dispatcher) -> None:
    dispatcher.execute_query("CREATE TABLE t (id VARCHAR, resource VARCHAR)")

    def work(session: Session) -> int:
        loaded = session.load('"t"', ['"id"', '"resource"'], ((str(n), "{}") for n in range(5000)))
        assert session.execute("SELECT count(*) FROM t").rows == [(5000,)]
        return loaded

    def failing(session: Session) -> None:
        work(session)
        session.execute("SELECT nonsense FROM t")

    with pytest.raises(QueryFailed, match="nonsense"):
        dispatcher.run(failing)
    assert dispatcher.execute_query("SELECT count(*) FROM t") == [(0,)]
    assert dispatcher.run(work) == 5000
    assert dispatcher.execute_query("SELECT count(*) FROM t") == [(5000,)]


def test_streams_come_in_batches_and_can_be_left(dispatcher: Dispatcher) -> None:
    statement = Statement(sql="SELECT range FROM range(10000)")
    sizes = []
    seen = []
    for batch in dispatcher.stream(statement, batch_size=3000):
        sizes.append(len(batch))
        seen += batch
    assert seen == [(number,) for number in range(10_000)]
    assert max(sizes) <= 3000
    with dispatcher.stream(statement, batch_size=10) as stream:
        assert next(stream) == [(number,) for number in range(10)]
        assert dispatcher.stats().used == 1
    assert dispatcher.stats().used == 0


@pytest.mark.parametrize("thread", ["main", "other"])
def test_a_timeout_holds_and_the_connection_lives(dispatcher: Dispatcher, thread: str) -> None:
    caught: list[tuple[BaseException, float]] = []

    def call() -> None:
        started = time.monotonic()
        try:
            dispatcher.query(ENDLESS, timeout=0.3)
        except QueryTimeout as error:
            caught.append((error, time.monotonic() - started))

    if thread == "main":
        call()
    else:
        other = threading.Thread(target=call)
        other.start()
        other.join()
    ((error, seconds),) = caught
    assert 0.3 <= seconds <= 0.3 * 1.1 + 0.1
    assert isinstance(error.__cause__, duckdb.InterruptException)
    assert dispatcher.query(Statement(sql="SELECT 42")).rows == [(42,)]
    assert dispatcher.stats().created == 1


def test_a_timeout_holds_where_the_statement_begins_after_it(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was held up sends its statement when every interrupt has come already, and been forgotten."""
    from fhir4ds_duckdb.driver import DuckDBDriver

    execute = DuckDBDriver.execute

    def held_up(driver: DuckDBDriver, connection: Any, sql: str, params: Any) -> Any:
        if sql == ENDLESS.sql:
            time.sleep(0.6)
        return execute(driver, connection, sql, params)

    monkeypatch.setattr(DuckDBDriver, "execute", held_up)
    with pytest.raises(QueryTimeout):
        dispatcher.query(ENDLESS, timeout=0.3)
    assert dispatcher.query(Statement(sql="SELECT 42")).rows == [(42,)]


def test_a_timeout_holds_while_rows_are_fetched(dispatcher: Dispatcher) -> None:
    # Rows come from the start, a few at a time.
    sparse = "SELECT a.range FROM range(3000000) AS a, range(1000000) AS b WHERE (a.range * 7919 + b.range) % 10007 = 1"
    endless = Statement(sql=sparse, summary="endless")
    started = time.monotonic()
    with pytest.raises(QueryTimeout):
        dispatcher.query(endless, timeout=0.3)
    assert time.monotonic() - started <= 0.43


def test_a_row_that_fails_while_it_is_fetched_is_an_error_of_ours(dispatcher: Dispatcher) -> None:
    late = (
        'SELECT CASE WHEN range = 200000 THEN error(\'fhir4ds:{"message": "too many"}\') ELSE 1 END FROM range(300000)'
    )
    with pytest.raises(QueryFailed, match="too many"):
        dispatcher.query(Statement(sql=late))


@pytest.mark.parametrize("others", [(), (signal.SIGUSR1,)], ids=["alone", "beside another signal"])
@pytest.mark.parametrize("work", ["query", "run", "stream", "execute_query"])
def test_ctrl_c_gets_through(dispatcher: Dispatcher, work: str, others: tuple[int, ...]) -> None:
    calls: dict[str, Callable[[], object]] = {
        "query": lambda: dispatcher.query(ENDLESS),
        "run": lambda: dispatcher.run(lambda session: session.execute(ENDLESS.sql)),
        "stream": lambda: list(dispatcher.stream(ENDLESS, batch_size=10)),
        "execute_query": lambda: dispatcher.execute_query(ENDLESS.sql),
    }
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    started = time.monotonic()
    with handlers(*others), pytest.raises(KeyboardInterrupt):
        calls[work]()
    assert time.monotonic() - started < 1.0
    timer.join()
    assert dispatcher.query(Statement(sql="SELECT 42")).rows == [(42,)]
    assert dispatcher.stats().used == 0


def test_another_thread_may_cancel(dispatcher: Dispatcher) -> None:
    timer = threading.Timer(0.2, dispatcher.cancel)
    timer.start()
    started = time.monotonic()
    with pytest.raises(QueryCancelled, match="endless was cancelled"):
        dispatcher.query(ENDLESS)
    assert time.monotonic() - started < 1.0
    timer.join()
    assert dispatcher.query(Statement(sql="SELECT 42")).rows == [(42,)]


def test_many_threads_share_one_database(dispatcher: Dispatcher) -> None:
    dispatcher.execute_query("CREATE TABLE t (n INTEGER)")
    answers: list[bool] = []

    def call(number: int) -> None:
        for turn in range(20):
            dispatcher.execute_query("INSERT INTO t VALUES (?)", (number * 100 + turn,))
            answers.append(dispatcher.query(Statement(sql=f"SELECT {number} * 2")).rows == [(number * 2,)])

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 160
    assert dispatcher.execute_query("SELECT count(*), count(DISTINCT n) FROM t") == [(160, 160)]
    assert dispatcher.stats().created <= 4


def test_settings_of_a_session_do_not_leak(dispatcher: Dispatcher) -> None:
    dispatcher.execute_query("CREATE TEMP TABLE mine (id INTEGER)")
    with pytest.raises(QueryFailed, match="mine"):
        dispatcher.execute_query("SELECT * FROM mine")


def test_a_file_that_another_process_has_open_is_waited_for(dialect: Dialect, tmp_path: Path) -> None:
    path = tmp_path / "clinic.duckdb"
    holding = subprocess.Popen(
        [sys.executable, "-c", f"import duckdb; c = duckdb.connect({str(path)!r}); print('open', flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holding.stdout is not None
        assert holding.stdout.readline() == b"open\n"
        settings = Settings(attempts=2, backoff=0.05)
        with Dispatcher(dialect, Target.parse(f"duckdb:///{path}"), settings) as dispatcher:
            with pytest.raises(ConnectFailed, match="after 2 attempts") as error:
                dispatcher.query(Statement(sql="SELECT 1"))
            assert error.value.hint == (
                "another process has the database open; close it there, or open it read-only in both"
            )
            holding.communicate(b"\n")
            assert dispatcher.query(Statement(sql="SELECT 1")).rows == [(1,)]
    finally:
        holding.kill()
        holding.communicate()


def test_a_closed_file_can_be_opened_again(dialect: Dialect, tmp_path: Path) -> None:
    target = Target.parse(f"duckdb:///{tmp_path / 'clinic.duckdb'}")
    with Dispatcher(dialect, target) as dispatcher:
        dispatcher.execute_query("CREATE TABLE t AS SELECT 7 AS n")
    duckdb.connect(str(tmp_path / "clinic.duckdb"), config={"threads": 1}).close()
    with Dispatcher(dialect, target) as dispatcher:
        assert dispatcher.execute_query("SELECT * FROM t") == [(7,)]
