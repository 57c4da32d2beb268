"""Every word of a dialect's syntax: what it means, on every database."""

from __future__ import annotations

import inspect
import json as text_json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.syntax import ItemForm, Syntax
from fhir4ds.dialect.types import SqlType
from tests.support.comparison import canonical
from tests.support.engines import Engine, parse_json
from tests.unit.dialects.literals import Literal, boolean, integer, json, text

_BOOLEAN, _INTEGER, _DECIMAL, _TEXT, _JSON = SqlType

_DOCUMENT = json(
    text_json.dumps(
        {
            "a": "x",
            "yes": True,
            "n": 12,
            "d": 1.5,
            "zero": None,
            "o": {"p": {"q": "deep"}, 'odd "name\\': 1, "": 2, "$": 3, "it's": 4},
            "many": [{"v": [1, 2]}, {"v": [3]}, {}, {"v": []}],
            "texts": ["one", "", "drei\u00e9"],
            "flags": [True, False],
            "none": [],
        }
    )
)


def _document(syntax: Syntax) -> str:
    return _DOCUMENT.spell(syntax)


def _path(*names: str) -> list[Step]:
    """Steps by name; ``name*`` goes to each item, ``name?`` where that is not known."""
    marks = {"*": True, "?": None}
    return [Step(name[:-1], marks[name[-1]]) if name[-1:] in marks else Step(name) for name in names]


def _numbers(syntax: Syntax) -> str:
    return syntax.array_rows(integer(5, 6, 7).spell(syntax))


def _nested_numbers(syntax: Syntax) -> str:
    """Each of 1, 2, 3 repeated as an inner array of itself and its tenfold, without the middle one."""
    inner = syntax.array(["n", syntax.apply("multiply", "n", "10")], _INTEGER)
    where = syntax.apply("unequal", "n", "2")
    source = syntax.array_rows(integer(1, 2, 3).spell(syntax))
    return syntax.flat_each(source, "n", None, where, syntax.array_rows(inner), "m", "m")


def _indexed_numbers(syntax: Syntax) -> str:
    """Inner arrays with the position of the outer item, which counts also what is left out."""
    inner = syntax.array_rows(syntax.array([syntax.apply("multiply", "n", "i"), "i"], _INTEGER))
    source = syntax.array_rows(integer(10, 10, 10).spell(syntax))
    return syntax.flat_each(source, "n", "i", syntax.apply("less", "1", "i"), inner, "m", "m")


def _outer_variable(syntax: Syntax) -> str:
    """Three levels, of which the innermost uses the variable of the outermost."""
    numbers = syntax.array_rows(integer(1, 2).spell(syntax))
    sum_ = syntax.apply("add", "x", syntax.apply("add", "y", "z"))
    level_3 = syntax.each(numbers, "z", None, None, sum_)
    level_2 = syntax.flat_each(numbers, "y", None, None, syntax.array_rows(level_3), "y_item", "y_item")
    return syntax.flat_each(numbers, "x", None, None, syntax.array_rows(level_2), "x_item", "x_item")


def _items_of_json(syntax: Syntax) -> str:
    """The texts of JSON items that are walked where they are."""
    steps = _path("texts*")
    rows = syntax.extract_rows(_document(syntax), steps)
    source = syntax.array_rows(syntax.extract_array(_document(syntax), steps, _JSON)) if rows is None else rows
    return syntax.each(source, "item", None, None, syntax.from_json("item", _TEXT))


def _lazy(syntax: Syntax) -> str:
    """An error that is not reached."""
    number = syntax.apply("length", "resource")
    error = syntax.raise_error(syntax.apply("concat", "resource", syntax.text(" is wrong")), _INTEGER, many=False)
    return syntax.case([(syntax.apply("equal", "resource", syntax.text("bad")), error)], number)


