"""Both databases, and resources in them however odd: with the ids that they have, or without any."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, TypeAlias
from uuid import uuid4

import pytest

from fhir4ds.database import Database, connect
from fhir4ds.dialect.types import SqlType
from fhir4ds.runtime.answer import encode_json

Resources: TypeAlias = Sequence[Mapping[str, Any]]
Stored: TypeAlias = Callable[[Resources], AbstractContextManager[tuple[Database, Database]]]


def store(database: Database, resources: Resources) -> None:
    """Put resources into a table that the loader did not make: a key for each row, in their order."""
    syntax = database.dialect.syntax
    names = {"duckdb": ("VARCHAR", "JSON"), "postgres": ("text", "jsonb")}[database.dialect.name]
    table = syntax.quote(database.table)
    database.execute_query(f"CREATE TABLE {table} (id {names[0]}, resource {names[1]})")
    for number, resource in enumerate(resources):
        text = syntax.cast(syntax.text(encode_json(resource)), SqlType.JSON)
        database.execute_query(f"INSERT INTO {table} VALUES ({syntax.text(f'{number:04}')}, {text})")


@pytest.fixture(scope="module")
def stored(postgres_url: str) -> Stored:
    """Puts resources into tables of both databases."""

    @contextmanager
    def both(resources: Resources) -> Iterator[tuple[Database, Database]]:
        table = f"t{uuid4().hex[:12]}"
        with ExitStack() as stack:
            databases = [stack.enter_context(connect(url, table=table)) for url in ("duckdb://", postgres_url)]
            for database in databases:
                store(database, resources)
            yield databases[0], databases[1]

    return both
