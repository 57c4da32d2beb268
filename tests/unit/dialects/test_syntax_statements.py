"""The words of a dialect's syntax that are no expressions but statements, names and errors: what they do, everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.syntax import ItemForm, Syntax
from fhir4ds.dialect.types import SqlType
from tests.support.engines import Engine

_BOOLEAN, _INTEGER, _DECIMAL, _TEXT, _JSON = SqlType


def path(*names: str) -> list[Step]:
    """Steps by name; ``name*`` goes to each item, ``name?`` where that is not known."""
    marks = {"*": True, "?": None}
    return [Step(name[:-1], marks[name[-1]]) if name[-1:] in marks else Step(name) for name in names]


def lazy(syntax: Syntax) -> str:
    """An error that is not reached."""
    number = syntax.apply("length", "resource")
    error = syntax.raise_error(syntax.apply("concat", "resource", syntax.text(" is wrong")), _INTEGER, many=False)
    return syntax.case([(syntax.apply("equal", "resource", syntax.text("bad")), error)], number)


#: Words that are no expressions, and the tests below that hold them.
STATEMENTS = {
    "quote": "test_quoted_names_are_taken_as_they_are",
    "placeholder": "test_placeholders_bind_values",
    "raise_error": "test_errors_are_raised_where_they_are_met_only",
    "focus": "test_statement_gives_items_in_order",
    "result": "test_statement_gives_items_in_order",
    "sort_key": "test_keys_sort_by_code_point",
    "read_files": "test_files_are_read_in_place_or_not_at_all",
    "columns": "test_columns_of_tables_are_found_by_exact_name",
    "relation_kind": "test_kinds_of_relations_are_told",
    "claim": "test_a_claim_is_a_statement_or_nothing",
    "begin": "test_read_only_transactions_refuse_writes",
    "limit_time": "test_time_limits_are_kept",
    "query_at_once": "test_queries_in_one_round_trip_are_read_only_and_limited",
    "session": "test_session_tells_version_and_identity",
}


@pytest.mark.parametrize(
    "name", ["plain", "With Case", 'quo"te', "semi;colon", "it's", "\u00fcml\u00e4ut", "select", "%s"]
)
def test_quoted_names_are_taken_as_they_are(engine: Engine, name: str) -> None:
    """A quoted name is the name, whatever it holds."""
    quoted = engine.syntax.quote(name)
    engine.run(f"CREATE TEMPORARY TABLE {quoted} ({quoted} INTEGER)")
    engine.run(f"INSERT INTO {quoted} ({quoted}) VALUES (1)")
    assert engine.run(f"SELECT {quoted} FROM {quoted}") == [(1,)]
    engine.run(f"DROP TABLE {quoted}")


def test_placeholders_bind_values(engine: Engine) -> None:
    """A bound value comes back as it was given, and a per cent sign stays one beside it."""
    syntax = engine.syntax
    hostile = "'; DROP TABLE x; -- %s %(a)s $a {0}"
    per_cent = syntax.text("100%")
    if syntax.doubles_percent:
        per_cent = per_cent.replace("%", "%%")
    sql = f"SELECT {syntax.cast(syntax.placeholder('a'), _TEXT)}, {syntax.cast(syntax.placeholder('b'), _INTEGER)}, {per_cent}"
    assert engine.run(sql, {"a": hostile, "b": 3}) == [(hostile, 3, "100%")]


def test_errors_are_raised_where_they_are_met_only(engine: Engine) -> None:
    """An error in a branch that is not taken does nothing; one that is met carries its text."""
    syntax = engine.syntax
    rows = f"(SELECT {syntax.cast(syntax.text('good'), _TEXT)} AS resource) AS one"
    assert engine.run(f"SELECT {lazy(syntax)} FROM {rows}") == [(4,)]
    with pytest.raises(engine.errors, match="bad is wrong"):
        engine.run(f"SELECT {lazy(syntax)} FROM {rows.replace('good', 'bad')}")


@pytest.mark.parametrize("type", SqlType)
@pytest.mark.parametrize("many", [False, True])
def test_errors_stand_where_any_type_is_expected(engine: Engine, type: SqlType, many: bool) -> None:
    """An error fits into a branch beside a value of any type, or an array of them."""
    syntax = engine.syntax
    error = syntax.raise_error(syntax.apply("concat", "word", syntax.text("!")), type, many=many)
    otherwise = syntax.array([], type) if many else syntax.literal(None, type)
    chosen = syntax.case([(syntax.apply("equal", "word", syntax.text("bad")), error)], otherwise)
    assert engine.run(f"SELECT {chosen} FROM (SELECT {syntax.text('good')} AS word) AS one") == [
        ([] if many else None,)
    ]


@pytest.mark.parametrize("form", ItemForm)
def test_statement_gives_items_in_order(engine: Engine, form: ItemForm) -> None:
    """Rows come in the order of keys, then of the document; items that are not there give none."""
    syntax = engine.syntax
    rows = {"b": '{"v": ["3", "1"]}', "a": '{"v": ["2"]}', "c": "{}", "d": '{"v": []}', "B": '{"v": ["9", "8"]}'}
    values = ", ".join(f"({syntax.text(key)}, {syntax.literal(value, _JSON)})" for key, value in rows.items())
    steps = path("v*")
    if form is ItemForm.SCALAR:
        item = syntax.apply("array_at", syntax.extract_array("resource", steps, _TEXT), "1")
    elif form is ItemForm.ARRAY:
        item = syntax.extract_array("resource", steps, _TEXT)
    else:
        found = syntax.extract_rows("resource", steps)
        if found is None:
            return  # lists are the way of this dialect
        item = found
    focus = syntax.focus("given", ["key"], item, form, _TEXT)
    order = [syntax.sort_key("key", _TEXT)]
    shouted = syntax.apply("concat", "value", syntax.text("!"))
    final = syntax.result("items", ["key"], order, shouted, form, kept="value IS NOT NULL")
    answer = engine.run(f"WITH given (key, resource) AS (VALUES {values}), items AS ({focus}) {final}")
    first = [("B", "9!"), ("a", "2!"), ("b", "3!")]
    everything = [("B", "9!"), ("B", "8!"), ("a", "2!"), ("b", "3!"), ("b", "1!")]
    assert answer == (first if form is ItemForm.SCALAR else everything)


def test_keys_sort_by_code_point(engine: Engine) -> None:
    """Text keys have one order, whatever the collation of the database; numbers have theirs."""
    syntax = engine.syntax
    keys = ["a", "B", "a-1", "a.1", "\u00e9", "z", "10", "9", "", "\U0001f600", "\uffff"]
    values = ", ".join(f"({syntax.text(key)}, {place})" for place, key in enumerate(keys))
    order = syntax.sort_key("key", _TEXT)
    answer = engine.run(f"SELECT key FROM (VALUES {values}) AS given (key, place) ORDER BY {order}")
    assert [key for (key,) in answer] == sorted(keys)
    order = syntax.sort_key("place", _INTEGER)
    answer = engine.run(f"SELECT place FROM (VALUES {values}) AS given (key, place) ORDER BY {order}")
    assert [place for (place,) in answer] == list(range(len(keys)))


def test_files_are_read_in_place_or_not_at_all(engine: Engine, tmp_path: Path) -> None:
    """Lines and documents are read from files with awkward names; a dialect that cannot says None."""
    lines, document, many = tmp_path / "it's %s.ndjson", tmp_path / "one.json", tmp_path / "many.json"
    lines.write_text('{"id": "1"}\n{"id": "2"}\n')
    document.write_text('{\n  "id": "3"\n}\n')
    many.write_text('[{"id": "4"},\n {"id": "5"}]')
    read = engine.syntax.read_files([str(lines)], lines=True)
    documents = engine.syntax.read_files([str(document), str(many)], lines=False)
    if read is None or documents is None:
        assert read is None and documents is None
        return
    ids = [
        engine.run(f"SELECT {engine.syntax.extract('resource', path('id'), _TEXT)} FROM ({sql})")
        for sql in (read, documents)
    ]
    assert ids == [[("1",), ("2",)], [("3",), ("4",), ("5",)]]


def test_columns_of_tables_are_found_by_exact_name(engine: Engine) -> None:
    """Names and types in order, for tables and views with any name; nothing for what is not there."""
    quoted = engine.syntax.quote("Odd 'n\"ame")
    engine.run(f"CREATE TABLE {quoted} (id INTEGER, {engine.syntax.quote('The Text')} {engine.syntax.types[_TEXT]})")
    engine.run(f"CREATE VIEW {engine.syntax.quote('a view')} AS SELECT id FROM {quoted}")
    columns = [(name, type.lower()) for name, type in engine.run(engine.syntax.columns("Odd 'n\"ame", None))]
    assert columns == [("id", "integer"), ("The Text", engine.syntax.types[_TEXT].lower())]
    assert [name for name, _ in engine.run(engine.syntax.columns("a view", None))] == ["id"]
    schema = "main" if engine.name == "duckdb" else "public"
    assert len(engine.run(engine.syntax.columns("Odd 'n\"ame", schema))) == 2
    for missing in (("nowhere", None), ("Odd 'n\"ame", "nowhere"), ("'; DROP TABLE x; --", "it's")):
        assert engine.run(engine.syntax.columns(*missing)) == []


def test_kinds_of_relations_are_told(engine: Engine) -> None:
    """With their comments; nothing for a free name, or one in another schema."""
    kind, odd = engine.syntax.relation_kind, "Kind'd %s"
    engine.run(f"CREATE TABLE {engine.syntax.quote(odd)} (id INTEGER)")
    engine.run("CREATE VIEW kind_view AS SELECT 1 AS one")
    engine.run("COMMENT ON VIEW kind_view IS 'it''s'")
    assert [engine.run(kind(name, None)) for name in (odd, "kind_view")] == [[("table", None)], [("view", "it's")]]
    assert [engine.run(kind(*name)) for name in (("nowhere", None), (odd, "nowhere"))] == [[], []]
    if engine.syntax.materialized_views:
        engine.run("CREATE MATERIALIZED VIEW kind_stored AS SELECT 1 AS one")
        assert engine.run(kind("kind_stored", None)) == [("materialized view", None)]


def test_a_claim_is_a_statement_or_nothing(engine: Engine) -> None:
    """A table that is there, and one that is not, can be claimed inside a transaction."""
    engine.run("CREATE TABLE claimed (id INTEGER)")
    for table, exists in (("claimed", True), ('"not there"', False)):
        engine.run(engine.syntax.begin(read_only=False))
        claim = engine.syntax.claim(table, exists=exists)
        if claim is not None:
            engine.run(claim)
        engine.run("COMMIT")
    engine.run("DROP TABLE claimed")


def test_read_only_transactions_refuse_writes(engine: Engine) -> None:
    """A table that is written in a read-only transaction stays as it is."""
    engine.run("CREATE TABLE written (value INTEGER)")
    engine.run(engine.syntax.begin(read_only=True))
    with pytest.raises(engine.errors):
        engine.run("INSERT INTO written VALUES (1)")
    engine.run("ROLLBACK")
    engine.run(engine.syntax.begin(read_only=False))
    engine.run("INSERT INTO written VALUES (2)")
    engine.run("COMMIT")
    assert engine.run("SELECT value FROM written") == [(2,)]
    engine.run("DROP TABLE written")


def test_time_limits_are_kept(engine: Engine) -> None:
    """Where the server can stop a statement by itself, it does."""
    limit = engine.syntax.limit_time(20)
    if limit is None:
        return
    engine.run(engine.syntax.begin(read_only=True))
    engine.run(limit)
    with pytest.raises(engine.errors, match="timeout"):
        engine.run("SELECT pg_sleep(5)")
    engine.run("ROLLBACK")


def test_queries_in_one_round_trip_are_read_only_and_limited(engine: Engine) -> None:
    """A query that is a transaction by itself answers as the query would, writes nothing and leaves no limit behind."""
    at_once = engine.syntax.query_at_once
    if at_once("SELECT 1", 1000) is None:
        assert at_once("SELECT 1", None) is None
        return
    assert engine.run(str(at_once("SELECT 1", 1000))) == [(1,)]
    assert engine.run(str(at_once("SELECT 1", None))) == [(1,)]
    placeholder = engine.syntax.cast(engine.syntax.placeholder("a"), _TEXT)
    assert engine.run(str(at_once(f"SELECT {placeholder}", 1000)), {"a": "x"}) == [("x",)]
    with pytest.raises(engine.errors, match="read-only"):
        engine.run(str(at_once("CREATE TABLE written (value INTEGER)", 1000)))
    with pytest.raises(engine.errors, match="timeout"):
        engine.run(str(at_once("SELECT pg_sleep(5)", 20)))
    assert engine.run("SHOW statement_timeout") == [("0",)]
    engine.run("CREATE TEMPORARY TABLE not_read_only (value INTEGER)")


def test_session_tells_version_and_identity(engine: Engine) -> None:
    """The version of the product and what tells its sessions apart, as texts."""
    [(version, identity)] = engine.run(engine.syntax.session())
    assert isinstance(version, str) and isinstance(identity, str)
    assert identity.isdigit()
    if engine.name == "postgres":
        assert version.startswith("PostgreSQL ")
        assert [(int(identity),)] == engine.run("SELECT pg_backend_pid()")
