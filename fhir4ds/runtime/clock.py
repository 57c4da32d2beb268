"""Time, chance and threads, in one place that tests can replace."""

from __future__ import annotations

import contextvars
import random
import threading
import time
from collections.abc import Callable

from fhir4ds.errors import ConnectFailed


class Clock:
    """The real clock."""

    def monotonic(self) -> float:
        """Seconds since some moment, never going back."""
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Sleep until an event is set, or for some seconds; `math.inf` is for ever.

        Returns
        -------
        bool
            Whether the event is set.
        """
        return event.wait(None if seconds > threading.TIMEOUT_MAX else max(0.0, seconds))

    def random(self) -> float:
        """A number from 0 up to, but not including, 1."""
        return random.random()  # noqa: S311 - jitter is no secret

    def start(self, task: Callable[[], None]) -> None:
        """Run a task that may block on a thread of its own, which does not keep the process alive.

        Raises
        ------
        ConnectFailed
            If the system has no thread left.
        """
        # The context of the caller goes along: log contexts of the host live there.
        context = contextvars.copy_context()
        started(threading.Thread(target=context.run, args=(task,), name="fhir4ds-task", daemon=True))


def started(thread: threading.Thread) -> threading.Thread:
    """Start a thread.

    Raises
    ------
    ConnectFailed
        If the system has no thread left.
    """
    try:
        thread.start()
    except RuntimeError as error:
        raise ConnectFailed(
            f"the database cannot be asked: {error}",
            hint="the process is at a limit of the system for threads or memory (ulimit -u, pids.max of the container)",
        ) from error
    return thread
