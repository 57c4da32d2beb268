"""Connections to a live PostgreSQL: opened on demand, lent, given back, reused, and closed for good."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import attrs
import pytest

from fhir4ds.database import Database, connect
from fhir4ds.errors import (
    ConnectFailed,
    FHIRPathExecutionError,
    InvalidSetting,
    InvalidTarget,
    PoolClosed,
    PoolTimeout,
    UnknownDialect,
)
from fhir4ds.runtime.settings import DEFAULTS
from tests.support.postgres_databases import administrator
from tests.support.postgres_server import SECRET

pytestmark = pytest.mark.postgres


@attrs.frozen
class Observed:
    """A database object, and a look at its backends from outside."""

    url: str
    name: str
    admin_url: str

    def backends(self) -> list[int]:
        """Process ids of the backends that serve it."""
        with administrator(self.admin_url) as cursor:
            cursor.execute("SELECT pid FROM pg_stat_activity WHERE application_name = %s ORDER BY pid", (self.name,))
            return [pid for (pid,) in cursor.fetchall()]

    def ends_with(self, count: int) -> bool:
        """Whether that many backends are left, soon: a backend needs a moment to go."""
        deadline = time.monotonic() + 5
        while len(self.backends()) != count and time.monotonic() < deadline:
            time.sleep(0.01)
        return len(self.backends()) == count


@pytest.fixture
def observed(postgres_url: str) -> Observed:
    """A name of its own for each test."""
    name = f"test_{uuid4().hex[:8]}"
    return Observed(f"{postgres_url}?application_name={name}", name, postgres_url)


@pytest.fixture
def database(observed: Observed) -> Iterator[Database]:
    """A database object with the usual settings."""
    with connect(observed.url) as database:
        yield database


def _pid(database: Database) -> int:
    return int(database.session()[1])


def test_nothing_is_opened_before_the_first_use(observed: Observed, database: Database) -> None:
    """Making the object costs nothing."""
    assert observed.backends() == []
    assert database.stats().created == 0
    assert observed.backends() == [] and database.stats().max == DEFAULTS.pool_size


def test_defaults_are_those_of_the_design() -> None:
    """Up to ten connections, thirty seconds, pauses of 1, 2 and 4 seconds."""
    assert (DEFAULTS.pool_size, DEFAULTS.query_timeout, DEFAULTS.pool_timeout) == (10, 30.0, 30.0)
    assert (DEFAULTS.attempts, DEFAULTS.backoff) == (4, 1.0)


def test_a_connection_is_used_again(observed: Observed, database: Database) -> None:
    """Two queries after each other are answered by the same backend."""
    first, second = _pid(database), _pid(database)
    assert first == second
    assert observed.backends() == [first]
    assert (database.stats().created, database.stats().idle) == (1, 1)


def test_get_and_release(observed: Observed, database: Database) -> None:
    """A connection of psycopg2 is lent, and the next borrower gets it again."""
    dispatcher = database.dispatcher
    connection = dispatcher.get_connection()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [(pid,)] = cursor.fetchall()
    assert observed.backends() == [pid]
    assert database.stats().used == 1
    dispatcher.release_connection(connection)
    assert (database.stats().used, database.stats().idle) == (0, 1)
    assert _pid(database) == pid


def test_a_lent_connection_is_given_back_also_after_an_error(database: Database) -> None:
    """The context manager does it."""
    with pytest.raises(ZeroDivisionError), database.dispatcher.connection():
        1 / 0
    assert (database.stats().used, database.stats().idle) == (0, 1)


def test_a_connection_is_given_back_once_and_to_its_owner(database: Database) -> None:
    """Anything else is refused, and does no harm."""
    connection = database.dispatcher.get_connection()
    database.dispatcher.release_connection(connection)
    for foreign in (connection, object()):
        with pytest.raises(FHIRPathExecutionError, match="not on loan"):
            database.dispatcher.release_connection(foreign)
    assert database.execute_query("SELECT 1") == [(1,)]


def test_what_a_borrower_leaves_behind_is_undone(database: Database) -> None:
    """Open transactions, settings, temporary tables and locks do not reach the next borrower."""
    with database.dispatcher.connection() as connection, connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 123456")
        cursor.execute("SET search_path = nowhere")
        cursor.execute("CREATE TEMPORARY TABLE left_behind (a INTEGER)")
        cursor.execute("SELECT pg_advisory_lock(1)")
        cursor.execute("BEGIN")
        connection.autocommit = True
        pid = connection.info.backend_pid
    assert _pid(database) == pid
    assert database.execute_query("SHOW statement_timeout") != [("123456ms",)]
    assert database.execute_query("SHOW search_path") != [("nowhere",)]
    assert database.execute_query("SELECT COUNT(*) FROM pg_class WHERE relname = 'left_behind'") == [(0,)]
    locks = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    assert database.execute_query(locks) == [(0,)]


def test_sessions_are_set_up(database: Database) -> None:
    """UTC, and no just-in-time compilation, which only slows such queries down."""
    assert database.execute_query("SHOW TimeZone") == [("UTC",)]
    assert database.execute_query("SHOW jit") == [("off",)]


@pytest.mark.parametrize("size", [1, 3])
def test_there_are_never_more_connections_than_the_pool_may_have(observed: Observed, size: int) -> None:
    """Eight threads share them, and every one gets its answer."""
    most = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.is_set():
            most = max(most, len(observed.backends()))

    with connect(observed.url, pool_size=size) as database, ThreadPoolExecutor(9) as threads:
        watching = threads.submit(watch)
        answers = list(
            threads.map(lambda n: database.execute_query("SELECT pg_sleep(0.01), %s", (n,))[0][1], range(48))
        )
        done.set()
        watching.result()
        assert answers == list(range(48))
        assert 1 <= most <= size
        assert database.stats().created <= size


def test_an_exhausted_pool_makes_callers_wait_and_then_says_so(observed: Observed) -> None:
    """The wait has its limit, and the message has the figures."""
    with connect(observed.url, pool_size=2, pool_timeout=0.2) as database:
        with database.dispatcher.connection(), database.dispatcher.connection():
            started = time.monotonic()
            with pytest.raises(PoolTimeout, match="no connection became free within 0.2 s: 2 of 2 in use") as caught:
                database.execute_query("SELECT 1")
            assert 0.15 < time.monotonic() - started < 1.5
            assert caught.value.hint is not None and "pool_size" in caught.value.hint
        assert database.execute_query("SELECT 1") == [(1,)]
        assert database.stats().timeouts == 1


def test_a_waiting_caller_gets_what_becomes_free(observed: Observed) -> None:
    """Within the limit, waiting is rewarded."""
    with connect(observed.url, pool_size=1, pool_timeout=10) as database, ThreadPoolExecutor(1) as threads:
        with database.dispatcher.connection():
            waiting = threads.submit(database.execute_query, "SELECT 7")
            while database.stats().pending == 0:
                time.sleep(0.001)
        assert waiting.result(5) == [(7,)]


def test_close_leaves_no_backend(observed: Observed) -> None:
    """Nothing stays on the server, and nothing can be asked any more."""
    with connect(observed.url, pool_size=4) as database, ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: database.execute_query("SELECT pg_sleep(0.05)"), range(4)))
        assert len(observed.backends()) > 1
    assert observed.ends_with(0)
    with pytest.raises(PoolClosed, match="was closed"):
        database.execute_query("SELECT 1")
    database.close()


def test_close_leaves_no_backend_after_an_error(observed: Observed) -> None:
    """The context manager closes whatever happened inside."""
    with pytest.raises(ZeroDivisionError), connect(observed.url) as database:
        database.execute_query("SELECT 1")
        1 / 0
    assert observed.ends_with(0)


def test_close_all_connections_is_close(observed: Observed) -> None:
    """The name of the original design, on the object that owns the pool."""
    database = connect(observed.url)
    database.execute_query("SELECT 1")
    database.dispatcher.close_all_connections()
    assert observed.ends_with(0)


def _with(url: str, **parts: Any) -> str:
    """The URL with some parts exchanged."""
    from urllib.parse import urlsplit

    split = urlsplit(url)
    user, _, password = split.netloc.rpartition("@")[0].partition(":")
    login = f"{parts.get('user', user)}:{parts.get('password', password)}"
    host = f"{parts.get('host', split.hostname)}:{parts.get('port', split.port)}"
    return f"postgresql://{login}@{host}{parts.get('path', split.path)}"


@pytest.mark.parametrize(
    ("parts", "hint"),
    [
        ({"password": "wrong"}, "check user name and password"),
        ({"user": "nobody_here"}, "check user name and password"),
        ({"path": "/no_such_database"}, "check the name of the database"),
        ({"port": 1}, "check that the server is running"),
        ({"host": "no-such-host.invalid"}, "check that the server is running"),
    ],
)
def test_who_cannot_connect_hears_why(postgres_url: str, parts: dict[str, Any], hint: str) -> None:
    """One clear error, with what to check, and never the password."""
    url = _with(postgres_url, **parts)
    with connect(url, attempts=1) as database, pytest.raises(ConnectFailed) as caught:
        database.execute_query("SELECT 1")
    assert hint in str(caught.value)
    assert caught.value.__cause__ is not None
    assert SECRET not in str(caught.value) and "wrong" not in str(caught.value)


@pytest.mark.parametrize("parts", [{"password": "wrong"}, {"path": "/no_such_database"}])
def test_what_cannot_get_better_is_not_tried_again(postgres_url: str, parts: dict[str, Any]) -> None:
    """A wrong password stays wrong: no pause, no second attempt."""
    with connect(_with(postgres_url, **parts), attempts=4, backoff=5.0) as database:
        started = time.monotonic()
        with pytest.raises(ConnectFailed) as caught:
            database.execute_query("SELECT 1")
        assert time.monotonic() - started < 2
        assert "attempts" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["postgresql://localhost:port/x", f"postgresql://u:{SECRET}[@localhost/x", "localhost:5432/x", "", "://x"],
)
def test_a_url_that_cannot_be_read_is_refused_at_once(url: str) -> None:
    """Without being repeated, as it may hold a password."""
    with pytest.raises((InvalidTarget, UnknownDialect)) as caught:
        connect(url)
    assert SECRET not in str(caught.value)


def test_the_password_is_in_no_representation(postgres_url: str) -> None:
    """Objects that show up in a debugger or a log keep it to themselves."""
    with connect(postgres_url) as database:
        for shown in (database, database.dispatcher.target, database.dispatcher.settings):
            assert SECRET not in repr(shown) + str(shown)


@pytest.mark.parametrize(
    "settings", [{"pool_size": 0}, {"pool_size": True}, {"query_timeout": 0}, {"attempts": 0}, {"backoff": -1}]
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    """Before anything is opened."""
    with pytest.raises(InvalidSetting, match=next(iter(settings))):
        connect("postgresql://localhost/x", **settings)
