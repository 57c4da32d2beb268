"""A process forks while it has connections: each goes on with connections of its own."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from fhir4ds.dialect.statement import Statement
from fhir4ds.runtime.dispatcher import Dispatcher
from tests.faults.model import Fault, Trial
from tests.faults.querying import warm
from tests.faults.scene import Scene

_TURNS = 20


def forked(dispatcher: Dispatcher) -> object:
    """Ask the same in a child and here at the same time; how many answers were wrong in each."""
    with warnings.catch_warnings():
        # Python 3.12 and later warn of forks in a process that has threads; that is the point of this one.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        wrong = _TURNS
        try:
            wrong = _ask(dispatcher, 1000)
            dispatcher.close()
        finally:
            os._exit(wrong)
    wrong = _ask(dispatcher, 2000)
    _, status = os.waitpid(pid, 0)
    return wrong, os.waitstatus_to_exitcode(status)


def _ask(dispatcher: Dispatcher, base: int) -> int:
    """Ask for numbers, and count what is not one of them."""
    statements = [Statement(sql=f"SELECT {base + turn}", summary="trial") for turn in range(_TURNS)]
    return sum(dispatcher.query(statement).rows != [(base + turn,)] for turn, statement in enumerate(statements))


@contextmanager
def _fork_while_idle(scene: Scene) -> Iterator[Trial]:
    dispatcher = scene.connect()
    pid = warm(dispatcher)
    yield Trial(dispatcher=dispatcher, call=lambda: forked(dispatcher), expected=(0, 0))
    assert warm(dispatcher) == pid, "the parent has lost its connection"


@contextmanager
def _fork_during_a_query(scene: Scene) -> Iterator[Trial]:
    dispatcher = scene.connect()
    warm(dispatcher)
    answers: list[object] = []
    sleep = Statement(sql="SELECT 7 FROM pg_sleep(0.5)", summary="sleep")
    sleeping = scene.aside(lambda: answers.append(dispatcher.query(sleep).rows))
    scene.sleeper()
    yield Trial(dispatcher=dispatcher, call=lambda: forked(dispatcher), expected=(0, 0))
    sleeping.join()
    assert answers == [[(7,)]], f"the query of the other thread answered {answers}"


FAULTS = (
    Fault(
        name="the process forks while connections are idle",
        provoke=_fork_while_idle,
        events=("query.done",) * _TURNS,
        in_child=True,
        advice="nothing: the child opens connections of its own and leaves those of its parent alone",
    ),
    Fault(
        name="the process forks while another thread runs a query",
        provoke=_fork_during_a_query,
        events=("pool.connected", *("query.done",) * _TURNS),
        in_child=True,
        advice="nothing",
    ),
)
