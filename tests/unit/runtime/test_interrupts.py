"""Ctrl-C ends a call of the main thread itself, and comes when it has ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from fhir4ds.runtime import interrupts as module
from fhir4ds.runtime.interrupts import Interrupts
from tests.support.handlers import handlers

from .house import threads, until
from .test_no_threads import no_thread


@pytest.fixture(autouse=True)
def only_ctrl_c() -> Iterator[None]:
    with handlers():
        yield


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    made = Interrupts()
    yield made
    made.close()


def _press_after(seconds: float) -> threading.Timer:
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    return timer


def _press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def _never() -> None:
    raise AssertionError("nobody interrupted")


def test_what_is_called_runs_on_the_main_thread(interrupts: Interrupts) -> None:
    assert interrupts.suffice()
    assert interrupts.run(threading.get_ident, _never) == threading.get_ident()
    assert interrupts.run(lambda: interrupts.busy, _never) is True
    assert interrupts.busy is False


def test_ctrl_c_interrupts_and_comes_when_the_call_has_ended(interrupts: Interrupts) -> None:
    stop = threading.Event()
    steps: list[str] = []

    def call() -> None:
        steps.append("begun")
        steps.append("stopped" if stop.wait(10.0) else "never stopped")

    timer = _press_after(0.05)
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt) as caught:
        interrupts.run(call, stop.set)
    assert time.monotonic() - started < 1.0
    assert steps == ["begun", "stopped"]
    assert caught.value.__suppress_context__
    timer.join()
    assert interrupts.run(lambda: 7, _never) == 7


def test_ctrl_c_comes_instead_of_the_error_that_it_caused(interrupts: Interrupts) -> None:
    stop = threading.Event()

    def call() -> None:
        stop.wait(10.0)
        raise LookupError("interrupted")

    _press_after(0.05)
    with pytest.raises(KeyboardInterrupt):
        interrupts.run(call, stop.set)


def test_it_does_not_cancel_the_next_call(interrupts: Interrupts) -> None:
    """However often it is pressed: what is read late belongs to the call that it was meant for."""

    def press_thrice() -> None:
        for _ in range(3):
            _press()

    for _ in range(50):
        with pytest.raises(KeyboardInterrupt):
            interrupts.run(press_thrice, lambda: None)
        interrupts.run(lambda: time.sleep(0.001), _never)


def test_errors_come_through_and_the_handlers_are_as_they_were(interrupts: Interrupts) -> None:
    error = LookupError("what it says")

    def fail() -> None:
        raise error

    with pytest.raises(LookupError) as caught:
        interrupts.run(fail, _never)
    assert caught.value is error
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.set_wakeup_fd(-1) == -1
    with pytest.raises(KeyboardInterrupt):
        _press()
        time.sleep(5.0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGALRM, signal.SIGUSR1])
def test_where_others_wait_for_signals_the_worker_is_needed(interrupts: Interrupts, number: int) -> None:
    with handlers(number):
        assert not interrupts.suffice()
    assert interrupts.suffice()


def test_where_ctrl_c_means_something_else_the_worker_is_needed(interrupts: Interrupts) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert not interrupts.suffice()
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_who_was_told_of_signals_still_is(interrupts: Interrupts) -> None:
    """An event loop that a notebook runs beside its cells, for one."""
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        far.settimeout(5.0)
        signal.set_wakeup_fd(near.fileno())
        previous = signal.signal(signal.SIGCHLD, lambda number, frame: None)
        try:
            interrupts.run(lambda: os.kill(os.getpid(), signal.SIGCHLD), _never)
            assert far.recv(1) == bytes([signal.SIGCHLD])
        finally:
            signal.signal(signal.SIGCHLD, previous)
            assert signal.set_wakeup_fd(-1) == near.fileno()


def test_its_thread_ends_with_it() -> None:
    before = set(threading.enumerate())
    interrupts = Interrupts()
    assert interrupts.run(lambda: 7, _never) == 7
    assert threads("fhir4ds-interrupts", before) == 1
    interrupts.close()
    interrupts.close()
    until(lambda: threads("fhir4ds-interrupts", before) == 0)
    assert not interrupts.suffice()
    assert interrupts.run(lambda: 7, _never) == 7, "who had asked before it was closed is served"
    assert threads("fhir4ds-interrupts", before) == 0


def test_who_closes_it_during_a_call_does_not_take_its_socket_away() -> None:
    before = set(threading.enumerate())
    interrupts = Interrupts()
    stop = threading.Event()

    def call() -> None:
        closing = threading.Thread(target=interrupts.close)
        closing.start()
        closing.join()
        _press_after(0.05)
        assert stop.wait(10.0)

    with pytest.raises(KeyboardInterrupt):
        interrupts.run(call, stop.set)
    until(lambda: threads("fhir4ds-interrupts", before) == 0)


def test_without_a_thread_ctrl_c_comes_late(interrupts: Interrupts) -> None:
    before = set(threading.enumerate())
    with no_thread("fhir4ds-interrupts"), pytest.raises(KeyboardInterrupt):
        interrupts.run(_press, _never)
    assert threads("fhir4ds-interrupts", before) == 0
    assert interrupts.run(lambda: 7, _never) == 7
    assert threads("fhir4ds-interrupts", before) == 1


def test_what_is_pressed_before_anybody_listens_calls_nothing(
    interrupts: Interrupts, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = Interrupts._begin

    def slow(self: Interrupts, interrupt: Callable[[], None]) -> None:
        _press()
        time.sleep(0.01)
        begin(self, interrupt)

    monkeypatch.setattr(Interrupts, "_begin", slow)
    with pytest.raises(KeyboardInterrupt):
        interrupts.run(_never, lambda: None)
    assert signal.set_wakeup_fd(-1) == -1


def test_where_no_handler_can_be_set_the_call_is_made(interrupts: Interrupts) -> None:
    """So it is on other threads, and on the main thread of an interpreter within another one."""
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(interrupts.run(lambda: 7, _never)))
    thread.start()
    thread.join()
    assert answers == [7]


def test_a_child_that_is_forked_meanwhile_hears_ctrl_c(interrupts: Interrupts) -> None:
    """Its parent's handler would keep it from the child for ever."""
    codes: list[int] = []

    def fork() -> None:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with contextlib.suppress(KeyboardInterrupt):
                    _press()
                    time.sleep(5.0)
                    code = 2
                code = code if code == 2 else 0
            finally:
                os._exit(code)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    def call() -> None:
        thread = threading.Thread(target=fork)
        thread.start()
        thread.join()

    interrupts.run(call, lambda: None)
    assert codes == [0]


def test_the_functions_inside_those_of_signal_are_what_they_are_taken_for() -> None:
    assert module._handler_of(signal.SIGINT) is signal.getsignal(signal.SIGINT)
