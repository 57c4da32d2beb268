"""Writing rows: as a table for people, as JSON, NDJSON or CSV for programs."""

from __future__ import annotations

import csv
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from fhir4ds.runtime.answer import encode_json

Batches = Iterable[list[tuple[Any, ...]]]

#: Rows of a table that are shown where nothing says how many.
_SHOWN = 50


def write_table(batches: Batches, names: Sequence[str], out: TextIO) -> None:
    """A table as wide as the terminal; the first rows, and how many there are."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="bold", box=None if not out.isatty() else _box(), pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    count = 0
    for batch in batches:
        for row in batch:
            if count < _SHOWN:
                table.add_row(*(Text(_cell(value)) for value in row))
            count += 1
    console = Console(file=out, highlight=False, width=None if out.isatty() else 200)
    console.print(table)
    shown = f", the first {_SHOWN} shown" if count > _SHOWN else ""
    console.print(f"{count} row{'s' * (count != 1)}{shown}")


def _box() -> Any:
    from rich import box

    return box.SIMPLE


def write_json(batches: Batches, names: Sequence[str], out: TextIO) -> None:
    """One array of objects."""
    separator = "["
    for batch in batches:
        for row in batch:
            out.write(f"{separator}\n  {encode_json(dict(zip(names, row, strict=True)))}")
            separator = ","
    out.write("[]\n" if separator == "[" else "\n]\n")


def write_ndjson(batches: Batches, names: Sequence[str], out: TextIO) -> None:
    """One object a line."""
    for batch in batches:
        out.writelines(encode_json(dict(zip(names, row, strict=True))) + "\n" for row in batch)


def write_csv(batches: Batches, names: Sequence[str], out: TextIO) -> None:
    """Comma-separated values (RFC 4180) with a header; complex values as JSON."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for batch in batches:
        writer.writerows([_cell(value) for value in row] for row in batch)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else encode_json(value)


#: The writer of each format.
FORMATS: dict[str, Callable[[Batches, Sequence[str], TextIO], None]] = {
    "table": write_table,
    "json": write_json,
    "ndjson": write_ndjson,
    "csv": write_csv,
}


@contextmanager
def destination(path: str | None) -> Iterator[TextIO]:
    """Where to write: stdout, or a file that appears, complete, under its name at the end."""
    if path is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    target = Path(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            yield out
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def format_of(path: str | None, chosen: str | None) -> str:
    """The format that was asked for, or that the name of the file says, or a table."""
    if chosen is not None:
        return chosen
    ending = Path(path).suffix.lstrip(".") if path is not None else ""
    return ending if ending in FORMATS else "table"
