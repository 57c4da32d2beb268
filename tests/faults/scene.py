"""Where faults happen: a server of their own, a proxy before it, dispatchers, and a recorder of every event."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, final
from urllib.parse import quote, urlencode
from uuid import uuid4

import attrs
import structlog

from fhir4ds.dialect.model import Dialect
from fhir4ds.dialect.statement import Statement
from fhir4ds.registry import registry
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.settings import Settings
from fhir4ds.target import Target
from tests.faults.model import ATTEMPTS, BACKOFF
from tests.faults.proxy import FaultProxy
from tests.support.postgres_server import PASSWORD, SECRET, USER, PostgresServer

HOST = "127.0.0.1"

#: Seconds after which something does not come any more.
_MOMENT = 10.0

#: What a process says to the one that has started it, when it wants to be interrupted.
INTERRUPT = "interrupt me"

#: A parameter value that no message and no event may repeat.
VALUE = "Jane Doe"

#: Private settings of the server: few connections, so that it is soon full, and deadlocks that are soon seen.
SERVER_SETTINGS = {
    "max_connections": "24",
    "superuser_reserved_connections": "5",
    "deadlock_timeout": "20ms",
    "temp_file_limit": "1MB",
    "work_mem": "64kB",
    "max_prepared_transactions": "0",
    "ssl": "off",
}


@attrs.frozen
class Address:
    """The server of another process, which alone can stop it.

    Parameters
    ----------
    port : int
        Where it listens.
    """

    port: int


Server = PostgresServer | Address


@final
class Recorder:
    """A processor of structlog that keeps every event, and can do something when one comes."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self._reactions: list[tuple[str, int, Callable[[], object]]] = []

    def __call__(self, logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        self.entries.append(dict(event))
        name = event["event"]
        seen = sum(entry["event"] == name for entry in self.entries)
        for wanted, number, reaction in self._reactions:
            if (wanted, number) == (name, seen):
                reaction()
        raise structlog.DropEvent

    def on(self, event: str, reaction: Callable[[], object], number: int = 1) -> None:
        """Do something when an event comes for the n-th time from now, before the call goes on."""
        before = sum(entry["event"] == event for entry in self.entries)
        self._reactions.append((event, before + number, reaction))


@contextmanager
def recording() -> Iterator[Recorder]:
    """Record what FHIR4DS logs, debug included."""
    recorder = Recorder()
    structlog.configure(processors=[recorder], cache_logger_on_first_use=False)
    try:
        yield recorder
    finally:
        structlog.reset_defaults()


@final
class Scene:
    """Where one fault happens.

    Parameters
    ----------
    folder : Path
        Empty, for files.
    recorder : Recorder
        Every event so far.
    budget : float
        Time budget of each call.
    server : PostgresServer, optional
        Of the tests of faults alone; each scene has a database of its own there.
    """

    def __init__(self, folder: Path, recorder: Recorder, budget: float, server: Server | None = None) -> None:
        self.folder = folder
        self.recorder = recorder
        self.budget = budget
        self._server = server
        self._resources = ExitStack()
        self.database = f"scene_{uuid4().hex[:12]}"
        self._dispatchers: list[Dispatcher] = []

    # --- PostgreSQL ---------------------------------------------------------------------------------------------------

    @property
    def server(self) -> PostgresServer:
        """The server, to stop it and start it again."""
        assert isinstance(self._server, PostgresServer)
        return self._server

    @property
    def port(self) -> int:
        """Port of the server."""
        assert self._server is not None, "this fault is not one of PostgreSQL"
        return self._server.port

    @cached_property
    def proxy(self) -> FaultProxy:
        """A proxy before it."""
        return self._resources.enter_context(FaultProxy(self.port))

    def url(self, *, port: int | None = None, user: str = USER, database: str | None = None, **options: str) -> str:
        """URL of the scene's database; every user has the same password."""
        place = f"{quote(user)}:{quote(PASSWORD, safe='')}@{HOST}:{port or self.port}"
        return f"postgresql://{place}/{database or self.database}?{urlencode(options)}"

    def connect(self, url: str | None = None, **settings: Any) -> Dispatcher:
        """A dispatcher, which is closed with the scene."""
        target = Target.parse(url or self.url())
        chosen = {"attempts": ATTEMPTS, "backoff": BACKOFF, "jitter": 0.0, "query_timeout": self.budget, **settings}
        dispatcher = Dispatcher(_dialect(target), target, Settings(**chosen))
        self._dispatchers.append(dispatcher)
        return dispatcher

    def through_proxy(self, **settings: Any) -> Dispatcher:
        """A dispatcher whose connections pass the proxy."""
        return self.connect(self.url(port=self.proxy.port), **settings)

    def ask(self, sql: str, *parameters: object, database: str | None = None) -> list[tuple[Any, ...]]:
        """Run SQL on a connection of its own, past the proxy and FHIR4DS."""
        import psycopg2

        with closing(psycopg2.connect(self.url(database=database))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters or None)
                return cursor.fetchall() if cursor.description else []

    def create(self) -> None:
        """Make the database of the scene."""
        self.ask(f"CREATE DATABASE {self.database} TEMPLATE template0 STRATEGY file_copy", database="postgres")

    def drop(self) -> None:
        """Drop the database of the scene."""
        self.ask(f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE)", database="postgres")

    def terminate(self, pid: int) -> None:
        """Kill a backend, and wait until it is gone."""
        self.ask("SELECT pg_terminate_backend(%s, 5000)", pid)

    def backends(self) -> list[int]:
        """Process ids of the sessions that FHIR4DS has in the scene's database."""
        return self._sessions("application_name = 'fhir4ds'")

    def _sessions(self, condition: str) -> list[int]:
        sql = f"SELECT pid FROM pg_stat_activity WHERE datname = '{self.database}' AND {condition}"
        return [pid for (pid,) in self.ask(sql, database="postgres")]

    def sleeper(self) -> int:
        """Wait for a session that is in ``pg_sleep``, and return its process id."""
        return self._session("wait_event = 'PgSleep'")

    def blocked(self) -> int:
        """Wait for a session that waits for a lock, and return its process id."""
        return self._session("wait_event_type = 'Lock'")

    def _session(self, condition: str) -> int:
        eventually(lambda: bool(self._sessions(condition)))
        return self._sessions(condition)[0]

    def session(self) -> Any:
        """A session of somebody else's, in autocommit mode."""
        import psycopg2

        connection = self.keep(closing(psycopg2.connect(self.url())))
        connection.autocommit = True
        return self.keep(connection.cursor())

    def wait_for_server(self) -> None:
        """Wait until the server lets somebody in."""
        import psycopg2

        def answers() -> bool:
            try:
                self.ask("SELECT 1", database="postgres")
            except psycopg2.OperationalError:
                return False
            return True

        eventually(answers)

    def wait_until_gone(self, pids: list[int]) -> None:
        """Wait until sessions have left the server, and the places that they took are free."""
        eventually(lambda: not set(pids) & set(self._sessions("true")))

    @contextmanager
    def host_rules(self, *rules: str) -> Iterator[None]:
        """Let only those in whom some lines of ``pg_hba.conf`` let in."""
        ((path,),) = self.ask("SHOW hba_file")
        file = Path(path)
        before = file.read_text()
        self._reload(file, "\n".join(rules) + "\n")
        try:
            yield
        finally:
            self._reload(file, before)

    def _reload(self, file: Path, text: str) -> None:
        loaded = self.ask("SELECT pg_conf_load_time()")
        file.write_text(text)
        self.ask("SELECT pg_reload_conf()")
        # A new session has what the postmaster had when it began.
        eventually(lambda: self.ask("SELECT pg_conf_load_time()") != loaded)

    # --- helpers ------------------------------------------------------------------------------------------------------

    def soon(self, action: Callable[[], object], seconds: float = 0.1) -> None:
        """Do something while the call is under way."""
        timer = threading.Timer(seconds, action)
        timer.start()
        self._resources.callback(timer.join)

    def ask_for_ctrl_c(self) -> None:
        """Let the process that has started this one interrupt it."""
        print(INTERRUPT, flush=True)

    def aside(self, action: Callable[[], object]) -> threading.Thread:
        """Do something on another thread, which has ended with the scene."""
        thread = threading.Thread(target=action)
        thread.start()
        self._resources.callback(thread.join, 10.0)
        return thread

    def at_end(self, action: Callable[[], object]) -> None:
        """Do something when the scene is over and its dispatchers are closed."""
        self._resources.callback(action)

    def keep(self, resource: Any) -> Any:
        """Enter a context manager, and leave it at the end of the scene."""
        return self._resources.enter_context(resource)

    # --- beginning and end --------------------------------------------------------------------------------------------

    def __enter__(self) -> Scene:
        if self._server is not None:
            self.create()
        return self

    def __exit__(self, *_: object) -> None:
        for dispatcher in self._dispatchers:
            dispatcher.close()
        self._resources.close()
        if self._server is not None:
            self.drop()

    def flaws(self) -> Iterator[str]:
        """What is wrong when the fault is over: connections that leak, before and after the dispatchers are closed."""
        for dispatcher in self._dispatchers:
            yield from _unsettled(dispatcher)
        if self._server is not None:
            idle = [dispatcher.stats().idle for dispatcher in self._dispatchers]
            if not holds(lambda: len(self.backends()) == sum(idle)):
                yield f"the server has {len(self.backends())} sessions, the pools have {sum(idle)}"
        for dispatcher in self._dispatchers:
            dispatcher.close()
        if self._server is not None and not holds(lambda: not self.backends()):
            yield f"the server has {len(self.backends())} sessions of closed pools"
        if not holds(lambda: not _open_files(self.folder)):
            yield f"files of closed pools are open: {_open_files(self.folder)}"

    def secrets(self, texts: str) -> Iterator[str]:
        """Which secrets are in some texts."""
        for secret in (SECRET, quote(PASSWORD, safe=""), VALUE):
            if secret in texts:
                yield f"{'a value' if secret == VALUE else 'the password'} is told"


def statement(sql: str, placeholder: str = "%(patient)s") -> Statement:
    """A query that has a secret among its parameters; it is the first column."""
    return Statement(sql=f"SELECT CAST({placeholder} AS text), {sql}", parameters={"patient": VALUE}, summary="trial")


def eventually(condition: Callable[[], bool]) -> None:
    """Wait for something that takes a moment."""
    assert holds(condition), "it never came to that"


def holds(condition: Callable[[], bool]) -> bool:
    """Whether something comes true in a moment."""
    end = time.monotonic() + _MOMENT
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _unsettled(dispatcher: Dispatcher) -> Iterator[str]:
    def settled() -> bool:
        stats = dispatcher.stats()
        return stats.used == stats.connecting == stats.closing == stats.pending == 0

    if not holds(settled):
        yield f"the pool has not come to rest: {dispatcher.stats()}"


def _dialect(target: Target) -> Dialect:
    return registry.get({"postgresql": "postgres"}.get(target.scheme, target.scheme))


def _open_files(folder: Path) -> list[str]:
    """Files of a folder that this process has open; Linux tells, elsewhere nobody does."""
    found = []
    for entry in Path("/proc/self/fd").glob("*"):
        try:
            path = str(entry.readlink())
        except OSError:
            continue
        if path.startswith(str(folder)):
            found.append(Path(path).name)
    return found
