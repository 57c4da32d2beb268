"""The types of columns: known before anything runs, the same in tables of the database and in Arrow."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import EvaluationError
from fhir4ds.testing.comparison import canonical_rows
from tests.integration.views.conftest import Stored

pytestmark = pytest.mark.postgres

_PATIENT = {
    "resourceType": "Patient",
    "id": "a",
    "active": True,
    "birthDate": "1980-05-17",
    "multipleBirthInteger": 2,
    "meta": {"lastUpdated": "2015-02-07T13:28:17.239+02:00", "profile": ["http://example.org/p"]},
    "photo": [{"data": "aGVsbG8K", "size": 5}],
    "extension": [{"url": "d", "valueDecimal": Decimal("1.50")}, {"url": "t", "valueTime": "12:34:00"}],
}

#: Path, tag, FHIR type, names of the type in DuckDB and PostgreSQL, Python value.
_COLUMNS: list[tuple[str, str | None, str, str, str, Any]] = [
    ("active", None, "boolean", "BOOLEAN", "BOOLEAN", True),
    ("multipleBirth.ofType(integer)", None, "integer", "INTEGER", "INTEGER", 2),
    ("photo.size", None, "unsignedInt", "INTEGER", "INTEGER", 5),
    ("name.count()", None, "integer", "INTEGER", "INTEGER", 0),
    ("extension('d').value.ofType(decimal)", None, "decimal", "DECIMAL(38, 12)", "DECIMAL(38, 12)", Decimal("1.5")),
    ("birthDate", None, "date", "VARCHAR", "text", "1980-05-17"),
    ("extension('t').value.ofType(time)", None, "time", "VARCHAR", "text", "12:34:00"),
    (
        "meta.lastUpdated",
        None,
        "instant",
        "TIMESTAMP WITH TIME ZONE",
        "TIMESTAMP WITH TIME ZONE",
        "2015-02-07T13:28:17.239+02:00",
    ),
    ("photo.data", None, "base64Binary", "BLOB", "bytea", "aGVsbG8K"),
    ("meta.profile.first()", None, "canonical", "VARCHAR", "text", "http://example.org/p"),
    ("birthDate", "DATE", "date", "DATE", "DATE", datetime.date(1980, 5, 17)),
    (
        "meta.lastUpdated",
        "TIMESTAMP",
        "instant",
        "TIMESTAMP",
        "TIMESTAMP",
        datetime.datetime(2015, 2, 7, 11, 28, 17, 239000),
    ),
    (
        "meta.lastUpdated",
        "timestamp with time zone",
        "instant",
        "TIMESTAMP WITH TIME ZONE",
        "TIMESTAMP WITH TIME ZONE",
        datetime.datetime(2015, 2, 7, 11, 28, 17, 239000, tzinfo=datetime.timezone.utc),
    ),
    ("meta.lastUpdated", "DATE", "instant", "DATE", "DATE", datetime.date(2015, 2, 7)),
    ("extension('t').value.ofType(time)", "TIME", "time", "TIME", "TIME", datetime.time(12, 34)),
    ("photo.data", "BINARY", "base64Binary", "BLOB", "bytea", b"hello\n"),
    (
        "extension('d').value.ofType(decimal)",
        "NUMERIC(10, 2)",
        "decimal",
        "DECIMAL(10, 2)",
        "DECIMAL(10, 2)",
        Decimal("1.50"),
    ),
    ("extension('d').value.ofType(decimal)", "DOUBLE PRECISION", "decimal", "DOUBLE", "DOUBLE PRECISION", 1.5),
    ("extension('d').value.ofType(decimal)", "REAL", "decimal", "REAL", "REAL", 1.5),
    ("extension('d').value.ofType(decimal)", "CHARACTER VARYING(20)", "decimal", "VARCHAR", "text", "1.5"),
    ("multipleBirth.ofType(integer)", "BIGINT", "integer", "BIGINT", "BIGINT", 2),
    ("multipleBirth.ofType(integer)", "SMALLINT", "integer", "SMALLINT", "SMALLINT", 2),
    ("multipleBirth.ofType(integer)", "DECIMAL(5,1)", "integer", "DECIMAL(5, 1)", "DECIMAL(5, 1)", Decimal("2.0")),
    ("active", "VARCHAR", "boolean", "VARCHAR", "text", "true"),
]


@pytest.fixture(scope="module")
def databases(stored: Stored) -> Iterator[tuple[Database, Database]]:
    with stored([_PATIENT, {"resourceType": "Patient", "id": "b"}]) as both:
        yield both


def _view(*, collection: bool = False) -> dict[str, Any]:
    columns = []
    for number, (path, tag, *_) in enumerate(_COLUMNS):
        tags = {} if tag is None else {"tag": [{"name": "ansi/type", "value": tag}]}
        columns.append({"name": f"c{number}", "path": path, **tags, **({"collection": True} if collection else {})})
    return {"resource": "Patient", "select": [{"column": columns}]}


def test_schema_and_values(databases: tuple[Database, Database]) -> None:
    """Names of types by dialect, and Python's values, the same on both."""
    for database, place in zip(databases, (3, 4), strict=True):
        query = database.view(_view())
        assert [column.fhir_type for column in query.schema] == [column[2] for column in _COLUMNS]
        assert [column.sql_type for column in query.schema] == [column[place] for column in _COLUMNS]
        first, second = query.run().rows
        assert canonical_rows([first]) == canonical_rows([tuple(column[5] for column in _COLUMNS)])
        assert set(second) == {None, 0}


