"""What goes wrong on a live PostgreSQL: the kind of error, its words, and what is tried again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg2
import pytest
import structlog
from structlog.testing import capture_logs

from fhir4ds.database import Database, connect
from fhir4ds.errors import (
    ConnectFailed,
    EvaluationError,
    Fhir4dsError,
    FHIRPathExecutionError,
    QueryCancelled,
    QueryFailed,
    QueryTimeout,
    UnknownElement,
)
from fhir4ds.runtime.session import Session
from tests.support.postgres_databases import administrator
from tests.support.postgres_server import SECRET

pytestmark = pytest.mark.postgres

_NAME = f"errors_{uuid4().hex[:8]}"


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    """A database object that retries quickly."""
    with connect(f"{postgres_url}?application_name={_NAME}", backoff=0.05, jitter=0) as database:
        yield database


@pytest.fixture
def log() -> Iterator[list[dict[str, object]]]:
    """Events of the test."""
    with capture_logs() as entries:
        yield entries  # type: ignore[misc]
    structlog.reset_defaults()


def _events(log: list[dict[str, object]], name: str) -> list[dict[str, object]]:
    return [entry for entry in log if entry["event"] == name]


@pytest.mark.parametrize(
    ("sql", "code", "words"),
    [
        ("SELEKT 1", "42601", 'syntax error at or near "SELEKT"'),
        ("SELECT * FROM nowhere", "42P01", 'relation "nowhere" does not exist'),
        ("SELECT nothing FROM pg_class", "42703", 'column "nothing" does not exist'),
        ("SELECT no_such_function(1)", "42883", "no_such_function"),
        ("SELECT 1 / 0", "22012", "division by zero"),
        ("SELECT 'x'::int", "22P02", "invalid input syntax for type integer"),
        ("SELECT '{bad'::jsonb", "22P02", "invalid input syntax for type json"),
        ("", None, "can't execute an empty query"),
    ],
)
def test_a_statement_that_the_server_refuses(database: Database, sql: str, code: str | None, words: str) -> None:
    """SQLSTATE, the server's own words, and the driver's error as the cause; the next statement runs."""
    with pytest.raises(QueryFailed) as caught:
        database.execute_query(sql)
    assert caught.value.code == code
    assert words in caught.value.message
    assert isinstance(caught.value.__cause__, psycopg2.Error)
    assert database.execute_query("SELECT 1") == [(1,)]


def test_refusals_are_not_tried_again(database: Database, log: list[dict[str, object]]) -> None:
    """A syntax error stays one."""
    with pytest.raises(QueryFailed):
        database.execute_query("SELEKT 1")
    assert _events(log, "query.retried") == []
    assert len(_events(log, "query.failed")) == 1


def test_values_are_in_no_message(database: Database, log: list[dict[str, object]]) -> None:
    """Neither in the error nor in the log, whatever the server repeats of them."""
    for sql in ("SELECT CAST(%s AS INTEGER)", "SELECT CAST(%s AS JSONB)", "SELECT CAST(%s AS DATE)"):
        with pytest.raises(QueryFailed) as caught:
            database.execute_query(sql, ("Jane Roe 1970",))
        assert "Jane" not in str(caught.value)
    assert log and "Jane" not in repr(log) and SECRET not in repr(log)


def test_a_server_that_is_not_there_is_asked_again_and_then_given_up(
    postgres_url: str, log: list[dict[str, object]]
) -> None:
    """Three attempts with growing pauses, each in the log; then one error that says how many there were."""
    nobody = f"postgresql://postgres:{SECRET}@127.0.0.1:1/postgres"
    with connect(nobody, attempts=3, backoff=0.1, jitter=0) as database:
        started = time.monotonic()
        with pytest.raises(ConnectFailed, match="after 3 attempts") as caught:
            database.execute_query("SELECT 1")
    assert 0.3 <= time.monotonic() - started < 3
    retried = _events(log, "query.retried")
    assert len(retried) == 2
    assert SECRET not in str(caught.value) and SECRET not in repr(log)


def test_timeouts_come_in_time_and_are_not_tried_again(
    postgres_url: str, database: Database, log: list[dict[str, object]]
) -> None:
    """A limit of 0.3 s fails once, after about 0.3 s, and the backend is free again."""
    # Connecting is not what is timed here, and has its own error.
    assert database.execute_query("SELECT 1") == [(1,)]
    started = time.monotonic()
    with pytest.raises(QueryTimeout, match=r"did not end within its 0.3 s"):
        database.execute_query("SELECT pg_sleep(10)", timeout=0.3)
    assert 0.25 < time.monotonic() - started < 2
    assert _events(log, "query.retried") == []
    assert database.execute_query("SELECT 1") == [(1,)]
    with administrator(postgres_url) as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = %s AND state = 'active'", (_NAME,)
        )
        assert cursor.fetchone() == (0,)


def test_expressions_have_the_limit_too(postgres_url: str) -> None:
    """A query that waits for a lock of somebody else ends with the setting's limit, and names the expression."""
    with connect(postgres_url, query_timeout=0.2, attempts=1, table="locked") as database:
        database.load([{"resourceType": "Patient", "id": "p1"}])
        assert database.query("Patient.id").values() == ["p1"]
        with administrator(postgres_url) as cursor:
            cursor.execute("BEGIN")
            cursor.execute("LOCK TABLE locked IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(QueryTimeout) as caught:
                database.query("Patient.id")
            cursor.execute("ROLLBACK")
        assert caught.value.expression == "Patient.id"
        assert database.query("Patient.id").values() == ["p1"]


def test_a_killed_backend_costs_no_read(postgres_url: str, database: Database, log: list[dict[str, object]]) -> None:
    """A query whose backend is terminated in the middle is run again on a new one."""

    def work(session: Session) -> list[tuple[object, ...]]:
        return session.execute("SELECT pg_backend_pid(), pg_sleep(0.3)").rows

    def kill() -> int:
        with administrator(postgres_url) as cursor:
            while True:
                cursor.execute(
                    "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = %s AND query LIKE %s AND state = 'active'",
                    (_NAME, "SELECT pg_backend_pid(), pg_sleep%"),
                )
                for pid, _ in cursor.fetchall():
                    return int(pid)
                time.sleep(0.005)

    with ThreadPoolExecutor(1) as threads:
        killed = threads.submit(kill)
        [(pid, _)] = database.run(work, read_only=True)
        assert killed.result(5) != pid
    assert len(_events(log, "query.retried")) == 1


def test_an_idle_backend_that_was_killed_is_not_noticed(postgres_url: str, database: Database) -> None:
    """The dead connection is found out before it is lent again."""
    _, first = database.session()
    with administrator(postgres_url) as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", (int(first),))
    time.sleep(0.1)
    _, second = database.session()
    assert first != second


def test_cancelling_from_another_thread(database: Database) -> None:
    """The caller hears that it was cancelled, soon."""
    database.execute_query("SELECT 1")
    timer = threading.Timer(0.2, database.dispatcher.cancel)
    timer.start()
    started = time.monotonic()
    with pytest.raises(QueryCancelled):
        database.execute_query("SELECT pg_sleep(10)")
    assert time.monotonic() - started < 3
    timer.join()


def test_an_expression_that_fails_on_a_resource_says_on_which(database: Database) -> None:
    """The rule, the expression, the place in it and the key of the resource."""
    database.load(
        [
            {"resourceType": "Patient", "id": "fine", "name": [{"family": "A"}]},
            {"resourceType": "Patient", "id": "two names", "name": [{"family": "A"}, {"family": "B"}]},
        ]
    )
    with pytest.raises(EvaluationError, match="expected a single item but found several") as caught:
        database.query("Patient.name.single().family")
    error = caught.value
    assert (error.expression, error.position, error.key) == ("Patient.name.single().family", 13, "two names")
    assert isinstance(error.__cause__, psycopg2.Error)


def test_every_error_is_ours_and_has_a_hint(database: Database) -> None:
    """One tree: whoever catches its root catches all, and compile errors never reach the server."""
    database.load([{"resourceType": "Patient", "id": "p1"}])
    for call in (
        lambda: database.execute_query("SELECT * FROM nowhere"),
        lambda: database.query("Patient.brthDate"),
        lambda: database.execute_query("SELECT 1", timeout=-1),
    ):
        with pytest.raises(Fhir4dsError) as caught:
            call()
        assert caught.value.hint
    before = database.stats().leases
    with pytest.raises(UnknownElement):
        database.query("Patient.brthDate")
    assert database.stats().leases == before
    assert issubclass(QueryFailed, FHIRPathExecutionError)
