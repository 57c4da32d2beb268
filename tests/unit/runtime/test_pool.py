"""The laws of the pool, with a fake driver and a fake clock; fairness with real threads."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from fhir4ds.errors import FHIRPathExecutionError, PoolClosed, QueryCancelled
from fhir4ds.events import Event
from fhir4ds.runtime.call import Call
from fhir4ds.runtime.clock import Clock
from fhir4ds.runtime.deadline import Deadline
from fhir4ds.runtime.lease import Lease, NoConnection
from fhir4ds.runtime.pool import Pool, PoolStats
from fhir4ds.runtime.settings import Settings

from .fakes import REFUSED, Diary, FakeClock, FakeDriver


class House:
    """A pool and all that it knows."""

    def __init__(self, clock: Clock | None = None, **settings: Any) -> None:
        self.driver = FakeDriver()
        self.fake_clock = FakeClock()
        self.diary = Diary()
        self.pool = Pool(self.driver, Settings(**settings), clock or self.fake_clock, self.diary)

    def lease(self, seconds: float = 30.0, call: Call | None = None) -> Lease:
        return self.pool.lease(self.fake_clock.now + seconds, call)


def test_a_returned_connection_is_lent_again() -> None:
    house = House()
    first = house.lease()
    house.pool.give_back(first)
    second = house.lease()
    assert second is not first
    assert second.connection is first.connection
    assert house.pool.stats() == PoolStats(max=10, used=1, created=1, leases=2, waits=1)


def test_connections_are_opened_one_by_one_and_only_when_needed() -> None:
    house = House(pool_size=4)
    for _ in range(20):
        leases = [house.lease() for _ in range(3)]
        for lease in leases:
            house.pool.give_back(lease)
    assert house.pool.stats().created == 3
    assert house.driver.open == 3


def test_the_wait_for_a_connection_ends_after_its_time_and_says_how_the_pool_looked() -> None:
    house = House(pool_size=2)
    held = [house.lease(), house.lease()]
    with pytest.raises(NoConnection) as refusal:
        house.lease(5.0)
    assert refusal.value.error is None
    assert refusal.value.stats == PoolStats(
        max=2, used=2, pending=1, created=2, leases=2, waits=3, wait_time=5.0, wait_max=5.0
    )
    assert house.fake_clock.waits == [pytest.approx(30.0), pytest.approx(30.0), 5.0]
    assert house.diary.of(Event.POOL_TIMED_OUT) == [
        {
            "wait": 5.0,
            "db.client.connection.max": 2,
            "db.client.connection.pending_requests": 1,
            "used": 2,
            "connecting": 0,
        }
    ]
    assert house.pool.stats().timeouts == 1
    house.pool.give_back(held[0])
    assert house.lease().connection is held[0].connection


def test_whoever_waits_gets_what_comes_back() -> None:
    house = House(pool_size=1)
    held = house.lease()
    house.fake_clock.at(2.0, lambda: house.pool.give_back(held))
    lease = house.lease(5.0)
    assert lease.connection is held.connection
    assert house.fake_clock.now == 1002.0
    assert house.pool.stats() == PoolStats(max=1, used=1, created=1, leases=2, waits=2, wait_time=2.0, wait_max=2.0)


def test_a_returned_connection_serves_before_a_slow_new_one() -> None:
    house = House(pool_size=2)
    held = house.lease()
    house.fake_clock.held = []
    house.fake_clock.at(1.0, lambda: house.pool.give_back(held))
    lease = house.lease(5.0)
    assert lease.connection is held.connection
    assert house.pool.stats().connecting == 1
    (connect,) = house.fake_clock.held
    connect()
    assert house.pool.stats() == PoolStats(
        max=2, idle=1, used=1, created=2, leases=2, waits=2, wait_time=1.0, wait_max=1.0
    )


def test_connecting_gets_the_time_that_its_caller_has() -> None:
    house = House()
    house.lease(7.0)
    assert house.driver.timeouts == [7.0]


def test_connecting_is_bounded_where_its_caller_is_not() -> None:
    house = House()
    house.pool.lease(math.inf)
    assert house.driver.timeouts == [3600.0]


def test_a_failed_connect_reaches_its_caller_and_frees_its_place() -> None:
    house = House(pool_size=1)
    house.driver.connecting = [REFUSED]
    with pytest.raises(NoConnection) as refusal:
        house.lease()
    assert str(refusal.value.error) == "Connection refused"
    assert house.pool.stats() == PoolStats(max=1, failures=1, waits=1)
    assert house.lease().connection.number == 1


def test_a_silent_server_does_not_hold_the_caller_longer_than_its_time() -> None:
    house = House()
    house.fake_clock.held = []
    with pytest.raises(NoConnection) as refusal:
        house.lease(3.0)
    assert refusal.value.stats.connecting == 1
    assert house.fake_clock.now == 1003.0
    house.fake_clock.held[0]()  # it answers after all
    assert house.pool.stats() == PoolStats(max=10, idle=1, created=1, timeouts=1, waits=1, wait_time=3.0, wait_max=3.0)


def test_nobody_relies_on_an_attempt_that_was_given_up() -> None:
    """A new caller has an attempt of his own, and the failure of the old one is no concern of his."""
    house = House(pool_size=2)
    held: list[Callable[[], None]] = []
    house.fake_clock.held = held
    with pytest.raises(NoConnection):
        house.lease(3.0)

    def go_on() -> None:
        old, new = held
        house.driver.connecting = [REFUSED]
        old()
        new()

    house.fake_clock.at(1.0, go_on)
    assert house.lease(3.0).connection.number == 1
    assert house.fake_clock.now == 1004.0
    assert (house.pool.stats().failures, house.pool.stats().connecting) == (1, 0)


def test_an_attempt_that_was_given_up_may_still_serve_and_keeps_its_place() -> None:
    house = House(pool_size=1)
    held: list[Callable[[], None]] = []
    house.fake_clock.held = held
    with pytest.raises(NoConnection):
        house.lease(3.0)
    house.fake_clock.at(1.0, held[0])
    assert house.lease(3.0).connection.number == 1
    assert len(held) == 1


def test_a_dead_connection_is_never_lent() -> None:
    house = House()
    leases = [house.lease(), house.lease(), house.lease()]
    for lease in leases:
        house.pool.give_back(lease)
    for lease in leases[1:]:
        lease.connection.alive = False
    lease = house.lease()
    assert lease.connection is leases[0].connection
    assert [connection.closed for connection in house.driver.connections] == [False, True, True]
    assert house.diary.of(Event.POOL_DISCARDED) == [{"reason": "dead"}, {"reason": "dead"}]
    assert house.pool.stats().discarded == 2


def test_an_error_while_looking_at_a_connection_means_that_it_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    house.pool.give_back(house.lease())

    def alive(connection: object, *, probe: bool) -> bool:
        raise house.driver.errors(REFUSED)

    monkeypatch.setattr(house.driver, "alive", alive)
    assert house.lease().connection.number == 2


def test_a_lost_connection_casts_doubt_on_all_of_its_age() -> None:
    house = House()
    lost, bystander = house.lease(), house.lease()
    house.pool.give_back(bystander)
    house.pool.invalidate(lost)
    house.pool.invalidate(lost)  # a second casualty of the same moment
    house.pool.give_back(lost, flaw="lost")
    fresh = house.lease()
    assert fresh.connection.number == 3
    assert [keys["reason"] for keys in house.diary.of(Event.POOL_DISCARDED)] == ["lost", "invalidated"]
    house.pool.give_back(fresh)
    assert house.lease().connection is fresh.connection


def test_an_idle_connection_must_answer_before_it_is_lent_again() -> None:
    house = House(probe_after=30.0)
    house.pool.give_back(house.lease())
    house.fake_clock.now += 29.0
    house.pool.give_back(house.lease())
    assert house.driver.probes == [False]
    house.fake_clock.now += 31.0
    house.pool.give_back(house.lease())
    assert house.driver.probes == [False, True]
    assert house.pool.stats().created == 1


def test_an_idle_connection_that_does_not_answer_is_replaced() -> None:
    house = House(probe_after=30.0)
    first = house.lease()
    house.pool.give_back(first)
    first.connection.alive = False
    house.fake_clock.now += 31.0
    assert house.lease().connection.number == 2
    assert first.connection.closed


def test_a_probe_blocks_nobody_for_longer_than_his_time() -> None:
    house = House(probe_after=30.0)
    house.pool.give_back(house.lease())
    house.fake_clock.now += 31.0
    house.fake_clock.held = []
    with pytest.raises(NoConnection):
        house.lease(2.0)
    assert house.fake_clock.waits[-1] == 2.0
    house.fake_clock.held[0]()
    assert house.pool.stats().idle == 1


@pytest.mark.parametrize(("chance", "age"), [(0.0, 100.0), (1.0, 95.0)])
def test_a_connection_is_replaced_at_its_age(chance: float, age: float) -> None:
    house = House(max_lifetime=100.0, probe_after=math.inf, max_idle=math.inf)
    house.fake_clock.chance = chance
    house.pool.give_back(house.lease())
    house.fake_clock.now += age - 0.5
    house.pool.give_back(house.lease())
    assert house.pool.stats().created == 1
    house.fake_clock.now += 1.0
    assert house.lease().connection.number == 2
    assert house.diary.of(Event.POOL_RETIRED) == [{"reason": "lifetime"}]
    assert house.driver.open == 1


def test_an_old_connection_is_closed_when_it_comes_back() -> None:
    house = House(max_lifetime=100.0)
    lease = house.lease()
    house.fake_clock.now += 101.0
    house.pool.give_back(lease)
    assert house.pool.stats() == PoolStats(max=10, created=1, retired=1, leases=1, waits=1)


def test_connections_that_nobody_needs_are_closed() -> None:
    house = House(max_idle=60.0, probe_after=math.inf)
    leases = [house.lease() for _ in range(3)]
    for lease in leases:
        house.pool.give_back(lease)
    for _ in range(4):
        house.fake_clock.now += 20.0
        house.pool.give_back(house.lease())
    assert house.pool.stats().idle == 1
    assert house.driver.open == 1
    assert house.diary.of(Event.POOL_RETIRED) == [{"reason": "idle"}, {"reason": "idle"}]


def test_a_connection_is_given_back_once() -> None:
    house = House()
    lease = house.lease()
    house.pool.give_back(lease)
    with pytest.raises(FHIRPathExecutionError, match="this connection is not on loan from this pool"):
        house.pool.give_back(lease)
    again = house.lease()
    with pytest.raises(FHIRPathExecutionError, match="not on loan"):
        house.pool.give_back(lease)  # the same connection, but somebody else's loan
    house.pool.give_back(again)
    assert house.pool.stats().idle == 1


def test_a_strange_connection_is_refused() -> None:
    house, other = House(), House()
    lease = other.lease()
    with pytest.raises(FHIRPathExecutionError, match="not on loan"):
        house.pool.give_back(lease)
    with pytest.raises(FHIRPathExecutionError, match="not on loan"):
        house.pool.loan_of(lease.connection)
    assert other.pool.loan_of(lease.connection) is lease


def test_a_closed_pool_closes_connections_as_they_come_back_and_the_driver_last() -> None:
    house = House()
    used, idle = house.lease(), house.lease()
    house.pool.give_back(idle)
    house.pool.close()
    assert (used.connection.closed, idle.connection.closed, house.driver.closed) == (False, True, 0)
    with pytest.raises(PoolClosed, match="the database object was closed"):
        house.lease()
    house.pool.give_back(used)
    assert (used.connection.closed, house.driver.closed) == (True, 1)
    house.pool.close()
    assert house.driver.closed == 1
    assert len(house.diary.of(Event.POOL_CLOSED)) == 1


def test_closing_wakes_those_who_wait() -> None:
    house = House(pool_size=1)
    held = house.lease()
    house.fake_clock.at(1.0, house.pool.close)
    with pytest.raises(PoolClosed):
        house.lease(5.0)
    assert house.fake_clock.now == 1001.0
    house.pool.give_back(held)
    assert house.driver.closed == 1


def test_a_connection_that_comes_after_closing_is_closed() -> None:
    house = House()
    house.fake_clock.held = []
    house.fake_clock.at(1.0, house.pool.close)
    with pytest.raises(PoolClosed):
        house.lease()
    assert house.driver.closed == 0
    house.fake_clock.held[0]()
    assert (house.driver.open, house.driver.closed) == (0, 1)


def test_a_failed_connect_after_closing_closes_the_driver() -> None:
    house = House()
    house.driver.connecting = [REFUSED]
    house.fake_clock.held = []
    house.fake_clock.at(1.0, house.pool.close)
    with pytest.raises(PoolClosed):
        house.lease()
    house.fake_clock.held[0]()
    assert house.driver.closed == 1


def test_a_probe_that_ends_after_closing_closes_its_connection() -> None:
    house = House(probe_after=30.0)
    house.pool.give_back(house.lease())
    house.fake_clock.now += 31.0
    house.fake_clock.held = []
    house.fake_clock.at(1.0, house.pool.close)
    with pytest.raises(PoolClosed):
        house.lease()
    house.fake_clock.held[0]()
    assert (house.driver.open, house.driver.closed) == (0, 1)


def _call(house: House) -> Call:
    deadline = Deadline(30.0, house.fake_clock)
    return Call(house.driver, house.fake_clock, deadline, limited=True, summary="SELECT")


def test_cancelling_ends_the_wait() -> None:
    house = House(pool_size=1)
    held = house.lease()
    call = _call(house)
    house.fake_clock.at(1.0, call.cancel)
    with pytest.raises(QueryCancelled, match="SELECT was cancelled"):
        house.lease(5.0, call)
    house.pool.give_back(held)
    assert house.pool.stats() == PoolStats(max=1, idle=1, created=1, leases=1, waits=2, wait_time=1.0, wait_max=1.0)


def test_a_connection_that_comes_too_late_for_a_cancelled_call_goes_back() -> None:
    house = House()
    call = _call(house)
    call.cancel()
    with pytest.raises(QueryCancelled):
        house.lease(5.0, call)
    assert house.fake_clock.waits == []
    assert house.pool.stats() == PoolStats(max=10, idle=1, created=1, leases=1, waits=1)


def test_a_connection_that_nobody_used_is_as_idle_as_before() -> None:
    """Whoever is served, and wakes up late, gives back what has done nothing all the while."""

    class Drowsy(FakeClock):
        def wait(self, event: threading.Event, seconds: float) -> bool:
            served = super().wait(event, seconds)
            self.now += 31.0
            raise KeyboardInterrupt if served else AssertionError

    clock = Drowsy()
    house = House(clock, probe_after=30.0)
    with pytest.raises(KeyboardInterrupt):
        house.pool.lease(clock.now + 5.0)
    clock.held = []
    with pytest.raises(AssertionError):
        house.pool.lease(clock.now + 5.0)
    assert house.driver.probes == []
    [probe] = clock.held
    probe()
    assert house.driver.probes == [True]


def test_an_interrupted_wait_leaves_no_trace() -> None:
    class Interrupted(FakeClock):
        def wait(self, event: threading.Event, seconds: float) -> bool:
            raise KeyboardInterrupt

    house = House(Interrupted())
    with pytest.raises(KeyboardInterrupt):
        house.lease(5.0)
    assert house.pool.stats() == PoolStats(max=10, idle=1, created=1, leases=1, waits=1)


def test_a_forked_child_touches_nothing_of_its_parent() -> None:
    house = House()
    lease = house.lease()
    child = os.fork()
    if child == 0:
        house.pool.give_back(lease)
        house.pool.close()
        os._exit(10 + house.driver.open + house.driver.closed)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 11
    house.pool.give_back(lease)


def test_callers_are_served_in_the_order_in_which_they_came() -> None:
    house = House(Clock(), pool_size=1)
    held = house.pool.lease(math.inf)
    order: list[int] = []

    def caller(number: int) -> None:
        lease = house.pool.lease(time.monotonic() + 10.0)
        order.append(number)
        house.pool.give_back(lease)

    threads = []
    for number in range(8):
        threads.append(threading.Thread(target=caller, args=(number,)))
        threads[-1].start()
        while house.pool.stats().pending <= number:
            time.sleep(0.001)
    house.pool.give_back(held)
    for thread in threads:
        thread.join()
    assert order == list(range(8))


def test_many_threads_never_hold_more_connections_than_the_pool_has() -> None:
    house = House(Clock(), pool_size=3)
    out = 0
    most = 0
    lock = threading.Lock()

    def caller() -> None:
        nonlocal out, most
        for turn in range(50):
            lease = house.pool.lease(time.monotonic() + 10.0)
            with lock:
                out += 1
                most = max(most, house.driver.open, out)
            with lock:
                out -= 1
            house.pool.give_back(lease, flaw="lost" if turn % 10 == 9 else None)

    threads = [threading.Thread(target=caller) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= 3
    stats = house.pool.stats()
    assert (stats.used, stats.connecting, stats.pending, stats.leases, stats.discarded) == (0, 0, 0, 400, 40)
    house.pool.close()
    assert (house.driver.open, house.driver.closed) == (0, 1)
