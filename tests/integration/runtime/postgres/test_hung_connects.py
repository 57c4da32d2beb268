"""The network falls silent while connections are being made: what callers who gave up leave behind is little, and ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest

from fhir4ds.dialect.model import Dialect
from fhir4ds.errors import ConnectFailed, FHIRPathExecutionError, QueryCancelled
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.settings import Settings
from fhir4ds.target import Target
from tests.faults.proxy import CALM, FaultProxy, Weather
from tests.support.postgres_server import PostgresServer

pytestmark = pytest.mark.postgres

#: The least that libpq can wait for, and half as much again for a busy machine.
_ATTEMPT = 1.5

_SIZE = 3


@pytest.fixture
def proxy(postgres_server: PostgresServer) -> Iterator[FaultProxy]:
    with FaultProxy(postgres_server.port) as proxy:
        yield proxy


@pytest.fixture
def dispatcher(dialect: Dialect, proxy: FaultProxy, postgres_server: PostgresServer) -> Iterator[Dispatcher]:
    target = attrs.evolve(Target.parse(postgres_server.url), port=proxy.port)
    with Dispatcher(dialect, target, Settings(pool_size=_SIZE, attempts=1, query_timeout=0.3)) as dispatcher:
        yield dispatcher


def _threads() -> int:
    return sum(thread.name == "fhir4ds-task" for thread in threading.enumerate())


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def _refused(dispatcher: Dispatcher) -> type[Exception] | None:
    try:
        dispatcher.execute_query("SELECT 1")
    except FHIRPathExecutionError as error:
        return type(error)
    return None


def test_callers_who_gave_up_leave_no_more_than_the_pool_has_places(dispatcher: Dispatcher, proxy: FaultProxy) -> None:
    with proxy.in_weather(Weather(silent=True)):
        with ThreadPoolExecutor(12) as callers:
            outcomes = list(callers.map(lambda _: _refused(dispatcher), range(12)))
        assert outcomes == [ConnectFailed] * 12
        stats = dispatcher.stats()
        assert (stats.pending, stats.used) == (0, 0)
        assert stats.connecting <= _SIZE
        assert _threads() <= _SIZE
        # Nobody waits any more: each attempt ends with the time that its caller had, in whole seconds.
        assert _within(_ATTEMPT, lambda: dispatcher.stats().connecting == 0), dispatcher.stats()
        assert _within(0.5, lambda: _threads() == 0)
    assert dispatcher.execute_query("SELECT 42", timeout=5.0) == [(42,)]
    assert dispatcher.stats().connecting == 0


def test_a_cancelled_attempt_does_not_hold_up_the_next_caller(dispatcher: Dispatcher, proxy: FaultProxy) -> None:
    proxy.weather = Weather(silent=True)
    with ThreadPoolExecutor(1) as callers:
        hung = callers.submit(dispatcher.execute_query, "SELECT 1", timeout=4.0)
        assert _within(2.0, lambda: dispatcher.stats().connecting == 1 and proxy.lines == 1)
        dispatcher.cancel()
        with pytest.raises(QueryCancelled):
            hung.result(2.0)
    proxy.forget()
    proxy.weather = CALM  # for others; what has begun stays silent
    started = time.monotonic()
    assert dispatcher.execute_query("SELECT 42", timeout=5.0) == [(42,)]
    assert time.monotonic() - started < 1.5
    assert dispatcher.stats().connecting == 1
    proxy.cut()


def test_closing_does_not_wait_for_attempts(dispatcher: Dispatcher, proxy: FaultProxy) -> None:
    with proxy.in_weather(Weather(silent=True)):
        assert _refused(dispatcher) is ConnectFailed
        assert dispatcher.stats().connecting == 1
        started = time.monotonic()
        dispatcher.close()
        assert time.monotonic() - started < 0.1
        assert _within(_ATTEMPT, lambda: dispatcher.stats().connecting == 0)
        assert _within(0.5, lambda: _threads() == 0)
        assert dispatcher.stats().idle == 0


def test_a_connection_that_comes_too_late_serves_the_next_caller(dispatcher: Dispatcher, proxy: FaultProxy) -> None:
    proxy.weather = Weather(delay=0.05)  # a connection takes a dozen of these
    assert _refused(dispatcher) is ConnectFailed
    proxy.clear()
    assert _within(_ATTEMPT, lambda: dispatcher.stats().idle == 1), dispatcher.stats()
    assert dispatcher.execute_query("SELECT 42") == [(42,)]
    assert dispatcher.stats().created == 1


def test_a_silent_server_leaves_time_for_the_next_of_the_list(
    dialect: Dialect, proxy: FaultProxy, postgres_server: PostgresServer
) -> None:
    target = Target.parse(postgres_server.url)
    listed = attrs.evolve(
        target, host=None, port=None, options={"host": "127.0.0.1,127.0.0.1", "port": f"{proxy.port},{target.port}"}
    )
    with (
        proxy.in_weather(Weather(silent=True)),
        Dispatcher(dialect, listed, Settings(attempts=1, query_timeout=2.0)) as dispatcher,
    ):
        assert dispatcher.execute_query("SELECT 42") == [(42,)]
