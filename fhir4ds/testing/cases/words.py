"""Every word of a dialect's syntax that is an expression: the value that it has, on every database."""

from __future__ import annotations

import json as text_json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from fhir4ds.dialect.syntax import Syntax
from fhir4ds.dialect.types import ColumnKind, ColumnType, SqlType
from fhir4ds.testing.cases.literals import Literal, boolean, integer, json, path, text
from fhir4ds.testing.cases.relations import is_there, looked_up

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
            "gaps": ["one", None],
            "flags": [True, False],
            "none": [],
        }
    )
)


#: Items by the text of a member: one without a value, one with null, and two with values.
_KEYED = json(
    text_json.dumps(
        {
            "many": [
                {"k": "a", "v": 1},
                {"k": 'it\'s \\ "so" é %'},
                {"k": 'it\'s \\ "so" é %', "v": None},
                {"k": 'it\'s \\ "so" é %', "v": 2},
                {"k": 'it\'s \\ "so" é %', "v": 3},
            ]
        }
    )
)


def _first_where(syntax: Syntax, onward: str, wanted: str) -> str | None:
    return syntax.extract_first_where(_KEYED.spell(syntax), path("many*"), "k", wanted, path(onward))


def _document(syntax: Syntax) -> str:
    return _DOCUMENT.spell(syntax)


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
    steps = path("texts*")
    rows = syntax.extract_rows(_document(syntax), steps)
    source = syntax.array_rows(syntax.extract_array(_document(syntax), steps, _JSON)) if rows is None else rows
    return syntax.each(source, "item", None, None, syntax.from_json("item", _TEXT))


def _of_several(syntax: Syntax, number: int) -> str:
    """One of several values that are found at once, or by itself where that costs no more."""
    paths = [path("a"), path("absent"), path("o", "p", "q"), path("many*", "v*"), path("none*", "v")]
    found = syntax.extract_several(_document(syntax), paths)
    if found is None:
        all_items = syntax.extract_array(_document(syntax), paths[number - 1], _TEXT)
        one = syntax.apply("array_at", all_items, "1")
        return one if number > 3 else syntax.extract(_document(syntax), paths[number - 1], _TEXT)
    return syntax.from_json(syntax.apply("array_at", found, str(number)), _TEXT)


def _made(syntax: Syntax) -> str:
    """An object of JSON, and of a text that looks like it."""
    json = syntax.apply("json_member", syntax.extract(_document(syntax), path("o", "p"), _JSON))
    names = [syntax.text(name) for name in ("json", "text")]
    return syntax.apply("json_object", names[0], json, names[1], syntax.text('{"q": 1}'))


def _as_written(syntax: Syntax, *steps: str) -> str:
    """The text of a number in a document that also has what only looks like one."""
    text = '{"a": 1.50, "b": "c\\": 2.50,", "n": 12, "many": [1, 2.00, {"d": 0.10}], "long": 123456789012345.670, "small": 0.00001}'
    document = syntax.apply("json_exact", f"({syntax.literal(text, _JSON)})")
    return syntax.apply("json_numeral", syntax.extract(document, path(*steps), _JSON))


def _beside_numbers(syntax: Syntax) -> str:
    """A text in a document whose numbers are to be read as they are written."""
    document = syntax.literal('{"a": 1.50, "b": "c\\": 2.50, [1.50, 2.50]"}', _JSON)
    return syntax.extract(syntax.apply("json_exact", f"({document})"), path("b"), _TEXT)


