"""Values of every type of column in Arrow and in text formats, single and in arrays."""

from __future__ import annotations

import datetime as dt
import io
import json
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from fhir4ds.dialect.statement import Column
from fhir4ds.dialect.types import ColumnKind, ColumnType
from fhir4ds.errors import DestinationError
from fhir4ds.runtime.arrow import arrow_batch, arrow_schema
from fhir4ds.store.exports.text import write_csv, write_ndjson

_UTC = dt.timezone.utc
_CASES: dict[ColumnKind, tuple[Any, list[Any], list[Any]]] = {
    # type of Arrow, two values, and these as JSON
    ColumnKind.BOOLEAN: (pa.bool_(), [True, False], [True, False]),
    ColumnKind.SMALLINT: (pa.int16(), [-1, 2**15 - 1], [-1, 2**15 - 1]),
    ColumnKind.INTEGER: (pa.int32(), [2**31 - 1, -5], [2**31 - 1, -5]),
    ColumnKind.BIGINT: (pa.int64(), [2**63 - 1, -(2**63)], [2**63 - 1, -(2**63)]),
    ColumnKind.DECIMAL: (
        pa.decimal128(38, 12),
        [Decimal("1.50"), Decimal("-1E-7")],
        [Decimal("1.50"), Decimal("-0.0000001")],
    ),
    ColumnKind.REAL: (pa.float32(), [1.5, -0.25], [Decimal("1.5"), Decimal("-0.25")]),
    ColumnKind.DOUBLE: (pa.float64(), [0.5, 0.1], [Decimal("0.5"), Decimal("0.1")]),
    ColumnKind.TEXT: (pa.string(), ["é, \"'", ""], ["é, \"'", ""]),
    ColumnKind.BINARY: (pa.binary(), [b"\x00\xff", b""], ["AP8=", ""]),
    ColumnKind.DATE: (pa.date32(), [dt.date(1, 1, 1), dt.date(9999, 12, 31)], ["0001-01-01", "9999-12-31"]),
    ColumnKind.TIME: (pa.time64("us"), [dt.time(1, 2, 3, 4), dt.time(23, 59)], ["01:02:03.000004", "23:59:00"]),
    ColumnKind.TIMESTAMP: (
        pa.timestamp("us"),
        [dt.datetime(1800, 1, 1, 0, 0, 0, 1), dt.datetime(2020, 2, 29, 12)],
        ["1800-01-01T00:00:00.000001", "2020-02-29T12:00:00"],
    ),
    ColumnKind.INSTANT: (
        pa.timestamp("us", tz="UTC"),
        [dt.datetime(1800, 1, 1, tzinfo=_UTC), dt.datetime(2020, 2, 29, 12, tzinfo=dt.timezone(dt.timedelta(hours=2)))],
        ["1800-01-01T00:00:00+00:00", "2020-02-29T12:00:00+02:00"],
    ),
    ColumnKind.JSON: (pa.string(), [{"a": Decimal("1.50")}, {"b": None}], [{"a": Decimal("1.50")}, {"b": None}]),
}


def column_of(kind: ColumnKind, digits: tuple[int, int] | None = None, *, many: bool = False) -> Column:
    return Column(name="value", native=True, many=many, sql=ColumnType(kind, digits, many))


def test_every_kind_is_here() -> None:
    assert set(_CASES) == set(ColumnKind)


@pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
@pytest.mark.parametrize("kind", ColumnKind, ids=lambda kind: kind.name)
def test_values_keep_their_types(kind: ColumnKind, many: bool) -> None:
    type, (first, second), (shown_first, shown_second) = _CASES[kind]
    column = column_of(kind, many=many)
    values: list[Any] = [first, None, second]
    shown = [shown_first, None, shown_second]
    if many:
        values, shown = [[first, second], None, [], [second]], [[shown_first, shown_second], None, [], [shown_second]]
    rows = [(value,) for value in values]
    schema = arrow_schema([column])
    assert schema.types == [pa.list_(type) if many else type]
    batch = arrow_batch(rows, [column], schema)
    batch.validate(full=True)
    kept = values
    if kind is ColumnKind.JSON:
        texts = ['{"a": 1.50}', '{"b": null}']
        kept = [texts, None, [], texts[1:]] if many else [texts[0], None, texts[1]]
    assert batch.column(0).to_pylist() == kept
    out = io.StringIO()
    write_ndjson([rows], [column], out)
    lines = [json.loads(line, parse_float=Decimal)["value"] for line in out.getvalue().splitlines()]
    assert lines == shown


def test_csv_has_the_text_of_values() -> None:
    columns = [column_of(kind) for kind in ColumnKind]
    out = io.StringIO()
    write_csv([[tuple(_CASES[kind][1][0] for kind in ColumnKind)]], columns, out)
    assert out.getvalue().splitlines()[1] == (
        'true,-1,2147483647,9223372036854775807,1.50,1.5,0.5,"é, ""\'",AP8=,0001-01-01,01:02:03.000004,'
        '1800-01-01T00:00:00.000001,1800-01-01T00:00:00+00:00,"{""a"": 1.50}"'
    )


@pytest.mark.parametrize(
    ("kind", "digits", "value"),
    [
        (ColumnKind.DECIMAL, (5, 2), Decimal("1.234")),
        (ColumnKind.DECIMAL, (5, 2), Decimal("12345")),
        (ColumnKind.SMALLINT, None, 2**15),
        (ColumnKind.INTEGER, None, -(2**31) - 1),
        (ColumnKind.BIGINT, None, 2**63),
    ],
)
def test_what_does_not_fit_is_refused(kind: ColumnKind, digits: tuple[int, int] | None, value: Any) -> None:
    column = column_of(kind, digits)
    with pytest.raises(DestinationError, match=r"^column 'value' has a value that is no ") as raised:
        arrow_batch([(value,)], [column], arrow_schema([column]))
    assert str(value) not in str(raised.value)


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 64, 1000])
def test_values_that_are_not_there(count: int) -> None:
    column = column_of(ColumnKind.TEXT)
    values = [None if number % 3 == 0 else f"v{number}" for number in range(count)]
    batch = arrow_batch([(value,) for value in values], [column], arrow_schema([column]))
    batch.validate(full=True)
    assert batch.column(0).to_pylist() == values
    assert batch.column(0).null_count == values.count(None)


def test_no_other_library_is_imported() -> None:
    """One of them, pandas, would take 50 MB."""
    code = (
        "import sys\n"
        "from tests.unit.store.test_export_arrow import column_of, ColumnKind, arrow_batch, arrow_schema\n"
        "columns = [column_of(ColumnKind.TEXT), column_of(ColumnKind.DATE)]\n"
        "arrow_batch([('a', None)], columns, arrow_schema(columns))\n"
        "sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
