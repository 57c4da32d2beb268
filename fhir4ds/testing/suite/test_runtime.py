"""The runtime keeps its promises over the driver: limits, deadlines, cancellation, retries, and no leak."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from time import monotonic, sleep
from uuid import uuid4

import attrs
import pytest

from fhir4ds.database import Database, connect
from fhir4ds.dialect.driver import Driver
from fhir4ds.dialect.model import Dialect
from fhir4ds.errors import EvaluationError, OutcomeUnknown, PoolTimeout, QueryCancelled, QueryFailed, QueryTimeout
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.session import Session
from fhir4ds.runtime.settings import Settings
from fhir4ds.target import Target
from fhir4ds.testing.cases.statements import ENDLESS, many_rows
from fhir4ds.testing.engine import in_background
from fhir4ds.testing.line import Line

_PATIENTS = [{"resourceType": "Patient", "id": f"p{number}", "active": number % 2 == 0} for number in range(50)]


@pytest.fixture
def small(url: str, driver: Driver) -> Iterator[Database]:  # noqa: ARG001 - the driver has reached the database
    """A database over a pool of two."""
    with connect(url, pool_size=2, pool_timeout=0.3, query_timeout=20, backoff=0.01) as database:
        yield database


def _nothing_is_lent(database: Database) -> bool:
    """Whether every connection comes back soon: a statement that is stopped ends by itself."""
    end = monotonic() + 5
    while database.stats().used and monotonic() < end:
        sleep(0.01)
    return database.stats().used == 0


def test_there_are_never_more_connections_than_allowed(small: Database) -> None:
    """The third caller waits as long as it may, and is told so."""
    with ExitStack() as leases:
        for _ in range(2):
            leases.enter_context(small.dispatcher.connection())
        started = monotonic()
        with pytest.raises(PoolTimeout):
            small.execute_query("SELECT 1")
        assert 0.3 <= monotonic() - started < 0.83
    assert small.execute_query("SELECT 1") == [(1,)]
    assert _nothing_is_lent(small)


def test_a_deadline_holds(small: Database) -> None:
    """A query past its time is stopped, and the next one works."""
    started = monotonic()
    with pytest.raises(QueryTimeout):
        small.execute_query(ENDLESS, timeout=0.5)
    assert monotonic() - started < 0.5 * 1.1 + 0.5
    assert small.execute_query("SELECT 1") == [(1,)]
    assert _nothing_is_lent(small)


def test_running_queries_can_be_cancelled(small: Database) -> None:
    """From another thread, as when a notebook is interrupted."""
    answer = in_background(small.execute_query, ENDLESS)
    sleep(0.3)
    small.dispatcher.cancel()
    with pytest.raises(QueryCancelled):
        answer.result(timeout=10)
    assert small.execute_query("SELECT 1") == [(1,)]
    assert _nothing_is_lent(small)


def test_errors_of_the_user_are_not_tried_again(small: Database, driver: Driver) -> None:
    """A statement that cannot succeed fails at once, and says where it comes from."""
    with pytest.raises(QueryFailed) as caught:
        small.execute_query("SELECT nothing FROM nowhere_at_all")
    assert isinstance(caught.value.__cause__, driver.errors)
    assert small.stats().created == 1
    assert _nothing_is_lent(small)


def test_errors_of_an_expression_name_the_resource(clinic_of_fifty: Database) -> None:
    """An error that the SQL raises becomes one of evaluation, with the key of the resource."""
    with pytest.raises(EvaluationError) as caught:
        clinic_of_fifty.query("Patient.where(id = 'p7').select((1 | 2).single())")
    assert caught.value.key == "p7"


def test_dead_connections_are_replaced(small: Database, driver: Driver) -> None:
    """A connection that was cut while it was idle is not the user's concern."""
    for _ in range(3):
        with small.dispatcher.connection() as connection:
            driver.disconnect(connection)
    assert small.execute_query("SELECT 1") == [(1,)]
    assert _nothing_is_lent(small)


def test_work_that_fails_is_undone(small: Database) -> None:
    """A transaction ends with the function that it belongs to, and an exception takes all back."""
    name = f"undone_{uuid4().hex[:8]}"
    small.run(lambda session: session.execute(f"CREATE TABLE {name} (value INTEGER)"))

    def fail(session: Session) -> None:
        session.execute(f"INSERT INTO {name} VALUES (1)")
        raise LookupError("changed my mind")

    with pytest.raises(LookupError):
        small.run(fail)
    small.run(lambda session: session.execute(f"INSERT INTO {name} VALUES (2)"))
    assert small.execute_query(f"SELECT value FROM {name}") == [(2,)]
    small.run(lambda session: session.execute(f"DROP TABLE {name}"))


