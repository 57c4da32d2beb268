"""The words of the syntax that are no expressions but statements, names and errors do what they promise."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from fhir4ds.dialect.faults import FaultKind
from fhir4ds.dialect.syntax import ItemForm, Syntax
from fhir4ds.dialect.types import SqlType
from fhir4ds.testing.cases.literals import path
from fhir4ds.testing.comparison import delivered
from fhir4ds.testing.engine import Engine

_BOOLEAN, _INTEGER, _DECIMAL, _TEXT, _JSON = SqlType

#: Words that are no expressions, and the tests below that hold them.
STATEMENTS = {
    "quote": "test_quoted_names_are_taken_as_they_are",
    "placeholder": "test_placeholders_bind_values",
    "raise_error": "test_errors_are_raised_where_they_are_met_only",
    "focus": "test_items_come_in_order",
    "result": "test_items_come_in_order",
    "key_type": "test_columns_of_keys_compare_by_code_point",
    "unnested": "test_items_are_taken_apart_in_order",
    "sort_key": "test_keys_sort_by_code_point",
    "read_files": "test_files_are_read_in_place_or_not_at_all",
    "columns": "test_columns_of_tables_are_found_by_exact_name",
    "relation_kind": "test_kinds_of_relations_are_told",
    "claim": "test_a_claim_is_a_statement_or_nothing",
    "begin": "test_transactions_are_kept_or_undone",
    "limit_time": "test_time_limits_are_said_where_they_are_claimed",
    "query_at_once": "test_queries_in_one_round_trip_answer_as_the_query_does",
    "session": "test_session_tells_version_and_identity",
}


def _fresh(name: str) -> str:
    """A name that no other test uses: the database may be there for longer than the tests."""
    return f"{name}_{uuid4().hex[:8]}"


@pytest.mark.parametrize(
    "name",
    ["plain", "With Case", 'quo"te', "semi;colon", "it's", "\u00fcml\u00e4ut", "select", "%s"],
    ids=["plain", "case", "quote", "semicolon", "apostrophe", "umlaut", "keyword", "percent"],
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
    first, second = syntax.cast(syntax.placeholder("a"), _TEXT), syntax.cast(syntax.placeholder("b"), _INTEGER)
    assert engine.run(f"SELECT {first}, {second}, {per_cent}", {"a": hostile, "b": 3}) == [(hostile, 3, "100%")]


def _lazy(syntax: Syntax) -> str:
    """An error that is not reached unless the resource is bad."""
    number = syntax.apply("length", "resource")
    error = syntax.raise_error(syntax.apply("concat", "resource", syntax.text(" is wrong")), _INTEGER, many=False)
    return syntax.case([(syntax.apply("equal", "resource", syntax.text("bad")), error)], number)


def test_errors_are_raised_where_they_are_met_only(engine: Engine) -> None:
    """An error in a branch that is not taken does nothing; one that is met carries its text."""
    syntax = engine.syntax
    rows = f"(SELECT {syntax.cast(syntax.text('good'), _TEXT)} AS resource) AS one"
    assert engine.run(f"SELECT {_lazy(syntax)} FROM {rows}") == [(4,)]
    with pytest.raises(engine.errors) as caught:
        engine.run(f"SELECT {_lazy(syntax)} FROM {rows.replace('good', 'bad')}")
    assert "bad is wrong" in engine.driver.fault(caught.value, engine.connection).message


@pytest.mark.parametrize("type", SqlType, ids=[type.value for type in SqlType])
@pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
def test_errors_stand_where_any_type_is_expected(engine: Engine, type: SqlType, many: bool) -> None:
    """An error fits into a branch beside a value of any type, or an array of them."""
    syntax = engine.syntax
    error = syntax.raise_error(syntax.apply("concat", "word", syntax.text("!")), type, many=many)
    otherwise = syntax.array([], type) if many else syntax.literal(None, type)
    chosen = syntax.case([(syntax.apply("equal", "word", syntax.text("bad")), error)], otherwise)
    [(value,)] = engine.run(f"SELECT {chosen} FROM (SELECT {syntax.text('good')} AS word) AS one")
    assert delivered(value, [] if many else None) == ([] if many else None)


#: JSON that is no value of a type.
_OTHERS = {
    _BOOLEAN: ['"true"', "1", "0", "{}"],
    _INTEGER: ['"7"', '"x"', "1.5", "true", "[7]"],
    _DECIMAL: ['"1.5"', '"x"', "false", '{"value": 1.5}', "[1.5]"],
}


@pytest.mark.parametrize(
    ("type", "written"),
    [pytest.param(type, other, id=f"{type.value}-{other}") for type, others in _OTHERS.items() for other in others],
)
def test_json_of_another_kind_is_not_read(engine: Engine, type: SqlType, written: str) -> None:
    """What is no value of a type fails as bad data, by itself, as a member and as an item; it is not made one."""
    syntax = engine.syntax
    document = syntax.literal(f'{{"v": {written}, "many": [{{"v": {written}}}]}}', _JSON)
    for value in (
        syntax.from_json(syntax.extract("document", path("v"), _JSON), type),
        syntax.extract("document", path("v"), type),
        syntax.extract_array("document", path("many*", "v"), type),
    ):
        with pytest.raises(engine.errors) as caught:
            engine.run(f"SELECT {value} FROM (SELECT {document} AS document) AS one")
        assert engine.driver.fault(caught.value, engine.connection).kind is FaultKind.DATA


@pytest.mark.parametrize("form", ItemForm, ids=lambda form: form.value)
def test_items_come_in_order(engine: Engine, form: ItemForm) -> None:
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
            return  # arrays are the way of this dialect
        item = found
    focus = syntax.focus("given", ["key"], item, form, _TEXT)
    order = [syntax.sort_key("key", _TEXT)]
    shouted = syntax.apply("concat", "value", syntax.text("!"))
    final = syntax.result("items", ["key"], order, shouted, form, kept="value IS NOT NULL")
    answer = engine.run(f"WITH given (key, resource) AS (VALUES {values}), items AS ({focus}) {final}")
    first = [("B", "9!"), ("a", "2!"), ("b", "3!")]
    everything = [("B", "9!"), ("B", "8!"), ("a", "2!"), ("b", "3!"), ("b", "1!")]
    assert answer == (first if form is ItemForm.SCALAR else everything)


def test_items_are_taken_apart_in_order(engine: Engine) -> None:
    """Each item of an array stands beside what is kept of its row, in the order of rows and then of items."""
    syntax = engine.syntax
    rows = {"b": '{"v": ["3", "1"]}', "a": '{"v": ["2"]}', "c": "{}", "d": '{"v": []}', "B": '{"v": ["9", "8"]}'}
    values = ", ".join(f"({syntax.text(key)}, {syntax.literal(value, _JSON)})" for key, value in rows.items())
    array = syntax.extract_array("resource", path("v*"), _TEXT)
    order = syntax.sort_key("key", _TEXT)
    ordered = f"SELECT key, {array} AS items FROM given ORDER BY {order}"
    given = f"WITH given (key, resource) AS (VALUES {values}), ordered AS ({ordered})"
    answer = engine.run(
        f"{given} SELECT key, item FROM ({syntax.unnested('ordered', ['key'], 'items', 'item')}) AS taken"
    )
    assert answer == [("B", "9"), ("B", "8"), ("a", "2"), ("b", "3"), ("b", "1")]
    alone = f"{given} SELECT item FROM ({syntax.unnested('ordered', [], 'items', 'item')}) AS taken"
    assert engine.run(alone) == [(item,) for _, item in answer]


def test_columns_of_keys_compare_by_code_point(engine: Engine) -> None:
    """Whatever the collation of the database, so that an index on them serves what sorts by them."""
    syntax, table = engine.syntax, _fresh("keys")
    keys = ["a", "B", "a-1", "\u00e9", "z", "10", "9", "\U0001f600", "\uffff"]
    engine.run(f"CREATE TEMPORARY TABLE {table} (key {syntax.key_type()})")
    engine.run(f"INSERT INTO {table} VALUES {', '.join(f'({syntax.text(key)})' for key in keys)}")
    assert [key for (key,) in engine.run(f"SELECT key FROM {table} ORDER BY key")] == sorted(keys)
    smaller = engine.run(f"SELECT COUNT(*) FROM {table} WHERE key < {syntax.text('a')}")
    assert smaller == [(sum(key < "a" for key in keys),)]
    engine.run(f"DROP TABLE {table}")


def test_keys_sort_by_code_point(engine: Engine) -> None:
    """Text keys have one order, whatever the collation of the database; numbers have theirs."""
    syntax = engine.syntax
    keys = ["a", "B", "a-1", "a.1", "\u00e9", "z", "10", "9", "", "\U0001f600", "\uffff"]
    values = ", ".join(f"({syntax.text(key)}, {place})" for place, key in enumerate(keys))
    given = f"WITH given (key, place) AS (VALUES {values})"
    answer = engine.run(f"{given} SELECT key FROM given ORDER BY {syntax.sort_key('key', _TEXT)}")
    assert [key for (key,) in answer] == sorted(keys)
    answer = engine.run(f"{given} SELECT place FROM given ORDER BY {syntax.sort_key('place', _INTEGER)}")
    assert [place for (place,) in answer] == list(range(len(keys)))


def test_files_are_read_in_place_or_not_at_all(engine: Engine, tmp_path: Path) -> None:
    """Lines and documents are read from files with awkward names; a dialect that does not claim it says None."""
    lines, document, many = tmp_path / "it's %s.ndjson", tmp_path / "one.json", tmp_path / "many.json"
    lines.write_text('{"id": "1"}\n{"id": "2"}\n')
    document.write_text('{\n  "id": "3"\n}\n')
    many.write_text('[{"id": "4"},\n {"id": "5"}]')
    read = engine.syntax.read_files([str(lines)], lines=True)
    documents = engine.syntax.read_files([str(document), str(many)], lines=False)
    if not engine.dialect.capabilities.files:
        assert (read, documents) == (None, None), "the capability `files` is not claimed"
        return
    ids = [
        engine.run(f"SELECT {engine.syntax.extract('resource', path('id'), _TEXT)} FROM ({sql}) AS documents")
        for sql in (read, documents)
    ]
    assert ids == [[("1",), ("2",)], [("3",), ("4",), ("5",)]]


def test_columns_of_tables_are_found_by_exact_name(engine: Engine) -> None:
    """Names and types in order, for tables and views with any name; nothing for what is not there."""
    name, view = _fresh("Odd 'n\"ame"), _fresh("a view")
    quoted, quoted_view = engine.syntax.quote(name), engine.syntax.quote(view)
    engine.run(f"CREATE TABLE {quoted} (id INTEGER, {engine.syntax.quote('The Text')} {engine.syntax.types[_TEXT]})")
    engine.run(f"CREATE VIEW {quoted_view} AS SELECT id FROM {quoted}")
    columns = [(column, type.lower()) for column, type in engine.run(engine.syntax.columns(name, None))]
    assert columns == [("id", "integer"), ("The Text", engine.syntax.types[_TEXT].lower())]
    assert [column for column, _ in engine.run(engine.syntax.columns(view, None))] == ["id"]
    for missing in (("nowhere", None), (name, "nowhere"), ("'; DROP TABLE x; --", "it's")):
        assert engine.run(engine.syntax.columns(*missing)) == []
    engine.run(f"DROP VIEW {quoted_view}")
    engine.run(f"DROP TABLE {quoted}")


def test_kinds_of_relations_are_told(engine: Engine) -> None:
    """What bears a name; nothing for a free name, or one in another schema."""
    kind, table, view = engine.syntax.relation_kind, _fresh("Kind'd %s"), _fresh("view")
    quoted, quoted_view = engine.syntax.quote(table), engine.syntax.quote(view)
    engine.run(f"CREATE TABLE {quoted} (id INTEGER)")
    engine.run(f"CREATE VIEW {quoted_view} AS SELECT 1 AS one")
    assert [engine.run(kind(name, None)) for name in (table, view)] == [[("table", None)], [("view", None)]]
    assert [engine.run(kind(*name)) for name in (("nowhere", None), (table, "nowhere"))] == [[], []]
    engine.run(f"DROP VIEW {quoted_view}")
    engine.run(f"DROP TABLE {quoted}")


def test_a_claim_is_a_statement_or_nothing(engine: Engine) -> None:
    """A table that is there, and one that is not, can be claimed inside a transaction."""
    name = _fresh("claimed")
    engine.run(f"CREATE TABLE {name} (id INTEGER)")
    for table, exists in ((name, True), ('"not there"', False)):
        engine.run(engine.syntax.begin(read_only=False))
        claim = engine.syntax.claim(table, exists=exists)
        if claim is not None:
            engine.run(claim)
        engine.run("COMMIT")
    engine.run(f"DROP TABLE {name}")


def test_transactions_are_kept_or_undone(engine: Engine) -> None:
    """What was written before COMMIT stays, and before ROLLBACK goes."""
    name = _fresh("kept")
    engine.run(f"CREATE TABLE {name} (value INTEGER)")
    for value, end in ((1, "COMMIT"), (2, "ROLLBACK")):
        engine.run(engine.syntax.begin(read_only=False))
        engine.run(f"INSERT INTO {name} VALUES ({value})")
        engine.run(end)
    engine.run(engine.syntax.begin(read_only=True))
    assert engine.run(f"SELECT value FROM {name}") == [(1,)]
    engine.run("COMMIT")
    engine.run(f"DROP TABLE {name}")


@pytest.mark.requires("read_only")
def test_read_only_transactions_refuse_writes(engine: Engine) -> None:
    """A table that is written in a read-only transaction stays as it is."""
    name = _fresh("written")
    engine.run(f"CREATE TABLE {name} (value INTEGER)")
    engine.run(engine.syntax.begin(read_only=True))
    with pytest.raises(engine.errors):
        engine.run(f"INSERT INTO {name} VALUES (1)")
    engine.run("ROLLBACK")
    assert engine.run(f"SELECT value FROM {name}") == []
    engine.run(f"DROP TABLE {name}")


def test_time_limits_are_said_where_they_are_claimed(engine: Engine) -> None:
    """There is a statement that limits time if and only if the capability is claimed."""
    assert (engine.syntax.limit_time(1000) is not None) == engine.dialect.capabilities.statement_timeout


def test_queries_in_one_round_trip_answer_as_the_query_does(engine: Engine) -> None:
    """A query that is a transaction by itself answers as the query would, and writes nothing."""
    at_once, name = engine.syntax.query_at_once, _fresh("written")
    if at_once("SELECT 1", 1000) is None:
        assert at_once("SELECT 1", None) is None
        return
    assert engine.run(str(at_once("SELECT 1", 1000))) == [(1,)]
    assert engine.run(str(at_once("SELECT 1", None))) == [(1,)]
    placeholder = engine.syntax.cast(engine.syntax.placeholder("a"), _TEXT)
    assert engine.run(str(at_once(f"SELECT {placeholder}", 1000)), {"a": "x"}) == [("x",)]
    with pytest.raises(engine.errors):
        engine.run(str(at_once(f"CREATE TABLE {name} (value INTEGER)", 1000)))
    assert engine.run(engine.syntax.columns(name, None)) == []


def test_session_tells_version_and_identity(engine: Engine) -> None:
    """The version of the product and what tells its sessions apart, as texts."""
    [(version, identity)] = engine.run(engine.syntax.session())
    assert isinstance(version, str) and isinstance(identity, str)
    assert version and identity
