"""The server of the faults: one for all of them, which each may stop and start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.scene import SERVER_SETTINGS
from tests.support.postgres_databases import running_server
from tests.support.postgres_server import PostgresServer


@pytest.fixture(scope="session")
def faulty_server() -> Iterator[PostgresServer]:
    """A PostgreSQL that is soon full and soon impatient."""
    with running_server(SERVER_SETTINGS) as server:
        yield server