@pytest.fixture
def line(driver: Driver, dialect: Dialect, target: Target) -> Iterator[Line]:  # noqa: ARG001 - it is reached
    """A line to the server that can be cut."""
    port = target.port or dialect.port
    assert target.host is not None and port is not None, "the URL names no host, or the dialect no port"
    with Line(target.host, port) as line:
        yield line


@pytest.fixture
def through_line(line: Line, dialect: Dialect, target: Target) -> Iterator[Database]:
    """The database at the other end of it."""
    there = attrs.evolve(target, host="127.0.0.1", port=line.port)
    with Dispatcher(dialect, there, Settings(pool_size=2, query_timeout=10, backoff=0.01)) as dispatcher:
        yield Database(dispatcher)


@pytest.mark.requires("server")
def test_a_cut_line_is_no_concern_of_a_reader(through_line: Database, line: Line) -> None:
    """Whether it is cut while nobody uses it, or in the middle of a query: what only reads is read again."""
    assert through_line.execute_query("SELECT 1") == [(1,)]
    line.cut()
    assert through_line.execute_query("SELECT 2") == [(2,)]
    line.cut_next_answer()
    assert through_line.execute_query("SELECT 3") == [(3,)]
    assert _nothing_is_lent(through_line)


@pytest.mark.requires("server")
def test_a_lost_commit_is_never_tried_again(small: Database, through_line: Database, line: Line) -> None:
    """The server has it or not; nobody can tell, so the error says so, and no row is there twice."""
    name = f"committed_{uuid4().hex[:8]}"
    small.run(lambda session: session.execute(f"CREATE TABLE {name} (value INTEGER)"))
    for value in range(5):

        def insert(session: Session, value: int = value) -> None:
            session.execute(f"INSERT INTO {name} VALUES ({value})")
            line.cut_next_answer()

        with pytest.raises(OutcomeUnknown):
            through_line.run(insert)
    stored = [value for (value,) in small.execute_query(f"SELECT value FROM {name} ORDER BY value")]
    assert len(stored) == len(set(stored)) and set(stored) <= set(range(5))
    assert _nothing_is_lent(through_line)
    small.run(lambda session: session.execute(f"DROP TABLE {name}"))


@pytest.fixture
def clinic_of_fifty(url: str, driver: Driver) -> Iterator[Database]:  # noqa: ARG001 - the driver has reached the database
    """Fifty patients in a table of the test's own."""
    name = f"resource_{uuid4().hex[:8]}"
    with connect(url, table=name, pool_size=3) as database:
        database.load(_PATIENTS)
        yield database
        database.run(lambda session: session.execute(f"DROP TABLE {name}"))


def test_threads_share_the_pool(clinic_of_fifty: Database) -> None:
    """Many callers over few connections get each its own answer."""

    def ask(number: int) -> list[object]:
        return list(clinic_of_fifty.query("Patient.where(id = %key).id", key=f"p{number}").values())

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(50)))
    assert answers == [[f"p{number}"] for number in range(50)]
    assert clinic_of_fifty.stats().created <= 3
    assert _nothing_is_lent(clinic_of_fifty)


def test_streams_give_their_connection_back(clinic_of_fifty: Database) -> None:
    """Read to the end, or left early."""
    with clinic_of_fifty.stream("Patient.id", batch_size=7) as stream:
        rows = [row for batch in stream for row in batch]
    assert rows == sorted((f"p{number}", f"p{number}") for number in range(50))
    with clinic_of_fifty.stream("Patient.id", batch_size=7) as stream:
        assert next(iter(stream)) == rows[:7]
    assert _nothing_is_lent(clinic_of_fifty)


@pytest.mark.requires("server_cursor")
def test_streams_begin_before_their_query_ends(small: Database) -> None:
    """Also through the runtime."""

    def first(session: Session) -> int:
        stream = session.stream(many_rows(small.dialect, 9), batch_size=500)
        return len(next(iter(stream)))

    assert small.run(first, read_only=True) == 500
    assert _nothing_is_lent(small)
