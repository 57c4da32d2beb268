"""Writing rows: as a table for people, as JSON, NDJSON or CSV for programs."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

import click

from fhir4ds.cli.exits import printable
from fhir4ds.runtime.answer import encode_json

Row = tuple[Any, ...]

#: Rows of a table that a terminal shows where nothing says how many.
_SHOWN = 50

#: Rows by which the widths of a table are measured that is not for a terminal; it is written as it comes.
_MEASURED = 1_000


def write_table(rows: Iterable[Row], names: Sequence[str], out: TextIO, *, shown: int | None = None) -> None:
    """A table: on a terminal as wide as it is, with the first rows; elsewhere complete, one line for each row.

    Parameters
    ----------
    rows : iterable of tuple
        What to write.
    names : sequence of str
        Of the columns.
    out : text stream
        Where to.
    shown : int, optional
        Rows that a terminal shows; 50 by default.
    """
    if not out.isatty():
        count = write_columns(rows, names, out)
        out.write(f"{_counted(count)}\n")
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=out, highlight=False)
    table = Table(header_style="bold", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    everything = iter(rows)
    most = _SHOWN if shown is None else shown
    for row in islice(everything, most):
        table.add_row(*(Text(_cell(value)) for value in row))
    console.print(table)
    rest = sum(1 for _ in everything)
    more = f", the first {most} shown; --limit, --format and -o give more" if rest else ""
    console.print(f"{_counted(table.row_count + rest)}{more}", style="dim")


def write_columns(rows: Iterable[Row], names: Sequence[str], out: TextIO) -> int:
    """Aligned columns without decoration.

    Returns
    -------
    int
        How many rows.
    """
    from rich.cells import cell_len

    def width(cell: str) -> int:
        return len(cell) if cell.isascii() else cell_len(cell)

    cells = ([_cell(value) for value in row] for row in rows)
    measured = [list(names), *islice(cells, _MEASURED)]
    widths = [max(map(width, column)) for column in zip(*measured, strict=True)]
    lines = 0
    for row in chain(measured, cells):
        lines += 1
        aligned = [cell + " " * (wanted - width(cell)) for cell, wanted in zip(row, widths, strict=True)]
        out.write("  ".join(aligned).rstrip() + "\n")
    return lines - 1


def write_json(rows: Iterable[Row], names: Sequence[str], out: TextIO) -> None:
    """One array of objects."""
    separator = "["
    for row in rows:
        out.write(f"{separator}\n  {_object(names, row)}")
        separator = ","
    out.write("[]\n" if separator == "[" else "\n]\n")


def write_ndjson(rows: Iterable[Row], names: Sequence[str], out: TextIO) -> None:
    """One object a line."""
    out.writelines(f"{_object(names, row)}\n" for row in rows)


def write_csv(rows: Iterable[Row], names: Sequence[str], out: TextIO) -> None:
    """Comma-separated values with a header, quoted as RFC 4180 has it; complex values as JSON."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_text(value) for value in row] for row in rows)


#: The writer of each format.
FORMATS: dict[str, Callable[[Iterable[Row], Sequence[str], TextIO], None]] = {
    "table": write_table,
    "json": write_json,
    "ndjson": write_ndjson,
    "csv": write_csv,
}

_ENDINGS = {
    **{f".{name}": name for name in ("json", "ndjson", "csv")},
    ".jsonl": "ndjson",
    ".txt": "table",
    "": "table",
}


def format_of(path: str | None, chosen: str | None) -> str:
    """The format that was asked for, or that the name of the file says.

    Raises
    ------
    click.UsageError
        If the name says nothing that is known.
    """
    if chosen is not None:
        return chosen
    ending = "" if path is None else Path(path).suffix.lower()
    if ending not in _ENDINGS:
        raise click.UsageError(f"there is no format for {ending} files; choose one with --format")
    return _ENDINGS[ending]


def _object(names: Sequence[str], row: Row) -> str:
    # Keys come as the database has them, and may be of types that JSON has not, such as UUID.
    key, *values = row
    return encode_json(dict(zip(names, (key if isinstance(key, int) else str(key), *values), strict=True)))


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool() | dict() | list():
            return encode_json(value)
        case _:
            return f"{value:f}" if hasattr(value, "as_tuple") else str(value)


def _cell(value: object) -> str:
    return printable(_text(value)).replace("\n", "\\n").replace("\t", "\\t")


def _counted(rows: int) -> str:
    return f"{rows} row" if rows == 1 else f"{rows} rows"
