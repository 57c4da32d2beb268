"""Ctrl-C while a database is working.

A blocked call of a database API holds the main thread until the server answers, and Python delivers a signal only
afterwards. So calls from the main thread run on a worker thread, while the main thread waits where a signal reaches it.
The hand-over costs some 25 microseconds and more where processors sleep; a query does without it where it can
(`fhir4ds.runtime.interrupts`). Calls from other threads, which get no signals, run where they are.
"""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from fhir4ds.errors import ConnectFailed
from fhir4ds.runtime.clock import started

T = TypeVar("T")


class _Job(Generic[T]):
    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._context = contextvars.copy_context()  # log contexts of the host live there
        self._done = threading.Lock()
        self._done.acquire()
        self.finished = False
        self._value: T
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._value = self._context.run(self._function)
        except BaseException as error:  # noqa: BLE001 - it is raised again where the result is waited for
            self._error = error
        self.finished = True
        self._done.release()

    def wait(self, seconds: float) -> bool:
        return self.finished or self._done.acquire(timeout=seconds)

    def undo(self, undo: Callable[[T], object]) -> None:
        if self.finished and self._error is None:
            undo(self._value)

    def outcome(self) -> T:
        if self._error is not None:
            try:
                raise self._error
            finally:
                del self._error  # the error's traceback refers to this frame, and so would keep itself alive
        return self._value


class Worker:
    """Runs one function at a time for the main thread; its thread starts at the first."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[_Job[Any] | None] | None = None
        self._busy = False
        self._closed = False

    def run(
        self,
        function: Callable[[], T],
        interrupt: Callable[[], None],
        patience: float,
        undo: Callable[[T], object] | None = None,
    ) -> T:
        """Call a function so that a signal can end the wait for it.

        Parameters
        ----------
        function : callable
            What may block.
        interrupt : callable
            Makes it end, when a signal handler has raised `KeyboardInterrupt` or anything else.
        patience : float
            How long the function may take to end after that; then it is left to itself.
        undo : callable, optional
            Takes back what the function returned after all, as nobody else will get it.

        Returns
        -------
        object
            What the function returned. What it raised is raised here.
        """
        if not self.needed():
            return function()
        try:
            jobs = self._thread_queue()
        except ConnectFailed:  # no thread is left: better a late Ctrl-C than no answer, or no end
            return function()
        job = _Job(function)
        self._busy = True
        try:
            jobs.put(job)
            # On Windows a wait without timeout is deaf to signals; elsewhere one second or ten make no difference.
            while not job.wait(1.0):
                pass
        except BaseException:
            interrupt()
            if job.wait(patience) and undo is not None:
                job.undo(undo)
            raise
        finally:
            self._busy = False
            if not job.finished:
                self._let_go()
        return job.outcome()

    def needed(self) -> bool:
        """Whether a call from here would go to the other thread."""
        # A signal handler that queries while the main thread waits in `run` must not wait for its own worker.
        return not (self._busy or self._closed) and threading.get_ident() == threading.main_thread().ident

    def close(self) -> None:
        """Let the thread end when it has finished what it does; what comes later runs where it is called."""
        self._closed = True
        self._let_go()

    def _let_go(self) -> None:
        if self._jobs is not None:
            self._jobs.put(None)
            self._jobs = None

    def _thread_queue(self) -> queue.SimpleQueue[_Job[Any] | None]:
        if self._jobs is None:
            jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
            started(threading.Thread(target=_work, args=(jobs,), name="fhir4ds-worker", daemon=True))
            self._jobs = jobs
        return self._jobs


def _work(jobs: queue.SimpleQueue[_Job[Any] | None]) -> None:
    while True:
        job = jobs.get()
        if job is None:
            return
        job.run()
        del job  # keeps the last result, which may be large, no longer than its caller does
