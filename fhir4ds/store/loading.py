"""Loading: from whatever holds resources into a table, in one transaction."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from fhir4ds import events
from fhir4ds.errors import RejectedResource
from fhir4ds.events import Event
from fhir4ds.runtime.clock import Clock
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.session import Session
from fhir4ds.store.merging import Merged, merge
from fhir4ds.store.reading import Resources, Source, open_source
from fhir4ds.store.report import UNKNOWN_TYPE, Counts, LoadReport, Rejection
from fhir4ds.store.resource import NotAResource, ResourceReader
from fhir4ds.store.table import LoadTable

__all__ = ["Progress", "Resources", "load"]

#: Called with bytes read, bytes in all (None where that is not known) and resources read; possibly on another thread.
Progress: TypeAlias = Callable[[int, int | None, int], None]

#: Rejections that are kept; all are counted.
_KEPT_REJECTIONS: Final = 1_000

#: Resources from one report of progress to the next: some hundredths of a second.
_PROGRESS_STEP: Final = 500


def load(
    dispatcher: Dispatcher,
    resources: Resources,
    *,
    table: str = "resource",
    schema: str | None = None,
    strict: bool = False,
    progress: Progress | None = None,
) -> LoadReport:
    """Load resources, so that each is in the table once, by type and id, as it came last.

    Parameters
    ----------
    dispatcher : Dispatcher
        The database.
    resources : path, pattern, value, or iterable of paths or of values
        Files, folders and patterns of NDJSON and JSON, plain or gzipped; or resources and Bundles as mappings or JSON
        text. NDJSON has one resource in each line. Anywhere else a Bundle stands for what it holds.
    table, schema : str
        Where to; the table is made where there is none.
    strict : bool
        Whether the first thing that is no resource ends the load; otherwise it is left out and reported.
    progress : Progress, optional
        Told now and then how far the load has come.

    Returns
    -------
    LoadReport

    Raises
    ------
    SourceError
        If there are no such files, one cannot be read, or the table has another shape.
    RejectedResource
        If ``strict``, and something is no resource. Nothing has been loaded then.
    FHIRPathExecutionError
        If the database fails. Nothing has been loaded then, either.
    """
    clock = Clock()
    started = clock.monotonic()
    syntax = dispatcher.dialect.syntax
    source = open_source(resources)
    target = LoadTable(syntax, table, schema)
    # A table that will not do is better found now than when everything has been read.
    dispatcher.run(target.check, retry=True, summary="check table")

    def work(session: Session) -> tuple[_Intake, Merged]:
        intake = _Intake(source, strict=strict, progress=progress)
        return intake, merge(session, syntax, target, intake.rows())

    # However long it takes: the time limit is meant for questions.
    intake, merged = dispatcher.run(work, retry=source.repeatable, timeout=math.inf, summary="load")
    report = intake.report(merged, clock.monotonic() - started)
    events.emit(
        Event.LOAD_DONE,
        {
            "db.query.summary": "load",
            "duration": report.elapsed,
            "db.operation.batch.size": intake.read.total(),
        },
    )
    return report


class _Intake:
    """Reads resources, and keeps account of them and of what is none."""

    def __init__(self, source: Source, *, strict: bool, progress: Progress | None) -> None:
        self._source = source
        self._strict = strict
        self._progress = progress
        self._rejected: Counter[str] = Counter()
        self._rejections: list[Rejection] = []
        #: Resources by type.
        self.read: Counter[str] = Counter()

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Type, id and JSON of each resource.

        Raises
        ------
        RejectedResource
            If the load is strict and something is no resource.
        """
        reader = ResourceReader()
        for number, candidate in enumerate(self._source.read()):
            if number % _PROGRESS_STEP == 0:
                self._tell()
            if isinstance(candidate, Rejection):
                self._reject(candidate)
                continue
            try:
                resource = reader.read(candidate.text)
            except NotAResource as error:
                self._reject(Rejection(candidate.file, candidate.line, error.reason, error.type))
                continue
            self.read[resource.type] += 1
            yield resource
        self._tell()

    def report(self, merged: Merged, elapsed: float) -> LoadReport:
        """Put together what was read and what became of it."""
        types = {}
        for name in sorted({*self.read, *self._rejected}, key=lambda name: (name == UNKNOWN_TYPE, name)):
            kept, written = merged.kept.get(name, 0), merged.written.get(name, 0)
            inserted = merged.inserted.get(name, 0)
            types[name] = Counts(
                inserted=inserted,
                updated=written - inserted,
                unchanged=kept - written,
                superseded=self.read[name] - kept,
                rejected=self._rejected[name],
            )
        return LoadReport(types=types, rejections=tuple(self._rejections), elapsed=elapsed)

    def _reject(self, rejection: Rejection) -> None:
        if self._strict:
            raise RejectedResource(
                str(rejection),
                file=rejection.file,
                line=rejection.line,
                hint="nothing was loaded; a load that is not strict leaves it out and reports it",
            )
        self._rejected[rejection.type or UNKNOWN_TYPE] += 1
        if len(self._rejections) < _KEPT_REJECTIONS:
            self._rejections.append(rejection)

    def _tell(self) -> None:
        if self._progress is not None:
            read = self.read.total() + sum(self._rejected.values())
            self._progress(self._source.position, self._source.size, read)
