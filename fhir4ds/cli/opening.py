"""Which database a command asks, opened so that asking changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
import click

from fhir4ds.cli.command import call
from fhir4ds.cli.options import read_table
from fhir4ds.errors import InvalidTarget

if TYPE_CHECKING:
    from fhir4ds.database import Database

#: The database that reads files in place: the embedded one, in memory.
_READER = "duckdb://"


def source_of(source: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The database to ask, and the files that it is to read in place, if any.

    Parameters
    ----------
    source : sequence of str
        One URL, one database file, or files, folders and patterns.

    Raises
    ------
    click.UsageError
        If a URL is among others.
    """
    from fhir4ds.registry import registry

    if any("://" in place for place in source):
        if len(source) > 1:
            raise click.UsageError("a database is asked alone; name one URL, or files and folders")
        return source[0], ()
    if len(source) == 1:
        try:
            registry.for_url(source[0])
        except InvalidTarget:
            return _READER, tuple(source)
        return source[0], ()
    return _READER, tuple(source)


def open_to_read(
    url: str, *, table: str = "resource", model: str | None = "R4", strict: bool = False, **settings: Any
) -> Database:
    """Open a database as `fhir4ds.connect` does, but the file of an embedded one only for reading.

    So a mistyped name does not make a new file, and several commands can ask one file at the same time.

    Parameters
    ----------
    url, model, strict, **settings
        As for `fhir4ds.connect`.
    table : str
        As ``--table`` has it.
    """
    from fhir4ds.database import Database, dialect_target
    from fhir4ds.registry import registry
    from fhir4ds.runtime.dispatcher import Dispatcher
    from fhir4ds.runtime.settings import Settings

    dialect = registry.for_url(url)
    target = dialect_target(dialect, url)
    if dialect.capabilities.embedded and target.database not in (None, ":memory:"):
        target = attrs.evolve(target, options={"read_only": "true", **target.options})
    dispatcher = Dispatcher(dialect, target, Settings(log_statements=call().verbose, **settings))
    return Database(dispatcher, table=read_table(table), model=model, strict=strict)
