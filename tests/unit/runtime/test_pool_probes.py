"""A probe that gets no answer ends: what the network has forgotten must not hold up those who wait, or a place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fhir4ds.events import Event
from fhir4ds.runtime.call import Call
from fhir4ds.runtime.deadline import Deadline
from fhir4ds.runtime.pool import Pool
from fhir4ds.runtime.settings import Settings

from .fakes import Diary, FakeClock, FakeConnection, FakeDriver


class House:
    """A pool with one connection that was idle for long, and a guard that can be told to act."""

    def __init__(self) -> None:
        self.driver = FakeDriver()
        self.clock = FakeClock()
        self.diary = Diary()
        self.guarded: list[tuple[int, float]] = []
        self.acts = False
        self.pool = Pool(self.driver, Settings(probe_after=30.0), self.clock, self.diary, self.guard)
        self.pool.give_back(self.pool.lease(self.clock.now + 30.0))
        self.clock.now += 31.0

    @contextmanager
    def guard(self, connection: FakeConnection, seconds: float) -> Iterator[Call]:
        self.guarded.append((connection.number, seconds))
        call = Call(self.driver, self.clock, Deadline(seconds, self.clock), limited=True, summary="probe")
        call.attach(connection)
        if self.acts:
            call.stop()
        yield call
        call.detach()


@pytest.mark.parametrize(("seconds", "patience"), [(30.0, 1.0), (0.5, 0.25)])
def test_a_probe_has_a_second_and_leaves_half_of_the_time_to_connect(seconds: float, patience: float) -> None:
    house = House()
    lease = house.pool.lease(house.clock.now + seconds)
    assert house.guarded == [(1, pytest.approx(patience))]
    assert lease.connection.number == 1


def test_a_connection_whose_line_was_cut_just_when_it_answered_is_not_lent() -> None:
    house = House()
    house.acts = True
    lease = house.pool.lease(house.clock.now + 30.0)
    assert house.driver.probes == [True]
    assert [connection.number for connection in house.driver.aborted] == [1]
    assert lease.connection.number == 2
    assert house.diary.of(Event.POOL_DISCARDED) == [{"reason": "dead"}]
