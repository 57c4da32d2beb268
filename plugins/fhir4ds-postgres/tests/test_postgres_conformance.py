"""PostgreSQL, on a live server, passes the conformance kit."""

import pytest

from fhir4ds.testing.suite import *

DIALECT = "postgres"

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def url(postgres_url: str) -> str:
    """A database on the server that the tests start."""
    return postgres_url
