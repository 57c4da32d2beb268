"""The system has no thread left for a while: calls fail clearly or do without, and nothing is lost."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from fhir4ds.errors import ConnectFailed
from fhir4ds.runtime.call import Call
from fhir4ds.runtime.clock import Clock
from fhir4ds.runtime.deadline import Deadline
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.lease import Lease, NoConnection
from fhir4ds.runtime.pool import Pool
from fhir4ds.runtime.settings import Settings
from fhir4ds.target import Target

from .fakes import Diary, FakeDriver, fake_dialect
from .house import SELECT


@contextmanager
def no_thread(name: str) -> Iterator[None]:
    """Let threads of one name fail to start, with the words of CPython."""
    start = threading.Thread.start

    def failing(self: threading.Thread) -> None:
        if self.name == name:
            raise RuntimeError("can't start new thread")
        start(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", failing)
        yield


@contextmanager
def dispatching(**settings: Any) -> Iterator[tuple[Dispatcher, FakeDriver]]:
    driver = FakeDriver()
    target = Target.parse("fake://ada:s3cret@db.example/clinic")
    with Dispatcher(fake_dialect(driver), target, Settings(pool_size=1, **settings)) as dispatcher:
        yield dispatcher, driver


def figures(dispatcher: Dispatcher) -> tuple[int, int, int, int]:
    stats = dispatcher.stats()
    return stats.used, stats.connecting, stats.closing, stats.pending


def _workers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "fhir4ds-worker"}


@pytest.mark.parametrize("name", ["fhir4ds-task", "fhir4ds-watchdog"])
def test_a_call_that_needs_a_thread_fails_and_the_pool_is_whole(name: str) -> None:
    with dispatching() as (dispatcher, driver):
        with no_thread(name), pytest.raises(ConnectFailed, match="can't start new thread") as caught:
            dispatcher.query(SELECT)
        assert isinstance(caught.value.__cause__, RuntimeError)
        assert figures(dispatcher) == (0, 0, 0, 0)
        dispatcher.query(SELECT)
        assert figures(dispatcher) == (0, 0, 0, 0)
        assert driver.open == 1


def test_without_a_worker_the_main_thread_asks_by_itself() -> None:
    with dispatching() as (dispatcher, _):
        before = _workers()
        with no_thread("fhir4ds-worker"):
            dispatcher.query(SELECT)
        assert _workers() <= before
        dispatcher.query(SELECT)
        assert len(_workers() - before) == 1


def test_a_connection_that_could_not_be_probed_stays() -> None:
    with dispatching(probe_after=1e-9) as (dispatcher, driver):
        dispatcher.query(SELECT)
        with no_thread("fhir4ds-task"), pytest.raises(ConnectFailed):
            dispatcher.query(SELECT)
        assert figures(dispatcher) == (0, 0, 0, 0)
        dispatcher.query(SELECT)
        assert len(driver.connections) == 1


def test_a_probe_that_nobody_can_watch_keeps_its_connection() -> None:
    """Without any time limit there was no need of a watchdog before."""
    with dispatching(probe_after=1e-9, query_timeout=math.inf, pool_timeout=5.0) as (dispatcher, driver):
        dispatcher.query(SELECT)
        with no_thread("fhir4ds-watchdog"), pytest.raises(ConnectFailed, match="can't start new thread"):
            dispatcher.query(SELECT)
        assert figures(dispatcher) == (0, 0, 0, 0)
        dispatcher.query(SELECT)
        assert len(driver.connections) == 1


def test_everybody_who_waits_learns_it() -> None:
    driver, clock = FakeDriver(), Clock()
    pool = Pool(driver, Settings(pool_size=1), clock, Diary())
    held = pool.lease(clock.monotonic() + 10.0)
    outcomes: list[Lease | Exception | None] = []

    def wait() -> None:
        try:
            outcomes.append(pool.lease(clock.monotonic() + 10.0))
        except NoConnection as refusal:
            outcomes.append(refusal.error)

    waiting = [threading.Thread(target=wait) for _ in range(3)]
    for thread in waiting:
        thread.start()
    while pool.stats().pending < 3:
        time.sleep(0.001)
    with no_thread("fhir4ds-task"):
        pool.give_back(held, flaw="lost")
        for thread in waiting:
            thread.join(5.0)
    assert [type(outcome) for outcome in outcomes] == [ConnectFailed] * 3
    pool.give_back(pool.lease(clock.monotonic() + 10.0))
    assert (driver.open, pool.stats().idle, pool.stats().connecting) == (1, 1, 0)
    pool.close()
    assert driver.closed == 1


def test_a_statement_that_cannot_be_asked_to_stop_is_cut_off() -> None:
    driver, clock = FakeDriver(), Clock()
    connection = driver.connect(1.0)
    call = Call(driver, clock, Deadline(30.0, clock), limited=True, summary="work")
    call.attach(connection)
    with no_thread("fhir4ds-task"):
        call.cancel()
    assert (driver.cancelled, driver.aborted) == ([], [])
    assert call.due < clock.monotonic() + 30.0, "the watchdog comes after the grace"
    call.stop()
    assert driver.aborted == [connection]
