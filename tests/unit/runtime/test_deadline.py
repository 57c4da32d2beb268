"""One budget, and an account of it."""

from __future__ import annotations

import math
import threading
import time

import pytest

from fhir4ds.runtime.clock import Clock
from fhir4ds.runtime.deadline import Deadline, Stage

from .fakes import FakeClock


def test_time_runs_out() -> None:
    clock = FakeClock()
    deadline = Deadline(10.0, clock)
    assert (deadline.elapsed, deadline.remaining, deadline.milliseconds(), deadline.passed) == (
        0.0,
        10.0,
        10_000,
        False,
    )
    clock.now += 9.9996
    assert (deadline.milliseconds(), deadline.passed) == (1, True)
    clock.now += 1.0
    assert deadline.remaining == pytest.approx(-0.9996)
    assert deadline.milliseconds() == 1, "no time is not the same as no limit"


def test_a_limit_is_rounded_up() -> None:
    assert Deadline(0.0101, FakeClock()).milliseconds() == 11


def test_there_may_be_no_limit() -> None:
    deadline = Deadline(math.inf, FakeClock())
    assert (deadline.remaining, deadline.milliseconds(), deadline.passed, deadline.grace) == (
        math.inf,
        None,
        False,
        1.55,
    )


@pytest.mark.parametrize(("budget", "grace"), [(1.0, 0.1), (30.0, 1.55), (3600.0, 1.55)])
def test_the_grace_stays_within_a_tenth_and_a_tenth_of_a_second(budget: float, grace: float) -> None:
    assert Deadline(budget, FakeClock()).grace == pytest.approx(grace)
    assert grace <= 0.1 * budget + 0.1


def test_the_account_adds_up() -> None:
    clock = FakeClock()
    deadline = Deadline(10.0, clock)
    for stage, seconds in [(Stage.POOL, 1.0), (Stage.DATABASE, 2.0), (Stage.BACKOFF, 1.0), (Stage.DATABASE, 0.5)]:
        started = clock.now
        clock.now += seconds
        assert deadline.charge(stage, started) == seconds
    assert deadline.account() == "1.00 s getting a connection, 2.50 s in the database, 1.00 s pausing before retries"


def test_the_real_clock_goes_on_waits_and_starts_threads() -> None:
    clock = Clock()
    event = threading.Event()
    started = time.monotonic()
    assert clock.wait(event, 0.02) is False
    assert clock.monotonic() - started >= 0.02
    assert clock.wait(event, -1.0) is False
    clock.start(event.set)
    assert clock.wait(event, math.inf) is True
    assert 0.0 <= clock.random() < 1.0
