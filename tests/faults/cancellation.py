"""Somebody stops a call: another thread, an administrator, or a person with Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from fhir4ds.dialect.faults import FaultKind
from fhir4ds.errors import QueryCancelled
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.retry import Phase
from fhir4ds.runtime.session import Session
from tests.faults.connecting import quick
from tests.faults.model import Fault, Trial
from tests.faults.proxy import Weather
from tests.faults.querying import warm
from tests.faults.scene import VALUE, Scene, statement

#: Seconds within which a call must have heard that it is to end, far less than its own time budget.
_HEARD = 1.0
_PATIENT = {"query_timeout": 20.0, "pool_timeout": 20.0}

_SLEEP = statement("pg_sleep(20)")

Request = Callable[[Scene, Dispatcher], None]


def _by_thread(scene: Scene, dispatcher: Dispatcher) -> None:
    scene.soon(dispatcher.cancel)


def _by_ctrl_c(scene: Scene, dispatcher: Dispatcher) -> None:
    scene.soon(scene.ask_for_ctrl_c)


@contextmanager
def _during_a_query(scene: Scene, request: Request) -> Iterator[Trial]:
    dispatcher = scene.connect(**_PATIENT)
    pid = warm(dispatcher)
    request(scene, dispatcher)
    yield Trial(dispatcher=dispatcher, call=lambda: dispatcher.query(_SLEEP))
    assert warm(dispatcher) == pid, "the connection was lost"


@contextmanager
def _during_a_stream(scene: Scene, request: Request) -> Iterator[Trial]:
    dispatcher = scene.connect(**_PATIENT)
    warm(dispatcher)
    rows = statement("number, pg_sleep(0.01) FROM generate_series(1, 2000) AS number")

    def call() -> None:
        for batch in dispatcher.stream(rows, batch_size=2):
            if batch[0][1] == 1:
                request(scene, dispatcher)

    yield Trial(dispatcher=dispatcher, call=call)


@contextmanager
def _during_a_write(scene: Scene, request: Request) -> Iterator[Trial]:
    dispatcher = scene.connect(**_PATIENT)
    dispatcher.execute_query("CREATE TABLE written (name text)")

    def work(session: Session) -> None:
        session.execute("INSERT INTO written VALUES (%s)", (VALUE,))
        request(scene, dispatcher)
        session.execute("SELECT pg_sleep(20)")

    yield Trial(dispatcher=dispatcher, call=lambda: dispatcher.run(work, retry=True))
    assert scene.ask("SELECT * FROM written") == []


@contextmanager
def _while_waiting_for_a_connection(scene: Scene, request: Request) -> Iterator[Trial]:
    dispatcher = scene.connect(pool_size=1, **_PATIENT)
    with dispatcher.connection():
        request(scene, dispatcher)
        yield quick(dispatcher)


@contextmanager
def _while_connecting(scene: Scene, request: Request) -> Iterator[Trial]:
    dispatcher = scene.through_proxy(**_PATIENT)
    with scene.proxy.in_weather(Weather(silent=True)):
        request(scene, dispatcher)
        yield quick(dispatcher)


@contextmanager
def _while_pausing(scene: Scene, request: Request) -> Iterator[Trial]:
    dispatcher = scene.through_proxy(backoff=15.0, **_PATIENT)
    scene.proxy.refuse()
    scene.recorder.on("query.retried", lambda: request(scene, dispatcher))
    yield quick(dispatcher)
    scene.proxy.listen()


@contextmanager
def _by_an_administrator(scene: Scene) -> Iterator[Trial]:
    dispatcher = scene.connect(**_PATIENT)
    pid = warm(dispatcher)
    scene.aside(lambda: scene.ask("SELECT pg_cancel_backend(%s)", scene.sleeper()))
    yield Trial(dispatcher=dispatcher, call=lambda: dispatcher.query(_SLEEP))
    assert warm(dispatcher) == pid, "the connection was lost"


_CANCELLED = ("query.cancelled",)
_REFUSED = (FaultKind.CONNECT, Phase.CONNECT)
_STOPPED = "nothing: the database has stopped, too"


def _both(name: str, provoke: Callable[..., object], **fields: object) -> tuple[Fault, ...]:
    """The same for a request of another thread and for Ctrl-C, which needs a main thread of its own."""
    common = {"events": _CANCELLED, "budget": _HEARD, "advice": "nothing", **fields}
    return (
        Fault(
            name=f"another thread cancels {name}",
            provoke=partial(provoke, request=_by_thread),
            raises=QueryCancelled,
            **common,
        ),
        Fault(
            name=f"Ctrl-C {name}",
            provoke=partial(provoke, request=_by_ctrl_c),
            raises=KeyboardInterrupt,
            in_child=True,
            **common,
        ),
    )


FAULTS = (
    *_both("during a query", _during_a_query, advice=_STOPPED),
    *_both("during a stream", _during_a_stream, advice=_STOPPED),
    *_both("during a unit of work", _during_a_write, advice="nothing: it was rolled back"),
    *_both("while every connection is in use", _while_waiting_for_a_connection),
    *_both("while connecting to a silent server", _while_connecting, events=("pool.opened", *_CANCELLED)),
    *_both(
        "while pausing before the next attempt",
        _while_pausing,
        failures=(_REFUSED,),
        events=("pool.opened", "query.retried", *_CANCELLED),
    ),
    Fault(
        name="an administrator cancels the query",
        provoke=_by_an_administrator,
        raises=QueryCancelled,
        code="57014",
        events=_CANCELLED,
        advice="ask why; it is never repeated",
    ),
)
