"""One call of a user's while it is under way: its time, and the ways to stop it from another thread."""

from __future__ import annotations

import contextlib
import math
import threading

import attrs

from fhir4ds.dialect.driver import Connection, Driver
from fhir4ds.dialect.faults import Fault
from fhir4ds.errors import ConnectFailed, QueryCancelled
from fhir4ds.runtime.clock import Clock
from fhir4ds.runtime.deadline import Deadline, Stage
from fhir4ds.runtime.retry import Phase


@attrs.frozen
class Failure:
    """What ended an attempt."""

    fault: Fault
    phase: Phase


class Call:
    """A call under way.

    Parameters
    ----------
    driver : Driver
        What stops a statement.
    clock : Clock
        What tells the time.
    deadline : Deadline
        The budget of the call; a stream renews it for each batch.
    limited : bool
        Whether the server watches the deadline too, so that it needs a moment to act by itself.
    summary : str
        Name of the work, for events and messages.
    expression, text : str, optional
        The FHIRPath text and the compiled SQL.
    """

    def __init__(
        self,
        driver: Driver,
        clock: Clock,
        deadline: Deadline,
        *,
        limited: bool,
        summary: str,
        expression: str | None = None,
        text: str | None = None,
    ) -> None:
        self._driver = driver
        self._clock = clock
        self._limited = limited
        self._started = deadline.started
        self.deadline = deadline
        self.summary = summary
        self.expression = expression
        self.text = text
        self.attempt = 0
        self.waited = 0.0
        self.rows: int | None = None
        self.failure: Failure | None = None
        self.cancelled = False
        self.aborted = False
        #: When the watchdog shall call `stop`.
        self.due = math.inf
        self._asked = False
        self._wake: threading.Event | None = None
        self._connection: Connection | None = None
        # Held while somebody stops the connection: it must not go to another caller meanwhile, who would be hit
        # instead. Two, as cutting the line must not wait for a request that gets no answer.
        self._asking = threading.Lock()
        self._aborting = threading.Lock()

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self._clock.monotonic() - self._started

    def charge_wait(self, since: float) -> float:
        """Book the time since an instant as waiting for a connection, and return it."""
        seconds = self.deadline.charge(Stage.POOL, since)
        self.waited += seconds
        return seconds

    def attach(self, connection: Connection) -> None:
        """Begin to use a connection; from now on the deadline applies to it."""
        self._asked = self.aborted = False
        self.due = self.deadline.at + (self.deadline.grace if self._limited else 0.0)
        self._connection = connection

    def detach(self) -> None:
        """Stop using the connection; it cannot be stopped any more."""
        with self._aborting:
            aborted = self.aborted
            if aborted:  # nobody will use it again, so whoever still asks it to stop does no harm
                self._connection = None
        if not aborted:
            with self._asking, self._aborting:
                self._connection = None
        self.due = math.inf

    def watch_closely(self) -> None:
        """Rely on the server's own watch no longer."""
        self._limited = False
        self.due = self.deadline.at

    def stop(self) -> None:
        """Act on the passed deadline: ask politely where nobody has, and cut the line until the call has ended.

        Once may not be enough: an embedded database forgets an interrupt that comes just before a statement begins.
        """
        if not (self._asked or self._limited):
            self._ask()
            return
        with self._aborting:
            if self._connection is None:
                self.due = math.inf
            else:
                self.aborted = True
                self.due = self._clock.monotonic() + self.deadline.grace
                # The connection is lost anyway, and the thread that waits on it will tell how.
                with contextlib.suppress(Exception):
                    self._driver.abort(self._connection)

    def cancel(self) -> None:
        """Stop the call at the wish of a person, wherever it is. Called from another thread."""
        self.cancelled = True
        wake = self._wake
        if wake is not None:
            wake.set()
        if self._connection is not None:
            self._ask()

    def _ask(self) -> None:
        self._asked = True
        self.due = self._clock.monotonic() + self.deadline.grace
        # Where no thread is left for it, the line is cut after the grace, as where the answer does not come.
        with contextlib.suppress(ConnectFailed):
            self._clock.start(self._request)

    def _request(self) -> None:
        """Ask the database to stop, on a thread of its own as the answer may never come."""
        with self._asking:
            # A database that cannot be asked is cut off after the grace.
            if self._connection is not None:
                with contextlib.suppress(Exception):
                    self._driver.cancel(self._connection, self.deadline.grace)

    def sleeps_on(self, event: threading.Event) -> bool:
        """Say what wakes the call when it is cancelled; False where it is cancelled already."""
        self._wake = event
        return not self.cancelled

    def wakes(self) -> bool:
        """The sleep is over; True where the call was cancelled."""
        self._wake = None
        return self.cancelled

    def pause(self, seconds: float) -> None:
        """Sleep before a retry; a cancelled call does not go on.

        Raises
        ------
        QueryCancelled
            If it was cancelled before or meanwhile.
        """
        event = threading.Event()
        if self.sleeps_on(event):
            self._clock.wait(event, seconds)
        if self.wakes():
            raise self.cancellation()

    def cancellation(self) -> QueryCancelled:
        """The error for a call that was cancelled."""
        return QueryCancelled(f"{self.summary} was cancelled", expression=self.expression)
