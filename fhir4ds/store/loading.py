"""Loading: each resource is there once, by type and id, as it was given last."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from fhir4ds import events
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import RejectedResource, SourceError
from fhir4ds.plan.source import TableSource
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.session import Session
from fhir4ds.store.interim_files import PathLike, find_files
from fhir4ds.store.interim_report import LoadReport, Tally
from fhir4ds.store.resources import Rejection, Resource, read_file, read_values, size_of
from fhir4ds.store.table import qualified_name

#: Called with bytes read, bytes in all (None where that is not known) and resources read so far.
Progress: TypeAlias = Callable[[int, int | None, int], None]

#: What resources can be loaded from: paths and patterns, or resources as dictionaries or JSON text.
Resources: TypeAlias = PathLike | Iterable[PathLike | Mapping[str, Any]]

_STAGING = "fhir4ds_staging"
_COLUMNS = ("id", "resource_type", "resource")
#: How often progress is told while resources of unknown size are read.
_TOLD_EVERY = 500


def load(
    dispatcher: Dispatcher,
    source: Resources,
    *,
    table: str = "resource",
    schema: str | None = None,
    strict: bool = False,
    progress: Progress | None = None,
) -> LoadReport:
    """Load resources in one transaction.

    Parameters
    ----------
    dispatcher : Dispatcher
        What runs statements.
    source : path, pattern, or iterable of paths or resources
        Files are read as `fhir4ds.store.resources.read_file` says.
    table, schema : str
        Where to; the table is made if there is none.
    strict : bool
        Whether the first thing that is no resource stops the load and undoes it.
    progress : Progress, optional
        Told now and then how far it has come.

    Returns
    -------
    LoadReport

    Raises
    ------
    SourceError
        If there is nothing to read, or the table is not one that can be loaded into.
    RejectedResource
        If ``strict`` and something is no resource.
    """
    target = TableSource(name=table, schema=schema, resource_type="resource_type")
    tally = Tally()
    records = _records(source, tally, progress)
    report = dispatcher.run(
        lambda session: _load(session, dispatcher, target, _rows(records, tally, strict=strict), tally),
        timeout=math.inf,
        summary="load",
    )
    events.emit(
        events.Event.LOAD_DONE,
        {
            "db.system.name": dispatcher.dialect.system,
            "inserted": report.inserted,
            "updated": report.updated,
            "unchanged": report.unchanged,
            "rejected": report.rejected,
        },
    )
    return report


def _records(source: Resources, tally: Tally, progress: Progress | None) -> Iterator[Resource | Rejection]:
    if isinstance(source, str | os.PathLike):
        return _from_files(source, tally, progress)
    items = iter(source)
    first = next(items, None)
    if first is None:
        return iter(())
    everything = _chain(first, items)
    # Paths and resources may both come as text; a resource starts with a brace.
    if isinstance(first, os.PathLike) or (isinstance(first, str) and not first.lstrip().startswith("{")):
        return _from_files(list(everything), tally, progress)
    return _told(read_values(everything), tally, progress)


def _chain(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def _from_files(paths: Any, tally: Tally, progress: Progress | None) -> Iterator[Resource | Rejection]:
    files = find_files(paths)
    total = size_of(files)
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        if count:
            done += count
            if progress is not None:
                progress(done, total, tally.read)

    for file in files:
        yield from read_file(file, advance)


def _told(
    records: Iterator[Resource | Rejection], tally: Tally, progress: Progress | None
) -> Iterator[Resource | Rejection]:
    for record in records:
        if progress is not None and tally.read % _TOLD_EVERY == 0:
            progress(0, None, tally.read)
        yield record


def _rows(
    records: Iterator[Resource | Rejection], tally: Tally, *, strict: bool
) -> Iterator[tuple[str, str, str, str]]:
    for record in records:
        if isinstance(record, Rejection):
            tally.reject(record)
            if strict:
                raise RejectedResource(
                    str(record),
                    file=record.file,
                    line=record.line,
                    hint="nothing was loaded; without strict the rest would have been",
                )
            continue
        tally.read += 1
        yield str(tally.read), record.id, record.type, record.text


def _load(
    session: Session,
    dispatcher: Dispatcher,
    table: TableSource,
    rows: Iterator[tuple[str, str, str, str]],
    tally: Tally,
) -> LoadReport:
    syntax = dispatcher.dialect.syntax
    quote, types = syntax.quote, syntax.types
    name = qualified_name(syntax, table)
    id, type, resource = (quote(column) for column in _COLUMNS)
    place = quote("place")
    text, json = types[SqlType.TEXT], types[SqlType.JSON]
    session.execute(
        f"CREATE TABLE IF NOT EXISTS {name} ({id} {text} NOT NULL, {type} {text} NOT NULL, {resource} {json} NOT NULL, "
        f"PRIMARY KEY ({type}, {id})){syntax.table_options}"
    )
    _check_shape(session, name, table)
    staging = quote(_STAGING)
    session.execute(
        f"CREATE TEMPORARY TABLE {staging} ({place} {types[SqlType.INTEGER]}, {id} {text}, {type} {text}, "
        f"{resource} {json}){syntax.table_options}"
    )
    session.load(staging, [place, id, type, resource], rows)
    # The last one of those that a load gives several times.
    latest = (
        f"SELECT staged.* FROM {staging} AS staged JOIN (SELECT {type}, {id}, MAX({place}) AS {place} FROM {staging} "
        f"GROUP BY {type}, {id}) AS newest ON newest.{type} = staged.{type} AND newest.{id} = staged.{id} "
        f"AND newest.{place} = staged.{place}"
    )
    same = syntax.apply("json_same", f"stored.{resource}", f"latest.{resource}")
    compared = (
        f"FROM ({latest}) AS latest LEFT JOIN {name} AS stored "
        f"ON stored.{type} = latest.{type} AND stored.{id} = latest.{id}"
    )
    outcome = syntax.case([(f"stored.{id} IS NULL", "'inserted'"), (same, "'unchanged'")], "'updated'")
    counted = session.execute(
        f"SELECT latest.{type}, {outcome} AS outcome, COUNT(*) {compared} GROUP BY latest.{type}, outcome"
    )
    session.execute(
        f"INSERT INTO {name} ({id}, {type}, {resource}) SELECT latest.{id}, latest.{type}, latest.{resource} {compared} "
        f"WHERE stored.{id} IS NULL OR NOT {same} "
        f"ON CONFLICT ({type}, {id}) DO UPDATE SET {resource} = EXCLUDED.{resource}"
    )
    session.execute(f"DROP TABLE {staging}")
    return tally.report(Counter({(row[0], row[1]): row[2] for row in counted.rows}))


def _check_shape(session: Session, name: str, table: TableSource) -> None:
    columns = [column for column, _ in session.execute(f"SELECT * FROM {name} LIMIT 0").columns]
    missing = [column for column in _COLUMNS if column not in columns]
    if missing:
        raise SourceError(
            f"table {table.name!r} was not made for loading: it has no column {', '.join(missing)}",
            hint="load into a table of another name, which will be made: table='...' or --table NAME",
        )
