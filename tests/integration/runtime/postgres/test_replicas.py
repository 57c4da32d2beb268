"""Several servers in one URL: a primary, and a standby that recovers for ever and can only be read."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import fhir4ds
from fhir4ds.database import Database
from fhir4ds.errors import ConnectFailed, QueryFailed
from tests.support.postgres_server import PASSWORD, USER, PostgresServer, _identity

pytestmark = pytest.mark.postgres

_PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female"}


@pytest.fixture(scope="module")
def servers(postgres_server: PostgresServer) -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """A primary with one patient, and a standby made of a copy of its files."""
    major = postgres_server._installation.major
    with PostgresServer(major) as primary, PostgresServer(major) as standby:
        with fhir4ds.connect(primary.url) as database:
            database.load([_PATIENT])
        primary.stop()
        standby.stop()
        assert primary._folder is not None and standby._folder is not None
        original, copy = primary._folder / "data", standby._folder / "data"
        shutil.rmtree(copy)
        shutil.copytree(original, copy)
        with (copy / "postgresql.conf").open("a") as file:
            file.write(f"port = {standby.port}\n")
        (copy / "standby.signal").touch()
        copy.chmod(0o700)
        owner = _identity()
        if owner:
            for path in (copy, *copy.rglob("*")):
                shutil.chown(path, owner["user"], owner["group"])
        primary.start()
        standby.start()
        yield primary, standby


@pytest.fixture
def connect(servers: tuple[PostgresServer, PostgresServer]) -> Iterator[Callable[..., Database]]:
    """Connect to the first server that has what is asked for; the standby is the first in the list."""
    made: list[Database] = []

    def make(attributes: str, ports: list[int] | None = None) -> Database:
        primary, standby = servers
        listed = ports or [standby.port, primary.port]
        hosts = ",".join("127.0.0.1" for _ in listed)
        url = (
            f"postgresql:///postgres?user={USER}&host={hosts}&port={','.join(map(str, listed))}"
            f"&target_session_attrs={attributes}"
        )
        made.append(fhir4ds.connect(url, attempts=2, backoff=0.01))
        return made[-1]

    yield make
    for database in made:
        database.close()


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)


def _where(database: Database) -> Any:
    [where] = database.execute_query("SELECT current_setting('port')::int, pg_is_in_recovery()")
    return where


def test_writing_goes_to_the_primary(connect: Any, servers: tuple[PostgresServer, PostgresServer]) -> None:
    database = connect("read-write")
    assert _where(database) == (servers[0].port, False)
    assert database.load([_PATIENT]).unchanged == 1


@pytest.mark.parametrize("attributes", ["any", "standby", "prefer-standby", "read-only"])
def test_reading_goes_to_the_standby(
    connect: Any, servers: tuple[PostgresServer, PostgresServer], attributes: str
) -> None:
    database = connect(attributes)
    assert _where(database) == (servers[1].port, True)
    assert database.query("Patient.gender").rows == [("p1", "female")]
    assert [row for batch in database.stream("Patient.id") for row in batch] == [("p1", "p1")]


def test_a_standby_refuses_writing_and_says_why(connect: Any) -> None:
    with pytest.raises(QueryFailed, match="read-only") as error:
        connect("standby").load([_PATIENT])
    assert error.value.code == "25006"


def test_the_next_server_is_tried_where_one_is_down(
    connect: Any, servers: tuple[PostgresServer, PostgresServer]
) -> None:
    primary, standby = servers
    database = connect("prefer-standby")
    assert _where(database) == (standby.port, True)
    standby.stop()
    try:
        # The connection is lost; the call that finds out is tried again, on the other server.
        assert database.query("Patient.gender").rows == [("p1", "female")]
        assert _where(database) == (primary.port, False)
        with pytest.raises(ConnectFailed):
            connect("standby").query("Patient.gender")
    finally:
        standby.start()
