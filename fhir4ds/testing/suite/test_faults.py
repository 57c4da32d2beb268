"""What goes wrong is told in the words of the core."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from time import monotonic
from uuid import uuid4

import attrs
import pytest

from fhir4ds.dialect.driver import Connection, Driver
from fhir4ds.dialect.faults import Fault, FaultKind
from fhir4ds.dialect.model import Dialect
from fhir4ds.dialect.types import SqlType
from fhir4ds.target import Target
from fhir4ds.testing.cases.statements import ENDLESS
from fhir4ds.testing.engine import fault_of, run
from fhir4ds.testing.fixtures import CONNECT_TIMEOUT


@pytest.fixture(scope="module")
def keyed(driver: Driver) -> Iterator[str]:
    """A table with a unique key."""
    name = f"keyed_{uuid4().hex[:8]}"
    connection = driver.connect(CONNECT_TIMEOUT)
    run(driver, connection, f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, required INTEGER NOT NULL)")
    run(driver, connection, f"INSERT INTO {name} VALUES (1, 1)")
    yield name
    run(driver, connection, f"DROP TABLE {name}")
    driver.disconnect(connection)


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SELEC 1", FaultKind.SYNTAX),
        ("SELECT (1", FaultKind.SYNTAX),
        ("SELECT * FROM no_such_table_anywhere", FaultKind.MISSING),
        ("SELECT no_such_column FROM {keyed}", FaultKind.MISSING),
        ("SELECT no_such_function(1)", FaultKind.MISSING),
        ("INSERT INTO {keyed} VALUES (1, 2)", FaultKind.INTEGRITY),
        ("INSERT INTO {keyed} VALUES (2, NULL)", FaultKind.INTEGRITY),
    ],
    ids=["word", "parenthesis", "table", "column", "function", "key", "null"],
)
def test_kind_of_fault(driver: Driver, connection: Connection, keyed: str, sql: str, kind: FaultKind) -> None:
    """A statement that fails is sorted, in one line, and costs no connection."""
    fault = fault_of(driver, connection, sql.format(keyed=keyed))
    assert (fault.kind, fault.disconnected) == (kind, False), fault
    assert fault.message and "\n" not in fault.message


def test_raised_errors_are_of_the_data(dialect: Dialect, driver: Driver, connection: Connection) -> None:
    """What a statement raises itself is told by its text."""
    text = dialect.syntax.text("the value is wrong")
    fault = fault_of(driver, connection, f"SELECT {dialect.syntax.raise_error(text, SqlType.INTEGER, many=False)}")
    assert fault.kind is FaultKind.DATA, fault
    assert "the value is wrong" in fault.message


def test_telling_a_fault_changes_nothing(driver: Driver, connection: Connection) -> None:
    """The driver is asked more than once, and by whoever may."""
    try:
        run(driver, connection, "SELEC 1")
    except driver.errors as error:
        told: list[Fault] = [driver.fault(error, connection) for _ in range(3)]
    assert told[0] == told[1] == told[2]


def test_an_error_of_another_kind_is_told_too(driver: Driver, connection: Connection) -> None:
    """The runtime asks about whatever was raised."""
    assert driver.fault(RuntimeError("no error of the database"), connection).kind is FaultKind.OTHER


@pytest.mark.requires("read_only")
def test_writes_in_read_only_transactions_are_told(
    dialect: Dialect, driver: Driver, connection: Connection, keyed: str
) -> None:
    """They are no mistake of syntax, and no lack of rights."""
    run(driver, connection, dialect.syntax.begin(read_only=True))
    assert fault_of(driver, connection, f"INSERT INTO {keyed} VALUES (3, 3)").kind is FaultKind.READ_ONLY
    run(driver, connection, "ROLLBACK")


@pytest.mark.requires("statement_timeout")
def test_the_server_keeps_time_limits(dialect: Dialect, driver: Driver, connection: Connection) -> None:
    """A statement that takes longer is stopped, as if it were cancelled; the limit ends with the transaction."""
    limit = dialect.syntax.limit_time(100)
    assert limit is not None
    run(driver, connection, dialect.syntax.begin(read_only=True))
    run(driver, connection, limit)
    started = monotonic()
    assert fault_of(driver, connection, ENDLESS).kind is FaultKind.INTERRUPTED
    assert monotonic() - started < 1.1
    run(driver, connection, "ROLLBACK")
    assert run(driver, connection, "SELECT 1") == [(1,)]


def _refused(dialect: Dialect, target: Target, timeout: float = CONNECT_TIMEOUT) -> Fault:
    with closing(dialect.load_driver()(target)) as driver:
        try:
            driver.connect(timeout)
        except driver.errors as error:
            return driver.fault(error, None)
    raise AssertionError("a connection was made")


@pytest.mark.requires("server")
def test_nobody_listens(dialect: Dialect, target: Target) -> None:
    """A port that is closed is a failure to connect, which may pass."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        nowhere = attrs.evolve(target, host="127.0.0.1", port=free.getsockname()[1])
        assert _refused(dialect, nowhere).kind is FaultKind.CONNECT


@pytest.mark.requires("server")
def test_nobody_answers(dialect: Dialect, target: Target) -> None:
    """Where a connection is taken and nothing said, the time limit ends the wait."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        started = monotonic()
        fault = _refused(dialect, attrs.evolve(target, host="127.0.0.1", port=silent.getsockname()[1]), timeout=1.0)
    assert fault.kind is FaultKind.CONNECT
    assert monotonic() - started < 3.5  # some clients know whole seconds only, and no fewer than two


@pytest.mark.requires("server")
def test_a_missing_database_is_told(dialect: Dialect, target: Target) -> None:
    """It does not pass by itself."""
    assert _refused(dialect, attrs.evolve(target, database="no_such_database")).kind is FaultKind.MISSING


@pytest.mark.requires("server")
def test_a_stranger_is_told(dialect: Dialect, target: Target) -> None:
    """A login that does not exist is refused, and the password is in no message."""
    stranger = attrs.evolve(target, user="nobody_at_all", password="hunter2-secret")  # noqa: S106 - made up
    fault = _refused(dialect, stranger)
    assert fault.kind is FaultKind.AUTH
    assert "hunter2" not in repr(fault)
