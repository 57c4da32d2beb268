"""Results that stay in the database: replaced as a whole, and only where they are ours."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from fhir4ds.database import Database
from fhir4ds.dialect.statement import Column, Statement
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import DestinationError, Fhir4dsError, QueryFailed, Unsupported
from fhir4ds.store.materializing import materialize

_COLUMNS = (Column(name="id"), Column(name="Weight"), Column(name="n"))


@pytest.fixture
def name() -> str:
    """Of what is made; a name that must be quoted."""
    return f'Made "{uuid4().hex[:8]}" %s'


def statement(db: Database, rows: int) -> Statement:
    """Rows with a decimal, and with a text that has a per cent sign."""
    numbers = " UNION ALL ".join(f"SELECT {number} AS n" for number in range(1, rows + 1))
    decimal = db.dialect.syntax.cast("n / 4.0", SqlType.DECIMAL)
    return Statement(
        sql=f"""SELECT 'it''s 50 %s' AS id, {decimal} AS "Weight", n FROM ({numbers}) AS numbers ORDER BY n""",
        columns=_COLUMNS,
    )


def rows_of(db: Database, name: str, schema: str | None = None) -> list[Any]:
    quote = db.dialect.syntax.quote
    place = quote(name) if schema is None else f"{quote(schema)}.{quote(name)}"
    return db.execute_query(f'SELECT id, "Weight", n FROM {place} ORDER BY n')


def left_behind(db: Database) -> list[Any]:
    """Tables and views under the names that are used while something is made."""
    return db.execute_query(
        "SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'fhir4ds#_%' ESCAPE '#'"
    )


def expected(rows: int) -> list[Any]:
    return [("it's 50 %s", Decimal(number) / 4, number) for number in range(1, rows + 1)]


def kinds(db: Database) -> list[str]:
    return ["table", "view", *(["materialized-view"] if db.dialect.name == "postgres" else [])]


@pytest.mark.parametrize("kind", ["table", "view", "materialized-view"])
def test_is_made_and_replaced(db: Database, name: str, kind: str) -> None:
    if kind not in kinds(db):
        with pytest.raises(Unsupported) as raised:
            materialize(db.dispatcher, statement(db, 1), kind=kind, name=name)
        assert str(raised.value) == (
            "duckdb has no materialized views\nhint: make a table, which is replaced as a whole when it is made again"
        )
        return
    indexes = [] if kind == "view" else ["id", "Weight"]
    for rows in (3, 5, 2):
        count = materialize(db.dispatcher, statement(db, rows), kind=kind, name=name, indexes=indexes)
        assert count == (None if kind == "view" else rows)
        assert rows_of(db, name) == expected(rows)
    types = dict(db.execute_query(db.dialect.syntax.columns(name, None)))
    assert types["Weight"].lower() == ("numeric" if db.dialect.name == "postgres" else "decimal(38,12)")
    assert index_columns(db, name) == indexes
    assert left_behind(db) == []


def index_columns(db: Database, name: str) -> list[str]:
    """Columns with an index of their own."""
    if db.dialect.name == "duckdb":
        sql = "SELECT expressions FROM duckdb_indexes() WHERE table_name = ? ORDER BY index_name"
        return [text.strip("[]'\"").replace('\\"', "").strip('"') for (text,) in db.execute_query(sql, (name,))]
    sql = (
        "SELECT a.attname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid JOIN pg_class AS x "
        "ON x.oid = i.indexrelid JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] "
        "WHERE c.relname = %s ORDER BY x.relname"
    )
    return [column for (column,) in db.execute_query(sql, (name,))]


def test_in_a_schema_of_its_own(db: Database, name: str) -> None:
    schema = f'S "{uuid4().hex[:8]}"'
    with pytest.raises(QueryFailed, match="(?i)schema"):
        materialize(db.dispatcher, statement(db, 1), schema=schema, name=name)
    db.execute_query(f"CREATE SCHEMA {db.dialect.syntax.quote(schema)}")
    for rows in (2, 3):
        assert materialize(db.dispatcher, statement(db, rows), schema=schema, name=name, indexes=["n"]) == rows
        assert rows_of(db, name, schema) == expected(rows)
    assert materialize(db.dispatcher, statement(db, 4), name=name) == 4
    assert (rows_of(db, name, schema), rows_of(db, name)) == (expected(3), expected(4))


def test_what_is_not_ours_is_left_alone(db: Database, name: str) -> None:
    quoted = db.dialect.syntax.quote(name)
    db.load([{"resourceType": "Patient", "id": "a"}])
    db.execute_query(f"CREATE TABLE {quoted} AS SELECT 1 AS mine")
    for taken in (db.table, name):
        for kind in kinds(db):
            with pytest.raises(DestinationError) as raised:
                materialize(db.dispatcher, statement(db, 1), kind=kind, name=taken)
            assert str(raised.value) == (
                f"there is a table {taken!r} that was not made by fhir4ds, and it is left alone\n"
                "hint: choose another name, or drop it"
            )
    assert db.execute_query(f"SELECT mine FROM {quoted}") == [(1,)]
    assert db.query("Patient.id").values() == ["a"]
    db.execute_query(f"DROP TABLE {quoted}")
    db.execute_query(f"CREATE VIEW {quoted} AS SELECT 2 AS mine")
    with pytest.raises(DestinationError, match="there is a view"):
        materialize(db.dispatcher, statement(db, 1), kind="view", name=name)
    assert db.execute_query(f"SELECT mine FROM {quoted}") == [(2,)]


def test_a_table_does_not_become_a_view(db: Database, name: str) -> None:
    materialize(db.dispatcher, statement(db, 2), kind="table", name=name)
    with pytest.raises(DestinationError) as raised:
        materialize(db.dispatcher, statement(db, 1), kind="view", name=name)
    assert raised.value.message == f"there is a table {name!r}, which does not become a view"
    assert rows_of(db, name) == expected(2)


def test_a_failure_changes_nothing(db: Database, name: str) -> None:
    materialize(db.dispatcher, statement(db, 2), name=name, indexes=["n"])
    failing = Statement(sql="SELECT CAST('x' || n AS INTEGER) AS n FROM (SELECT 1 AS n) AS one", columns=_COLUMNS[2:])
    with pytest.raises(Fhir4dsError):
        materialize(db.dispatcher, failing, name=name)
    assert rows_of(db, name) == expected(2)
    assert index_columns(db, name) == ["n"]
    assert left_behind(db) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "tabel"}, "a result cannot become a 'tabel'\nhint: known are table, view, materialized-view"),
        ({"indexes": ["weight"]}, "there is no column 'weight' to index\nhint: did you mean 'Weight'?"),
        ({"indexes": ["x"]}, "there is no column 'x' to index\nhint: there are id, Weight, n"),
        (
            {"kind": "view", "indexes": ["n"]},
            "a view has no rows that could be indexed\nhint: make a table or a materialized view",
        ),
    ],
)
def test_refusals(db: Database, name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(DestinationError) as raised:
        materialize(db.dispatcher, statement(db, 1), name=name, **arguments)
    assert str(raised.value) == message
    assert db.execute_query(db.dialect.syntax.relation_kind(name, None)) == []


def test_a_view_follows_its_resources_and_a_table_does_not(db: Database) -> None:
    table, view = f"t_{uuid4().hex[:8]}", f"v_{uuid4().hex[:8]}"
    db.load([{"resourceType": "Patient", "id": "a"}])
    made = Statement(sql=f"SELECT id FROM {db.dialect.syntax.quote(db.table)}", columns=_COLUMNS[:1])
    materialize(db.dispatcher, made, name=table)
    materialize(db.dispatcher, made, kind="view", name=view)
    db.load([{"resourceType": "Patient", "id": "b"}])
    counts = [db.execute_query(f"SELECT COUNT(*) FROM {name}") for name in (table, view)]
    assert counts == [[(1,)], [(2,)]]


def test_readers_see_old_rows_or_all_new_ones(db: Database, name: str) -> None:
    """A transaction that began before goes on with what it saw."""
    materialize(db.dispatcher, statement(db, 2), name=name)
    quoted = db.dialect.syntax.quote(name)

    def replacing_meanwhile(session: Any) -> list[Any]:
        if db.dialect.name == "postgres":  # its readers hold a lock, which the swap waits for; so look only afterwards
            materialize(db.dispatcher, statement(db, 3), name=name)
            return session.execute(f"SELECT COUNT(*) FROM {quoted}").rows
        before = session.execute(f"SELECT COUNT(*) FROM {quoted}").rows
        materialize(db.dispatcher, statement(db, 3), name=name)
        return [*before, *session.execute(f"SELECT COUNT(*) FROM {quoted}").rows]

    seen = db.run(replacing_meanwhile, read_only=True)
    assert seen == ([(3,)] if db.dialect.name == "postgres" else [(2,), (2,)])


def test_several_at_the_same_time(db: Database, name: str) -> None:
    """Each replaces what another one made; the last one is whole."""
    materialize(db.dispatcher, statement(db, 1), name=name)

    def replace(rows: int) -> int | None:
        return materialize(db.dispatcher, statement(db, rows), name=name, indexes=["n"])

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(replace, [2, 3, 4])) == [2, 3, 4]
    assert rows_of(db, name) in [expected(rows) for rows in (2, 3, 4)]
    assert left_behind(db) == []
