"""Faults of PostgreSQL that are provoked, and sessions that outlive them or not."""

from __future__ import annotations

from time import monotonic
from urllib.parse import urlsplit

import psycopg2
import pytest
from fhir4ds_postgres.driver import PostgresDriver

from fhir4ds.plugin import Connection, Driver, Fault, FaultKind, Target
from fhir4ds.testing.engine import fault_of, run
from tests.support.driver_calls import connect_fault, eventually, in_background
from tests.support.postgres_server import SECRET, PostgresServer

from .sessions import backend, connected, frozen, waits

# --- faults of statements ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "kind", "code", "message"),
    [
        ("SELEC 1", FaultKind.SYNTAX, "42601", 'syntax error at or near "SELEC"'),
        ("SELECT * FROM nope", FaultKind.MISSING, "42P01", 'relation "nope" does not exist'),
        ("SELECT nope", FaultKind.MISSING, "42703", 'column "nope" does not exist'),
        ("SELECT nope()", FaultKind.MISSING, "42883", "function nope() does not exist"),
        (
            "SET ROLE pg_monitor; SELECT * FROM pg_authid",
            FaultKind.AUTH,
            "42501",
            "permission denied for table pg_authid",
        ),
        ("SELECT 'x'::int", FaultKind.DATA, "22P02", 'invalid input syntax for type integer: "x"'),
        ("SELECT '{'::jsonb", FaultKind.DATA, "22P02", "invalid input syntax for type json"),
        ("SELECT '\"\\u0000\"'::jsonb", FaultKind.DATA, "22P05", "unsupported Unicode escape sequence"),
        ("SELECT 1 / 0", FaultKind.DATA, "22012", "division by zero"),
        ("BEGIN READ ONLY; CREATE TABLE t (i int)", FaultKind.READ_ONLY, "25006", None),
        ("SET statement_timeout = 20; SELECT pg_sleep(5)", FaultKind.INTERRUPTED, "57014", None),
        ("SELECT " + "1," * 1700 + "1", FaultKind.RESOURCE, "54011", None),
        ("SELECT repeat('x', 1 << 30)", FaultKind.RESOURCE, "54000", None),
        ("", FaultKind.SYNTAX, None, "can't execute an empty query"),
    ],
)
def test_why_a_statement_fails(
    driver: Driver, connection: Connection, sql: str, kind: FaultKind, code: str | None, message: str | None
) -> None:
    fault = fault_of(driver, connection, sql)
    assert fault == Fault(kind=kind, code=code, message=fault.message if message is None else message)
    assert "\n" not in fault.message
    driver.reset(connection)
    assert run(driver, connection, "SELECT 1") == [(1,)]


def test_details_stay_out_of_the_message(driver: Driver, connection: Connection) -> None:
    run(driver, connection, "CREATE TEMP TABLE t (mrn text PRIMARY KEY); INSERT INTO t VALUES ('patient-7')")
    fault = fault_of(driver, connection, "INSERT INTO t VALUES ('patient-7')")
    expected = 'duplicate key value violates unique constraint "t_pkey"'
    assert fault == Fault(kind=FaultKind.INTEGRITY, code="23505", message=expected)


def test_failed_transaction(driver: Driver, connection: Connection) -> None:
    run(driver, connection, "BEGIN")
    fault_of(driver, connection, "SELECT 1 / 0")
    assert fault_of(driver, connection, "SELECT 1").code == "25P02"
    driver.reset(connection)
    assert run(driver, connection, "SELECT 1") == [(1,)]


def test_value_of_a_type_that_psycopg2_does_not_know(driver: Driver, connection: Connection) -> None:
    fault = fault_of(driver, connection, "SELECT %(x)s", {"x": object()})
    assert fault == Fault(kind=FaultKind.SYNTAX, message="can't adapt type 'object'")


def test_lock_timeout(driver: Driver, connection: Connection, second: Connection) -> None:
    run(driver, connection, "SELECT pg_advisory_lock(1)")
    run(driver, second, "SET lock_timeout = 20")
    fault = fault_of(driver, second, "SELECT pg_advisory_lock(1)")
    message = "canceling statement due to lock timeout"
    assert fault == Fault(kind=FaultKind.CONFLICT, code="55P03", message=message)


def test_deadlock(driver: Driver, connection: Connection, second: Connection) -> None:
    for number, session in enumerate((connection, second)):
        run(driver, session, "SET deadlock_timeout = 50")
        run(driver, session, f"BEGIN; SELECT pg_advisory_xact_lock({number})")
    with pytest.raises(psycopg2.Error) as caught:
        with in_background(lambda: run(driver, second, "SELECT pg_advisory_xact_lock(0)")):
            try:
                run(driver, connection, "SELECT pg_advisory_xact_lock(1)")
            finally:
                run(driver, connection, "ROLLBACK")
    expected = Fault(kind=FaultKind.CONFLICT, code="40P01", message="deadlock detected")
    assert driver.fault(caught.value, second) == expected


