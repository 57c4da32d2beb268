"""The thread that watches deadlines: at most one for each dispatcher, started when it is first needed."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fhir4ds.dialect.driver import Connection, Driver
from fhir4ds.runtime.call import Call
from fhir4ds.runtime.clock import Clock, started
from fhir4ds.runtime.deadline import Deadline


class Watchdog:
    """Stops calls whose deadline has passed.

    A database call blocks its thread, so somebody else must watch the time. Watching costs a microsecond: the thread is
    only woken for an instant that is earlier than the one it sleeps until, and sleeps until then although the call that
    it was woken for has long ended: a thousand short calls wake it once.

    Parameters
    ----------
    clock : Clock
        What tells the time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._condition = threading.Condition(threading.Lock())
        self._calls: set[Call] = set()
        self._wakes_at = math.inf
        self._thread: threading.Thread | None = None
        self._closed = False

    def watch(self, call: Call) -> None:
        """Watch a call until `unwatch`; again, when it has become due earlier.

        Raises
        ------
        ConnectFailed
            If no thread is left to watch it.
        """
        if call.due == math.inf:
            return
        with self._condition:
            if self._thread is None and not self._closed:
                self._thread = started(threading.Thread(target=self._run, name="fhir4ds-watchdog", daemon=True))
            self._calls.add(call)
            if call.due < self._wakes_at:
                self._wakes_at = call.due
                self._condition.notify()

    def unwatch(self, call: Call) -> None:
        """Watch a call no longer."""
        with self._condition:
            self._calls.discard(call)
            if self._closed:
                self._condition.notify()

    @contextmanager
    def guard(self, driver: Driver, connection: Connection, seconds: float) -> Iterator[Call]:
        """Cut the line of a connection that is busy for longer than some seconds.

        Parameters
        ----------
        driver : Driver
            What cuts it.
        connection : object
            The driver's connection.
        seconds : float
            For how long.

        Yields
        ------
        Call
            Whose ``aborted`` says, after the block, whether the line was cut.
        """
        call = Call(driver, self._clock, Deadline(seconds, self._clock), limited=True, summary="probe")
        call.attach(connection)
        self.watch(call)
        try:
            yield call
        finally:
            call.detach()
            self.unwatch(call)

    def close(self) -> None:
        """End the thread as soon as no call is watched any more."""
        with self._condition:
            self._closed = True
            self._condition.notify()

    def _run(self) -> None:
        while True:
            with self._condition:
                now = self._clock.monotonic()
                due = [call for call in self._calls if call.due <= now]
                if not due:
                    if self._closed and not self._calls:
                        return
                    if now >= self._wakes_at:
                        self._wakes_at = min((call.due for call in self._calls), default=math.inf)
                    pause = self._wakes_at - now
                    self._condition.wait(None if pause > threading.TIMEOUT_MAX else pause)
                    continue
            for call in due:
                call.stop()
                if call.due == math.inf:
                    self.unwatch(call)
