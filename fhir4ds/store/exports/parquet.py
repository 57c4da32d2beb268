"""Rows as Parquet: typed columns, compressed, in row groups of bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from itertools import chain
from typing import IO, Any

from fhir4ds.dialect.driver import Row
from fhir4ds.dialect.statement import Column
from fhir4ds.runtime.arrow import arrow_batch, arrow_schema, load_arrow

#: A row group ends at whichever comes first: readers skip whole groups, and a writer holds one.
_GROUP_ROWS = 25_000
_GROUP_BYTES = 8 * 1024 * 1024


def write_parquet(batches: Iterable[Sequence[Row]], columns: Sequence[Column], out: IO[bytes]) -> int:
    """Write a Parquet file; decimals are exact, complex values JSON text.

    Parameters
    ----------
    batches : iterable of sequences of tuple
        Rows of Python values.
    columns : sequence of Column
        What the columns hold.
    out : binary stream
        Where to.

    Returns
    -------
    int
        How many rows.

    Raises
    ------
    MissingDriver
        If pyarrow is not installed.
    DestinationError
        If a value does not fit the type of its column.
    """
    arrow = load_arrow()
    parquet = import_module("pyarrow.parquet")
    coming = iter(batches)
    first = next(coming, ())
    schema = arrow_schema(columns, first)
    count = 0
    group: list[Any] = []

    def flush() -> None:
        if group:
            writer.write_table(arrow.Table.from_batches(group, schema))
            group.clear()

    with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        for batch in chain([first], coming):
            group.append(arrow_batch(batch, columns, schema))
            count += len(batch)
            if (
                sum(part.num_rows for part in group) >= _GROUP_ROWS
                or sum(part.nbytes for part in group) >= _GROUP_BYTES
            ):
                flush()
        flush()
    return count
