"""The DuckDB driver against real databases, with faults that are provoked, not imitated."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from threading import Barrier
from time import monotonic

import duckdb
import pytest
from fhir4ds_duckdb.driver import DuckDBDriver

from fhir4ds.plugin import Connection, Driver, Fault, FaultKind, SqlType, Target
from fhir4ds.testing.engine import fault_of, run
from tests.support.driver_calls import connect_fault

from .sessions import connected, on_file

# --- connecting -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["duckdb://", "duckdb:///", "duckdb:///:memory:"])
def test_database_in_memory_is_one_for_each_driver(url: str) -> None:
    with closing(DuckDBDriver(Target.parse(url))) as one, closing(DuckDBDriver(Target.parse(url))) as other:
        with connected(one) as writer, connected(one) as reader, connected(other) as stranger:
            run(one, writer, "CREATE TABLE t AS SELECT 1 AS i")
            assert run(one, reader, "SELECT i FROM t") == [(1,)]
            assert fault_of(other, stranger, "SELECT i FROM t").kind is FaultKind.MISSING
        with connected(one) as later:
            assert run(one, later, "SELECT i FROM t") == [(1,)]


def test_database_in_a_file_is_unlocked_by_close(tmp_path: Path) -> None:
    path = tmp_path / "clinic.duckdb"
    driver = on_file(path)
    with connected(driver) as connection:
        run(driver, connection, "CREATE TABLE t AS SELECT 7 AS i")
    driver.close()
    driver.close()
    assert elsewhere(path, "print(connection.execute('SELECT i FROM t').fetchall())") == "[(7,)]"


def test_options_are_settings_of_duckdb(file: Path) -> None:
    driver = on_file(file, threads="1", memory_limit="100MiB")
    with closing(driver), connected(driver) as connection:
        settings = "SELECT current_setting('threads'), current_setting('memory_limit'), current_setting('access_mode')"
        assert run(driver, connection, settings) == [(1, "100.0 MiB", "automatic")]


SAFETY = (
    "SELECT current_setting('autoinstall_known_extensions'), current_setting('TimeZone'),"
    " current_setting('enable_progress_bar')"
)


def test_every_session_is_quiet_and_offline(driver: Driver, connection: Connection, second: Connection) -> None:
    expected = [(False, "UTC", False)]
    assert [run(driver, session, SAFETY) for session in (connection, second)] == [expected, expected]
    run(driver, connection, "SET TimeZone = 'Asia/Tokyo'")
    driver.reset(connection)
    assert [run(driver, session, SAFETY) for session in (connection, second)] == [expected, expected]


def test_no_extension_is_fetched(driver: Driver, connection: Connection) -> None:
    started = monotonic()
    fault = fault_of(driver, connection, "SELECT * FROM read_parquet('s3://bucket/file.parquet')")
    assert (fault.kind, monotonic() - started < 2) == (FaultKind.UNSUPPORTED, True), fault


def test_variables_of_the_program_are_no_tables(driver: Driver, connection: Connection) -> None:
    # DuckDB would look for a table of that name among the variables of whoever calls it, which is the driver.
    assert fault_of(driver, connection, "SELECT * FROM parameters", []).kind is FaultKind.MISSING


@pytest.mark.parametrize("in_file", [False, True])
def test_first_connections_may_come_from_several_threads(tmp_path: Path, in_file: bool) -> None:
    for attempt in range(20):
        driver = on_file(tmp_path / f"{attempt}.duckdb") if in_file else DuckDBDriver(Target.parse("duckdb://"))
        together = Barrier(4)

        def connect(_: int, driver: Driver = driver, together: Barrier = together) -> Connection:
            together.wait()
            return driver.connect(5)

        with closing(driver), ThreadPoolExecutor(4) as threads:
            sessions = list(threads.map(connect, range(4)))
            run(driver, sessions[0], "CREATE TABLE t AS SELECT 1 AS i")
            assert [run(driver, session, "SELECT i FROM t") for session in sessions] == [[(1,)]] * 4
            for session in sessions:
                driver.disconnect(session)


@pytest.mark.parametrize(
    ("database", "options", "kind", "words"),
    [
        ("no/such/folder/x.duckdb", {}, FaultKind.MISSING, "No such file or directory"),
        ("missing.duckdb", {"read_only": "true"}, FaultKind.MISSING, "does not exist"),
        ("garbage", {}, FaultKind.OTHER, "it is not a valid DuckDB database file"),
        ("truncated", {}, FaultKind.OTHER, "Could not read enough bytes"),
        (".", {}, FaultKind.OTHER, "Is a directory"),
        ("x.duckdb", {"nonsense": "1"}, FaultKind.UNSUPPORTED, "options were not recognized: nonsense"),
        ("x.duckdb", {"threads": "many"}, FaultKind.UNSUPPORTED, "Could not convert string 'many'"),
        ("x.duckdb", {"read_only": "perhaps"}, FaultKind.UNSUPPORTED, '"PERHAPS"'),
        (None, {"read_only": "true"}, FaultKind.UNSUPPORTED, "in-memory database in read-only mode"),
    ],
)
def test_why_a_database_cannot_be_opened(
    file: Path, database: str | None, options: dict[str, str], kind: FaultKind, words: str
) -> None:
    (file.parent / "garbage").write_bytes(b"hello" * 1000)
    (file.parent / "truncated").write_bytes(file.read_bytes()[:5000])
    path = None if database is None else str(file.parent / database)
    fault = connect_fault(DuckDBDriver(Target(scheme="duckdb", database=path, options=options)))
    assert (fault.kind, words in fault.message, fault.disconnected) == (kind, True, False), fault
    assert "\n" not in fault.message


def elsewhere(path: Path, code: str) -> str:
    """What another process prints that has the database open."""
    program = f"import duckdb\nconnection = duckdb.connect({str(path)!r})\n{code}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("read_only", ["false", "true"])
def test_lock_of_another_process_is_busy(file: Path, read_only: str) -> None:
    program = f"import duckdb; c = duckdb.connect({str(file)!r}); print('open', flush=True); input()"
    driver = on_file(file, read_only=read_only)
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "open\n"
        fault = connect_fault(driver)
        holder.communicate("\n")
    assert (fault.kind, fault.code) == (FaultKind.BUSY, "IOException")
    assert f"(PID {holder.pid})" in fault.message
    with closing(driver), connected(driver) as connection:
        assert run(driver, connection, "SELECT i FROM t") == [(1,)]


def test_same_file_with_other_options_in_this_process(file: Path) -> None:
    with duckdb.connect(str(file)):
        fault = connect_fault(on_file(file))
    assert (fault.kind, fault.code) == (FaultKind.OTHER, "ConnectionException")
    assert "different configuration" in fault.message


# --- statements -------------------------------------------------------------------------------------------------------


def test_columns_and_values(driver: Driver, connection: Connection) -> None:
    cursor = driver.execute(
        connection,
        "SELECT 1 AS i, 1.50::DECIMAL(9, 2) AS d, true AS b, 'é' AS t, NULL::JSON AS n, '{\"a\" : 1.50}'::JSON AS j,"
        " ['1'::JSON, NULL] AS js",
        None,
    )
    assert cursor.columns == [
        ("i", SqlType.INTEGER),
        ("d", None),
        ("b", None),
        ("t", SqlType.TEXT),
        ("n", SqlType.JSON),
        ("j", SqlType.JSON),
        ("js", None),
    ]
    assert cursor.fetchmany(10) == [(1, Decimal("1.50"), True, "é", None, '{"a" : 1.50}', ["1", None])]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t (i INT)",
        "CREATE TABLE t AS SELECT 1 AS i",
        "CREATE TABLE t (i INT); INSERT INTO t VALUES (1), (2)",
        "BEGIN",
        "SET threads = 2",
        "",
    ],
)
def test_statement_without_rows(driver: Driver, connection: Connection, sql: str) -> None:
    cursor = driver.execute(connection, sql, None)
    assert (cursor.columns, cursor.fetchmany(1)) == ([], [])
    cursor.close()
    cursor.close()


@pytest.mark.parametrize(
    ("sql", "column"),
    [
        ('SELECT 5::BIGINT AS "Count"', ("Count", SqlType.INTEGER)),
        ("FROM (VALUES (true)) t (Success)", ("Success", None)),
    ],
)
def test_query_that_looks_like_a_row_count(driver: Driver, connection: Connection, sql: str, column: object) -> None:
    cursor = driver.execute(connection, sql, None)
    assert cursor.columns == [column]
    assert len(cursor.fetchmany(2)) == 1


@pytest.mark.parametrize(
    ("sql", "parameters", "expected"),
    [
        ("SELECT '10%'", None, "10%"),
        ("SELECT '10%'", {}, "10%"),
        ("SELECT '10%'", [], "10%"),
        ("SELECT '10%' || $x", {"x": "'; --"}, "10%'; --"),
        ("SELECT '10%' || ?", ["x"], "10%x"),
        ("SELECT '10%' || ?", ("x",), "10%x"),
    ],
)
def test_placeholders(
    driver: Driver, connection: Connection, sql: str, parameters: dict[str, object] | list[object] | None, expected: str
) -> None:
    assert run(driver, connection, sql, parameters) == [(expected,)]


def test_result_is_read_before_the_next_statement(driver: Driver, connection: Connection) -> None:
    cursor = driver.execute(connection, "SELECT * FROM range(10)", None)
    assert cursor.fetchmany(1) == [(0,)]
    run(driver, connection, "SELECT 99")
    with pytest.raises(duckdb.Error, match="this result is gone"):
        cursor.fetchmany(1)


def test_stream_holds_a_small_part_of_the_rows(driver: Driver, connection: Connection) -> None:
    stream = driver.stream(connection, "SELECT i, '{}'::JSON AS j FROM range(100000000000) t (i)", None, 2)
    assert stream.columns == [("i", SqlType.INTEGER), ("j", SqlType.JSON)]
    assert [stream.fetchmany(2) for _ in range(2)] == [[(0, "{}"), (1, "{}")], [(2, "{}"), (3, "{}")]]
    stream.close()
    stream.close()
    assert run(driver, connection, "SELECT 1") == [(1,)]


def test_fault_of_a_late_row(driver: Driver, connection: Connection) -> None:
    query = "SELECT CASE WHEN i = 500000 THEN error('row ' || i) ELSE i::VARCHAR END FROM range(1000000) t (i)"
    fault = fault_of(driver, connection, query)
    expected = Fault(kind=FaultKind.DATA, code="InvalidInputException", message="Invalid Input Error: row 500000")
    assert fault == expected


# --- loading ----------------------------------------------------------------------------------------------------------

AWKWARD = ["", "NULL", "\\N", "a,b\tc\\", "line\nline\r\n", "\x01", "\x02", "\0", "é😀", "'\"'"]
COLUMNS = ['"the key"', "resource"]


@pytest.fixture
def table(driver: Driver, connection: Connection) -> str:
    run(driver, connection, 'CREATE TABLE "my table" ("the key" VARCHAR PRIMARY KEY, resource JSON NOT NULL)')
    return '"my table"'


def test_load_keeps_every_text_in_order(driver: Driver, connection: Connection, table: str) -> None:
    rows = [(text, json.dumps({"text": text}, ensure_ascii=index % 2 == 0)) for index, text in enumerate(AWKWARD)]
    assert driver.load(connection, table, COLUMNS, iter(rows)) == len(AWKWARD)
    assert run(driver, connection, f"SELECT * FROM {table}") == rows


@pytest.mark.parametrize("count", [0, 1, 2_000, 4_001])
def test_load_of_any_number_of_rows(driver: Driver, connection: Connection, table: str, count: int) -> None:
    assert driver.load(connection, table, COLUMNS, ((str(i), "{}") for i in range(count))) == count
    assert run(driver, connection, f'SELECT count(*), count(DISTINCT "the key") FROM {table}') == [(count, count)]


def test_load_holds_a_small_part_of_the_rows(driver: Driver, connection: Connection, table: str) -> None:
    # Each row is a text of its own, so that holding all of them would show.
    rows = ((str(i), json.dumps({"pad": "x" * 100_000, "i": i})) for i in range(500))
    tracemalloc.start()
    try:
        loaded = driver.load(connection, table, COLUMNS, rows)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (loaded, peak < 20_000_000) == (500, True), peak


@pytest.mark.parametrize(
    ("rows", "kind"),
    [([("1", "{}"), ("1", "{}")], FaultKind.INTEGRITY), ([("1", "{")], FaultKind.DATA)],
)
def test_load_that_the_database_refuses(
    driver: Driver, connection: Connection, table: str, rows: list[tuple[str, str]], kind: FaultKind
) -> None:
    with pytest.raises(duckdb.Error) as caught:
        driver.load(connection, table, COLUMNS, rows)
    assert driver.fault(caught.value, connection).kind is kind
    assert run(driver, connection, f"SELECT * FROM {table}") == []


def test_load_whose_source_fails(driver: Driver, connection: Connection, table: str) -> None:
    raised = ValueError("line 7")

    def rows() -> Iterator[tuple[str, str]]:
        yield "1", "{}"
        raise raised

    with pytest.raises(ValueError, match="line 7") as caught:
        driver.load(connection, table, COLUMNS, rows())
    assert caught.value is raised
