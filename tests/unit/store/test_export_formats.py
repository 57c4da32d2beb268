"""Formats by name and by ending, Parquet's types and values, and refusals."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fhir4ds.dialect.statement import Column
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import DestinationError, MissingDriver
from fhir4ds.runtime.result import Result
from fhir4ds.store.exports import parquet
from fhir4ds.store.exports.formats import export, format_of

_COLUMNS = (
    Column(name="key"),
    Column(name="alive", type=SqlType.BOOLEAN, fhir_type="boolean"),
    Column(name="count", type=SqlType.INTEGER, fhir_type="integer"),
    Column(name="weight", type=SqlType.DECIMAL, fhir_type="decimal"),
    Column(name="born", type=SqlType.TEXT, fhir_type="date"),
    Column(name="name", type=SqlType.JSON, fhir_type="HumanName"),
)
_ROWS: list[tuple[Any, ...]] = [
    ("p1", True, 2**62 + 1, Decimal("12345678901234567890123456.123456789012"), "1980-05", {"n": Decimal("1.50")}),
    ("p2", None, None, None, None, None),
    ("p3", False, -1, Decimal("1.5"), "2000-02-29", ["a", {"b": None}]),
]
_TYPES = [pa.string(), pa.bool_(), pa.int64(), pa.decimal128(38, 12), pa.string(), pa.string()]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.csv", "csv"),
        ("a.b.JSON", "json"),
        ("a.ndjson", "ndjson"),
        (Path("a.jsonl"), "ndjson"),
        ("a.parquet", "parquet"),
        ("a.xlsx", None),
        ("parquet", None),
        ("-", None),
    ],
)
def test_format_of_a_file(path: str | Path, name: str | None) -> None:
    assert format_of(path) == name


def test_export_writes_what_the_ending_says(tmp_path: Path) -> None:
    files = {name: tmp_path / f"rows.{name}" for name in ("csv", "ndjson", "json", "parquet")}
    for file in files.values():
        assert export([_ROWS[:2], _ROWS[2:]], _COLUMNS, file) == 3
    text = export([_ROWS], _COLUMNS, tmp_path / "odd.name", format="json")
    assert text == 3
    assert (tmp_path / "odd.name").read_bytes() == files["json"].read_bytes()
    dicts = Result(_COLUMNS, _ROWS).to_dicts()
    assert json.loads(files["json"].read_text("utf-8"), parse_float=Decimal) == dicts
    assert [json.loads(row, parse_float=Decimal) for row in files["ndjson"].read_text("utf-8").splitlines()] == dicts
    table = pq.read_table(files["parquet"])
    assert table.drop_columns("name").to_pylist() == [
        {name: value for name, value in row.items() if name != "name"} for row in dicts
    ]


def test_parquet_types_and_values(tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    export([_ROWS], _COLUMNS, file)
    table = pq.read_table(file)
    assert table.schema.types == _TYPES
    assert [field.metadata for field in table.schema] == [
        None if column.fhir_type is None else {b"fhir_type": column.fhir_type.encode()} for column in _COLUMNS
    ]
    expected = [list(row[:-1]) for row in _ROWS]
    assert [list(row.values())[:-1] for row in table.to_pylist()] == expected
    names = [None if text is None else json.loads(text, parse_float=str) for text in table["name"].to_pylist()]
    assert names == [{"n": "1.50"}, None, ["a", {"b": None}]]
    assert Result(_COLUMNS, _ROWS).to_arrow() == table


def test_schema_does_not_depend_on_rows(tmp_path: Path) -> None:
    empty, nulls = tmp_path / "empty.parquet", tmp_path / "nulls.parquet"
    assert export([], _COLUMNS, empty) == 0
    assert export([[("p2", None, None, None, None, None)]], _COLUMNS, nulls) == 1
    assert pq.read_table(empty).schema == pq.read_table(nulls).schema
    assert pq.read_table(empty).schema.types == _TYPES
    assert pq.read_table(empty).num_rows == 0


@pytest.mark.parametrize(
    ("keys", "type", "values"),
    [
        ([1, 2], pa.int64(), [1, 2]),
        (["a", "b"], pa.string(), ["a", "b"]),
        ([UUID(int=1), UUID(int=2)], pa.string(), [str(UUID(int=1)), str(UUID(int=2))]),
    ],
)
def test_keys_are_integers_or_text(tmp_path: Path, keys: list[Any], type: Any, values: list[Any]) -> None:
    file = tmp_path / "rows.parquet"
    export([[(key,)] for key in keys], (Column(name="id"),), file)
    column = pq.read_table(file)["id"]
    assert (column.type, column.to_pylist()) == (type, values)


def test_row_groups_are_of_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_GROUP_ROWS", 25)
    file = tmp_path / "rows.parquet"
    columns = (Column(name="n", type=SqlType.INTEGER),)
    assert export(([(10 * batch + n,) for n in range(10)] for batch in range(10)), columns, file) == 100
    groups = pq.ParquetFile(file).metadata
    assert [groups.row_group(place).num_rows for place in range(groups.num_row_groups)] == [30, 30, 30, 10]
    assert pq.read_table(file)["n"].to_pylist() == list(range(100))
    monkeypatch.setattr(parquet, "_GROUP_BYTES", 1)
    export(([(n,)] for n in range(5)), columns, file)
    assert pq.ParquetFile(file).metadata.num_row_groups == 5


@pytest.mark.parametrize("value", [Decimal("0.1234567890123"), Decimal(10) ** 30])
def test_a_decimal_is_exact_or_refused(tmp_path: Path, value: Decimal) -> None:
    file = tmp_path / "rows.parquet"
    file.write_text("before")
    columns = (Column(name="weight", type=SqlType.DECIMAL),)
    with pytest.raises(
        DestinationError, match=r"^column 'weight' has a value that is no decimal128\(38, 12\)"
    ) as raised:
        export([[(Decimal(1),)], [(value,)]], columns, file)
    assert str(value) not in str(raised.value)
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", ["csv", "ndjson", "json", "parquet"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_file_stays_as_it_was_when_the_rows_end_early(tmp_path: Path, name: str, error: type[BaseException]) -> None:
    file = tmp_path / f"rows.{name}"
    file.write_text("before")

    def batches() -> Iterator[list[tuple[Any, ...]]]:
        yield _ROWS
        raise error

    with pytest.raises(error):
        export(batches(), _COLUMNS, file)
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("path", "format", "message"),
    [
        (
            "a.xlsx",
            None,
            "there is no format for .xlsx files\nhint: known are csv, ndjson, json, parquet: end the name",
        ),
        ("a", None, "nothing says in which format to write\nhint: known are csv"),
        (None, None, "nothing says in which format to write\nhint: known are csv"),
        ("-", None, "nothing says in which format to write\nhint: known are csv"),
        ("a.csv", "parket", "there is no format 'parket'\nhint: did you mean 'parquet'?"),
        ("a.csv", "xml", "there is no format 'xml'\nhint: known are csv, ndjson, json, parquet"),
        (None, "parquet", "this format is for files, and not for stdout"),
        ("no/such/a.csv", None, "cannot write no/such/a.csv: No such file or directory"),
    ],
)
def test_refusals_before_any_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str | None, format: str | None, message: str
) -> None:
    monkeypatch.chdir(tmp_path)

    def batches() -> Iterator[list[tuple[Any, ...]]]:
        pytest.fail("rows were asked for")
        yield []

    with pytest.raises(DestinationError) as raised:
        export(batches(), _COLUMNS, path, format=format)
    assert str(raised.value).startswith(message)
    assert list(tmp_path.iterdir()) == []


def test_missing_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDriver) as raised:
        export([_ROWS], _COLUMNS, tmp_path / "rows.parquet")
    assert str(raised.value) == "this needs pyarrow\nhint: pip install 'fhir4ds[arrow]'"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", [None, "-"])
def test_stdout(path: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    export([[("p1", 1)]], (Column(name="id"), Column(name="n")), path, format="csv")
    assert capsys.readouterr().out == "id,n\np1,1\n"
