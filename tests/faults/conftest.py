"""The server of the faults: one for all of them, which each may stop and start."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.faults.scene import SERVER_SETTINGS
from tests.support.postgres_server import PostgresServer, PostgresUnavailable


@pytest.fixture(scope="session")
def faulty_server() -> Iterator[PostgresServer]:
    """A PostgreSQL that is soon full and soon impatient."""
    major = os.environ.get("FHIR4DS_TEST_POSTGRES_MAJOR")
    try:
        server = PostgresServer(int(major) if major else None, SERVER_SETTINGS)
        server.start()
    except PostgresUnavailable as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(str(reason))
        pytest.skip(str(reason))
    with closing(server):
        yield server
