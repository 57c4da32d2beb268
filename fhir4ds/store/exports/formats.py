"""The formats of files: found by name or by ending, and written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Final

import attrs

from fhir4ds.dialect.driver import Row
from fhir4ds.dialect.statement import Column
from fhir4ds.errors import DestinationError
from fhir4ds.runtime.arrow import load_arrow
from fhir4ds.store.exports.destination import destination
from fhir4ds.store.exports.parquet import write_parquet
from fhir4ds.store.exports.text import write_csv, write_json, write_ndjson
from fhir4ds.suggestion import did_you_mean

#: Rows of a batch: more at a time were not faster, and take more memory.
EXPORT_BATCH: Final = 1_000


@attrs.frozen
class Format:
    """A format of files.

    Parameters
    ----------
    write : callable
        Writes batches of rows of Python values, given their columns and a stream, and returns how many there were.
    endings : tuple of str
        Of names of files, with their dot.
    binary : bool
        Whether it is bytes, which no terminal shows.
    prepare : callable, optional
        Fails where a library is missing, before anything is asked of a database.
    """

    write: Callable[[Iterable[Sequence[Row]], Sequence[Column], IO[Any]], int]
    endings: tuple[str, ...]
    binary: bool = False
    prepare: Callable[[], object] | None = None


#: The formats by name.
FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        "csv": Format(write_csv, (".csv",)),
        "ndjson": Format(write_ndjson, (".ndjson", ".jsonl")),
        "json": Format(write_json, (".json",)),
        "parquet": Format(write_parquet, (".parquet",), binary=True, prepare=load_arrow),
    }
)


def format_of(path: str | os.PathLike[str]) -> str | None:
    """Name of the format that the ending of a file says; None where it says nothing that is known.

    Examples
    --------
    >>> format_of("out/patients.JSONL"), format_of("patients.xlsx")
    ('ndjson', None)
    """
    ending = Path(path).suffix.lower()
    return next((name for name, format in FORMATS.items() if ending in format.endings), None)


def export(
    batches: Iterable[Sequence[Row]],
    columns: Sequence[Column],
    path: str | os.PathLike[str] | None,
    *,
    format: str | None = None,
) -> int:
    """Write rows to a file, which appears when it is complete, or to stdout.

    Parameters
    ----------
    batches : iterable of sequences of tuple
        Rows of Python values; one batch is in memory at a time.
    columns : sequence of Column
        What the columns hold.
    path : path, optional
        The file; None or ``"-"`` is stdout.
    format : {"csv", "ndjson", "json", "parquet"}, optional
        By the ending of the file if it is left out.

    Returns
    -------
    int
        How many rows.

    Raises
    ------
    DestinationError
        If the format is not known, or the file cannot be written.
    MissingDriver
        If a library that the format needs is not installed.

    Examples
    --------
    >>> export([[("p1", 1)], [("p2", 2)]], [Column(name="id"), Column(name="n")], None, format="csv")
    id,n
    p1,1
    p2,2
    2
    """
    chosen = named_format(format if format is not None else _told(path))
    if chosen.prepare is not None:
        chosen.prepare()
    with destination(path, binary=chosen.binary) as out:
        return chosen.write(batches, columns, out)


def named_format(name: str) -> Format:
    """The format of a name.

    Raises
    ------
    DestinationError
        If there is none.
    """
    if name not in FORMATS:
        raise DestinationError(
            f"there is no format {name!r}", hint=did_you_mean(name, FORMATS) or f"known are {', '.join(FORMATS)}"
        )
    return FORMATS[name]


def _told(path: str | os.PathLike[str] | None) -> str:
    name = None if path is None else format_of(path)
    if name is None:
        ending = "" if path is None else Path(path).suffix
        raise DestinationError(
            f"there is no format for {ending} files" if ending else "nothing says in which format to write",
            hint=f"known are {', '.join(FORMATS)}: end the name of the file so, or choose one as format",
        )
    return name
