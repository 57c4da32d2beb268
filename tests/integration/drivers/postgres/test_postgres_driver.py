"""The PostgreSQL driver against a real server, with faults that are provoked, not imitated."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from time import monotonic
from types import MappingProxyType

import attrs
import psycopg2
import pytest
from fhir4ds_postgres.driver import PostgresDriver

from fhir4ds.plugin import Connection, Driver, Fault, FaultKind, SqlType, Target
from fhir4ds.testing.engine import run
from tests.support.driver_calls import connect_fault, eventually
from tests.support.postgres_server import SECRET, PostgresServer

from .sessions import backend, connected, frozen

# --- connecting -------------------------------------------------------------------------------------------------------


SETTINGS = (
    "SELECT current_setting('jit'), current_setting('TimeZone'), current_setting('client_encoding'),"
    " current_setting('cursor_tuple_fraction'), current_setting('application_name')"
)


def test_session_settings_are_there_and_outlive_a_reset(driver: Driver, connection: Connection) -> None:
    expected = [("off", "UTC", "UTF8", "1", "fhir4ds")]
    assert run(driver, connection, SETTINGS) == expected
    run(driver, connection, "SET jit = on; SET TimeZone = 'Asia/Tokyo'; SET application_name = 'other'")
    driver.reset(connection)
    assert run(driver, connection, SETTINGS) == expected


def test_options_of_the_url_win(target: Target) -> None:
    options = {"application_name": "mine", "options": "-c jit=on", "keepalives_idle": "77"}
    driver = PostgresDriver(attrs.evolve(target, options=options))
    with connected(driver) as connection:
        assert run(driver, connection, SETTINGS) == [("on", "UTC", "UTF8", "1", "mine")]
        parameters = connection.info.dsn_parameters
    assert (parameters["keepalives_idle"], parameters["tcp_user_timeout"]) == ("77", "20000")


def test_connections_are_in_autocommit_mode(driver: Driver, connection: Connection, second: Connection) -> None:
    run(driver, connection, "CREATE TABLE seen_at_once (i int)")
    assert run(driver, second, "SELECT * FROM seen_at_once") == []


def test_wrong_password(target: Target) -> None:
    fault = connect_fault(PostgresDriver(attrs.evolve(target, password=SECRET + "-but-wrong")))
    assert fault.kind is FaultKind.AUTH
    assert fault.message.endswith(f'FATAL:  password authentication failed for user "{target.user}"')
    assert SECRET not in repr(fault)


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"database": "no such; too many"}, FaultKind.MISSING, 'database "no such; too many" does not exist'),
        ({"port": 1}, FaultKind.CONNECT, "Connection refused"),
        ({"host": "nowhere.invalid"}, FaultKind.CONNECT, "could not translate host name"),
        ({"host": "/role"}, FaultKind.CONNECT, "No such file or directory"),
        ({"user": "nobody here"}, FaultKind.AUTH, "password authentication failed"),
        ({"options": {"sslmode": "bogus"}}, FaultKind.UNSUPPORTED, 'invalid sslmode value: "bogus"'),
        ({"options": {"options": "-c nonsense=1"}}, FaultKind.UNSUPPORTED, "unrecognized configuration parameter"),
        ({"options": {"nonsense": "1"}}, FaultKind.UNSUPPORTED, 'invalid connection option "nonsense"'),
        # Arguments of psycopg2.connect that are no parameters of a connection.
        ({"options": {"async": "1"}}, FaultKind.UNSUPPORTED, 'invalid connection option "async"'),
        ({"options": {"connection_factory": "x"}}, FaultKind.UNSUPPORTED, 'option "connection_factory"'),
    ],
)
def test_why_there_is_no_connection(target: Target, change: dict[str, object], kind: FaultKind, words: str) -> None:
    fault = connect_fault(PostgresDriver(attrs.evolve(target, **change)))  # type: ignore[arg-type]
    assert (fault.kind, fault.code, words in fault.message) == (kind, None, True), fault
    assert SECRET not in repr(fault)


def test_server_without_tls(postgres_server: PostgresServer) -> None:
    target = attrs.evolve(Target.parse(postgres_server.url), options={"sslmode": "require"})
    fault = connect_fault(PostgresDriver(target))
    assert fault.kind is FaultKind.UNSUPPORTED
    assert fault.message.endswith("server does not support SSL, but SSL was required")


def test_too_many_connections(driver: Driver, connection: Connection, target: Target) -> None:
    run(driver, connection, f"CREATE ROLE crowded LOGIN PASSWORD '{SECRET}' CONNECTION LIMIT 1")
    crowded = PostgresDriver(attrs.evolve(target, user="crowded", password=SECRET))
    with connected(crowded):
        fault = connect_fault(crowded)
    assert eventually(lambda: run(driver, connection, "SELECT 1 FROM pg_stat_activity WHERE usename = 'crowded'") == [])
    run(driver, connection, "DROP ROLE crowded")
    assert fault.kind is FaultKind.BUSY
    assert fault.message.endswith('too many connections for role "crowded"')


@pytest.mark.parametrize("state", ["starting up", "shutting down", "in recovery mode", "not yet accepting connections"])
def test_server_that_comes_or_goes_is_busy(driver: Driver, state: str) -> None:
    # States of milliseconds; the words are those of PostgreSQL 15 and 18.
    error = psycopg2.OperationalError(
        f'connection to server at "h", port 1 failed: FATAL:  the database system is {state}'
    )
    assert driver.fault(error, None) == Fault(kind=FaultKind.BUSY, message=str(error))


def test_of_several_addresses_the_one_that_answered_decides(driver: Driver) -> None:
    refused = 'connection to server at "localhost" (::1), port 5432 failed: Connection refused'
    answered = 'connection to server at "localhost" (127.0.0.1), port 5432 failed: FATAL:  database "x" does not exist'
    fault = driver.fault(psycopg2.OperationalError(f"{refused}\n\tIs the server running?\n{answered}\n"), None)
    assert fault == Fault(kind=FaultKind.MISSING, message=answered)


def test_words_in_another_language_are_no_connection(driver: Driver) -> None:
    error = psycopg2.OperationalError('FATAL:  Passwort-Authentifizierung für Benutzer "ada" fehlgeschlagen')
    assert driver.fault(error, None).kind is FaultKind.CONNECT


def test_silent_server_bounds_connect_and_cancel(postgres_server: PostgresServer) -> None:
    driver = PostgresDriver(Target.parse(postgres_server.url))
    with connected(driver) as connection, frozen(postgres_server.pid):
        started = monotonic()
        assert connect_fault(driver, timeout=0.5).kind is FaultKind.CONNECT
        with pytest.raises(psycopg2.OperationalError, match="timeout expired"):
            driver.cancel(connection, 0.5)
        assert 1.5 < monotonic() - started < 4


# --- statements -------------------------------------------------------------------------------------------------------


def test_columns_and_values(driver: Driver, connection: Connection) -> None:
    cursor = driver.execute(
        connection,
        "SELECT 1 AS i, 1.50::numeric AS d, true AS b, 'é' AS t, NULL::jsonb AS n, '{\"a\":1.50}'::jsonb AS j,"
        " '{\"a\" : 1e2}'::json AS raw, ARRAY['{\"a\":1}', NULL]::jsonb[] AS js",
        None,
    )
    assert cursor.columns == [
        ("i", SqlType.INTEGER),
        ("d", None),
        ("b", None),
        ("t", SqlType.TEXT),
        ("n", SqlType.JSON),
        ("j", SqlType.JSON),
        ("raw", SqlType.JSON),
        ("js", None),
    ]
    [row] = cursor.fetchmany(10)
    assert row == (1, Decimal("1.50"), True, "é", None, '{"a": 1.50}', '{"a" : 1e2}', ['{"a": 1}', None])
    assert str(row[1]) == "1.50"


def test_other_users_of_psycopg2_keep_their_json(postgres_url: str, connection: Connection) -> None:
    with closing(psycopg2.connect(postgres_url)) as theirs, theirs.cursor() as cursor:
        cursor.execute("SELECT '{\"a\": 1}'::jsonb")
        assert cursor.fetchone() == ({"a": 1},)


def test_statement_without_rows(driver: Driver, connection: Connection) -> None:
    cursor = driver.execute(connection, "CREATE TEMP TABLE t (i int)", None)
    assert (cursor.columns, cursor.fetchmany(1)) == ([], [])
    cursor.close()
    cursor.close()


def test_rows_come_in_the_portions_asked_for(driver: Driver, connection: Connection) -> None:
    cursor = driver.execute(connection, "SELECT * FROM generate_series(1, 5)", None)
    assert [cursor.fetchmany(2) for _ in range(4)] == [[(1,), (2,)], [(3,), (4,)], [(5,)], []]


@pytest.mark.parametrize(
    ("sql", "parameters", "expected"),
    [
        ("SELECT '10%'", None, "10%"),
        ("SELECT '10%'", {}, "10%"),
        ("SELECT '10%'", [], "10%"),
        ("SELECT '10%%' || %(x)s", {"x": "'; --"}, "10%'; --"),
        ("SELECT '10%%' || %(x)s", MappingProxyType({"x": "y"}), "10%y"),
        ("SELECT '10%%' || %s", ["x"], "10%x"),
        ("SELECT '10%%' || %s", ("x",), "10%x"),
    ],
)
def test_placeholders(
    driver: Driver, connection: Connection, sql: str, parameters: dict[str, object] | list[object] | None, expected: str
) -> None:
    assert run(driver, connection, sql, parameters) == [(expected,)]


@pytest.mark.parametrize("values", [[1], [1, 2, 3], {"x": 1}])
def test_values_that_do_not_fit_the_placeholders(
    driver: Driver, connection: Connection, values: list[object] | dict[str, object]
) -> None:
    with pytest.raises((LookupError, TypeError)):
        driver.execute(connection, "SELECT %s, %s", values)
    assert run(driver, connection, "SELECT 1") == [(1,)]


# --- streams ----------------------------------------------------------------------------------------------------------


def test_stream_computes_only_what_is_read(driver: Driver, connection: Connection) -> None:
    run(driver, connection, "BEGIN")
    query = "SELECT i, '{}'::jsonb AS j, %(p)s || '%%' AS p FROM (SELECT generate_series(1, 1000000000000)) s (i); -- for ever"
    stream = driver.stream(connection, query, {"p": "10"}, 2)
    assert stream.columns == [("i", SqlType.INTEGER), ("j", SqlType.JSON), ("p", SqlType.TEXT)]
    assert stream.fetchmany(5) == [(1, "{}", "10%"), (2, "{}", "10%")]
    assert stream.fetchmany(1) == [(3, "{}", "10%")]
    stream.close()
    stream.close()
    assert run(driver, connection, "SELECT name FROM pg_cursors") == []
    run(driver, connection, "COMMIT")


@pytest.mark.parametrize("rows", [0, 1, 3, 4, 7])
def test_stream_ends(driver: Driver, connection: Connection, rows: int) -> None:
    run(driver, connection, "BEGIN")
    stream = driver.stream(connection, f"SELECT * FROM generate_series(1, {rows})", None, 2)
    got = []
    while batch := stream.fetchmany(2):
        got += batch
    assert got == [(i,) for i in range(1, rows + 1)]
    assert stream.fetchmany(2) == []


def test_streams_of_one_transaction_are_independent(driver: Driver, connection: Connection) -> None:
    run(driver, connection, "BEGIN")
    streams = [driver.stream(connection, f"SELECT {k} + i FROM generate_series(1, 9) i", None, 1) for k in (10, 20)]
    assert [[stream.fetchmany(1) for stream in streams] for _ in range(2)] == [[[(11,)], [(21,)]], [[(12,)], [(22,)]]]


def test_stream_that_fails_midway(driver: Driver, connection: Connection) -> None:
    run(driver, connection, "BEGIN")
    stream = driver.stream(connection, "SELECT 1 / (3 - i) FROM generate_series(1, 9) i", None, 2)
    assert len(stream.fetchmany(2)) == 2
    with pytest.raises(psycopg2.Error) as caught:
        stream.fetchmany(2)
    assert driver.fault(caught.value, connection) == Fault(
        kind=FaultKind.DATA, code="22012", message="division by zero"
    )
    stream.close()
    driver.reset(connection)
    assert run(driver, connection, "SELECT 1") == [(1,)]


def test_stream_closed_on_a_lost_connection(driver: Driver, second: Connection) -> None:
    with connected(driver) as connection:
        run(driver, connection, "BEGIN")
        stream = driver.stream(connection, "SELECT * FROM generate_series(1, 9)", None, 2)
        run(driver, second, "SELECT pg_terminate_backend(%(pid)s)", {"pid": backend(driver, connection)})
        stream.fetchmany(2)
        with pytest.raises(psycopg2.Error) as caught:
            stream.fetchmany(2)
        assert driver.fault(caught.value, connection).disconnected
        stream.close()


# --- loading ----------------------------------------------------------------------------------------------------------

AWKWARD = [
    "",
    "NULL",
    "\\N",
    "\\.",
    "a,b\tc\\",
    "line\nline\r\nline\n\\.\nline",
    "\x01",
    "\x02",
    "\x01\x02\x01\n\x01",
    "é😀",
    "'\"'",
]


@pytest.fixture
def table(driver: Driver, connection: Connection) -> str:
    run(driver, connection, 'CREATE TEMP TABLE "my table" ("the key" text PRIMARY KEY, resource jsonb NOT NULL)')
    return '"my table"'


COLUMNS = ['"the key"', "resource"]


def test_load_keeps_every_text(driver: Driver, connection: Connection, table: str) -> None:
    rows = [(text, json.dumps({"text": text}, ensure_ascii=index % 2 == 0)) for index, text in enumerate(AWKWARD)]
    assert driver.load(connection, table, COLUMNS, iter(rows)) == len(AWKWARD)
    loaded = run(driver, connection, f"SELECT * FROM {table}")
    assert {key: json.loads(resource) for key, resource in loaded} == {text: {"text": text} for text in AWKWARD}


def test_load_of_nothing(driver: Driver, connection: Connection, table: str) -> None:
    assert driver.load(connection, table, COLUMNS, []) == 0


def test_load_holds_a_small_part_of_the_rows(driver: Driver, connection: Connection, table: str) -> None:
    resource = json.dumps({"pad": "x" * 10_000})
    tracemalloc.start()
    try:
        loaded = driver.load(connection, table, COLUMNS, ((str(i), resource) for i in range(2_000)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (loaded, peak < 1_000_000) == (2_000, True), peak


@pytest.mark.parametrize(
    ("rows", "kind", "code"),
    [
        ([("1", "{}"), ("1", "{}")], FaultKind.INTEGRITY, "23505"),
        ([("1", "{")], FaultKind.DATA, "22P02"),
        ([("1", '"\\u0000"')], FaultKind.DATA, "22P05"),
        ([("\0", "{}")], FaultKind.DATA, "22021"),
    ],
)
def test_load_that_the_server_refuses(
    driver: Driver, connection: Connection, table: str, rows: list[tuple[str, str]], kind: FaultKind, code: str
) -> None:
    with pytest.raises(psycopg2.Error) as caught:
        driver.load(connection, table, COLUMNS, rows)
    fault = driver.fault(caught.value, connection)
    assert (fault.kind, fault.code, fault.disconnected) == (kind, code, False)
    assert run(driver, connection, f"SELECT * FROM {table}") == []


def test_load_keeps_rows_out_of_the_error(driver: Driver, connection: Connection, table: str) -> None:
    """What follows has its details again: that is the business of whoever borrows the connection."""
    with pytest.raises(psycopg2.Error) as caught:
        driver.load(connection, table, COLUMNS, [("Jane Doe", "{}")] * 2)
    assert str(caught.value) == 'duplicate key value violates unique constraint "my table_pkey"\n'
    with pytest.raises(psycopg2.Error, match=r'DETAIL:  Key \("the key"\)=\(Jane Doe\)'):
        run(driver, connection, f"INSERT INTO {table} VALUES ('Jane Doe', '{{}}'), ('Jane Doe', '{{}}')")


@pytest.mark.parametrize("raised", [ValueError(f"line 7 of {SECRET}.ndjson"), KeyboardInterrupt()])
def test_load_whose_source_fails(postgres_server: PostgresServer, raised: BaseException) -> None:
    def rows() -> Iterator[tuple[str, str]]:
        yield "1", "{}"
        raise raised

    driver = PostgresDriver(Target.parse(postgres_server.url))
    with connected(driver) as connection:
        run(driver, connection, "CREATE TEMP TABLE t (id text, resource jsonb)")
        with pytest.raises(type(raised)) as caught:
            driver.load(connection, "t", ["id", "resource"], rows())
        assert caught.value is raised
        assert run(driver, connection, "SELECT * FROM t") == []
    # The server hears that the source failed, not in which words.
    assert "the source of rows failed" in postgres_server.log()
    assert SECRET not in postgres_server.log()
