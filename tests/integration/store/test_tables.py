"""Tables of any maker: which can be read, and which can be loaded into."""

from __future__ import annotations

from typing import Any

import pytest

from fhir4ds.database import Database, connect
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import SourceError
from fhir4ds.plan.source import TableSource
from fhir4ds.store.report import Counts
from fhir4ds.store.table import describe_table
from tests.integration.store.conftest import Open, contents, tables
from tests.support.postgres_databases import administrator

PATIENT = '{"resourceType": "Patient", "id": "a", "birthDate": "1970-01-01", "multipleBirthInteger": 2}'
GROUP = '{"resourceType": "Group", "id": "b", "quantity": 3}'


@pytest.fixture
def make(db: Database) -> Any:
    """Makes a table of some columns with a patient and a group in it."""

    def make_table(columns: str, patient: str, group: str) -> Database:
        json = db.dialect.syntax.types[SqlType.JSON]
        name = db.dialect.syntax.quote(db.table)
        db.execute_query(f"CREATE TABLE {name} ({columns.format(json=json)})")
        for values in (patient, group):
            db.execute_query(f"INSERT INTO {name} VALUES ({values})")
        return db

    return make_table


@pytest.mark.parametrize(
    ("columns", "keys", "described"),
    [
        ("id INTEGER, resource {json}", (7, 8), {"key_type": SqlType.INTEGER}),
        ("id BIGINT PRIMARY KEY, resource {json}", (7, 8), {"key_type": SqlType.INTEGER}),
        ("id SMALLINT, resource {json} NOT NULL", (7, 8), {"key_type": SqlType.INTEGER}),
        ("id TEXT, resource {json}", ("a", "b"), {"key_type": SqlType.TEXT}),
        ("id VARCHAR(20), resource {json}", ("a", "b"), {"key_type": SqlType.TEXT}),
        ("id DECIMAL(5, 0), resource {json}", (7, 8), {"key_type": None}),
        ("id INTEGER, resource JSON", (7, 8), {"key_type": SqlType.INTEGER, "is_json": "JSON"}),
        ("id INTEGER, resource TEXT", (7, 8), {"key_type": SqlType.INTEGER, "is_json": False}),
    ],
)
def test_tables_of_others_are_read_as_they_are(
    make: Any, columns: str, keys: tuple[Any, Any], described: dict[str, Any]
) -> None:
    db = make(columns, f"'{keys[0]}', '{PATIENT}'", f"'{keys[1]}', '{GROUP}'")
    if described.get("is_json") == "JSON":
        described = {**described, "is_json": db.dialect.syntax.types[SqlType.JSON] == "JSON"}
    expected = TableSource(name=db.table, resource_type=None, **described)
    assert describe_table(db.dispatcher, db.table) == expected
    assert db.query("Patient.birthDate").rows == [(keys[0], "1970-01-01")]
    assert db.query("Patient.multipleBirth").rows == [(keys[0], 2)]
    assert db.query("Group.quantity").rows == [(keys[1], 3)]
    assert db.query("Patient.name").rows == []


@pytest.mark.parametrize(
    ("type", "resource_type"), [("TEXT", "resource_type"), ("VARCHAR(30)", "resource_type"), ("INTEGER", None)]
)
def test_the_column_of_types_is_used_if_it_can_hold_one(make: Any, type: str, resource_type: str | None) -> None:
    values = {"patient": "'Patient'", "group": "'Group'"} if resource_type else {"patient": "1", "group": "2"}
    db = make(
        f"note TEXT, resource_type {type}, resource {{json}}, id TEXT",
        f"NULL, {values['patient']}, '{PATIENT}', 'a'",
        f"NULL, {values['group']}, '{GROUP}', 'b'",
    )
    assert describe_table(db.dispatcher, db.table) == TableSource(name=db.table, resource_type=resource_type)
    assert db.query("Patient.birthDate").rows == [("a", "1970-01-01")]


def test_views_and_schemas(db: Database, open_: Open) -> None:
    syntax = db.dialect.syntax
    db.load([PATIENT, GROUP])
    schema = f"other_{db.table}"
    db.execute_query(f"CREATE SCHEMA {schema}")
    db.execute_query(
        f'CREATE VIEW {schema}."The View" AS SELECT id AS "ID", resource AS "Resource" FROM {syntax.quote(db.table)}'
    )
    with pytest.raises(SourceError):
        describe_table(db.dispatcher, "The View")
    assert describe_table(db.dispatcher, "The View", schema=schema) == TableSource(
        name="The View", schema=schema, key="ID", resource="Resource", resource_type=None
    )
    assert open_(table=(schema, "The View")).query("Patient.birthDate").rows == [("a", "1970-01-01")]

    loaded = open_(table=(schema, "resource"))
    assert loaded.load([PATIENT]).total == Counts(inserted=1)
    assert loaded.load([PATIENT]).total == Counts(unchanged=1)
    assert set(contents(loaded)) == {("Patient", "a")}
    assert loaded.query("Patient.birthDate").rows == [("a", "1970-01-01")]


