"""The watchdog acts on time, in the right order, and never on a connection that has gone to somebody else."""

from __future__ import annotations

import math
import threading
import time

import pytest

from fhir4ds.runtime.call import Call
from fhir4ds.runtime.clock import Clock
from fhir4ds.runtime.deadline import Deadline
from fhir4ds.runtime.watchdog import Watchdog

from .fakes import FakeConnection, FakeDriver
from .house import threads, until


class TimedDriver(FakeDriver):
    """Remembers when it was asked to stop something."""

    def __init__(self) -> None:
        super().__init__()
        self.started = time.monotonic()
        self.diary: list[tuple[str, int, float]] = []
        self.hold: threading.Event | None = None

    def cancel(self, connection: FakeConnection, timeout: float) -> None:
        self.diary.append(("cancel", connection.number, time.monotonic() - self.started))
        if self.hold is not None:
            self.hold.wait()

    def abort(self, connection: FakeConnection) -> None:
        self.diary.append(("abort", connection.number, time.monotonic() - self.started))


def _call(driver: FakeDriver, seconds: float, *, limited: bool = False) -> Call:
    clock = Clock()
    return Call(driver, clock, Deadline(seconds, clock), limited=limited, summary="SELECT")


def test_a_client_side_deadline_is_asked_for_and_then_enforced() -> None:
    driver = TimedDriver()
    watchdog = Watchdog(Clock())
    call = _call(driver, 0.1)
    call.attach(FakeConnection(1))
    watchdog.watch(call)
    until(lambda: len(driver.diary) == 2)
    assert [entry[:2] for entry in driver.diary] == [("cancel", 1), ("abort", 1)]
    assert [entry[2] for entry in driver.diary] == pytest.approx([0.1, 0.1 + call.deadline.grace], abs=0.05)
    assert call.aborted
    watchdog.unwatch(call)
    watchdog.close()


def test_the_line_is_cut_until_the_call_has_ended() -> None:
    driver = TimedDriver()
    watchdog = Watchdog(Clock())
    call = _call(driver, 0.05)
    call.attach(FakeConnection(1))
    watchdog.watch(call)
    until(lambda: len(driver.diary) == 4)
    call.detach()
    watchdog.unwatch(call)
    assert [entry[0] for entry in driver.diary] == ["cancel", "abort", "abort", "abort"]
    time.sleep(2 * call.deadline.grace)
    assert len(driver.diary) == 4
    watchdog.close()


def test_a_server_side_deadline_is_left_to_the_server_for_a_moment() -> None:
    driver = TimedDriver()
    watchdog = Watchdog(Clock())
    call = _call(driver, 0.1, limited=True)
    call.attach(FakeConnection(1))
    watchdog.watch(call)
    until(lambda: call.aborted)
    assert [entry[:2] for entry in driver.diary] == [("abort", 1)]
    assert driver.diary[0][2] == pytest.approx(0.1 + call.deadline.grace, abs=0.05)
    watchdog.unwatch(call)
    watchdog.close()


def test_a_call_that_ends_in_time_is_left_alone() -> None:
    driver = TimedDriver()
    watchdog = Watchdog(Clock())
    call = _call(driver, 0.05)
    call.attach(FakeConnection(1))
    watchdog.watch(call)
    call.detach()
    watchdog.unwatch(call)
    time.sleep(0.1)
    assert driver.diary == []
    watchdog.close()


def test_an_earlier_deadline_wakes_the_watchdog() -> None:
    driver = TimedDriver()
    watchdog = Watchdog(Clock())
    late, early = _call(driver, 60.0), _call(driver, 0.05)
    late.attach(FakeConnection(1))
    watchdog.watch(late)
    time.sleep(0.02)
    early.attach(FakeConnection(2))
    watchdog.watch(early)
    until(lambda: bool(driver.diary))
    assert driver.diary[0][:2] == ("cancel", 2)
    assert driver.diary[0][2] < 0.2
    for call in (late, early):
        call.detach()
        watchdog.unwatch(call)
    watchdog.close()