def test_serialization_failure(driver: Driver, connection: Connection, second: Connection) -> None:
    run(driver, connection, "CREATE TABLE once (i int); INSERT INTO once VALUES (1)")
    run(driver, second, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM once")
    run(driver, connection, "UPDATE once SET i = 2")
    fault = fault_of(driver, second, "UPDATE once SET i = 3")
    message = "could not serialize access due to concurrent update"
    assert fault == Fault(kind=FaultKind.CONFLICT, code="40001", message=message)


# --- the life of a connection -----------------------------------------------------------------------------------------

LOST = Fault(kind=FaultKind.DISCONNECT, disconnected=True, message="server closed the connection unexpectedly")


def test_alive(driver: Driver, second: Connection) -> None:
    with connected(driver) as connection:
        pid = backend(driver, connection)
        assert driver.alive(connection, probe=False)
        assert driver.alive(connection, probe=True)
        run(driver, second, "SELECT pg_terminate_backend(%(pid)s)", {"pid": pid})
        assert eventually(lambda: not driver.alive(connection, probe=False))
        assert not driver.alive(connection, probe=True)
        assert fault_of(driver, connection, "SELECT 1") == LOST
        assert not driver.alive(connection, probe=False)
    driver.disconnect(connection)
    driver.abort(connection)
    assert not driver.alive(connection, probe=True)


def test_terminated_in_a_query(driver: Driver, second: Connection) -> None:
    with connected(driver) as connection:
        pid = backend(driver, connection)
        with (
            pytest.raises(psycopg2.Error) as caught,
            in_background(lambda: run(driver, connection, "SELECT pg_sleep(9)")),
        ):
            assert waits(driver, second, pid, "Timeout")
            run(driver, second, "SELECT pg_terminate_backend(%(pid)s)", {"pid": pid})
        assert driver.fault(caught.value, connection).disconnected
        assert driver.fault(caught.value, connection).kind is FaultKind.DISCONNECT


def test_restarted_server(postgres_server: PostgresServer) -> None:
    driver = PostgresDriver(Target.parse(postgres_server.url))
    with connected(driver) as connection:
        postgres_server.restart("immediate")
        assert not driver.alive(connection, probe=False)
        fault = fault_of(driver, connection, "SELECT 1")
        assert (fault.kind, fault.disconnected) == (FaultKind.DISCONNECT, True)
    with connected(driver) as connection:
        assert run(driver, connection, "SELECT 1") == [(1,)]


def test_stopped_server(postgres_server: PostgresServer) -> None:
    driver = PostgresDriver(Target.parse(postgres_server.url))
    postgres_server.kill()
    try:
        fault = connect_fault(driver)
    finally:
        postgres_server.start()
    assert fault.kind is FaultKind.CONNECT
    assert fault.message.endswith("Connection refused")


def test_reset_discards_all_state(driver: Driver, connection: Connection) -> None:
    run(driver, connection, "PREPARE p AS SELECT 1; LISTEN events; CREATE TEMP TABLE t (i int)")
    run(driver, connection, "SELECT pg_advisory_lock(7), set_config('work_mem', '1MB', false)")
    run(driver, connection, "DECLARE held CURSOR WITH HOLD FOR SELECT 1")
    run(driver, connection, "BEGIN; CREATE TABLE rolled_back (i int)")
    driver.reset(connection)
    left = run(
        driver,
        connection,
        "SELECT (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_listening_channels()),"
        " to_regclass('t'), (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),"
        " current_setting('work_mem'), (SELECT count(*) FROM pg_cursors), to_regclass('rolled_back')",
    )
    assert left == [(0, 0, None, 0, "4MB", 0, None)]


def test_reset_of_a_dead_connection_raises(driver: Driver) -> None:
    with connected(driver) as connection:
        driver.abort(connection)
        with pytest.raises(psycopg2.Error) as caught:
            driver.reset(connection)
        assert driver.fault(caught.value, connection).disconnected


def test_cancel_stops_a_query_and_keeps_the_connection(
    driver: Driver, connection: Connection, second: Connection
) -> None:
    pid = backend(driver, connection)
    driver.cancel(connection, 5)  # idle: harmless
    started = monotonic()
    with pytest.raises(psycopg2.Error) as caught, in_background(lambda: run(driver, connection, "SELECT pg_sleep(9)")):
        assert waits(driver, second, pid, "Timeout")
        driver.cancel(connection, 5)
    message = "canceling statement due to user request"
    expected = Fault(kind=FaultKind.INTERRUPTED, code="57014", message=message)
    assert (driver.fault(caught.value, connection), monotonic() - started < 3) == (expected, True)
    assert run(driver, connection, "SELECT pg_backend_pid()") == [(pid,)]


def test_abort_needs_no_answer_from_the_server(postgres_server: PostgresServer) -> None:
    driver = PostgresDriver(Target.parse(postgres_server.url))
    with connected(driver) as connection, connected(driver) as second:
        pid = backend(driver, connection)
        with pytest.raises(psycopg2.Error) as caught, frozen(pid):
            with in_background(lambda: run(driver, connection, "SELECT 1")):
                waiting = "SELECT 1 FROM pg_stat_activity WHERE pid = %(pid)s AND state = 'idle'"
                assert run(driver, second, waiting, {"pid": pid}) == [(1,)]
                started = monotonic()
                driver.abort(connection)
        assert monotonic() - started < 1
        assert driver.fault(caught.value, connection) == LOST
        assert not driver.alive(connection, probe=False)


def test_close_is_harmless(driver: Driver) -> None:
    driver.close()
    driver.close()


def test_no_secret_in_any_representation(driver: Driver, connection: Connection, target: Target) -> None:
    assert target.password is not None and SECRET in target.password
    shown = f"{driver!r} {connection!r} {connection.dsn} {connection.info.dsn_parameters} {target!r}"
    assert SECRET not in shown
    assert urlsplit(str(target)).password == "***"