def _field_of_a_record(syntax: Syntax) -> str:
    """A field, where arrays of records are walked."""
    return syntax.field.format(record=f"({syntax.record({'a': '6', 'b': '7'})})", name="b") if syntax.records else "7"


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
    "apply": [
        (lambda s: s.apply("add", "1", s.apply("multiply", "2", "3")), 7),
        (lambda s: s.extract(_made(s), path("json", "q"), _TEXT), "deep"),
        (lambda s: s.extract(_made(s), path("text"), _TEXT), '{"q": 1}'),
        (lambda s: _as_written(s, "a"), "1.50"),
        (lambda s: _as_written(s, "n"), "12"),
        (lambda s: _as_written(s, "long"), "123456789012345.670"),
        (lambda s: _as_written(s, "small"), "0.00001"),
        (lambda s: _as_written(s, "absent"), None),
        (_beside_numbers, 'c": 2.50, [1.50, 2.50]'),
    ],
    "case": [
        (lambda s: s.case([("FALSE", "1"), ("TRUE", "2"), ("TRUE", "3")], "4"), 2),
        (lambda s: s.case([(boolean(None).spell(s), "1")], "4"), 4),
    ],
    "extract": [
        (lambda s: s.extract(_document(s), path("a"), _TEXT), "x"),
        (lambda s: s.extract(_document(s), path("yes"), _BOOLEAN), True),
        (lambda s: s.extract(_document(s), path("n"), _INTEGER), 12),
        (lambda s: s.extract(_document(s), path("d"), _DECIMAL), Decimal("1.5")),
        (lambda s: s.extract(_document(s), path("o", "p", "q"), _TEXT), "deep"),
        (lambda s: s.extract(_document(s), path("o", "p"), _JSON), {"q": "deep"}),
        (lambda s: s.extract(_document(s), path("zero"), _TEXT), None),
        (lambda s: s.extract(_document(s), path("zero"), _JSON), None),
        (lambda s: s.extract(_document(s), path("absent", "too"), _INTEGER), None),
        (lambda s: s.extract(_document(s), path("a", "not-an-object"), _JSON), None),
        (lambda s: s.extract(_document(s), path("o", 'odd "name\\'), _INTEGER), 1),
        (lambda s: s.extract(_document(s), path("o", "$"), _INTEGER), 3),
        (lambda s: s.extract(_document(s), path("o", "it's"), _INTEGER), 4),
    ],
    "extract_array": [
        (lambda s: s.extract_array(_document(s), path("texts*"), _TEXT), ["one", "", "drei\u00e9"]),
        (lambda s: s.extract_array(_document(s), path("many*", "v*"), _INTEGER), [1, 2, 3]),
        (lambda s: s.extract_array(_KEYED.spell(s), path("many*", "v"), _INTEGER), [1, None, 2, 3]),
        (lambda s: s.extract_array(_document(s), path("flags*"), _BOOLEAN), [True, False]),
        (lambda s: s.extract_array(_document(s), path("many*"), _JSON), [{"v": [1, 2]}, {"v": [3]}, {}, {"v": []}]),
        (lambda s: s.extract_array(_document(s), path("none*"), _TEXT), []),
        (lambda s: s.extract_array(_document(s), path("absent*"), _TEXT), []),
        (lambda s: s.extract_array(_document(s), path("zero*"), _TEXT), []),
        (lambda s: s.extract_array(_document(s), path("gaps*"), _TEXT), ["one", None]),
        (lambda s: s.extract_array(_document(s), path("zero?"), _TEXT), []),
        (lambda s: s.extract_array(_document(s), path("gaps?"), _TEXT), ["one"]),
        (lambda s: s.extract_array(_document(s), path("many?", "v?"), _INTEGER), [1, 2, 3]),
        (lambda s: s.extract_array(_document(s), path("o?", "p?", "q?"), _TEXT), ["deep"]),
        (lambda s: s.extract_array(_document(s), path("a?"), _TEXT), ["x"]),
        (lambda s: s.extract_array(_document(s), path("o", 'odd "name\\?'), _INTEGER), [1]),
    ],
    "extract_rows": [(_items_of_json, ["one", "", "drei\u00e9"])],
    "extract_several": [
        (lambda s: _of_several(s, 1), "x"),
        (lambda s: _of_several(s, 2), None),
        (lambda s: _of_several(s, 3), "deep"),
        (lambda s: _of_several(s, 4), "1"),
        (lambda s: _of_several(s, 5), None),
    ],
    "extract_front": [
        (lambda s: s.extract_front(_document(s), path("many*", "v*"), _INTEGER) or s.literal(1, _INTEGER), 1),
        (lambda s: s.extract_front(_document(s), path("texts*"), _TEXT) or s.text("one"), "one"),
        (lambda s: s.extract_front(_document(s), path("none*"), _JSON) or s.literal(None, _JSON), None),
        (lambda s: s.extract_front(_document(s), path("absent*", "v"), _TEXT) or s.literal(None, _TEXT), None),
    ],
    "extract_first_where": [
        (lambda s: _first_where(s, "v", 'it\'s \\ "so" é %') or s.literal("2", _JSON), 2),
        (lambda s: _first_where(s, "v", "other") or s.literal(None, _JSON), None),
        (lambda s: _first_where(s, "k", 'it\'s \\ "so" é %') or s.text('it\'s \\ "so" é %'), 'it\'s \\ "so" é %'),
    ],
    "extract_exists": [
        (lambda s: s.extract_exists(_document(s), path("many*", "v")) or s.literal(True, _BOOLEAN), True),
        (lambda s: s.extract_exists(_document(s), path("none*")) or s.literal(False, _BOOLEAN), False),
    ],
    "extract_first": [
        (lambda s: s.extract_first(_document(s), path("texts*")) or s.literal('"one"', _JSON), "one"),
        (lambda s: s.extract_first(_document(s), path("many*", "v*")) or s.literal("1", _JSON), 1),
        (lambda s: s.extract_first(_document(s), path("none*")) or s.literal(None, _JSON), None),
    ],
    "fetched": [(lambda s: s.extract(s.fetched(_document(s)) or _document(s), path("o", "p", "q"), _TEXT), "deep")],
    "record": [(_field_of_a_record, 7)],
    "column_type": [
        (lambda s: f"CAST('2020-01-02' AS {s.column_type(ColumnType(ColumnKind.DATE))})", date(2020, 1, 2)),
        (lambda s: f"CAST('1.5' AS {s.column_type(ColumnType(ColumnKind.DECIMAL, (4, 2)))})", Decimal("1.50")),
        (lambda s: f"CAST(2.5 AS {s.column_type(ColumnType(ColumnKind.DOUBLE))})", 2.5),
        (lambda s: f"CAST(NULL AS {s.column_type(ColumnType(ColumnKind.BINARY))})", None),
        (lambda s: f"CAST(NULL AS {s.column_type(ColumnType(ColumnKind.INSTANT))})", None),
        (lambda s: f"CAST('a' AS {s.column_type(ColumnType(ColumnKind.TEXT))})", "a"),
        (
            lambda s: (
                f"CAST({s.array(['1'], _INTEGER)} AS {s.column_type(ColumnType(ColumnKind.SMALLINT, many=True))})"
            ),
            [1],
        ),
    ],
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
    "first_each": [
        (lambda s: s.first_each(_numbers(s), "n", None, s.apply("less", "5", "n"), "n"), 6),
        (lambda s: s.first_each(_numbers(s), "n", None, None, s.apply("null_if", "n", "5")), 6),
        (lambda s: s.first_each(_numbers(s), "n", "i", s.apply("less", "1", "i"), s.apply("add", "n", "i")), 8),
        (lambda s: s.first_each(_numbers(s), "n", None, s.apply("less", "9", "n"), "n"), None),
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
    "relation": [(lambda s: looked_up(s, "Patient", "1"), "Ada"), (lambda s: looked_up(s, "Group", "1"), "all")],
    "find": [(lambda s: looked_up(s, "Patient", "3"), None), (lambda s: looked_up(s, "Patient", None), None)],
    "holds": [
        (lambda s: is_there(s, "3"), True),
        (lambda s: is_there(s, "4"), False),
        (lambda s: is_there(s, None), False),
    ],
    "sort_each": [
        (lambda s: _sorted(s, descending=False), [3, 1, 4, 2, 5]),
        (lambda s: _sorted(s, descending=True), [3, 2, 5, 4, 1]),
    ],
    # What a level is called is a matter of the body that it stands in.
    "level": [
        (lambda s: _repeat(s, distinct=False, levels=5), ["b", "c", "b", "d", "e", "d"]),
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
    body = syntax.flat_each(syntax.array_rows(syntax.level("known")), "item", None, None, reached, "target", "target")
    start, overflow = (syntax.array([syntax.text(text)], _TEXT) for text in ("a", "too deep"))
    return syntax.repeat(start, "known", body, _TEXT, distinct=distinct, levels=levels, overflow=overflow)
