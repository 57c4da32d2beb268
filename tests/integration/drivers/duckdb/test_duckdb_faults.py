"""Faults of DuckDB that are provoked, and sessions that outlive them or not."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from threading import Timer
from time import monotonic

import duckdb
import pytest

from fhir4ds.plugin import Connection, Driver, Fault, FaultKind
from fhir4ds.testing.engine import fault_of, run
from tests.support.driver_calls import in_background

from .sessions import ENDLESS, connected, on_file

# --- faults of statements ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "kind", "code", "message"),
    [
        ("SELEC 1", FaultKind.SYNTAX, "ParserException", 'Parser Error: syntax error at or near "SELEC"'),
        ("SELECT * FROM nope", FaultKind.MISSING, "CatalogException", None),
        ("SELECT nope FROM t", FaultKind.MISSING, "BinderException", None),
        ("SELECT nope(1)", FaultKind.MISSING, "CatalogException", None),
        ("SELECT list_filter(1, 2)", FaultKind.MISSING, "BinderException", None),
        ("CREATE TABLE t (i INT)", FaultKind.SYNTAX, "CatalogException", None),
        ("SELECT i FROM t WHERE count(*) > 1", FaultKind.SYNTAX, "BinderException", None),
        ("SELECT 'x'::INT", FaultKind.DATA, "ConversionException", None),
        ("SELECT ('{'::JSON)->>'a'", FaultKind.DATA, "ConversionException", None),
        ("SELECT json('{')", FaultKind.DATA, "InvalidInputException", None),
        ("SELECT 9223372036854775807 + i FROM t", FaultKind.DATA, "OutOfRangeException", None),
        ("SELECT error('boom\nrest')", FaultKind.DATA, "InvalidInputException", "Invalid Input Error: boom"),
        ("INSERT INTO t VALUES (NULL)", FaultKind.INTEGRITY, "ConstraintException", None),
        ("BEGIN READ ONLY; INSERT INTO t VALUES (2)", FaultKind.READ_ONLY, "TransactionException", None),
        ("SET LOCAL threads = 1", FaultKind.UNSUPPORTED, "NotImplementedException", None),
        ("SELECT * FROM read_csv('/no/such/file.csv')", FaultKind.MISSING, "IOException", None),
        ("COMMIT", FaultKind.OTHER, "TransactionException", None),
    ],
)
def test_why_a_statement_fails(
    driver: Driver, connection: Connection, sql: str, kind: FaultKind, code: str, message: str | None
) -> None:
    run(driver, connection, "CREATE TABLE t (i BIGINT NOT NULL)")
    run(driver, connection, "INSERT INTO t VALUES (1)")
    fault = fault_of(driver, connection, sql)
    assert fault == Fault(kind=kind, code=code, message=fault.message if message is None else message)
    assert "\n" not in fault.message
    driver.reset(connection)
    assert run(driver, connection, "SELECT i FROM t") == [(1,)]


@pytest.mark.parametrize(
    ("sql", "parameters", "kind"),
    [
        ("SELECT ?, ?", [1], FaultKind.SYNTAX),
        ("SELECT ?", [1, 2], FaultKind.SYNTAX),
        ("SELECT $x", {"y": 1}, FaultKind.SYNTAX),
        ("SELECT 1", [1], FaultKind.SYNTAX),
        ("SELECT ?", [object()], FaultKind.UNSUPPORTED),
    ],
)
def test_values_that_do_not_fit_the_placeholders(
    driver: Driver, connection: Connection, sql: str, parameters: list[object], kind: FaultKind
) -> None:
    assert fault_of(driver, connection, sql, parameters).kind is kind
    assert run(driver, connection, "SELECT 1") == [(1,)]


def test_write_to_a_database_opened_read_only(file: Path) -> None:
    driver = on_file(file, read_only="true")
    with closing(driver), connected(driver) as connection:
        fault = fault_of(driver, connection, "INSERT INTO t VALUES (2)")
        assert (fault.kind, fault.code) == (FaultKind.READ_ONLY, "InvalidInputException")
        assert run(driver, connection, "SELECT i FROM t") == [(1,)]


def test_out_of_memory(file: Path) -> None:
    driver = on_file(file, memory_limit="20MB", temp_directory="")
    with closing(driver), connected(driver) as connection:
        fault = fault_of(driver, connection, "SELECT list(i) FROM range(20000000) t (i)")
        assert (fault.kind, fault.code, fault.disconnected) == (FaultKind.RESOURCE, "OutOfMemoryException", False)
        assert run(driver, connection, "SELECT i FROM t") == [(1,)]


def test_corrupt_block(file: Path) -> None:
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE big AS SELECT hash(i) AS h FROM range(200000) t (i)")
    content = bytearray(file.read_bytes())
    for block in range(len(content) // 2, len(content), 4096):
        content[block] ^= 0xFF
    file.write_bytes(content)
    driver = on_file(file)
    with pytest.raises(duckdb.Error) as caught, closing(driver), connected(driver) as connection:
        run(driver, connection, "SELECT sum(h) FROM big")
    fault = driver.fault(caught.value, None)
    assert (fault.kind, "checksum" in fault.message) == (FaultKind.OTHER, True), fault


def test_conflicting_writers(driver: Driver, connection: Connection, second: Connection) -> None:
    run(driver, connection, "CREATE TABLE t AS SELECT 1 AS i")
    for session in (connection, second):
        run(driver, session, "BEGIN")
    run(driver, connection, "UPDATE t SET i = 2")
    fault = fault_of(driver, second, "UPDATE t SET i = 3")
    message = "TransactionContext Error: Conflict on update!"
    assert fault == Fault(kind=FaultKind.CONFLICT, code="TransactionException", message=message)
    assert fault_of(driver, second, "SELECT 1").kind is FaultKind.OTHER  # until it is rolled back


def test_concurrent_writers_of_one_key(driver: Driver, connection: Connection, second: Connection) -> None:
    run(driver, connection, "CREATE TABLE t (i INT PRIMARY KEY)")
    for session in (connection, second):
        run(driver, session, "BEGIN")
        run(driver, session, "INSERT INTO t VALUES (1)")
    run(driver, connection, "COMMIT")
    assert fault_of(driver, second, "COMMIT").kind is FaultKind.INTEGRITY


# --- the life of a connection -----------------------------------------------------------------------------------------


def test_alive(driver: Driver) -> None:
    with connected(driver) as connection:
        assert driver.alive(connection, probe=False)
        assert driver.alive(connection, probe=True)
    driver.disconnect(connection)
    assert not driver.alive(connection, probe=False)
    fault = fault_of(driver, connection, "SELECT 1")
    message = "Connection Error: Connection already closed!"
    assert fault == Fault(kind=FaultKind.DISCONNECT, code="ConnectionException", disconnected=True, message=message)
    driver.cancel(connection, 1)
    driver.abort(connection)


def test_reset_discards_all_state(driver: Driver, connection: Connection, second: Connection) -> None:
    run(driver, connection, "CREATE TABLE t AS SELECT 1 AS i")
    run(driver, connection, "CREATE TEMP TABLE mine (i INT); SET VARIABLE v = 7; SET TimeZone = 'Asia/Tokyo'")
    run(driver, connection, "CREATE SCHEMA other; USE other; PREPARE p AS SELECT 1")
    run(driver, connection, "BEGIN; DROP TABLE main.t")
    driver.execute(connection, "SELECT * FROM range(1000000)", None).fetchmany(1)
    driver.reset(connection)
    left = run(driver, connection, "SELECT getvariable('v'), current_setting('TimeZone'), current_schema(), i FROM t")
    assert left == [(None, "UTC", "main", 1)]
    assert fault_of(driver, connection, "SELECT * FROM mine").kind is FaultKind.MISSING
    assert fault_of(driver, connection, "EXECUTE p").kind is not FaultKind.OTHER
    run(driver, second, "DROP TABLE t")  # nothing holds it any more


@pytest.mark.parametrize("stop", ["cancel", "abort"])
def test_stopping_a_query_keeps_the_connection(driver: Driver, connection: Connection, stop: str) -> None:
    def interrupt() -> None:
        driver.cancel(connection, 1) if stop == "cancel" else driver.abort(connection)

    interrupt()  # idle: harmless
    started = monotonic()
    timer = Timer(0.1, interrupt)
    timer.start()
    fault = fault_of(driver, connection, ENDLESS)
    expected = Fault(kind=FaultKind.INTERRUPTED, code="InterruptException", message="INTERRUPT Error: Interrupted!")
    assert (fault, monotonic() - started < 3) == (expected, True)
    assert run(driver, connection, "SELECT 1") == [(1,)]


def test_stopping_concerns_one_connection_only(driver: Driver, connection: Connection, second: Connection) -> None:
    with in_background(lambda: run(driver, second, "SELECT sum(i) FROM range(30000000) t (i)")):
        driver.cancel(connection, 1)
