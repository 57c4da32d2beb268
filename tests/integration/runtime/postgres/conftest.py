"""A dialect, dispatchers and a witness on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest
import structlog

from fhir4ds.dialect.model import Dialect
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.settings import Settings
from fhir4ds.target import Target


@pytest.fixture(scope="module")
def dialect() -> Dialect:
    from fhir4ds_postgres import fhir4ds_dialects

    (only,) = fhir4ds_dialects()
    assert isinstance(only, Dialect)
    return only


@pytest.fixture
def open_(dialect: Dialect, postgres_url: str) -> Iterator[Callable[..., Dispatcher]]:
    """Make dispatchers with settings; they are closed at the end."""
    made: list[Dispatcher] = []

    def make(**settings: Any) -> Dispatcher:
        made.append(Dispatcher(dialect, Target.parse(postgres_url), Settings(**settings)))
        return made[-1]

    yield make
    for dispatcher in made:
        dispatcher.close()
    structlog.reset_defaults()


@pytest.fixture
def witness(postgres_url: str) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    """Ask the server on a connection of its own, which it leaves out of what it sees of this database."""
    with closing(psycopg2.connect(postgres_url)) as connection:
        connection.autocommit = True

        def ask(sql: str) -> list[tuple[Any, ...]]:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall()  # type: ignore[no-any-return]

        yield ask
