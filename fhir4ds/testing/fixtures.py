"""What the tests of the kit are given: the dialect, and a database that speaks it.

A repository whose tests start a server by themselves overrides the fixture ``url`` in its ``conftest.py``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from typing import NoReturn

import pytest

from fhir4ds.database import Database, connect, dialect_target
from fhir4ds.dialect.driver import Connection, Driver
from fhir4ds.dialect.model import Dialect
from fhir4ds.registry import registry
from fhir4ds.target import Target
from fhir4ds.testing.engine import Engine

#: Start of the environment variables that name a database for each dialect: ``FHIR4DS_TEST_URL_POSTGRES``.
URL_VARIABLE = "FHIR4DS_TEST_URL_"

#: Seconds in which a connection must be made.
CONNECT_TIMEOUT = 10.0


def url_variable(dialect: str) -> str:
    """The environment variable that names the database of a dialect.

    Examples
    --------
    >>> url_variable("my-sql")
    'FHIR4DS_TEST_URL_MY_SQL'
    """
    return URL_VARIABLE + dialect.upper().replace("-", "_")


@pytest.fixture(scope="module")
def dialect(request: pytest.FixtureRequest) -> Dialect:
    """The dialect that is tested, from the registry, as an application gets it."""
    return registry.get(request.param)


@pytest.fixture(scope="module")
def url(dialect: Dialect, pytestconfig: pytest.Config) -> str:
    """Where its database is: ``--url``, or the environment, or else in memory where it is embedded."""
    given: str | None = pytestconfig.getoption("--url") or os.environ.get(url_variable(dialect.name))
    if given is not None:
        return given
    if dialect.capabilities.embedded:
        return f"{dialect.schemes[0]}://"
    return _do_without(pytestconfig, f"no database for {dialect.name}: give --url or {url_variable(dialect.name)}")


def _do_without(config: pytest.Config, reason: str) -> NoReturn:
    """Skip what needs a database, or fail where one is required."""
    if config.getoption("--require"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def target(dialect: Dialect, url: str) -> Target:
    """The URL, read."""
    return dialect_target(dialect, url)


@pytest.fixture(scope="module")
def driver(dialect: Dialect, target: Target, pytestconfig: pytest.Config) -> Iterator[Driver]:
    """A driver for the database, without the runtime; it has reached the database once."""
    with closing(dialect.load_driver()(target)) as driver:
        try:
            driver.disconnect(driver.connect(CONNECT_TIMEOUT))
        except driver.errors as error:
            _do_without(pytestconfig, f"no connection to {target}: {driver.fault(error, None).message}")
        yield driver


@pytest.fixture
def connection(driver: Driver) -> Iterator[Connection]:
    """A connection of the test's own."""
    connection = driver.connect(CONNECT_TIMEOUT)
    yield connection
    driver.disconnect(connection)


@pytest.fixture(scope="module")
def engine(dialect: Dialect, driver: Driver) -> Iterator[Engine]:
    """What runs SQL text, in one session for all."""
    connection = driver.connect(CONNECT_TIMEOUT)
    yield Engine(dialect, driver, connection)
    driver.disconnect(connection)


@pytest.fixture(scope="module")
def database(url: str, driver: Driver) -> Iterator[Database]:  # noqa: ARG001 - the driver has reached the database
    """The database as an application opens it."""
    with connect(url) as database:
        yield database
