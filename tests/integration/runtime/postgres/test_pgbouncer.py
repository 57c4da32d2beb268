"""Behind PgBouncer, pooling by transaction: everything works but a polite cancel. Skipped where there is no PgBouncer."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg2
import pytest

from fhir4ds.database import Database
from fhir4ds.dialect.model import Dialect
from fhir4ds.dialect.statement import Statement
from fhir4ds.errors import ConnectFailed, QueryCancelled, QueryTimeout
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.settings import Settings
from fhir4ds.target import Target

from .backends import SLEEP, eventually

pytestmark = pytest.mark.postgres

#: Debian puts it where only root looks.
PROGRAM = shutil.which("pgbouncer", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))

IGNORED = "ignore_startup_parameters = options"


@contextmanager
def pgbouncer(folder: Path, url: str, setting: str) -> Iterator[str]:
    """Run one before a server, two connections wide, and give the URL that leads through it."""
    if PROGRAM is None:
        pytest.skip("there is no pgbouncer")
    server = urlsplit(url)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    users, config = folder / "users.txt", folder / "pgbouncer.ini"
    users.write_text(f'"{server.username}" "{unquote(server.password or "")}"\n')
    config.write_text(
        f"[databases]\n* = host={server.hostname} port={server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {users}\npool_mode = transaction\n"
        f"default_pool_size = 2\n{setting}\n"
    )
    other = {"user": "nobody"} if os.geteuid() == 0 else {}  # it refuses to be root
    for path in (users, config):
        path.chmod(0o644)
    with subprocess.Popen([PROGRAM, "-q", str(config)], stderr=subprocess.DEVNULL, **other) as process:  # type: ignore[call-overload]
        try:
            eventually(lambda: _listens(port))
            yield server._replace(netloc=f"{server.username}@127.0.0.1:{port}").geturl()
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that any user may read, as those of pytest are not."""
    with tempfile.TemporaryDirectory(prefix="fhir4ds-pgbouncer-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def through(folder: Path, postgres_url: str, dialect: Dialect) -> Iterator[Callable[..., Dispatcher]]:
    made: list[Dispatcher] = []
    with pgbouncer(folder, postgres_url, IGNORED) as url:

        def make(**settings: object) -> Dispatcher:
            made.append(Dispatcher(dialect, Target.parse(url), Settings(**settings)))  # type: ignore[arg-type]
            return made[-1]

        yield make
        for dispatcher in made:
            dispatcher.close()


def test_our_startup_parameter_is_refused_in_plain_words(folder: Path, postgres_url: str, dialect: Dialect) -> None:
    with pgbouncer(folder, postgres_url, "") as url:
        with Dispatcher(dialect, Target.parse(url), Settings(attempts=1)) as dispatcher:
            with pytest.raises(ConnectFailed, match="unsupported startup parameter: options"):
                dispatcher.execute_query("SELECT 1")


def test_loads_queries_and_streams(through: Callable[..., Dispatcher]) -> None:
    """More connections than PgBouncer has, so that each transaction may come to another session of the server."""
    database = Database(through(pool_size=6))
    patients = [{"resourceType": "Patient", "id": f"p{n:03}", "multipleBirthInteger": n} for n in range(200)]
    assert database.load(patients).inserted == 200
    wrong: list[object] = []

    def ask(number: int) -> None:
        for _ in range(10):
            rows = database.query("Patient.where(multipleBirth.ofType(integer) < %n).id", n=number).values()
            streamed = [row for batch in database.stream("Patient.id", batch_size=7) for row in batch]
            if rows != [f"p{n:03}" for n in range(number)] or len(streamed) != 200:
                wrong.append((number, len(rows), len(streamed)))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert database.load(patients).unchanged == 200


def test_limits_are_kept_and_end_with_their_transaction(through: Callable[..., Dispatcher]) -> None:
    dispatcher = through(pool_size=2)
    started = time.monotonic()
    with pytest.raises(QueryTimeout):
        dispatcher.query(SLEEP, timeout=0.3)
    assert time.monotonic() - started < 1.0
    for _ in range(4):
        with dispatcher.connection() as connection, connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchall() == [("0",)]


def test_a_cancelled_call_ends_though_its_statement_is_not_reached(
    through: Callable[..., Dispatcher], witness: Callable[[str], list[tuple[object, ...]]]
) -> None:
    """PgBouncer tells its clients no process id of the server, so there is nobody to cancel but by cutting the line."""
    dispatcher = through(pool_size=2)
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(%' AND pid <> pg_backend_pid()"

    def cancel() -> None:
        eventually(lambda: witness(f"{sleeping} AND state = 'active'") == [(1,)])
        dispatcher.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    started = time.monotonic()
    with pytest.raises(QueryCancelled):
        dispatcher.query(Statement(sql="SELECT pg_sleep(20)", summary="sleep"), timeout=4.0)
    assert time.monotonic() - started < 3.0
    thread.join()
    assert dispatcher.query(Statement(sql="SELECT 1", summary="one")).rows == [(1,)]
    # The limit of the statement still holds on the server.
    eventually(lambda: witness(f"{sleeping} AND state = 'active'") == [(0,)])


def test_what_the_startup_parameter_would_have_said_comes_from_the_role(
    through: Callable[..., Dispatcher], postgres_url: str
) -> None:
    with psycopg2.connect(postgres_url) as connection, connection.cursor() as cursor:
        cursor.execute("ALTER ROLE CURRENT_USER IN DATABASE " + connection.info.dbname + " SET jit = off")
    connection.close()
    assert through().execute_query("SHOW jit") == [("off",)]
