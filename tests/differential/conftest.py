"""Both databases at once, and how many examples hypothesis makes."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from fhir4ds.database import Database, connect

#: The ordinary run makes the same examples each time, so that it is as repeatable as any other test. For a search:
#: ``FHIR4DS_DIFFERENTIAL=200 python -m pytest tests/differential`` makes 200 new ones for each function.
SEARCH = int(os.environ.get("FHIR4DS_DIFFERENTIAL", "0"))


def examples(few: int) -> settings:
    """Settings of a test that makes ``few`` examples, or as many as the search asks for."""
    return settings(
        max_examples=SEARCH or few,
        derandomize=not SEARCH,
        database=None,
        deadline=None,  # two databases on a machine that others use
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )


@pytest.fixture(scope="module")
def databases(postgres_url: str) -> Iterator[tuple[Database, Database]]:
    """DuckDB and PostgreSQL."""
    with connect("duckdb://") as duckdb, connect(postgres_url) as postgres:
        yield duckdb, postgres
