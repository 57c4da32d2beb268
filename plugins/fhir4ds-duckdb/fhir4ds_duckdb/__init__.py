"""The DuckDB dialect of FHIR4DS."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fhir4ds.plugin import Capabilities, Dialect, Driver, Target, hookimpl
from fhir4ds_duckdb.syntax import DuckDBSyntax


def load_driver() -> Callable[[Target], Driver]:
    """Import DuckDB and return what makes a driver."""
    from fhir4ds_duckdb.driver import DuckDBDriver

    return DuckDBDriver


@hookimpl
def fhir4ds_dialects() -> Iterable[Dialect]:
    """Provide the dialect ``duckdb``."""
    yield Dialect(
        name="duckdb",
        api=1,
        schemes=("duckdb",),
        suffixes=(".duckdb", ".ddb"),
        system="duckdb",
        syntax=DuckDBSyntax(),
        load_driver=load_driver,
        requires="duckdb>=1.4,<3",
        driver_module="duckdb",
        capabilities=Capabilities(
            read_only=True,
            server_cursor=True,
            bulk_load=True,
            files=True,
            exact_decimals=True,
            typed_results=True,
            embedded=True,
        ),
    )
