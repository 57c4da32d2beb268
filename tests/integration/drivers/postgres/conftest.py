"""The driver and two sessions of PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import pytest
from fhir4ds_postgres.driver import PostgresDriver

from fhir4ds.plugin import Connection, Driver, Target

from .sessions import connected


@pytest.fixture(scope="module")
def target(postgres_url: str) -> Target:
    # A test that goes wrong must not hang: psycopg2 cannot be interrupted.
    return attrs.evolve(Target.parse(postgres_url), options={"options": "-c statement_timeout=20s"})


@pytest.fixture(scope="module")
def driver(target: Target) -> Driver:
    return PostgresDriver(target)


@pytest.fixture
def connection(driver: Driver) -> Iterator[Connection]:
    with connected(driver) as connection:
        yield connection


@pytest.fixture
def second(driver: Driver) -> Iterator[Connection]:
    with connected(driver) as connection:
        yield connection
