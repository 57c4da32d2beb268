"""Rows as Arrow: a schema that is known before the rows are, and batches of it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from datetime import date, time
from decimal import Decimal
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any

from fhir4ds.dialect.driver import Row
from fhir4ds.dialect.statement import Column
from fhir4ds.dialect.types import ColumnKind, SqlType
from fhir4ds.errors import DestinationError, MissingDriver
from fhir4ds.runtime.answer import encode_json

if TYPE_CHECKING:
    import pyarrow

#: Digits of a decimal, in all and after the point: those of the databases.
PRECISION, SCALE = 38, 12


def load_arrow() -> Any:
    """Import pyarrow.

    Raises
    ------
    MissingDriver
        If it is not installed.
    """
    try:
        import pyarrow  # noqa: PLC0415 - only who asks for Arrow needs it
    except ImportError as error:
        raise MissingDriver("this needs pyarrow", hint="pip install 'fhir4ds[arrow]'") from error
    return pyarrow


def arrow_schema(columns: Sequence[Column], rows: Sequence[Row] = ()) -> pyarrow.Schema:
    """The Arrow schema of a result.

    Parameters
    ----------
    columns : sequence of Column
        What the columns hold.
    rows : sequence of tuple
        Some of the rows, which decide only where a column has no type: keys are integers, or else text.

    Returns
    -------
    pyarrow.Schema
        Decimals exact, complex values as JSON text; a field says its FHIR type as metadata ``fhir_type``.

    Raises
    ------
    MissingDriver
        If pyarrow is not installed.

    Examples
    --------
    >>> arrow_schema([Column(name="id"), Column(name="weight", type=SqlType.DECIMAL)], [(1, None)]).types
    [DataType(int64), Decimal128Type(decimal128(38, 12))]
    """
    arrow = load_arrow()

    def field(place: int, column: Column) -> Any:
        type = _type(arrow, column, [row[place] for row in rows] if column.type is None else ())
        metadata = None if column.fhir_type is None else {"fhir_type": column.fhir_type}
        return arrow.field(column.name, arrow.list_(type) if column.many else type, metadata=metadata)

    return arrow.schema([field(place, column) for place, column in enumerate(columns)])


def _type(arrow: Any, column: Column, values: Sequence[Any]) -> Any:
    if column.native and column.sql is not None:
        if column.sql.kind is ColumnKind.DECIMAL:
            return arrow.decimal128(*(column.sql.digits or (PRECISION, SCALE)))
        return _native_types(arrow)[column.sql.kind]
    match column.type:
        case SqlType.BOOLEAN:
            return arrow.bool_()
        case SqlType.INTEGER:
            return arrow.int64()
        case SqlType.DECIMAL:
            return arrow.decimal128(PRECISION, SCALE)
        case None if values and all(isinstance(value, int) for value in values):
            return arrow.int64()
        case _:
            return arrow.string()


def _native_types(arrow: Any) -> dict[ColumnKind, Any]:
    return {
        ColumnKind.BOOLEAN: arrow.bool_(),
        ColumnKind.SMALLINT: arrow.int16(),
        ColumnKind.INTEGER: arrow.int32(),
        ColumnKind.BIGINT: arrow.int64(),
        ColumnKind.REAL: arrow.float32(),
        ColumnKind.DOUBLE: arrow.float64(),
        ColumnKind.TEXT: arrow.string(),
        ColumnKind.BINARY: arrow.binary(),
        ColumnKind.DATE: arrow.date32(),
        ColumnKind.TIME: arrow.time64("us"),
        ColumnKind.TIMESTAMP: arrow.timestamp("us"),
        ColumnKind.INSTANT: arrow.timestamp("us", tz="UTC"),
        ColumnKind.JSON: arrow.string(),
    }


def arrow_batch(rows: Sequence[Row], columns: Sequence[Column], schema: pyarrow.Schema) -> pyarrow.RecordBatch:
    """Some rows as a record batch.

    Parameters
    ----------
    rows : sequence of tuple
        Rows of Python values.
    columns : sequence of Column
        What the columns hold.
    schema : pyarrow.Schema
        What `arrow_schema` made of the columns.

    Returns
    -------
    pyarrow.RecordBatch

    Raises
    ------
    DestinationError
        If a value does not fit the type of its column.
    """
    arrow = load_arrow()
    values = zip(*rows, strict=True) if rows else ((),) * len(columns)
    arrays = [
        _column(arrow, column, field.type, cells) for column, field, cells in zip(columns, schema, values, strict=True)
    ]
    return arrow.record_batch(arrays, schema=schema)


def _column(arrow: Any, column: Column, type: Any, cells: Sequence[Any]) -> Any:
    try:
        return _array(arrow, type, cells, encode_json if _is_json(column) else _text)
    except (arrow.ArrowInvalid, arrow.ArrowTypeError) as error:
        hint = "csv, json and ndjson take numbers of any size" if column.type is SqlType.DECIMAL else None
        # The message of the library repeats the value, which may be patient data.
        raise DestinationError(f"column {column.name!r} has a value that is no {type}", hint=hint) from error


def _array(arrow: Any, type: Any, cells: Sequence[Any], text: Callable[[Any], str]) -> Any:
    """An array of Python values: text, of which Arrow makes the values of other types, exactly or not at all.

    The way through ``pyarrow.array`` imports pandas wherever that is installed, which takes 50 MB, and is slower.
    """
    valid = _bitmap(arrow, cells)
    if arrow.types.is_list(type):
        lists = [() if cell is None else cell for cell in cells]
        items = _array(arrow, type.value_type, list(chain.from_iterable(lists)), text)
        return arrow.Array.from_buffers(type, len(cells), [valid, _offsets(arrow, lists)], children=[items])
    binary = arrow.types.is_binary(type)
    if binary:
        pieces = [b"" if cell is None else cell for cell in cells]
    else:
        # A lone surrogate, which JSON can spell but UTF-8 cannot, is written as JSON spells it.
        pieces = [b"" if cell is None else text(cell).encode(errors="backslashreplace") for cell in cells]
    buffers = [valid, _offsets(arrow, pieces), arrow.py_buffer(b"".join(pieces))]
    texts = arrow.Array.from_buffers(type if binary else arrow.string(), len(cells), buffers)
    if arrow.types.is_time(type):
        return texts.cast(arrow.int64()).cast(type)
    return texts if texts.type == type else texts.cast(type)


def _offsets(arrow: Any, pieces: Sequence[Sequence[Any]]) -> Any:
    return arrow.py_buffer(array("i", accumulate(map(len, pieces), initial=0)))


def _bitmap(arrow: Any, cells: Sequence[Any]) -> Any:
    """A bit for each cell, the first one lowest, which is 0 where it is None; None where all are there."""
    if None not in cells:
        return None
    bits = "".join("0" if cell is None else "1" for cell in reversed(cells))
    return arrow.py_buffer(int(bits, 2).to_bytes((len(cells) + 7) // 8, "little"))


def _text(value: object) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:f}"
        case date():
            return value.isoformat()
        case time():
            seconds = (value.hour * 60 + value.minute) * 60 + value.second
            return str(seconds * 1_000_000 + value.microsecond)  # of which alone Arrow makes a time
        case _:
            return str(value)


def _is_json(column: Column) -> bool:
    if column.native and column.sql is not None:
        return column.sql.kind is ColumnKind.JSON
    return column.type is SqlType.JSON