#: Expressions of the words, and the value that they have on every database; JSON is compared as a value.
EXPRESSIONS: dict[str, list[tuple[Callable[[Syntax], str], Any]]] = {
    "text": [
        (lambda s: s.text("it's \\ a \"test\"\n%s {0} $1 \\' --"), "it's \\ a \"test\"\n%s {0} $1 \\' --"),
        (lambda s: s.text(""), ""),
        (lambda s: s.text("\U0001f600\u00e9"), "\U0001f600\u00e9"),
    ],
    "literal": [
        (lambda s: s.literal(True, _BOOLEAN), True),
        (lambda s: s.literal(-9223372036854775807, _INTEGER), -9223372036854775807),
        (lambda s: s.literal(Decimal("1.50"), _DECIMAL), Decimal("1.5")),
        (lambda s: s.literal(Decimal("1E+3"), _DECIMAL), Decimal(1000)),
        (lambda s: s.literal("a", _TEXT), "a"),
        (lambda s: s.literal('{"a": [1, null]}', _JSON), {"a": [1, None]}),
        (lambda s: s.apply("is_null", s.literal(None, _INTEGER)), True),
        (lambda s: s.apply("is_null", s.literal(None, _JSON)), True),
    ],
    "cast": [
        (lambda s: s.cast(s.text("42"), _INTEGER), 42),
        (lambda s: s.cast(s.text("-1.50"), _DECIMAL), Decimal("-1.5")),
        (lambda s: s.cast(s.text("false"), _BOOLEAN), False),
        (lambda s: s.cast("7", _TEXT), "7"),
    ],
    "apply": [(lambda s: s.apply("add", "1", s.apply("multiply", "2", "3")), 7)],
    "case": [
        (lambda s: s.case([("FALSE", "1"), ("TRUE", "2"), ("TRUE", "3")], "4"), 2),
        (lambda s: s.case([(boolean(None).spell(s), "1")], "4"), 4),
    ],
    "extract": [
        (lambda s: s.extract(_document(s), _path("a"), _TEXT), "x"),
        (lambda s: s.extract(_document(s), _path("yes"), _BOOLEAN), True),
        (lambda s: s.extract(_document(s), _path("n"), _INTEGER), 12),
        (lambda s: s.extract(_document(s), _path("d"), _DECIMAL), Decimal("1.5")),
        (lambda s: s.extract(_document(s), _path("o", "p", "q"), _TEXT), "deep"),
        (lambda s: s.extract(_document(s), _path("o", "p"), _JSON), {"q": "deep"}),
        (lambda s: s.extract(_document(s), _path("zero"), _TEXT), None),
        (lambda s: s.extract(_document(s), _path("zero"), _JSON), None),
        (lambda s: s.extract(_document(s), _path("absent", "too"), _INTEGER), None),
        (lambda s: s.extract(_document(s), _path("a", "not-an-object"), _JSON), None),
        (lambda s: s.extract(_document(s), _path("o", 'odd "name\\'), _INTEGER), 1),
        (lambda s: s.extract(_document(s), _path("o", "$"), _INTEGER), 3),
        (lambda s: s.extract(_document(s), _path("o", "it's"), _INTEGER), 4),
    ],
    "extract_array": [
        (lambda s: s.extract_array(_document(s), _path("texts*"), _TEXT), ["one", "", "drei\u00e9"]),
        (lambda s: s.extract_array(_document(s), _path("many*", "v*"), _INTEGER), [1, 2, 3]),
        (lambda s: s.extract_array(_document(s), _path("flags*"), _BOOLEAN), [True, False]),
        (lambda s: s.extract_array(_document(s), _path("many*"), _JSON), [{"v": [1, 2]}, {"v": [3]}, {}, {"v": []}]),
        (lambda s: s.extract_array(_document(s), _path("none*"), _TEXT), []),
        (lambda s: s.extract_array(_document(s), _path("absent*"), _TEXT), []),
        (lambda s: s.extract_array(_document(s), _path("many?", "v?"), _INTEGER), [1, 2, 3]),
        (lambda s: s.extract_array(_document(s), _path("o?", "p?", "q?"), _TEXT), ["deep"]),
        (lambda s: s.extract_array(_document(s), _path("a?"), _TEXT), ["x"]),
        (lambda s: s.extract_array(_document(s), _path("o", 'odd "name\\?'), _INTEGER), [1]),
    ],
    "extract_rows": [(_items_of_json, ["one", "", "drei\u00e9"])],
    "from_json": [
        (lambda s: s.from_json(json('"a\\u00e9"').spell(s), _TEXT), "a\u00e9"),
        (lambda s: s.from_json(json("-3").spell(s), _INTEGER), -3),
        (lambda s: s.from_json(json("1.50").spell(s), _DECIMAL), Decimal("1.5")),
        (lambda s: s.from_json(json("true").spell(s), _BOOLEAN), True),
        (lambda s: s.from_json(json("null").spell(s), _BOOLEAN), None),
        (lambda s: s.from_json(json("[1]").spell(s), _JSON), [1]),
    ],
    "array": [
        (lambda s: s.array([], _TEXT), []),
        (lambda s: s.array(["1", s.cast("NULL", _INTEGER)], _INTEGER), [1, None]),
    ],
    "array_rows": [(lambda s: s.each(_numbers(s), "n", None, None, "n"), [5, 6, 7])],
    "each": [
        (lambda s: s.each(_numbers(s), "n", None, None, s.apply("add", "n", "1")), [6, 7, 8]),
        (lambda s: s.each(_numbers(s), "n", None, s.apply("less", "5", "n"), "n"), [6, 7]),
        (
            lambda s: s.each(_numbers(s), "n", "i", s.apply("unequal", "i", "2"), s.apply("multiply", "n", "10")),
            [50, 70],
        ),
        (lambda s: s.each(_numbers(s), "n", "i", None, "i"), [1, 2, 3]),
        (lambda s: s.each(_numbers(s), "n", None, None, s.apply("null_if", "n", "6")), [5, 7]),
        (lambda s: s.each(s.array_rows(s.array([], _INTEGER)), "n", None, None, s.apply("add", "n", "1")), []),
    ],
    "flat_each": [
        (_nested_numbers, [1, 10, 3, 30]),
        (_indexed_numbers, [20, 2, 30, 3]),
        (_outer_variable, [3, 4, 4, 5, 4, 5, 5, 6]),
    ],
    "exists_each": [
        (lambda s: s.exists_each(_numbers(s), "n", None, s.apply("equal", "n", "6")), True),
        (lambda s: s.exists_each(_numbers(s), "n", "i", s.apply("less", "n", "i")), False),
        (lambda s: s.exists_each(_numbers(s), "n", None, boolean(None).spell(s)), False),
        (lambda s: s.exists_each(_numbers(s), "n", None, None), True),
        (lambda s: s.exists_each(s.array_rows(s.array([], _TEXT)), "n", None, None), False),
    ],
    "fold": [
        (
            lambda s: s.fold(
                text("a", "b", "c").spell(s), "t", "n", s.cast(s.text("-"), _TEXT), s.apply("concat", "t", "n")
            ),
            "-abc",
        ),
        (lambda s: s.fold(s.array([], _INTEGER), "t", "n", s.cast("0", _INTEGER), s.apply("add", "t", "n")), 0),
    ],
    "bind": [
        (lambda s: s.bind("x", s.apply("add", "1", "2"), s.apply("multiply", "x", "x")), 9),
        (lambda s: s.bind("x", "2", s.bind("y", s.apply("add", "x", "1"), s.apply("multiply", "x", "y"))), 6),
    ],
    "sort_each": [
        (lambda s: _sorted(s, descending=False), [3, 1, 4, 2, 5]),
        (lambda s: _sorted(s, descending=True), [3, 2, 5, 4, 1]),
    ],
    "repeat": [
        (lambda s: _repeat(s, distinct=False), ["b", "c", "b", "d", "e", "d"]),
        (lambda s: _repeat(s, distinct=True), ["b", "c", "d", "e"]),
        (lambda s: _repeat(s, distinct=False, levels=4), ["b", "c", "b", "d", "e", "d"]),
        (lambda s: _repeat(s, distinct=False, levels=2), ["too deep"]),
    ],
}