def test_collections(databases: tuple[Database, Database]) -> None:
    """Arrays of the same."""
    for database, place in zip(databases, (3, 4), strict=True):
        query = database.view(_view(collection=True))
        assert [column.sql_type for column in query.schema] == [f"{column[place]}[]" for column in _COLUMNS]
        first, second = query.run().rows
        assert [item for [item] in first] == [column[5] for column in _COLUMNS]
        assert all(items in ([], [0]) for items in second)


@pytest.mark.parametrize("collection", [False, True])
def test_tables(databases: tuple[Database, Database], collection: bool) -> None:
    """A table made of a view has the types that its schema says."""
    for database in databases:
        query = database.view(_view(collection=collection))
        table = f"kept_{collection}".lower()
        database.execute_query(f"CREATE TABLE {table} AS {query.table_statement().sql}")
        found = database.execute_query(database.dialect.syntax.columns(table, None))
        shown = [_plain(type) for _, type in found]
        assert shown == [_plain(column.sql_type) for column in query.schema]
        assert database.execute_query(f"SELECT COUNT(*) FROM {table}") == [(2,)]


def _plain(type: str) -> str:
    """A type by its usual name, without digits, which PostgreSQL's catalog keeps elsewhere."""
    name = type.lower().split("(")[0].strip() + ("[]" if type.endswith("[]") else "")
    name = name.replace("[][]", "[]").replace("decimal", "numeric").replace("float", "real")
    return name.replace(" without time zone", "")


def test_constants_of_tables_are_literals(databases: tuple[Database, Database]) -> None:
    """A view that the database keeps has no placeholders; literals are quoted."""
    view = {
        "resource": "Patient",
        "constant": [{"name": "c", "valueString": 'it\'s 100% \\ "ok"'}],
        "where": [{"path": "%c.exists()"}],
        "select": [{"column": [{"name": "c", "path": "%c"}]}, {"forEach": "photo.where(%c.exists())", "column": []}],
    }
    for database in databases:
        statement = database.view(view).table_statement()
        assert not statement.parameters
        database.execute_query(f"CREATE TABLE literal_{database.dialect.name} AS {statement.sql}")
        assert database.execute_query(f"SELECT c FROM literal_{database.dialect.name}") == [('it\'s 100% \\ "ok"',)]


def test_a_date_that_is_not_known_to_the_day(databases: tuple[Database, Database]) -> None:
    """Cannot be one of SQL, and says so with the column."""
    column = {"name": "d", "path": "birthDate", "tag": [{"name": "ansi/type", "value": "DATE"}]}
    view = {"resource": "Patient", "select": [{"column": [column]}]}
    partial = '{"resourceType": "Patient", "id": "x", "birthDate": "1980-05"}'
    for database in databases:
        resource = database.dialect.syntax.literal(partial, SqlType.JSON)
        database.execute_query(f"INSERT INTO {database.table} SELECT '9999', {resource}")
        with pytest.raises(
            EvaluationError, match="column 'd': a date that is not known to the day is no DATE"
        ) as caught:
            database.view(view).run()
        assert caught.value.key == "9999"
        database.execute_query(f"DELETE FROM {database.table} WHERE id = '9999'")


def test_arrow(databases: tuple[Database, Database]) -> None:
    """A fixed schema, the same with rows and without."""
    for database in databases:
        full = database.view(_view()).run().to_arrow()
        empty = database.view({**_view(), "where": [{"path": "false"}]}).run().to_arrow()
        assert full.schema == empty.schema
        assert (full.num_rows, empty.num_rows) == (2, 0)
        types = dict(zip(full.column_names, map(str, full.schema.types), strict=True))
        assert (types["c0"], types["c10"], types["c15"]) == ("bool", "date32[day]", "binary")
        assert types["c12"] == "timestamp[us, tz=UTC]"