def test_what_load_makes_is_described(db: Database) -> None:
    db.load([PATIENT])
    assert describe_table(db.dispatcher, db.table) == TableSource(name=db.table, resource_type="resource_type")


def test_a_missing_table_is_told_with_what_to_do(db: Database) -> None:
    with pytest.raises(SourceError) as error:
        db.query("Patient.id")
    assert error.value.message == f"there is no table '{db.table}' in {db.dispatcher.target}"
    assert error.value.hint is not None and "fhir4ds load" in error.value.hint
    with pytest.raises(SourceError, match="there is no table 'nowhere.resource' in "):
        describe_table(db.dispatcher, "resource", schema="nowhere")


@pytest.mark.parametrize(
    ("columns", "lacks", "has"),
    [
        ("key INTEGER, resource {json}", "id", "it has key integer, resource {json}"),
        ("id INTEGER, body {json}", "resource", "it has id integer, body {json}"),
        (
            '"ID" INTEGER, "Id2" INTEGER, "RESOURCES" {json}',
            "resource",
            "it has ID integer, Id2 integer, RESOURCES {json}",
        ),
    ],
)
def test_a_missing_column_is_told_with_those_there_are(db: Database, columns: str, lacks: str, has: str) -> None:
    json = db.dialect.syntax.types[SqlType.JSON]
    db.execute_query(f"CREATE TABLE {db.table} ({columns.format(json=json)})")
    with pytest.raises(SourceError) as error:
        db.query("Patient.id")
    assert error.value.message.startswith(f"table '{db.table}' has no column '{lacks}': ")
    assert error.value.message.lower().endswith(has.format(json=json).lower())


@pytest.mark.parametrize(
    ("columns", "wanted"),
    [
        ("id INTEGER, resource {json}", "'id' of type"),
        ("id TEXT, resource {json}", "'resource_type' of type"),
        ("id TEXT, resource_type INTEGER, resource {json}", "'resource_type' of type"),
        ("id TEXT, resource_type TEXT, resource TEXT", "'resource' of type"),
        ("key TEXT", "'id' of type"),
    ],
)
def test_loading_needs_our_shape(db: Database, columns: str, wanted: str) -> None:
    json = db.dialect.syntax.types[SqlType.JSON]
    db.execute_query(f"CREATE TABLE {db.table} ({columns.format(json=json)})")
    with pytest.raises(SourceError) as error:
        db.load(_unread())
    assert error.value.message.startswith(f"table '{db.table}' cannot be loaded into: it needs a column {wanted}")
    assert error.value.hint is not None and "table='...'" in error.value.hint
    assert db.execute_query(f"SELECT COUNT(*) FROM {db.table}") == [(0,)]


@pytest.mark.parametrize("key", ["", ", PRIMARY KEY (id)", ", UNIQUE (id, resource)"])
def test_loading_needs_the_key(db: Database, key: str) -> None:
    json = db.dialect.syntax.types[SqlType.JSON]
    db.execute_query(f"CREATE TABLE {db.table} (id TEXT, resource_type TEXT, resource {json}{key})")
    with pytest.raises(SourceError) as error:
        db.load(_unread())
    assert error.value.message.startswith(f"table '{db.table}' cannot be loaded into: ")
    assert error.value.hint is not None and "primary key of resource_type and id" in error.value.hint


def _unread() -> Any:
    """Resources of which no more than the first is looked at, to tell them from paths."""
    yield PATIENT
    raise AssertionError("read before the table was looked at")


def test_a_table_of_our_shape_may_have_more(db: Database) -> None:
    json = db.dialect.syntax.types[SqlType.JSON]
    db.execute_query(
        f"CREATE TABLE {db.table} (note VARCHAR(9) DEFAULT 'new', id VARCHAR(64), resource_type VARCHAR(64), "
        f"resource {json}, UNIQUE (id, resource_type))"
    )
    assert db.load([PATIENT, GROUP]).total == Counts(inserted=2)
    assert db.load([PATIENT, GROUP.replace("3", "4")]).total == Counts(updated=1, unchanged=1)
    assert db.execute_query(f"SELECT note FROM {db.table}") == [("new",), ("new",)]
    assert db.query("Group.quantity").rows == [("b", 4)]


