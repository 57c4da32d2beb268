"""Statements on a live PostgreSQL: reads, writes, scripts, parameters, transactions, streams, many at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from fhir4ds.database import Database, connect
from fhir4ds.errors import Fhir4dsError, QueryFailed
from fhir4ds.executor import FHIRPathExecutor
from fhir4ds.runtime.session import Session
from tests.fixtures.fhir.patients import patients

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def database(postgres_url: str) -> Iterator[Database]:
    """A database with 1,200 patients, and a table of numbers for each test."""
    with connect(postgres_url) as database:
        database.load(patients(1200))
        yield database


@pytest.fixture
def numbers(database: Database) -> Iterator[str]:
    """A table of the numbers 1 to 5."""
    database.execute_query("CREATE TABLE numbers (n INTEGER PRIMARY KEY)")
    database.execute_query("INSERT INTO numbers SELECT generate_series(1, 5)")
    yield "numbers"
    database.execute_query("DROP TABLE numbers")


def test_select_1(database: Database) -> None:
    """The smallest question there is, answered by a backend of the server."""
    assert database.execute_query("SELECT 1") == [(1,)]
    version, pid = database.session()
    assert version.startswith("PostgreSQL ") and int(pid) > 0


def test_common_table_expressions(database: Database) -> None:
    """What the compiler makes is such a statement; one by hand runs as well."""
    sql = "WITH a AS (SELECT generate_series(1, 3) AS n), b AS (SELECT n * 2 AS m FROM a) SELECT m FROM b ORDER BY m"
    assert database.execute_query(sql) == [(2,), (4,), (6,)]
    recursive = (
        "WITH RECURSIVE up (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM up WHERE n < 5) SELECT SUM(n)::int FROM up"
    )
    assert database.execute_query(recursive) == [(15,)]


def test_compiled_statements(database: Database) -> None:
    """The executor of the original design compiles, runs and gives rows; the SQL can be looked at, and run by hand."""
    executor = FHIRPathExecutor(database)
    rows = executor.execute("Patient.name.given.first()")
    assert rows[:2] == [("patient-001", "Given1"), ("patient-002", "Given2")]
    assert len(rows) == 1200
    sql = executor.sql("Patient.name.given.first()")
    assert sql.startswith("WITH ")
    assert database.execute_query(sql) == rows


@pytest.mark.parametrize(
    ("sql", "params"),
    [("SELECT %s || %s", ("a'b", "%c")), ("SELECT %(x)s || %(y)s", {"x": "a'b", "y": "%c"})],
)
def test_parameters_by_position_and_by_name(database: Database, sql: str, params: object) -> None:
    """As psycopg2 has them; what is bound is never read as SQL."""
    assert database.execute_query(sql, params) == [("a'b%c",)]  # type: ignore[arg-type]


def test_per_cent_signs_without_parameters_are_per_cent_signs(database: Database) -> None:
    """Nothing is doubled where nothing is bound."""
    assert database.execute_query("SELECT '100%', 7 % 4") == [("100%", 3)]


def test_injection_by_parameter_is_a_value(database: Database, numbers: str) -> None:
    """The classic does not work."""
    hostile = "'; DROP TABLE numbers; --"
    assert database.execute_query("SELECT n FROM numbers WHERE n::text = %s", (hostile,)) == []
    assert database.execute_query(f"SELECT COUNT(*) FROM {numbers}") == [(5,)]


def test_definitions_and_writes_are_committed(postgres_url: str, database: Database, numbers: str) -> None:
    """They return no rows, unless they say so, and everybody sees what they did."""
    assert database.execute_query("ALTER TABLE numbers ADD COLUMN note TEXT") == []
    assert database.execute_query("UPDATE numbers SET note = 'x' WHERE n < 3") == []
    assert database.execute_query("DELETE FROM numbers WHERE n > 3 RETURNING n") == [(4,), (5,)]
    with connect(postgres_url) as other:
        assert other.execute_query(f"SELECT n, note FROM {numbers} ORDER BY n") == [(1, "x"), (2, "x"), (3, None)]


def test_a_failed_write_has_not_happened(database: Database, numbers: str) -> None:
    """A statement is all or nothing, and the connection is as good as before."""
    with pytest.raises(QueryFailed):
        database.execute_query(f"INSERT INTO {numbers} SELECT n FROM (VALUES (6), (7), (1)) AS new (n)")
    assert database.execute_query(f"SELECT COUNT(*) FROM {numbers}") == [(5,)]


def test_a_unit_of_work_is_committed_as_a_whole(database: Database, numbers: str) -> None:
    """Or not at all, where its work raises."""

    def work(session: Session) -> int:
        session.execute(f"DELETE FROM {numbers} WHERE n = 1")
        return len(session.execute(f"SELECT n FROM {numbers}").rows)

    def failing(session: Session) -> None:
        work(session)
        session.execute(f"DELETE FROM {numbers}")
        raise LookupError("changed my mind")

    assert database.run(work) == 4
    with pytest.raises(LookupError, match="changed my mind"):
        database.run(failing)
    assert database.execute_query(f"SELECT COUNT(*) FROM {numbers}") == [(4,)]


def test_queries_cannot_write(database: Database, numbers: str) -> None:
    """The server itself refuses it: expressions run in read-only transactions."""

    def write(session: Session) -> None:
        session.execute(f"DELETE FROM {numbers}")

    with pytest.raises(QueryFailed, match="read-only") as caught:
        database.run(write, read_only=True)
    assert caught.value.code == "25006"
    assert database.execute_query(f"SELECT COUNT(*) FROM {numbers}") == [(5,)]


@pytest.mark.parametrize("count", [0, 1, 25_000])
def test_answers_of_any_size(database: Database, count: int) -> None:
    """Every row arrives, in order."""
    assert database.execute_query("SELECT generate_series(1, %s)", (count,)) == [(n,) for n in range(1, count + 1)]


def test_streams_come_in_batches(database: Database) -> None:
    """All rows in order, no batch larger than asked, and an early end lets go of the session."""
    expected = database.query("Patient.name.given").rows
    batches = list(database.stream("Patient.name.given", batch_size=500))
    assert [len(batch) for batch in batches] == [500] * 7 + [100]
    assert [row for batch in batches for row in batch] == expected
    stream = database.stream("Patient.name.given", batch_size=10)
    assert next(iter(stream)) == expected[:10]
    stream.close()  # type: ignore[attr-defined]
    assert database.stats().used == 0


def test_more_than_a_thousand_patients(database: Database) -> None:
    """Counts are right beyond the fixture of a hundred."""
    assert len(database.query("Patient.name").rows) == 2400
    assert len(database.query("Patient.name.given").rows) == 3600
    assert len(database.query("Patient.where(gender = 'female').id").rows) == 300


def test_many_threads_at_once(database: Database) -> None:
    """Sixteen threads, five expressions each: everyone gets the answer to the own question."""
    expected = {n: [(f"patient-{n:03}", f"Family{n}")] for n in range(1, 81)}

    def ask(n: int) -> list[tuple[str, str]]:
        return database.query("Patient.where(id = %id).name.first().family", id=f"patient-{n:03}").rows  # type: ignore[return-value]

    with ThreadPoolExecutor(16) as threads:
        assert dict(zip(expected, threads.map(ask, expected), strict=True)) == expected
    assert database.stats().used == 0


def test_a_table_that_somebody_else_made(database: Database) -> None:
    """An integer key and a resource as JSONB are enough, as the original design has it."""
    database.execute_query("CREATE TABLE theirs (id INTEGER PRIMARY KEY, resource JSONB)")
    values = [(10, '{"resourceType": "Patient", "active": true}'), (9, '{"resourceType": "Patient", "active": false}')]
    for row in [*values, (8, '{"resourceType": "Observation"}')]:
        database.execute_query("INSERT INTO theirs VALUES (%s, %s)", row)
    theirs = Database(database.dispatcher, table="theirs")
    assert theirs.query("Patient.active").rows == [(9, False), (10, True)]
    database.execute_query("DROP TABLE theirs")


def test_explain_shows_the_plan_of_the_server(database: Database) -> None:
    """The database's own words."""
    assert "Scan" in database.explain("Patient.birthDate")


def test_a_missing_table_says_so(database: Database) -> None:
    """With its name, and what to do."""
    with pytest.raises(Fhir4dsError, match="nowhere") as caught:
        Database(database.dispatcher, table="nowhere").query("Patient.id")
    assert caught.value.hint is not None
