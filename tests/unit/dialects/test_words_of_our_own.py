"""What the words of our own dialects do beyond what the conformance kit asks of every dialect."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fhir4ds.dialect.types import SqlType
from fhir4ds.testing.engine import Engine
from tests.support.engines import engine_of

_TEXT = SqlType.TEXT


@pytest.fixture(scope="module")
def postgres(postgres_url: str) -> Iterator[Engine]:
    """A session of PostgreSQL."""
    with engine_of(postgres_url) as engine:
        yield engine


@pytest.fixture(scope="module", params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """DuckDB, then PostgreSQL."""
    url = "duckdb://" if request.param == "duckdb" else request.getfixturevalue("postgres_url")
    with engine_of(url) as engine:
        yield engine


def test_comments_on_relations_are_told(engine: Engine) -> None:
    """By them we know what is ours and may be replaced."""
    kind = engine.syntax.relation_kind
    engine.run("CREATE VIEW kind_view AS SELECT 1 AS one")
    engine.run("COMMENT ON VIEW kind_view IS 'it''s'")
    assert engine.run(kind("kind_view", None)) == [("view", "it's")]
    if engine.syntax.materialized_views:
        engine.run("CREATE MATERIALIZED VIEW kind_stored AS SELECT 1 AS one")
        assert engine.run(kind("kind_stored", None)) == [("materialized view", None)]


def test_columns_are_found_in_a_schema_by_name(engine: Engine) -> None:
    """The schema that is there from the beginning has a name, too."""
    engine.run("CREATE TABLE two_columns (a INTEGER, b INTEGER)")
    schema = "main" if engine.dialect.name == "duckdb" else "public"
    assert [name for name, _ in engine.run(engine.syntax.columns("two_columns", schema))] == ["a", "b"]


@pytest.mark.postgres
def test_queries_in_one_round_trip_are_limited(postgres: Engine) -> None:
    """They write nothing and leave no limit behind."""
    at_once = postgres.syntax.query_at_once
    with pytest.raises(postgres.errors, match="read-only"):
        postgres.run(str(at_once("CREATE TABLE written (value INTEGER)", 1000)))
    with pytest.raises(postgres.errors, match="timeout"):
        postgres.run(str(at_once("SELECT pg_sleep(5)", 20)))
    assert postgres.run("SHOW statement_timeout") == [("0",)]
    postgres.run("CREATE TEMPORARY TABLE not_read_only (value INTEGER)")


@pytest.mark.postgres
def test_session_is_that_of_the_server(postgres: Engine) -> None:
    """The product and the process that answers."""
    [(version, identity)] = postgres.run(postgres.syntax.session())
    assert version.startswith("PostgreSQL ")
    assert [(int(identity),)] == postgres.run("SELECT pg_backend_pid()")
