"""The same resources in an embedded DuckDB and on a live PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import attrs
import pytest

from fhir4ds.database import Database, connect
from fhir4ds.errors import Fhir4dsError
from fhir4ds.testing.comparison import canonical_rows
from tests.support.postgres_databases import administrator


@attrs.frozen
class Pair:
    """Two databases that hold the same resources.

    Parameters
    ----------
    duckdb, postgres : Database
        Each with one connection, so that the one that is asked who it is, is the one that answered.
    postgres_url : str
        Of the server, for an observer of its own.
    name : str
        What the connection to PostgreSQL is called there.
    """

    duckdb: Database
    postgres: Database
    postgres_url: str
    name: str

    def rows(self, expression: str, **arguments: Any) -> list[tuple[Any, ...]]:
        """The rows of an expression, which both databases must give by value and type."""
        left = self.duckdb.query(expression, **arguments)
        right = self.postgres.query(expression, **arguments)
        self._assert_postgresql_answered()
        assert canonical_rows(left.rows) == canonical_rows(right.rows)
        assert left.schema == right.schema
        return list(right.rows)

    def error(self, expression: str, **arguments: Any) -> Fhir4dsError:
        """The error of an expression, which both databases must raise."""
        errors = []
        for database in (self.duckdb, self.postgres):
            with pytest.raises(Fhir4dsError) as caught:
                database.query(expression, **arguments)
            errors.append(caught.value)
        left, right = errors
        assert (type(left), left.message, left.hint) == (type(right), right.message, right.hint)
        return right

    def _assert_postgresql_answered(self) -> None:
        """A backend of the live server ran the statement last."""
        with administrator(self.postgres_url) as cursor:
            cursor.execute(
                "SELECT pid::text, query FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = %s",
                (self.name,),
            )
            [(pid, query)] = cursor.fetchall()
        assert "WITH " in query and "resource" in query
        version, answered = self.postgres.session()
        assert (version[:10], answered) == ("PostgreSQL", pid)


#: Loads files or resources into a new pair of databases.
MakePair: TypeAlias = Callable[..., AbstractContextManager[Pair]]


@pytest.fixture(scope="module")
def make_pair(postgres_url: str) -> MakePair:
    """A pair of databases with the resources of some files, or with given ones."""

    @contextmanager
    def make(*sources: Path | dict[str, Any]) -> Iterator[Pair]:
        table = f"resource_{uuid4().hex[:8]}"
        url = f"{postgres_url}?application_name={table}"
        with (
            connect("duckdb://", table=table, pool_size=1) as duckdb,
            connect(url, table=table, pool_size=1) as postgres,
        ):
            for database in (duckdb, postgres):
                database.load(list(sources), strict=True)
            yield Pair(duckdb, postgres, postgres_url, table)

    return make
