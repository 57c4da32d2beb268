"""The PostgreSQL dialect of FHIR4DS."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fhir4ds.plugin import Capabilities, Dialect, Driver, Target, hookimpl
from fhir4ds_postgres.syntax import PostgresSyntax


def load_driver() -> Callable[[Target], Driver]:
    """Import psycopg2 and return what makes a driver."""
    from fhir4ds_postgres.driver import PostgresDriver

    return PostgresDriver


@hookimpl
def fhir4ds_dialects() -> Iterable[Dialect]:
    """Provide the dialect ``postgres``, also known as ``postgresql``."""
    yield Dialect(
        name="postgres",
        api=1,
        aliases=("postgresql",),
        schemes=("postgresql", "postgres"),
        system="postgresql",
        syntax=PostgresSyntax(),
        load_driver=load_driver,
        requires="psycopg2-binary>=2.9",
        driver_module="psycopg2",
        port=5432,
        capabilities=Capabilities(
            read_only=True,
            statement_timeout=True,
            server_cursor=True,
            bulk_load=True,
            exact_decimals=True,
            typed_results=True,
        ),
    )
