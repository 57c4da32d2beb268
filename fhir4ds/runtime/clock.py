"""Time, chance and threads, in one place that tests can replace."""

from __future__ import annotations

import contextvars
import random
import threading
import time
from collections.abc import Callable


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
        """Run a task that may block on a thread of its own, which does not keep the process alive."""
        # The context of the caller goes along: log contexts of the host live there.
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(task,), name="fhir4ds-task", daemon=True).start()
