"""CSV, NDJSON and JSON, whole."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from fhir4ds.dialect.statement import Column
from fhir4ds.dialect.types import SqlType
from fhir4ds.store.exports.formats import FORMATS
from fhir4ds.store.exports.text import write_csv, write_json, write_ndjson

_UNTYPED = (Column(name="id"), Column(name="value"))
_JSON = (Column(name="id"), Column(name="value", type=SqlType.JSON))
_ITEMS: list[tuple[Any, ...]] = [
    ("p1", "Ada"),
    ("p1", None),
    (2, True),
    ("p3", Decimal("1.50")),
    ("p3", Decimal("1E+2")),
    ("東京", {"given": ["Zoë", 'say "hi", ok'], "n": Decimal("0.10"), "b": None}),
    ("p4", "two\nlines\tand \x1b[31mred"),
    (UUID(int=7), [1, 2]),
]
_TYPED = (
    Column(name="key"),
    Column(name="alive", type=SqlType.BOOLEAN),
    Column(name="count", type=SqlType.INTEGER),
    Column(name="weight", type=SqlType.DECIMAL),
    Column(name='odd %s "name"', type=SqlType.TEXT),
    Column(name="name", type=SqlType.JSON),
)
_TYPED_ROWS: list[tuple[Any, ...]] = [
    (
        "p1",
        True,
        9007199254740993,
        Decimal("1.50"),
        "50 % of\r\n'all', \"so\"",
        {"family": "Ñandú", "n": Decimal("1.0")},
    ),
    ("p2", False, 0, Decimal("-1E-7"), "", []),
    ("p3", None, None, None, None, None),
]


def written(write: Callable[..., int], rows: list[tuple[Any, ...]], columns: tuple[Column, ...], batch: int = 3) -> str:
    out = io.StringIO()
    batches = (rows[start : start + batch] for start in range(0, len(rows), batch))
    assert write(batches, columns, out) == len(rows)
    return out.getvalue()


@pytest.mark.parametrize("columns", [_UNTYPED, _JSON], ids=["untyped", "JSON"])
def test_csv(columns: tuple[Column, ...]) -> None:
    text = written(write_csv, _ITEMS, columns)
    assert text == (
        "id,value\n"
        "p1,Ada\n"
        "p1,\n"
        "2,true\n"
        "p3,1.50\n"
        "p3,100\n"
        '東京,"{""given"": [""Zoë"", ""say \\""hi\\"", ok""], ""n"": 0.10, ""b"": null}"\n'
        'p4,"two\nlines\tand \x1b[31mred"\n'
        '00000000-0000-0000-0000-000000000007,"[1, 2]"\n'
    )
    read = list(csv.reader(io.StringIO(text)))
    assert len(read) == 1 + len(_ITEMS)
    assert json.loads(read[6][1])["given"] == ["Zoë", 'say "hi", ok']


def test_json() -> None:
    assert written(write_json, _ITEMS, _JSON) == (
        "[\n"
        '  {"id": "p1", "value": "Ada"},\n'
        '  {"id": "p1", "value": null},\n'
        '  {"id": 2, "value": true},\n'
        '  {"id": "p3", "value": 1.50},\n'
        '  {"id": "p3", "value": 100},\n'
        '  {"id": "東京", "value": {"given": ["Zoë", "say \\"hi\\", ok"], "n": 0.10, "b": null}},\n'
        '  {"id": "p4", "value": "two\\nlines\\tand \\u001b[31mred"},\n'
        '  {"id": "00000000-0000-0000-0000-000000000007", "value": [1, 2]}\n'
        "]\n"
    )


@pytest.mark.parametrize(("rows", "columns"), [(_ITEMS, _JSON), (_TYPED_ROWS, _TYPED)])
def test_ndjson_has_the_objects_of_json(rows: list[tuple[Any, ...]], columns: tuple[Column, ...]) -> None:
    lines = written(write_ndjson, rows, columns).splitlines()
    assert [json.loads(line) for line in lines] == json.loads(written(write_json, rows, columns))


def test_typed_columns_keep_their_values() -> None:
    names = [column.name for column in _TYPED]
    lines = written(write_ndjson, _TYPED_ROWS, _TYPED).splitlines()
    assert lines[1] == (
        '{"key": "p2", "alive": false, "count": 0, "weight": -0.0000001, "odd %s \\"name\\"": "", "name": []}'
    )
    read = [json.loads(line, parse_float=Decimal) for line in lines]
    assert read == [dict(zip(names, row, strict=True)) for row in _TYPED_ROWS]
    cells = list(csv.reader(io.StringIO(written(write_csv, _TYPED_ROWS, _TYPED), newline="")))
    assert cells == [
        names,
        [
            "p1",
            "true",
            "9007199254740993",
            "1.50",
            "50 % of\r\n'all', \"so\"",
            '{"family": "Ñandú", "n": 1.0}',
        ],
        ["p2", "false", "0", "-0.0000001", "", "[]"],
        ["p3", "", "", "", "", ""],
    ]


@pytest.mark.parametrize(("name", "text"), [("json", "[]\n"), ("ndjson", ""), ("csv", "id,value\n")])
@pytest.mark.parametrize("batches", [[], [[]]], ids=["no batch", "empty batch"])
def test_nothing(name: str, text: str, batches: list[Any]) -> None:
    out = io.StringIO()
    assert FORMATS[name].write(batches, _JSON, out) == 0
    assert out.getvalue() == text


@pytest.mark.parametrize("name", ["ndjson", "csv", "json"])
def test_batches_are_written_as_they_come(name: str) -> None:
    """So that memory does not grow with them."""
    out = io.StringIO()
    ahead = []

    def batches() -> Iterator[list[tuple[str, str]]]:
        for number in range(10):
            ahead.append(500 * number - out.getvalue().count("p"))
            yield [(f"p{number}", "x")] * 500

    FORMATS[name].write(batches(), _UNTYPED, out)
    assert ahead == [0] * 10


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize("write", [write_csv, write_json, write_ndjson])
def test_batches_leave_no_trace(write: Callable[..., int], size: int) -> None:
    assert written(write, _TYPED_ROWS, _TYPED, size) == written(write, _TYPED_ROWS, _TYPED, 7)