def test_a_table_can_be_dropped_and_made_again(db: Database) -> None:
    assert db.load([PATIENT]).inserted == 1
    db.execute_query(f"DROP TABLE {db.table}")
    assert db.table not in tables(db)
    assert db.load([PATIENT]).inserted == 1


# --- what only one of the databases has -------------------------------------------------------------------------------


@pytest.mark.postgres
def test_postgres_materialized_views_domains_and_other_keys(postgres_url: str) -> None:
    with administrator(postgres_url) as cursor:
        cursor.execute("CREATE DOMAIN fhir_id AS text CHECK (length(value) < 65)")
        cursor.execute("CREATE TABLE keyed (id fhir_id, resource jsonb, gone integer)")
        cursor.execute("ALTER TABLE keyed DROP COLUMN gone")
        cursor.execute("INSERT INTO keyed VALUES ('b', %s), ('A', %s)", (PATIENT, PATIENT))
        cursor.execute("CREATE MATERIALIZED VIEW stored AS SELECT gen_random_uuid() AS id, resource FROM keyed")
    with connect(postgres_url, table="keyed") as db:
        assert describe_table(db.dispatcher, "keyed") == TableSource(name="keyed", key_type=SqlType.TEXT)
        assert db.query("Patient.birthDate").rows == [("A", "1970-01-01"), ("b", "1970-01-01")]
        assert describe_table(db.dispatcher, "stored") == TableSource(name="stored", key_type=None)
    with connect(postgres_url, table="stored") as db:
        assert db.query("Patient.birthDate").values() == ["1970-01-01"] * 2


@pytest.mark.postgres
def test_postgres_keeps_resources_inline_and_uncompressed(postgres_url: str) -> None:
    resources = [{"resourceType": "Patient", "id": f"p{n}", "text": {"div": "abc " * 1500}} for n in range(50)]
    with connect(postgres_url, table="inline") as db:
        db.load(resources)
        sizes = db.execute_query(
            "SELECT DISTINCT pg_column_compression(resource), pg_column_size(resource) > 6000 FROM inline"
        )
        assert sizes == [(None, True)]
        # An update writes the row anew.
        db.load([{**resource, "active": True} for resource in resources])
        assert (
            db.execute_query(
                "SELECT DISTINCT pg_column_compression(resource), pg_column_size(resource) > 6000 FROM inline"
            )
            == sizes
        )
        [(outside,)] = db.execute_query(
            "SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'inline'::regclass"
        )
        assert outside == 0


@pytest.mark.postgres
def test_postgres_needs_no_more_than_the_right_to_write(postgres_url: str) -> None:
    with administrator(postgres_url) as cursor:
        cursor.execute("DROP ROLE IF EXISTS loader")
        cursor.execute("CREATE ROLE loader LOGIN PASSWORD 'x'")
    try:
        with connect(postgres_url, table="shared") as owner:
            owner.load([PATIENT])
        head, _, tail = postgres_url.partition("@")
        with connect(f"{head.partition('://')[0]}://loader:x@{tail}", table="shared") as loader:
            with pytest.raises(SourceError, match="cannot be loaded into: permission denied for table shared"):
                loader.load([GROUP])
            with administrator(postgres_url) as cursor:
                cursor.execute("GRANT SELECT, INSERT, UPDATE ON shared TO loader")
            assert loader.load([PATIENT, GROUP]).total == Counts(inserted=1, unchanged=1)
            assert loader.load([GROUP.replace("3", "4")]).total == Counts(updated=1)
    finally:
        with administrator(postgres_url) as cursor:
            cursor.execute("DROP OWNED BY loader")
            cursor.execute("DROP ROLE loader")


# --- dialects that say nothing of their own ---------------------------------------------------------------------------


def test_the_words_of_standard_sql_do_for_a_table(db: Database) -> None:
    db.load([PATIENT])
    syntax = db.dialect.syntax
    for schema in (None, db.execute_query("SELECT CURRENT_SCHEMA")[0][0]):
        standard = db.execute_query(Syntax.columns(syntax, db.table, schema))
        assert standard == db.execute_query(syntax.columns(db.table, schema))
        assert [name for name, _ in standard] == ["id", "resource_type", "resource"]
    assert db.execute_query(Syntax.columns(syntax, "nowhere", None)) == []
    assert Syntax.claim(syntax, "resource", exists=True) is None
