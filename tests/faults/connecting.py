"""No connection can be made."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg2

from fhir4ds.dialect.faults import FaultKind
from fhir4ds.errors import ConnectFailed, PoolTimeout
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.retry import Phase
from tests.faults.model import Fault, Trial
from tests.faults.proxy import Weather
from tests.faults.scene import HOST, VALUE, Scene, statement
from tests.support.postgres_server import PASSWORD

_QUICK = statement("7")


def quick(dispatcher: Dispatcher, afterwards: Dispatcher | None = None) -> Trial:
    """A query that takes no time."""
    return Trial(
        dispatcher=dispatcher,
        call=lambda: dispatcher.query(_QUICK).rows,
        expected=[(VALUE, 7)],
        afterwards=afterwards,
    )


@contextmanager
def _closed(scene: Scene) -> Iterator[Trial]:
    scene.proxy.refuse()
    yield quick(scene.through_proxy())
    scene.proxy.listen()


@contextmanager
def _closed_for_a_moment(scene: Scene) -> Iterator[Trial]:
    scene.proxy.refuse()
    scene.recorder.on("query.retried", scene.proxy.listen)
    yield quick(scene.through_proxy())


@contextmanager
def _reset(scene: Scene) -> Iterator[Trial]:
    with scene.proxy.in_weather(Weather(cut_after=0, reset=True)):
        yield quick(scene.through_proxy())


@contextmanager
def _cut_while_logging_in(scene: Scene) -> Iterator[Trial]:
    with scene.proxy.in_weather(Weather(cut_after=20)):
        yield quick(scene.through_proxy())


@contextmanager
def _silent(scene: Scene) -> Iterator[Trial]:
    with scene.proxy.in_weather(Weather(silent=True)):
        yield quick(scene.through_proxy())


@contextmanager
def _frozen(scene: Scene) -> Iterator[Trial]:
    dispatcher = scene.connect()
    os.kill(scene.server.pid, signal.SIGSTOP)
    try:
        yield quick(dispatcher)
    finally:
        os.kill(scene.server.pid, signal.SIGCONT)
        # The fault is over when the server has dealt with what has waited for it, and answers.
        psycopg2.connect(scene.url()).close()


@contextmanager
def _slow(scene: Scene) -> Iterator[Trial]:
    with scene.proxy.in_weather(Weather(delay=0.02)):
        yield quick(scene.through_proxy())


@contextmanager
def _another_protocol(scene: Scene) -> Iterator[Trial]:
    """Something else listens there: it takes what it is sent for HTTP."""
    listener = scene.keep(socket.create_server((HOST, 0)))

    def answer() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(1024)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    scene.aside(answer)
    yield quick(scene.connect(scene.url(port=listener.getsockname()[1])), afterwards=scene.connect())
    listener.shutdown(socket.SHUT_RDWR)


@contextmanager
def _wrong_password(scene: Scene) -> Iterator[Trial]:
    role = f"{scene.database}_guest"
    scene.ask(f"CREATE ROLE {role} LOGIN PASSWORD 'other'")
    yield quick(scene.connect(scene.url(user=role)))
    scene.ask(f"ALTER ROLE {role} PASSWORD %s", PASSWORD)


@contextmanager
def _missing_database(scene: Scene) -> Iterator[Trial]:
    scene.drop()
    yield quick(scene.connect())
    scene.create()


def _occupy(scene: Scene, role: str) -> list[Any]:
    """Take every connection that the server lets an ordinary role have."""
    taken = []
    with suppress(psycopg2.OperationalError):
        while True:
            taken.append(psycopg2.connect(scene.url(user=role)))
    return taken


def _leave(scene: Scene, occupants: list[Any]) -> None:
    pids = [occupant.info.backend_pid for occupant in occupants]
    for occupant in occupants:
        occupant.close()
    # The server counts a session for a moment longer than its client has it.
    scene.wait_until_gone(pids)


def _ordinary_role(scene: Scene) -> str:
    """A role for whom the server keeps no connections back."""
    role = f"{scene.database}_clerk"
    scene.ask(f"CREATE ROLE {role} LOGIN PASSWORD %s", PASSWORD)
    return role


@contextmanager
def _full(scene: Scene) -> Iterator[Trial]:
    role = _ordinary_role(scene)
    occupants = _occupy(scene, role)
    yield quick(scene.connect(scene.url(user=role)))
    _leave(scene, occupants)


@contextmanager
def _full_for_a_moment(scene: Scene) -> Iterator[Trial]:
    role = _ordinary_role(scene)
    occupants = _occupy(scene, role)
    scene.recorder.on("query.retried", lambda: _leave(scene, occupants))
    yield quick(scene.connect(scene.url(user=role)))


@contextmanager
def _role_limit(scene: Scene) -> Iterator[Trial]:
    role = f"{scene.database}_guest"
    scene.ask(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 0 PASSWORD %s", PASSWORD)
    yield quick(scene.connect(scene.url(user=role)))
    scene.ask(f"ALTER ROLE {role} CONNECTION LIMIT -1")


@contextmanager
def _pool_in_use(scene: Scene) -> Iterator[Trial]:
    dispatcher = scene.connect(pool_size=2)
    with dispatcher.connection(), dispatcher.connection():
        yield quick(dispatcher)


@contextmanager
def _tls_missing(scene: Scene) -> Iterator[Trial]:
    yield quick(scene.connect(scene.url(sslmode="require")), afterwards=scene.connect(scene.url(sslmode="prefer")))


@contextmanager
def _tls_required(scene: Scene) -> Iterator[Trial]:
    role = _ordinary_role(scene)
    with scene.host_rules(f"hostssl all {role} {HOST}/32 scram-sha-256", f"host all postgres {HOST}/32 scram-sha-256"):
        yield quick(scene.connect(scene.url(user=role, sslmode="disable")))


_REFUSED = (FaultKind.CONNECT, Phase.CONNECT)
_BUSY = (FaultKind.BUSY, Phase.CONNECT)
_AUTH = (FaultKind.AUTH, Phase.CONNECT)
_MISSING = (FaultKind.MISSING, Phase.CONNECT)
_UNSUPPORTED = (FaultKind.UNSUPPORTED, Phase.CONNECT)

_CONNECTED = ("pool.opened", "pool.connected", "query.done")
_RETRIED_TWICE = ("pool.opened", "query.retried", "query.retried", "query.failed")
_FAILED_AT_ONCE = ("pool.opened", "query.failed")
_OUT_OF_TIME = ("pool.opened", "pool.timed_out", "query.failed")

FAULTS = (
    Fault(
        name="nobody listens on the port",
        provoke=_closed,
        raises=ConnectFailed,
        failures=(_REFUSED,) * 3,
        events=_RETRIED_TWICE,
        advice="start the server, or correct host and port",
    ),
    Fault(
        name="nobody listens on the port for a moment",
        provoke=_closed_for_a_moment,
        failures=(_REFUSED,),
        events=("pool.opened", "query.retried", "pool.connected", "query.done"),
        advice="nothing; raise `attempts` or `backoff` to outlast longer restarts",
    ),
    Fault(
        name="the network resets connections that are being made",
        provoke=_reset,
        raises=ConnectFailed,
        failures=(_REFUSED,) * 3,
        events=_RETRIED_TWICE,
        advice="look at what is between: firewall, load balancer, connection pooler",
    ),
    Fault(
        name="the server hangs up during login",
        provoke=_cut_while_logging_in,
        raises=ConnectFailed,
        failures=(_REFUSED,) * 3,
        events=_RETRIED_TWICE,
        advice="look at the log of the server",
    ),
    Fault(
        name="the network is silent while connecting",
        provoke=_silent,
        raises=ConnectFailed,
        events=_OUT_OF_TIME,
        budget=0.5,
        exhausts=True,
        advice="look for a firewall that drops packets",
    ),
    Fault(
        name="the server is frozen while connecting",
        provoke=_frozen,
        raises=ConnectFailed,
        events=_OUT_OF_TIME,
        budget=0.5,
        exhausts=True,
        advice="look at the load and the disks of the server",
    ),
    Fault(
        name="the network is slow",
        provoke=_slow,
        events=_CONNECTED,
        advice="nothing; a slow network takes from the time budget of a call",
    ),
    Fault(
        name="something else than PostgreSQL listens on the port",
        provoke=_another_protocol,
        raises=ConnectFailed,
        failures=(_UNSUPPORTED,),
        events=_FAILED_AT_ONCE,
        advice="correct host and port",
    ),
    Fault(
        name="wrong password",
        provoke=_wrong_password,
        raises=ConnectFailed,
        failures=(_AUTH,),
        events=_FAILED_AT_ONCE,
        advice="correct user name and password",
    ),
    Fault(
        name="the database does not exist",
        provoke=_missing_database,
        raises=ConnectFailed,
        failures=(_MISSING,),
        events=_FAILED_AT_ONCE,
        advice="create it, or correct its name",
    ),
    Fault(
        name="the server has no connection left",
        provoke=_full,
        raises=ConnectFailed,
        failures=(_BUSY,) * 3,
        events=_RETRIED_TWICE,
        advice="lower `pool_size` everywhere, raise `max_connections`, or put a connection pooler before the server",
    ),
    Fault(
        name="the server has no connection left for a moment",
        provoke=_full_for_a_moment,
        failures=(_BUSY,),
        events=("pool.opened", "query.retried", "pool.connected", "query.done"),
        advice="nothing",
    ),
    Fault(
        name="the role has no connection left",
        provoke=_role_limit,
        raises=ConnectFailed,
        failures=(_BUSY,) * 3,
        events=_RETRIED_TWICE,
        advice="raise the connection limit of the role, or lower `pool_size`",
    ),
    Fault(
        name="every connection of the pool is in use",
        provoke=_pool_in_use,
        raises=PoolTimeout,
        events=("pool.timed_out", "query.failed"),
        budget=1.0,  # the connections that are in use are opened within it too
        exhausts=True,
        advice="raise `pool_size`, or find what keeps connections for so long",
    ),
    Fault(
        name="TLS is required by the URL, and the server has none",
        provoke=_tls_missing,
        raises=ConnectFailed,
        failures=(_UNSUPPORTED,),
        events=_FAILED_AT_ONCE,
        advice="set up TLS on the server",
    ),
    Fault(
        name="TLS is required by the server, and the URL forbids it",
        provoke=_tls_required,
        raises=ConnectFailed,
        failures=(_AUTH,),
        events=_FAILED_AT_ONCE,
        advice="ask for it: `?sslmode=require` or, better, `verify-full`",
    ),
)
