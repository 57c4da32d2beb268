"""One budget of time for one call, however many waits and attempts it takes."""

from __future__ import annotations

import enum
import math

from fhir4ds.runtime.clock import Clock


class Stage(enum.Enum):
    """What time is spent on."""

    POOL = "getting a connection"
    DATABASE = "in the database"
    BACKOFF = "pausing before retries"


class Deadline:
    """An instant after which a call must have ended, and an account of the time until then.

    Parameters
    ----------
    budget : float
        Seconds from now; `math.inf` is no limit.
    clock : Clock
        What tells the time.

    Examples
    --------
    >>> Deadline(math.inf, Clock()).milliseconds() is None
    True
    """

    __slots__ = ("_clock", "_spent", "at", "budget", "started")

    def __init__(self, budget: float, clock: Clock) -> None:
        self.budget = budget
        self._clock = clock
        self.started = clock.monotonic()
        self.at = self.started + budget
        self._spent: dict[Stage, float] = {}

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._clock.monotonic() - self.started

    @property
    def remaining(self) -> float:
        """Seconds that are left; negative when the budget is overdrawn."""
        return self.at - self._clock.monotonic()

    @property
    def passed(self) -> bool:
        """Whether the budget is used up, to within what timers of client and server may differ."""
        return self.remaining <= 0.002 + 0.005 * min(self.budget, 30.0)

    @property
    def grace(self) -> float:
        """How long after the instant a database may take to stop by itself, before the line is cut."""
        return 0.05 + 0.05 * min(self.budget, 30.0)

    def milliseconds(self) -> int | None:
        """What is left as a limit for the server, rounded up and at least 1; None where there is no limit."""
        return None if self.budget == math.inf else max(1, math.ceil(self.remaining * 1000))

    def charge(self, stage: Stage, since: float) -> float:
        """Book the time since an instant on a stage, and return it."""
        seconds = self._clock.monotonic() - since
        self._spent[stage] = self._spent.get(stage, 0.0) + seconds
        return seconds

    def account(self) -> str:
        """How the time was spent, for messages."""
        return ", ".join(f"{seconds:.2f} s {stage.value}" for stage, seconds in self._spent.items())
