"""Databases without the runtime: what runs SQL text, for tests of the text alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from decimal import Decimal
from typing import Any

import attrs

from fhir4ds.dialect.syntax import Syntax


@attrs.frozen
class Engine:
    """A database that runs SQL.

    Parameters
    ----------
    name : str
        Of the dialect.
    syntax : Syntax
        Its words.
    errors : type
        Base class of the errors of its API.
    run : callable
        Runs a statement with named parameters and returns its rows.
    """

    name: str
    syntax: Syntax
    errors: type[Exception]
    _run: Callable[[str, Mapping[str, object] | None], list[tuple[Any, ...]]]

    def run(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """Rows of a statement; JSON as text."""
        return self._run(sql, parameters)

    def value(self, expression: str) -> Any:
        """The value of one SQL expression; JSON as text."""
        [(value,)] = self.run(f"SELECT {expression}")
        return value


def parse_json(value: Any) -> Any:
    """JSON text, or a list of such, as Python values with exact numbers."""
    if isinstance(value, list):
        return [parse_json(item) for item in value]
    return None if value is None else json.loads(value, parse_float=Decimal)


@contextmanager
def duckdb_engine() -> Iterator[Engine]:
    """An embedded DuckDB in memory."""
    import duckdb
    from fhir4ds_duckdb.syntax import DuckDBSyntax

    with closing(duckdb.connect()) as connection:

        def run(sql: str, parameters: Mapping[str, object] | None) -> list[tuple[Any, ...]]:
            return connection.execute(sql, parameters).fetchall()

        yield Engine("duckdb", DuckDBSyntax(), duckdb.Error, run)


@contextmanager
def postgres_engine(url: str) -> Iterator[Engine]:
    """A session of a PostgreSQL server."""
    import psycopg2
    import psycopg2.extras
    from fhir4ds_postgres.syntax import PostgresSyntax

    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        psycopg2.extras.register_default_jsonb(connection, loads=str)
        psycopg2.extras.register_default_json(connection, loads=str)

        def run(sql: str, parameters: Mapping[str, object] | None) -> list[tuple[Any, ...]]:
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return cursor.fetchall() if cursor.description is not None else []

        yield Engine("postgres", PostgresSyntax(), psycopg2.Error, run)