def _sorted(syntax: Syntax, *, descending: bool) -> str:
    """The numbers 1 to 5 by a text that each has; two have the same, and one has none."""
    keys = {1: "B", 2: "b", 4: "a", 5: "b"}
    branches = [
        (syntax.apply("equal", "n", str(number)), syntax.cast(syntax.text(key), _TEXT)) for number, key in keys.items()
    ]
    key = syntax.case(branches, syntax.literal(None, _TEXT))
    rows = syntax.array_rows(integer(1, 2, 3, 4, 5).spell(syntax))
    return syntax.sort_each(rows, "n", key, syntax.sort_key(key, _TEXT), descending=descending)


def _repeat(syntax: Syntax, *, distinct: bool, levels: int = 9) -> str:
    """Walk a graph: a to b, c, b; b to d; c to e; with a way back to b where items are taken once only."""
    targets_of = {"a": ["b", "c", "b"], "b": ["d"], "c": ["e"], "e": ["b"] if distinct else []}
    branches = [
        (syntax.apply("equal", "item", syntax.text(name)), Literal(tuple(targets), _TEXT).spell(syntax))
        for name, targets in targets_of.items()
    ]
    reached = syntax.array_rows(syntax.case(branches, syntax.array([], _TEXT)))
    body = syntax.flat_each(syntax.array_rows("level"), "item", None, None, reached, "target", "target")
    start, overflow = (syntax.array([syntax.text(text)], _TEXT) for text in ("a", "too deep"))
    return syntax.repeat(start, "level", body, _TEXT, distinct=distinct, levels=levels, overflow=overflow)


