"""Each method of the driver does what the runtime counts on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from time import monotonic, sleep
from uuid import uuid4

import pytest

from fhir4ds.dialect.driver import Connection, Driver
from fhir4ds.dialect.faults import FaultKind
from fhir4ds.dialect.model import Dialect
from fhir4ds.dialect.types import SqlType
from fhir4ds.target import Target
from fhir4ds.testing.cases.statements import ENDLESS, numbers
from fhir4ds.testing.engine import fault_of, in_background, run
from fhir4ds.testing.fixtures import CONNECT_TIMEOUT

_TEXT = SqlType.TEXT


@pytest.fixture(scope="module")
def table(driver: Driver) -> Iterator[str]:
    """A table with a row for each test that adds one."""
    name = f"driver_{uuid4().hex[:8]}"
    connection = driver.connect(CONNECT_TIMEOUT)
    run(driver, connection, f"CREATE TABLE {name} (value INTEGER)")
    yield name
    run(driver, connection, f"DROP TABLE {name}")
    driver.disconnect(connection)


def _count(driver: Driver, table: str, value: int) -> int:
    connection = driver.connect(CONNECT_TIMEOUT)
    [(count,)] = run(driver, connection, f"SELECT COUNT(*) FROM {table} WHERE value = {value}")
    driver.disconnect(connection)
    return int(count)


def test_connections_commit_by_themselves(driver: Driver, connection: Connection, table: str) -> None:
    """Outside a transaction another connection sees what was written, at once."""
    run(driver, connection, f"INSERT INTO {table} VALUES (1)")
    assert _count(driver, table, 1) == 1


@pytest.mark.parametrize(
    "value",
    ["", 'it\'s "quoted" \\ % %s ? :a $1 {0}', "\u00e9\u4e2d\U0001f600", "a\nb\r\n\tc", "x" * 100_000],
    ids=["empty", "hostile", "unicode", "lines", "long"],
)
def test_bound_texts_come_back(dialect: Dialect, driver: Driver, connection: Connection, value: str) -> None:
    """Parameters are bound, never pasted."""
    sql = f"SELECT {dialect.syntax.cast(dialect.syntax.placeholder('given'), _TEXT)}"
    assert run(driver, connection, sql, {"given": value}) == [(value,)]


def test_a_null_is_bound(dialect: Dialect, driver: Driver, connection: Connection) -> None:
    """None is NULL."""
    sql = f"SELECT {dialect.syntax.cast(dialect.syntax.placeholder('given'), _TEXT)}"
    assert run(driver, connection, sql, {"given": None}) == [(None,)]


def test_statements_without_parameters_are_taken_as_they_are(driver: Driver, connection: Connection) -> None:
    """Signs that some database API takes for placeholders mean nothing where no parameters are given."""
    assert run(driver, connection, "SELECT '%s %(a)s ? :a $1 {0}'") == [("%s %(a)s ? :a $1 {0}",)]


def test_rows_are_fetched_as_many_as_are_asked_for(driver: Driver, connection: Connection) -> None:
    """Batches in order, then empty lists; columns are known before a row is."""
    cursor = driver.execute(connection, numbers(5), None)
    assert [name for name, _ in cursor.columns] == ["i"]
    batches = [cursor.fetchmany(2) for _ in range(5)]
    assert batches == [[(1,), (2,)], [(3,), (4,)], [(5,)], [], []]
    cursor.close()
    cursor.close()


def test_only_the_last_rows_come_as_fewer_than_are_asked_for(driver: Driver, connection: Connection) -> None:
    """However the database API takes rows from its server, what it hands out is full."""
    cursor = driver.execute(connection, numbers(5000), None)
    assert [len(cursor.fetchmany(1500)) for _ in range(5)] == [1500, 1500, 1500, 500, 0]
    cursor.close()


def test_a_query_without_rows_has_columns(driver: Driver, connection: Connection) -> None:
    """Its answer is empty, not absent."""
    cursor = driver.execute(connection, "SELECT 1 AS i, 'a' AS t WHERE 1 = 0", None)
    assert ([name for name, _ in cursor.columns], cursor.fetchmany(10)) == (["i", "t"], [])


def test_a_statement_without_result_has_no_columns(driver: Driver, connection: Connection, table: str) -> None:
    """What only changes something answers nothing."""
    cursor = driver.execute(connection, f"DELETE FROM {table} WHERE value = 99", None)
    assert (list(cursor.columns), cursor.fetchmany(10)) == ([], [])


def test_an_error_leaves_the_connection_usable(driver: Driver, connection: Connection) -> None:
    """A failed statement outside a transaction changes nothing for the next one."""
    assert not fault_of(driver, connection, "SELECT nothing FROM nowhere_at_all").disconnected
    assert run(driver, connection, "SELECT 1") == [(1,)]
    assert driver.alive(connection, probe=True)


def test_an_error_in_a_transaction_can_be_undone(
    dialect: Dialect, driver: Driver, connection: Connection, table: str
) -> None:
    """After ROLLBACK the connection is as before, and nothing was written."""
    run(driver, connection, dialect.syntax.begin(read_only=False))
    run(driver, connection, f"INSERT INTO {table} VALUES (2)")
    fault_of(driver, connection, "SELECT nothing FROM nowhere_at_all")
    run(driver, connection, "ROLLBACK")
    assert run(driver, connection, "SELECT 1") == [(1,)]
    assert _count(driver, table, 2) == 0


def test_reset_ends_an_open_transaction(dialect: Dialect, driver: Driver, connection: Connection, table: str) -> None:
    """What was not committed is undone, and the connection commits by itself again."""
    run(driver, connection, dialect.syntax.begin(read_only=False))
    run(driver, connection, f"INSERT INTO {table} VALUES (3)")
    driver.reset(connection)
    assert _count(driver, table, 3) == 0
    run(driver, connection, f"INSERT INTO {table} VALUES (4)")
    assert _count(driver, table, 4) == 1


def test_reset_ends_a_failed_transaction(dialect: Dialect, driver: Driver, connection: Connection) -> None:
    """Also one in which a statement failed."""
    run(driver, connection, dialect.syntax.begin(read_only=False))
    fault_of(driver, connection, "SELECT nothing FROM nowhere_at_all")
    driver.reset(connection)
    assert run(driver, connection, "SELECT 1") == [(1,)]


def test_reset_drops_temporary_tables(driver: Driver, connection: Connection) -> None:
    """Whoever gets the connection next finds nothing of the one before."""
    for _ in range(2):
        run(driver, connection, "CREATE TEMPORARY TABLE left_behind (value INTEGER)")
        driver.reset(connection)


def test_reset_lets_go_of_an_answer(driver: Driver, connection: Connection) -> None:
    """One that nobody read to its end."""
    driver.execute(connection, numbers(100_000), None).fetchmany(1)
    driver.reset(connection)
    assert run(driver, connection, "SELECT 1") == [(1,)]


@pytest.mark.parametrize("probe", [False, True], ids=["free", "probe"])
def test_alive_tells_an_open_connection_from_a_closed_one(driver: Driver, probe: bool) -> None:
    """And a closed one can be closed again."""
    connection = driver.connect(CONNECT_TIMEOUT)
    assert driver.alive(connection, probe=probe)
    driver.disconnect(connection)
    assert not driver.alive(connection, probe=probe)
    driver.disconnect(connection)


def test_cancelled_from_another_thread(driver: Driver, connection: Connection) -> None:
    """A running statement is stopped within a second, and the connection is of further use."""
    fault = in_background(fault_of, driver, connection, ENDLESS)
    sleep(0.3)
    assert not fault.done(), fault.result()
    asked = monotonic()
    driver.cancel(connection, 1.0)
    told = fault.result(timeout=10)
    assert (told.kind, told.disconnected) == (FaultKind.INTERRUPTED, False)
    assert monotonic() - asked < 1
    driver.reset(connection)
    assert run(driver, connection, "SELECT 1") == [(1,)]


def test_cancelling_nothing_is_harmless(driver: Driver, connection: Connection) -> None:
    """A cancellation that comes too late stops no later statement for good."""
    driver.cancel(connection, 1.0)
    driver.reset(connection)
    assert run(driver, connection, "SELECT 1") == [(1,)]


def test_aborted_from_another_thread(driver: Driver) -> None:
    """A blocked call fails at once; where there was a line, it is cut."""
    connection = driver.connect(CONNECT_TIMEOUT)
    fault = in_background(fault_of, driver, connection, ENDLESS)
    sleep(0.3)
    asked = monotonic()
    driver.abort(connection)
    told = fault.result(timeout=10)
    assert told.disconnected or told.kind is FaultKind.INTERRUPTED
    assert monotonic() - asked < 1
    if told.disconnected:
        assert not driver.alive(connection, probe=True)
    driver.disconnect(connection)


def test_connections_keep_their_answers_apart(driver: Driver, connection: Connection) -> None:
    """Two that are read in turn do not mix."""
    other = driver.connect(CONNECT_TIMEOUT)
    first = driver.execute(connection, numbers(4), None)
    second = driver.execute(other, numbers(4, start=11), None)
    read = [(first.fetchmany(1), second.fetchmany(1)) for _ in range(4)]
    assert read == [([(i,)], [(10 + i,)]) for i in range(1, 5)]
    driver.disconnect(other)


def test_close_can_be_repeated(dialect: Dialect, target: Target) -> None:
    """With and without a connection made before."""
    driver = dialect.load_driver()(target)
    driver.close()
    with closing(dialect.load_driver()(target)) as used:
        used.disconnect(used.connect(CONNECT_TIMEOUT))
        used.close()
