"""Rows as text that programs read: CSV, NDJSON and JSON. What is in memory is one batch.

Cells are converted a column at a time, as its type says, and rows are put together by the standard library; that is
several times faster than a row at a time.
"""

from __future__ import annotations

import csv
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, time
from decimal import Decimal
from json import encoder
from typing import IO, Any

from fhir4ds.dialect.driver import Row
from fhir4ds.dialect.statement import Column
from fhir4ds.dialect.types import SqlType
from fhir4ds.runtime.answer import encode_json

#: Text as a JSON string, written in C where Python has that; what is not ASCII stays as it is.
_quoted = encoder.encode_basestring


def write_csv(batches: Iterable[Sequence[Row]], columns: Sequence[Column], out: IO[str]) -> int:
    """Comma-separated values with a header, quoted as RFC 4180 has it; complex values as JSON.

    Parameters
    ----------
    batches : iterable of sequences of tuple
        Rows of Python values.
    columns : sequence of Column
        What the columns hold.
    out : text stream
        Where to.

    Returns
    -------
    int
        How many rows.

    Examples
    --------
    >>> import sys
    >>> write_csv([[("p1", True), ("p2", None)]], [Column(name="id"), Column(name="active")], sys.stdout)
    id,active
    p1,true
    p2,
    2
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    count = 0
    for batch in batches:
        cells = [
            values if column.type in _AS_THEY_ARE and _is_plain(column) else [cell_text(value) for value in values]
            for column, values in zip(columns, zip(*batch, strict=True), strict=False)
        ]
        writer.writerows(zip(*cells, strict=True))
        count += len(batch)
    return count


def write_ndjson(batches: Iterable[Sequence[Row]], columns: Sequence[Column], out: IO[str]) -> int:
    """One JSON object a line, with all columns; parameters and result as of `write_csv`.

    Examples
    --------
    >>> import sys
    >>> write_ndjson([[("p1", True), ("p2", None)]], [Column(name="id"), Column(name="active")], sys.stdout)
    {"id": "p1", "active": true}
    {"id": "p2", "active": null}
    2
    """
    count = 0
    for batch in batches:
        out.writelines(f"{line}\n" for line in _objects(batch, columns))
        count += len(batch)
    return count


def write_json(batches: Iterable[Sequence[Row]], columns: Sequence[Column], out: IO[str]) -> int:
    """One array of objects; parameters and result as of `write_csv`.

    Examples
    --------
    >>> import sys
    >>> write_json([[("p1", True), ("p2", None)]], [Column(name="id"), Column(name="active")], sys.stdout)
    [
      {"id": "p1", "active": true},
      {"id": "p2", "active": null}
    ]
    2
    """
    count = 0
    for batch in batches:
        if batch:
            out.write("[\n  " if count == 0 else ",\n  ")
            out.write(",\n  ".join(_objects(batch, columns)))
            count += len(batch)
    out.write("\n]\n" if count else "[]\n")
    return count


def cell_text(value: object) -> str:
    """A value as text: numbers with all digits and without exponent, complex values as JSON.

    Examples
    --------
    >>> from decimal import Decimal
    >>> [cell_text(value) for value in (None, True, Decimal("1E+2"), ["a", 1], "a")]
    ['', 'true', '100', '["a", 1]', 'a']
    """
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:f}"
        case dict() | list():
            return _json_text(value)
        case date() | time():
            return value.isoformat()
        case bytes():
            return b64encode(value).decode()
        case _:
            return str(value)


#: Types whose values `csv` writes as `cell_text` would.
_AS_THEY_ARE = frozenset({SqlType.TEXT, SqlType.INTEGER})

_BOOLEANS = {None: "null", True: "true", False: "false"}


def _is_plain(column: Column) -> bool:
    """Whether the values are those of its type, one in each row."""
    return not (column.many or column.native)


def _objects(batch: Sequence[Row], columns: Sequence[Column]) -> Iterator[str]:
    names = (_quoted(column.name).replace("%", "%%") for column in columns)
    template = "{" + ", ".join(f"{name}: %s" for name in names) + "}"
    cells = [_json_cells(column, values) for column, values in zip(columns, zip(*batch, strict=True), strict=False)]
    return map(template.__mod__, zip(*cells, strict=True))


def _json_cells(column: Column, values: Sequence[Any]) -> list[str]:
    match column.type if _is_plain(column) else None:
        case SqlType.TEXT:
            return ["null" if value is None else _quoted(value) for value in values]
        case SqlType.INTEGER:
            return ["null" if value is None else str(value) for value in values]
        case SqlType.BOOLEAN:
            return list(map(_BOOLEANS.__getitem__, values))
        case _:
            return [_json_text(value) for value in values]


def _json_text(value: object) -> str:
    """A value as JSON; what JSON has no type for, such as a date or a key that is a UUID, as a string."""
    match value:
        case str():
            return _quoted(value)
        case None:
            return "null"
        case list():
            return "[" + ", ".join(map(_json_text, value)) + "]"
        case bool() | int() | float() | dict() | Decimal():
            return encode_json(value)
        case _:
            return _quoted(cell_text(value))