_CASES = [
    pytest.param(build, expected, id=f"{word}-{number}")
    for word, cases in EXPRESSIONS.items()
    for number, (build, expected) in enumerate(cases, start=1)
]

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
    "claim": "test_a_claim_is_a_statement_or_nothing",
    "begin": "test_read_only_transactions_refuse_writes",
    "limit_time": "test_time_limits_are_kept",
    "query_at_once": "test_queries_in_one_round_trip_are_read_only_and_limited",
    "session": "test_session_tells_version_and_identity",
}


def test_every_word_has_a_meaning_here() -> None:
    """A new word comes with a case that holds on every database."""
    words = {name for name, _ in inspect.getmembers(Syntax, inspect.isfunction) if not name.startswith("_")}
    assert words == set(EXPRESSIONS) | set(STATEMENTS)
    assert all(callable(globals().get(test)) for test in STATEMENTS.values())


@pytest.mark.parametrize(("build", "expected"), _CASES)
def test_word_means_the_same_everywhere(engine: Engine, build: Callable[[Syntax], str], expected: object) -> None:
    """Each word gives the stated value, not merely the same on all databases."""
    value = engine.value(build(engine.syntax))
    shown = value if canonical(value) == canonical(expected) else _parsed(value)
    assert canonical(shown) == canonical(expected)


def _parsed(value: Any) -> Any:
    try:
        return parse_json(value)
    except (TypeError, ValueError):
        return value


@pytest.mark.parametrize("type", SqlType)
def test_types_hold_their_values(engine: Engine, type: SqlType) -> None:
    """Every type has a name that a table column can have."""
    name = engine.syntax.types[type]
    engine.run(f"CREATE TEMPORARY TABLE types_{type.value} (value {name})")
    assert engine.run(f"SELECT value FROM types_{type.value}") == []


def test_table_options_are_accepted(engine: Engine) -> None:
    """A table can be made with the options of the dialect."""
    engine.run(f"CREATE TABLE options (resource {engine.syntax.types[_JSON]}){engine.syntax.table_options}")
    assert engine.run("SELECT COUNT(*) FROM options") == [(0,)]
    engine.run("DROP TABLE options")


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
    assert engine.run(f"SELECT {_lazy(syntax)} FROM {rows}") == [(4,)]
    with pytest.raises(engine.errors, match="bad is wrong"):
        engine.run(f"SELECT {_lazy(syntax)} FROM {rows.replace('good', 'bad')}")


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
    steps = _path("v*")
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
    final = syntax.result("items", ["key"], order, shouted, form, nullable=True)
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
        engine.run(f"SELECT {engine.syntax.extract('resource', _path('id'), _TEXT)} FROM ({sql})")
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
