"""Databases without the runtime: what runs SQL text, for tests of the text alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from fhir4ds.database import dialect_target
from fhir4ds.registry import registry
from fhir4ds.testing.engine import Engine
from fhir4ds.testing.fixtures import CONNECT_TIMEOUT


@contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    """A session of the database at a URL."""
    dialect = registry.for_url(url)
    with closing(dialect.load_driver()(dialect_target(dialect, url))) as driver:
        connection = driver.connect(CONNECT_TIMEOUT)
        yield Engine(dialect, driver, connection)
        driver.disconnect(connection)
