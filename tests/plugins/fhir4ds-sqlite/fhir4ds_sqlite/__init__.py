"""The SQLite dialect of FHIR4DS."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fhir4ds.plugin import Capabilities, Dialect, Driver, Target, hookimpl
from fhir4ds_sqlite.syntax import SQLiteSyntax


def load_driver() -> Callable[[Target], Driver]:
    """Import SQLite and return what makes a driver."""
    from fhir4ds_sqlite.driver import SQLiteDriver

    return SQLiteDriver


@hookimpl
def fhir4ds_dialects() -> Iterable[Dialect]:
    """Provide the dialect ``sqlite``."""
    yield Dialect(
        name="sqlite",
        api=1,
        schemes=("sqlite",),
        suffixes=(".sqlite", ".sqlite3"),
        system="sqlite",
        syntax=SQLiteSyntax(),
        load_driver=load_driver,
        requires="pysqlite3",
        driver_module="pysqlite3",
        capabilities=Capabilities(server_cursor=True, embedded=True),
    )
