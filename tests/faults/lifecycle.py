"""The server is stopped, killed and started again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Literal

import psycopg2

from fhir4ds.dialect.faults import FaultKind
from fhir4ds.errors import ConnectFailed
from fhir4ds.runtime.retry import Phase
from tests.faults.connecting import quick
from tests.faults.model import Fault, Trial
from tests.faults.querying import napping, warm
from tests.faults.scene import Scene, eventually


@contextmanager
def _restarted_while_idle(scene: Scene, mode: Literal["fast", "immediate"]) -> Iterator[Trial]:
    dispatcher = scene.connect()
    with dispatcher.connection(), dispatcher.connection():
        pass
    scene.server.restart(mode)
    yield quick(dispatcher)


@contextmanager
def _stopped_during_a_query(scene: Scene, mode: Literal["fast", "immediate"], *, back: bool) -> Iterator[Trial]:
    dispatcher = scene.connect()
    trial = napping(dispatcher, warm(dispatcher))

    def stop() -> None:
        scene.sleeper()
        scene.server.stop(mode)

    stopping = scene.aside(stop)

    def start() -> None:
        stopping.join()
        scene.server.start()

    if back:
        scene.recorder.on("query.retried", start)
    yield trial
    if not back:
        start()


@contextmanager
def _crashed(scene: Scene) -> Iterator[Trial]:
    """A backend is killed as the kernel kills for want of memory: the server takes all others down and recovers.

    It cannot begin to before the last of them is gone, and one is frozen.
    """
    dispatcher = scene.connect()
    pid = warm(dispatcher)
    frozen = scene.keep(closing(psycopg2.connect(scene.url()))).info.backend_pid

    def crash() -> None:
        os.kill(frozen, signal.SIGSTOP)
        os.kill(scene.sleeper(), signal.SIGKILL)

    def recover() -> None:
        os.kill(frozen, signal.SIGCONT)
        scene.wait_for_server()

    scene.aside(crash)
    scene.recorder.on("query.retried", lambda: eventually(lambda: _refuses(scene, "in recovery mode")))
    scene.recorder.on("query.retried", recover, 2)
    yield napping(dispatcher, pid)


@contextmanager
def _shutting_down(scene: Scene) -> Iterator[Trial]:
    """A server that shuts down, and cannot while a session is frozen."""
    dispatcher = scene.connect()
    frozen = scene.keep(closing(psycopg2.connect(scene.url()))).info.backend_pid
    os.kill(frozen, signal.SIGSTOP)
    os.kill(scene.server.pid, signal.SIGINT)
    eventually(lambda: _refuses(scene, "shutting down"))
    yield quick(dispatcher)
    os.kill(frozen, signal.SIGCONT)
    scene.server.restart()


def _refuses(scene: Scene, words: str) -> bool:
    try:
        scene.ask("SELECT 1", database="postgres")
    except psycopg2.OperationalError as error:
        return words in str(error)
    return False


_LOST_READ = (FaultKind.DISCONNECT, Phase.READ)
_REFUSED = (FaultKind.CONNECT, Phase.CONNECT)
_BUSY = (FaultKind.BUSY, Phase.CONNECT)

_TWO_DEAD = ("pool.discarded", "pool.discarded", "pool.connected", "query.done")
_LOST_AND_DONE = ("pool.discarded", "query.retried", "pool.connected", "query.done")

FAULTS = (
    Fault(
        name="the server is restarted while connections are idle",
        provoke=partial(_restarted_while_idle, mode="fast"),
        events=_TWO_DEAD,
        advice="nothing",
    ),
    Fault(
        name="the server is shut down at once and restarted while connections are idle",
        provoke=partial(_restarted_while_idle, mode="immediate"),
        events=_TWO_DEAD,
        advice="nothing",
    ),
    Fault(
        name="the server is restarted during a query",
        provoke=partial(_stopped_during_a_query, mode="fast", back=True),
        failures=(_LOST_READ,),
        events=_LOST_AND_DONE,
        advice="nothing; raise `attempts` or `backoff` to outlast longer restarts",
    ),
    Fault(
        name="the server is shut down at once and restarted during a query",
        provoke=partial(_stopped_during_a_query, mode="immediate", back=True),
        failures=(_LOST_READ,),
        events=_LOST_AND_DONE,
        advice="nothing; raise `attempts` or `backoff` to outlast longer restarts",
    ),
    Fault(
        name="the server is stopped during a query and stays away",
        provoke=partial(_stopped_during_a_query, mode="fast", back=False),
        raises=ConnectFailed,
        failures=(_LOST_READ, _REFUSED, _REFUSED),
        events=("pool.discarded", "query.retried", "query.retried", "query.failed"),
        advice="start the server",
    ),
    Fault(
        name="the server crashes during a query and is in recovery mode for a moment",
        provoke=_crashed,
        failures=(_LOST_READ, _BUSY),
        events=("pool.discarded", "query.retried", "query.retried", "pool.connected", "query.done"),
        advice="look at the log of the server for what crashed it",
    ),
    Fault(
        name="the server is shutting down",
        provoke=_shutting_down,
        raises=ConnectFailed,
        failures=(_BUSY,) * 3,
        events=("pool.opened", "query.retried", "query.retried", "query.failed"),
        advice="wait until it is back",
    ),
)
