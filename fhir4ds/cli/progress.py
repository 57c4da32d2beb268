"""Showing on stderr how far a command has come."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from fhir4ds.store.loading import Progress

T = TypeVar("T")


@contextmanager
def load_progress(*, wanted: bool) -> Iterator[Progress | None]:
    """A progress bar, which vanishes at the end.

    Parameters
    ----------
    wanted : bool
        Whether to show one; there is none either where stderr is no terminal.

    Yields
    ------
    Progress or None
        What is to be told how far the load has come.
    """
    if not (wanted and sys.stderr.isatty()):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[resources]:,} resources"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None, resources=0)

        def tell(done: int, total: int | None, resources: int) -> None:
            # When all is read, the database still compares it with what it has.
            doing = "merging" if done == total else "reading"
            bar.update(task, completed=done, total=total, resources=resources, description=doing)

        yield tell


def counted(batches: Iterable[Sequence[T]], *, wanted: bool) -> Iterator[Sequence[T]]:
    """The batches, while a line that vanishes at the end counts their rows.

    Parameters
    ----------
    batches : iterable of sequences
        What is passed on.
    wanted : bool
        Whether to count; there is no line either where stderr is no terminal.

    Yields
    ------
    sequence
        Each batch.
    """
    if not (wanted and sys.stderr.isatty()):
        yield from batches
        return
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed:,} rows"), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("writing", total=None)
        for batch in batches:
            yield batch
            bar.advance(task, len(batch))