def test_no_thread_without_need_and_none_after_closing() -> None:
    before = set(threading.enumerate())
    watchdog = Watchdog(Clock())
    unlimited = _call(TimedDriver(), math.inf)
    unlimited.attach(FakeConnection(1))
    watchdog.watch(unlimited)
    assert threads("fhir4ds-watchdog", before) == 0
    calls = [_call(TimedDriver(), 60.0) for _ in range(3)]
    for call in calls:
        call.attach(FakeConnection(1))
        watchdog.watch(call)
    assert threads("fhir4ds-watchdog", before) == 1
    watchdog.close()
    time.sleep(0.02)
    assert threads("fhir4ds-watchdog", before) == 1, "calls under way are watched to their end"
    for call in calls:
        watchdog.unwatch(call)
    until(lambda: threads("fhir4ds-watchdog", before) == 0)


def test_a_connection_is_not_let_go_while_it_is_being_stopped() -> None:
    driver = TimedDriver()
    driver.hold = threading.Event()
    call = _call(driver, 60.0)
    call.attach(FakeConnection(1))
    stopping = threading.Thread(target=call.cancel)
    stopping.start()
    until(lambda: bool(driver.diary))
    leaving = threading.Thread(target=call.detach)
    leaving.start()
    leaving.join(0.05)
    assert leaving.is_alive()
    driver.hold.set()
    leaving.join(1.0)
    stopping.join(1.0)
    assert not leaving.is_alive()
    call.stop()
    call.cancel()
    assert [entry[0] for entry in driver.diary] == ["cancel"], "nothing is left to stop"


def test_a_person_may_cancel_at_any_time_and_firmness_follows() -> None:
    driver = TimedDriver()
    watchdog = Watchdog(Clock())
    call = _call(driver, 1.0, limited=True)
    call.attach(FakeConnection(1))
    watchdog.watch(call)
    call.cancel()
    watchdog.watch(call)
    until(lambda: call.aborted)
    assert [entry[0] for entry in driver.diary] == ["cancel", "abort"]
    assert driver.diary[1][2] == pytest.approx(call.deadline.grace, abs=0.05)
    watchdog.unwatch(call)
    watchdog.close()


def test_a_connection_that_is_busy_for_too_long_is_cut_off() -> None:
    driver = TimedDriver()
    watchdog = Watchdog(Clock())
    with watchdog.guard(driver, FakeConnection(1), 60.0) as guarded:
        pass
    assert not guarded.aborted
    with watchdog.guard(driver, FakeConnection(2), 0.05) as guarded:
        until(lambda: guarded.aborted)
    assert [entry[0] for entry in driver.diary] == ["abort"]
    assert guarded.due == math.inf, "nobody acts on it any more"
    watchdog.close()


def test_many_short_calls_wake_its_thread_once(monkeypatch: pytest.MonkeyPatch) -> None:
    watchdog = Watchdog(Clock())
    woken: list[int] = []
    notify = threading.Condition.notify

    def counted(self: threading.Condition, n: int = 1) -> None:
        if self is watchdog._condition:
            woken.append(n)
        notify(self, n)

    monkeypatch.setattr(threading.Condition, "notify", counted)
    for number in range(100):
        call = _call(FakeDriver(), 30.0)
        call.attach(FakeConnection(number))
        watchdog.watch(call)
        call.detach()
        watchdog.unwatch(call)
        time.sleep(0.0005)
    assert len(woken) == 1
    watchdog.close()


def test_a_call_that_is_due_before_it_wakes_is_stopped_in_time() -> None:
    driver = TimedDriver()
    watchdog = Watchdog(Clock())
    for number, seconds in enumerate((30.0, 0.3, 0.1)):
        call = _call(driver, seconds)
        call.attach(FakeConnection(number))
        watchdog.watch(call)
        if number == 0:
            call.detach()
            watchdog.unwatch(call)
    until(lambda: [entry[:2] for entry in driver.diary if entry[0] == "cancel"] == [("cancel", 2), ("cancel", 1)])
    asked = [entry[2] for entry in driver.diary if entry[0] == "cancel"]
    assert asked == pytest.approx([0.1, 0.3], abs=0.05)
