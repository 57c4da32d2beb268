"""The SQL of every word and primitive, as text: a change of spelling shows in the diff of a golden file.

``python -m tests.unit.dialects.test_syntax_goldens`` writes the files anew.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from fhir4ds_duckdb.syntax import DuckDBSyntax
from fhir4ds_postgres.syntax import PostgresSyntax

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.primitives import PRIMITIVES
from fhir4ds.dialect.syntax import ItemForm, Syntax
from fhir4ds.dialect.types import ColumnKind, ColumnType, SqlType

FOLDER = Path(__file__).parent / "goldens"
SYNTAXES: dict[str, Syntax] = {"duckdb": DuckDBSyntax(), "postgres": PostgresSyntax()}

_BOOLEAN, _INTEGER, _DECIMAL, _TEXT, _JSON = SqlType
_NAME, _NAMES, _GIVEN = Step("name"), Step("name", each=True), Step("given", each=True)
_UNKNOWN = Step("name", each=None)

WORDS: dict[str, Callable[[Syntax], object]] = {
    "quote": lambda s: s.quote('odd "name"'),
    "text": lambda s: s.text("it's"),
    "text with backslash": lambda s: s.text("it's \\"),
    "literal boolean": lambda s: s.literal(True, _BOOLEAN),
    "literal integer": lambda s: s.literal(-7, _INTEGER),
    "literal decimal": lambda s: s.literal(Decimal("1.50"), _DECIMAL),
    "literal json": lambda s: s.literal("{}", _JSON),
    "literal null": lambda s: s.literal(None, _TEXT),
    "placeholder": lambda s: s.placeholder("p"),
    "cast": lambda s: s.cast("a", _DECIMAL),
    "case": lambda s: s.case([("a", "b"), ("c", "d")], "e"),
    "raise_error": lambda s: s.raise_error("a", _BOOLEAN, many=False),
    "raise_error many": lambda s: s.raise_error("a", _JSON, many=True),
    "extract text": lambda s: s.extract("r", [_NAME, Step("family")], _TEXT),
    "extract integer": lambda s: s.extract("r", [_NAME], _INTEGER),
    "extract json": lambda s: s.extract("r", [_NAME, Step("period")], _JSON),
    "extract_array text": lambda s: s.extract_array("r", [_NAMES, _GIVEN], _TEXT),
    "extract_array boolean": lambda s: s.extract_array("r", [_NAMES], _BOOLEAN),
    "extract_array json": lambda s: s.extract_array("r", [_NAMES], _JSON),
    "extract_array unknown": lambda s: s.extract_array("r", [_UNKNOWN], _TEXT),
    "extract_array odd names": lambda s: s.extract_array("r", [Step("a\"'\\", each=True)], _TEXT),
    "extract_rows": lambda s: s.extract_rows("r", [_NAMES, _GIVEN]),
    "extract_several": lambda s: s.extract_several("r", [[_NAME], [_NAME, Step("period")]]),
    "extract_array here": lambda s: s.extract_array("r", [Step("", each=True, here=True), _GIVEN], _TEXT),
    "extract_exists": lambda s: s.extract_exists("r", [_NAMES, _GIVEN]),
    "extract_front": lambda s: s.extract_front("r", [_NAMES, _GIVEN], _TEXT),
    "extract_front json": lambda s: s.extract_front("r", [Step("", each=True, here=True), _NAME], _JSON),
    "extract_first": lambda s: s.extract_first("r", [_NAMES, _GIVEN]),
    "fetched": lambda s: s.fetched("r"),
    "record": lambda s: s.record({"a": "1", "b": "2"}),
    "column_type": lambda s: ", ".join(s.column_type(ColumnType(kind)) for kind in ColumnKind),
    "column_type many": lambda s: s.column_type(ColumnType(ColumnKind.DECIMAL, (10, 2), many=True)),
    "lambdas": lambda s: s.lambdas,
    "from_json": lambda s: s.from_json("j", _INTEGER),
    "array": lambda s: s.array(["a", "b"], _TEXT),
    "array_rows": lambda s: s.array_rows("a"),
    "each": lambda s: s.each("rows", "v", None, None, "f"),
    "each where": lambda s: s.each("rows", "v", "i", "w", "v"),
    "flat_each": lambda s: s.flat_each("rows", "v", None, "w", "inner_rows", "u", "f"),
    "exists_each": lambda s: s.exists_each("rows", "v", None, "w"),
    "fold": lambda s: s.fold("a", "t", "v", "z", "f"),
    "sort_each": lambda s: s.sort_each("rows", "v", "k", s.sort_key("k", _TEXT), descending=True),
    "relation": lambda s: s.relation("rows", ["a", "b"], "c"),
    "find": lambda s: s.find("r", ["a", "b"], ["k1", "k2"], "c"),
    "holds": lambda s: s.holds("r", "a", "k1"),
    "columns": lambda s: s.columns("it's", None),
    "columns of schema": lambda s: s.columns("t", "s"),
    "claim": lambda s: s.claim('"t"', exists=True),
    "repeat": lambda s: s.repeat("a", "v", s.level("v"), _JSON, distinct=False, levels=9, overflow="o"),
    "repeat distinct": lambda s: s.repeat("a", "v", s.level("v"), _JSON, distinct=True, levels=9, overflow="o"),
    "bind": lambda s: s.bind("v", "a", "f"),
    "focus scalar": lambda s: s.focus("patient", ["key"], "a", ItemForm.SCALAR, _TEXT),
    "focus array": lambda s: s.focus("patient", ["key"], "a", ItemForm.ARRAY, _TEXT),
    "focus rows": lambda s: s.focus("patient", ["key"], "rows", ItemForm.ROWS, _TEXT),
    "result scalar": lambda s: s.result("items", ["key"], ["key"], "value", ItemForm.SCALAR, kept="value IS NOT NULL"),
    "result array": lambda s: s.result("items", ["key"], ["key"], "value", ItemForm.ARRAY, kept="value IS NOT NULL"),
    "result delivered": lambda s: s.result("items", ["key"], ["key"], "f", ItemForm.ARRAY, kept=None),
    "sort_key": lambda s: s.sort_key("key", _TEXT),
    "read_files lines": lambda s: s.read_files(["it's.ndjson"], lines=True),
    "read_files": lambda s: s.read_files(["a.json", "b.json"], lines=False),
    "begin": lambda s: s.begin(read_only=False),
    "relation_kind": lambda s: s.relation_kind("it's", None),
    "relation_kind schema": lambda s: s.relation_kind("x", "it's"),
    "begin read only": lambda s: s.begin(read_only=True),
    "limit_time": lambda s: s.limit_time(1500),
    "query_at_once": lambda s: s.query_at_once("SELECT 1", 1500),
    "query_at_once without limit": lambda s: s.query_at_once("SELECT 1", None),
    "session": lambda s: s.session(),
    "types": lambda s: ", ".join(s.types[type] for type in SqlType),
    "table_options": lambda s: s.table_options,
    "renames_indexed": lambda s: s.renames_indexed,
    "materialized_views": lambda s: s.materialized_views,
}


def rendered(syntax: Syntax) -> str:
    """All words and primitives of a dialect, one a line."""
    words = [f"{title}: {build(syntax)}" for title, build in WORDS.items()]
    primitives = [f"{name}(a, b, c): {syntax.apply(name, 'a', 'b', 'c')}" for name in PRIMITIVES]
    return "\n".join([*words, "", *primitives]) + "\n"


@pytest.mark.parametrize("name", SYNTAXES)
def test_spelling_is_that_of_the_golden_file(name: str) -> None:
    """Every word and primitive is spelled as the golden file has it."""
    assert rendered(SYNTAXES[name]).splitlines() == (FOLDER / f"{name}.txt").read_text("utf-8").splitlines()


@pytest.mark.parametrize("name", SYNTAXES)
def test_differences_are_differences(name: str) -> None:
    """A dialect lists what it spells otherwise than the core's table, and nothing that the table has not."""
    differences = SYNTAXES[name].differences
    assert set(differences) <= set(PRIMITIVES)
    assert [primitive for primitive, spelling in differences.items() if spelling == PRIMITIVES[primitive]] == []


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for dialect, syntax in SYNTAXES.items():
        (FOLDER / f"{dialect}.txt").write_bytes(rendered(syntax).encode("utf-8"))
