"""Writing rows: as a table for people, or in a format for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, Final

import click

from fhir4ds.cli.exits import printable
from fhir4ds.dialect.statement import Column
from fhir4ds.store.exports import formats as exports
from fhir4ds.store.exports.destination import STDOUT, destination
from fhir4ds.store.exports.formats import export
from fhir4ds.store.exports.text import cell_text

Row = tuple[Any, ...]

#: The format for people.
TABLE: Final = "table"

#: Every format that a command writes.
FORMATS: Final = (TABLE, *exports.FORMATS)

#: Endings of files that a table is written to.
_TABLE_ENDINGS: Final = ("", ".txt")

#: Rows of a table that a terminal shows where nothing says how many.
_SHOWN = 50

#: Rows by which the widths of a table are measured that is not for a terminal; it is written as it comes.
_MEASURED = 1_000


def write_table(rows: Iterable[Row], names: Sequence[str], out: IO[str], *, shown: int | None = None) -> None:
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


def write_columns(rows: Iterable[Row], names: Sequence[str], out: IO[str]) -> int:
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


def write_rows(
    batches: Iterable[Sequence[Row]],
    columns: Sequence[Column],
    path: str | None,
    format: str,
    *,
    limit: int | None = None,
) -> None:
    """Write the rows of a command to stdout, or to a file that is complete when it appears.

    Parameters
    ----------
    batches : iterable of sequences of tuple
        Rows of Python values.
    columns : sequence of Column
        What the columns hold.
    path : str, optional
        The file; None or ``-`` is stdout.
    format : str
        One of `FORMATS`.
    limit : int, optional
        Rows after which to stop; a terminal shows as many.

    Raises
    ------
    DestinationError
        If they cannot be written.
    """
    wanted = batches if limit is None else _first(batches, limit)
    if format != TABLE:
        export(wanted, columns, path, format=format)
        return
    with destination(path) as out:
        write_table(chain.from_iterable(wanted), [column.name for column in columns], out, shown=limit)


def format_of(path: str | None, chosen: str | None) -> str:
    """The format that was asked for, or that the name of the file says.

    Raises
    ------
    click.UsageError
        If the name says nothing that is known, or there is no file where the format needs one.
    """
    told = chosen
    if told is None:
        ending = "" if path is None else Path(path).suffix.lower()
        told = TABLE if path is None or ending in _TABLE_ENDINGS else exports.format_of(path)
        if told is None:
            raise click.UsageError(f"there is no format for {ending} files; choose one with --format")
    if path in (None, STDOUT) and told != TABLE and exports.FORMATS[told].binary:
        raise click.UsageError(f"{told} is for files; name one with -o FILE")
    return told


def _first(batches: Iterable[Sequence[Row]], limit: int) -> Iterator[Sequence[Row]]:
    for batch in batches:
        yield batch[:limit]
        limit -= len(batch)
        if limit <= 0:
            return


def _cell(value: object) -> str:
    return printable(cell_text(value)).replace("\n", "\\n").replace("\t", "\\t")


def _counted(rows: int) -> str:
    return f"{rows} row" if rows == 1 else f"{rows} rows"
