"""Ctrl-C gets through while something blocks."""

from __future__ import annotations

import contextvars
import os
import signal
import threading
import time

import pytest

from fhir4ds.runtime.worker import Worker

from .house import threads, until


def _interrupt_after(seconds: float) -> threading.Thread:
    def send() -> None:
        time.sleep(seconds)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def _never() -> None:
    raise AssertionError("nobody interrupted")


def test_the_main_thread_hands_over_and_gets_the_result() -> None:
    before = set(threading.enumerate())
    worker = Worker()
    idents = {worker.run(threading.get_ident, _never, 1.0) for _ in range(3)}
    assert len(idents) == 1
    assert threading.get_ident() not in idents
    assert threads("fhir4ds-worker", before) == 1
    worker.close()
    worker.close()
    until(lambda: threads("fhir4ds-worker", before) == 0)
    assert worker.run(threading.get_ident, _never, 1.0) == threading.get_ident(), "no thread is started any more"


def test_other_threads_work_for_themselves() -> None:
    worker = Worker()
    seen: list[bool] = []
    thread = threading.Thread(
        target=lambda: seen.append(worker.run(threading.get_ident, _never, 1.0) == threading.get_ident())
    )
    thread.start()
    thread.join()
    assert seen == [True]


def test_errors_come_through_unchanged() -> None:
    worker = Worker()
    error = LookupError("what it says")

    def fail() -> None:
        raise error

    with pytest.raises(LookupError) as caught:
        worker.run(fail, _never, 1.0)
    assert caught.value is error
    assert worker.run(lambda: 7, _never, 1.0) == 7
    worker.close()


def test_the_context_of_the_caller_goes_along() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    variable.set("request 7")
    worker = Worker()
    assert worker.run(variable.get, _never, 1.0) == "request 7"
    worker.close()


def test_ctrl_c_interrupts_and_then_raises() -> None:
    worker = Worker()
    stop = threading.Event()
    sender = _interrupt_after(0.05)
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        worker.run(lambda: stop.wait(10.0), stop.set, 5.0)
    assert time.monotonic() - started < 1.0
    sender.join()
    assert worker.run(lambda: 7, _never, 1.0) == 7
    worker.close()


def test_what_came_after_all_is_taken_back() -> None:
    worker = Worker()
    stop = threading.Event()
    taken_back: list[object] = []
    sender = _interrupt_after(0.05)

    def borrow() -> str:
        stop.wait(10.0)
        return "a connection"

    with pytest.raises(KeyboardInterrupt):
        worker.run(borrow, stop.set, 5.0, taken_back.append)
    assert taken_back == ["a connection"]
    sender.join()
    worker.close()


def test_what_does_not_end_is_left_to_itself() -> None:
    before = set(threading.enumerate())
    worker = Worker()
    stop = threading.Event()
    sender = _interrupt_after(0.05)
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        worker.run(lambda: stop.wait(10.0), lambda: None, 0.1)
    assert time.monotonic() - started < 1.0
    sender.join()
    assert worker.run(lambda: 7, _never, 1.0) == 7, "another thread has taken over"
    stop.set()
    worker.close()
    until(lambda: threads("fhir4ds-worker", before) == 0)


def test_a_signal_handler_may_query_while_the_main_thread_waits() -> None:
    worker = Worker()
    answers: list[int] = []
    previous = signal.signal(signal.SIGUSR1, lambda number, frame: answers.append(worker.run(lambda: 7, _never, 1.0)))
    try:
        timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        assert worker.run(lambda: time.sleep(0.2) or 8, _never, 1.0) == 8  # type: ignore[func-returns-value]
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, previous)
    assert answers == [7]
    worker.close()
