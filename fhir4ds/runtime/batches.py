"""Rows of Python values in batches, and what their columns are."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from types import TracebackType

from fhir4ds.dialect.driver import Row
from fhir4ds.dialect.statement import Column


class RowBatches(Iterator[list[Row]]):
    """An iterator over batches of rows, which is a context manager too, and knows its columns before the first row.

    Parameters
    ----------
    columns : tuple of Column
        What the columns are.
    batches : generator
        What makes the batches.

    Examples
    --------
    >>> batches = RowBatches((Column(name="id"),), (batch for batch in [[("p1",), ("p2",)], [("p3",)]]))
    >>> [column.name for column in batches.columns], [len(batch) for batch in batches]
    (['id'], [2, 1])
    """

    def __init__(self, columns: tuple[Column, ...], batches: Generator[list[Row], None, None]) -> None:
        self.columns = columns
        self._batches = batches

    def __next__(self) -> list[Row]:
        return next(self._batches)

    def close(self) -> None:
        """End early and free the connection; harmless when all rows have been taken."""
        self._batches.close()

    def __enter__(self) -> RowBatches:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
