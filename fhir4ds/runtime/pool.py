"""Connections, shared fairly: one pool for every dialect.

Whatever may block, connecting and probing, happens outside the lock and on a thread of its own that lives as long as
the attempt. So a caller waits no longer than it said it would, even while a server keeps silent, and gets the first
connection that comes, new or returned. Callers are served in the order in which they came.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from fhir4ds.dialect.driver import Connection, Driver
from fhir4ds.errors import ConnectFailed, FHIRPathExecutionError, PoolClosed
from fhir4ds.events import Event
from fhir4ds.runtime.call import Call
from fhir4ds.runtime.clock import Clock
from fhir4ds.runtime.lease import Attempt, Lease, Member, NoConnection, PoolStats, Waiter
from fhir4ds.runtime.settings import Settings

__all__ = ["Pool", "PoolStats", "not_on_loan", "pool_closed"]

Report = Callable[[Event, Mapping[str, object]], None]
Guard = Callable[[Connection, float], AbstractContextManager[Call | None]]

#: Longest single attempt to connect, where nobody set a limit.
_PATIENCE = 3600.0

#: Longest wait for the answer of a connection that was idle for long: what lies between may have forgotten it, and then
#: nothing comes until the network gives up. Those who wait need time to connect anew, too.
_PROBE_PATIENCE = 1.0


class Pool:
    """A pool of the connections of one driver.

    At any moment the connections that are idle, on loan, being opened and being closed are at most `pool_size`.

    Parameters
    ----------
    driver : Driver
        What opens and closes them. It is closed after the last connection of a closed pool.
    settings : Settings
        How many, and for how long.
    clock : Clock
        What tells the time, and starts threads.
    report : callable
        Takes events.
    guard : callable, optional
        Cuts the line of a connection that is busy for more than some seconds within its ``with`` block.
    """

    def __init__(
        self,
        driver: Driver,
        settings: Settings,
        clock: Clock,
        report: Report,
        guard: Guard = lambda *_: nullcontext(),
    ) -> None:
        self._driver = driver
        self._settings = settings
        self._clock = clock
        self._report = report
        self._guard = guard
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._idle: deque[Member] = deque()  # the longest idle at the left
        self._loans: dict[int, Lease] = {}  # by identity of the connection
        self._waiters: deque[Waiter] = deque()
        self._connecting = 0
        self._awaited: list[Attempt] = []  # those of them on which waiters rely, the oldest first
        self._closing = 0
        self._generation = 0
        self._closed = False
        self._driver_closed = False
        self._created = self._discarded = self._retired = self._failures = self._leases = self._timeouts = 0
        self._waits = 0
        self._wait_time = self._wait_max = 0.0

    # --- lending ------------------------------------------------------------------------------------------------------

    def lease(self, until: float, call: Call | None = None) -> Lease:
        """Borrow a live connection.

        Parameters
        ----------
        until : float
            Instant after which the caller waits no longer.
        call : Call, optional
            What the connection is for; cancelling it ends the wait.

        Returns
        -------
        Lease

        Raises
        ------
        NoConnection
            If there was none in time, or connecting failed.
        PoolClosed
            If the pool is closed, or becomes closed while waiting.
        QueryCancelled
            If the call was cancelled while it waited.
        """
        now = self._clock.monotonic()
        while True:
            with self._lock:
                self._check_open()
                # Whoever waits came first; and what was idle for long must answer a round trip, which may block.
                if not self._idle or self._waiters or now - self._idle[-1].idle_since > self._settings.probe_after:
                    break
                lease = self._lend(self._idle.pop())
            flaw = self._flaw(lease.member, now)
            if flaw is None:
                return lease
            with self._lock:
                self._leases -= 1  # it was none
            self.give_back(lease, flaw=flaw)
        return self._wait(now, until, call)

    def give_back(self, lease: Lease, *, flaw: str | None = None, used: bool = True) -> None:
        """Return a connection that was reset.

        Parameters
        ----------
        lease : Lease
            The loan.
        flaw : str, optional
            Why the connection is of no further use; it is closed then.
        used : bool
            Whether it was used; otherwise it has been idle for as long as before.

        Raises
        ------
        FHIRPathExecutionError
            If the loan is not one of this pool's, or was given back before.
        """
        if os.getpid() != self._pid:
            return  # a forked child must touch neither the connections nor the lock of its parent
        member = lease.member
        now = self._clock.monotonic()
        leaving = []
        with self._lock:
            if self._loans.get(id(member.connection)) is not lease:
                raise not_on_loan()
            del self._loans[id(member.connection)]
            flaw = flaw or self._worn(member, now)
            if flaw is None:
                if used:
                    member.idle_since = now
                self._offer(member)
            else:
                leaving.append((member, flaw))
            while self._idle and now - self._idle[0].idle_since > self._settings.max_idle:
                leaving.append((self._idle.popleft(), "idle"))
            self._closing += len(leaving)
            # A probe may be waiting for a connection that was not idle long enough to need it.
            attempts = self._grow(now) if self._waiters else []
        self._run(attempts)
        if leaving:
            self._dispose(leaving)

    def loan_of(self, connection: Connection) -> Lease:
        """Find the loan of a connection that is out.

        Raises
        ------
        FHIRPathExecutionError
            If it is not on loan from this pool.
        """
        with self._lock:
            lease = self._loans.get(id(connection))
        if lease is None:
            raise not_on_loan()
        return lease

    def invalidate(self, lease: Lease) -> None:
        """Doubt every connection that is as old as one that was lost: a restarted server has dropped them all."""
        with self._lock:
            if lease.member.generation == self._generation:
                self._generation += 1

    def stats(self) -> PoolStats:
        """Figures of this moment."""
        with self._lock:
            return self._stats()

    def close(self) -> None:
        """Close idle connections now and others when they come back; whoever waits gets `PoolClosed`."""
        if os.getpid() != self._pid:
            return
        with self._lock:
            if self._closed:
                return
            self._closed = True
            leaving = [(member, "closed") for member in self._idle]
            self._idle.clear()
            self._closing += len(leaving)
            for waiter in self._waiters:
                waiter.error = pool_closed()
                waiter.event.set()
            self._waiters.clear()
        self._dispose(leaving)
        self._close_driver()
        self._report(Event.POOL_CLOSED, {})

    # --- waiting ------------------------------------------------------------------------------------------------------

    def _wait(self, since: float, until: float, call: Call | None) -> Lease:
        waiter = Waiter(until)
        try:
            with self._lock:
                self._check_open()
                self._waiters.append(waiter)
                attempts = self._grow(since)
            self._run(attempts)
            if call is None or call.sleeps_on(waiter.event):
                self._clock.wait(waiter.event, until - self._clock.monotonic())
        except BaseException:
            self._leave(waiter, since)
            if waiter.lease is not None:
                self.give_back(waiter.lease, used=False)
            raise
        stats = self._leave(waiter, since)
        if call is not None and call.wakes():
            if waiter.lease is not None:
                self.give_back(waiter.lease, used=False)
            raise call.cancellation()
        if waiter.lease is not None:
            return waiter.lease
        if isinstance(waiter.error, PoolClosed):
            raise waiter.error
        if waiter.error is None:
            with self._lock:
                self._timeouts += 1
            self._report(
                Event.POOL_TIMED_OUT,
                {
                    "wait": self._clock.monotonic() - since,
                    "db.client.connection.max": stats.max,
                    "db.client.connection.pending_requests": stats.pending,
                    "used": stats.used,
                    "connecting": stats.connecting,
                },
            )
        raise NoConnection(waiter.error, stats)

    def _leave(self, waiter: Waiter, since: float) -> PoolStats:
        """Leave the queue, served or not, and say how it looked."""
        with self._lock:
            waited = self._clock.monotonic() - since
            self._waits += 1
            self._wait_time += waited
            self._wait_max = max(self._wait_max, waited)
            stats = self._stats()
            if waiter in self._waiters:
                self._waiters.remove(waiter)
                # What it gave up must not be what the next one relies on: the network may be well again by then.
                del self._awaited[: max(0, len(self._awaited) - len(self._waiters))]
        return stats

    def _offer(self, member: Member) -> None:
        """Hand a live connection to the first waiter, or keep it. Under the lock."""
        if not self._waiters:
            self._idle.append(member)
            return
        waiter = self._waiters.popleft()
        waiter.lease = self._lend(member)
        waiter.event.set()

    def _lend(self, member: Member) -> Lease:
        lease = Lease(member)
        self._loans[id(member.connection)] = lease
        self._leases += 1
        return lease

    def _grow(self, now: float) -> list[Attempt]:
        """Attempts to bring connections for those who wait, at most one for each. Under the lock.

        They belong to no particular waiter: each one that ends serves, or fails, the first in the queue. One that was
        given up keeps its place until it ends, and may still serve, but fails nobody.
        """
        attempts: list[Attempt] = []
        while len(self._waiters) > len(self._awaited):
            timeout = min(_PATIENCE, max(0.001, max(waiter.until for waiter in self._waiters) - now))
            if self._idle:
                attempts.append(Attempt(self._idle.pop(), min(_PROBE_PATIENCE, timeout / 2)))
            elif self._connecting + self._closing + len(self._loans) < self._settings.pool_size:
                attempts.append(Attempt(None, timeout))
            else:
                break
            self._connecting += 1
            self._awaited.append(attempts[-1])
        return attempts

    def _run(self, attempts: list[Attempt]) -> None:
        ahead = deque(attempts)
        while ahead:
            attempt = ahead.popleft()
            try:
                self._clock.start(partial(self._bring, attempt))
            except ConnectFailed as error:  # no thread is left
                ahead += self._fail(error, attempt, unasked=attempt.member)

    def _fail(self, error: Exception, attempt: Attempt, *, unasked: Member | None = None) -> list[Attempt]:
        """End an attempt with an error for the first waiter, and return those that may begin in its place."""
        leaving = []
        with self._lock:
            awaited = self._end(attempt)
            self._failures += 1
            if unasked is not None and self._closed:
                self._closing += 1
                leaving.append((unasked, "closed"))
            elif unasked is not None:
                self._idle.append(unasked)
            if awaited and self._waiters:
                waiter = self._waiters.popleft()
                waiter.error = error
                waiter.event.set()
            attempts = self._grow(self._clock.monotonic())
        self._dispose(leaving)
        self._close_driver()
        return attempts

    def _end(self, attempt: Attempt) -> bool:
        """Free the place of an attempt, and say whether waiters relied on it. Under the lock."""
        self._connecting -= 1
        awaited = attempt in self._awaited
        if awaited:
            self._awaited.remove(attempt)
        return awaited

    # --- on a thread of its own ---------------------------------------------------------------------------------------

    def _bring(self, attempt: Attempt) -> None:
        if attempt.member is None:
            self._connect(attempt)
        else:
            self._probe(attempt, attempt.member)

    def _connect(self, attempt: Attempt) -> None:
        started = self._clock.monotonic()
        try:
            connection = self._driver.connect(attempt.patience)
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the caller who waits
            self._run(self._fail(error, attempt))
            return
        now = self._clock.monotonic()
        lifetime = self._settings.max_lifetime * (1.0 - 0.05 * self._clock.random())
        self._report(Event.POOL_CONNECTED, {"duration": now - started})
        with self._lock:
            self._created += 1
            member = Member(connection, self._generation, now + lifetime, now)
        self._join(member, attempt)

    def _probe(self, attempt: Attempt, member: Member) -> None:
        """Ask a connection that was idle for long; where it does not answer, its place is free for another."""
        try:
            with self._guard(member.connection, attempt.patience) as guarded:
                flaw = self._flaw(member, self._clock.monotonic(), probe=True)
        except ConnectFailed as error:  # no thread is left to watch it
            self._run(self._fail(error, attempt, unasked=member))
            return
        if flaw is None and guarded is not None and guarded.aborted:
            flaw = "dead"  # it answered just when the line was cut
        if flaw is None:
            self._join(member, attempt)
            return
        with self._lock:
            self._end(attempt)
            self._closing += 1
        self._dispose([(member, flaw)])

    def _join(self, member: Member, attempt: Attempt) -> None:
        leaving = []
        with self._lock:
            self._end(attempt)
            if self._closed:
                self._closing += 1
                leaving.append((member, "closed"))
            else:
                member.idle_since = self._clock.monotonic()
                self._offer(member)
        self._dispose(leaving)

    # --- one connection -----------------------------------------------------------------------------------------------

    def _flaw(self, member: Member, now: float, *, probe: bool = False) -> str | None:
        """Why a connection cannot be lent; None where it can."""
        flaw = self._worn(member, now)
        if flaw is not None:
            return flaw
        if now - member.idle_since > self._settings.max_idle:
            return "idle"
        try:
            return None if self._driver.alive(member.connection, probe=probe) else "dead"
        except self._driver.errors:
            return "dead"

    def _worn(self, member: Member, now: float) -> str | None:
        if self._closed:
            return "closed"
        if member.generation != self._generation:
            return "invalidated"
        return "lifetime" if now >= member.retires_at else None

    def _dispose(self, leaving: Iterable[tuple[Member, str]]) -> None:
        """Close connections that are in no list any more and counted as closing. Outside the lock."""
        for member, reason in leaving:
            broken = reason not in ("closed", "lifetime", "idle")
            try:
                self._driver.disconnect(member.connection)
            finally:
                with self._lock:
                    self._closing -= 1
                    self._discarded += broken
                    self._retired += not broken
                    attempts = self._grow(self._clock.monotonic())
                self._run(attempts)
            self._report(Event.POOL_DISCARDED if broken else Event.POOL_RETIRED, {"reason": reason})
        if self._closed:
            self._close_driver()

    def _close_driver(self) -> None:
        """Release the driver of a closed pool after its last connection."""
        with self._lock:
            open = len(self._idle) + len(self._loans) + self._connecting + self._closing
            if not self._closed or self._driver_closed or open:
                return
            self._driver_closed = True
        self._driver.close()

    def _check_open(self) -> None:
        if self._closed:
            raise pool_closed()

    def _stats(self) -> PoolStats:
        return PoolStats(
            max=self._settings.pool_size,
            idle=len(self._idle),
            used=len(self._loans),
            connecting=self._connecting,
            closing=self._closing,
            pending=len(self._waiters),
            created=self._created,
            discarded=self._discarded,
            retired=self._retired,
            failures=self._failures,
            leases=self._leases,
            timeouts=self._timeouts,
            waits=self._waits,
            wait_time=self._wait_time,
            wait_max=self._wait_max,
        )


def pool_closed() -> PoolClosed:
    """The error for what is asked of a closed pool."""
    return PoolClosed("the database object was closed", hint="open a new one with fhir4ds.connect")


def not_on_loan() -> FHIRPathExecutionError:
    """The error for a connection that is given back twice, or to the wrong pool."""
    return FHIRPathExecutionError(
        "this connection is not on loan from this pool",
        hint="return each connection once, to the database object that lent it",
    )
