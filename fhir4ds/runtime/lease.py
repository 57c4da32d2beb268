"""What goes in and out of a pool: its connections, loans of them, those who wait for one, and figures."""

from __future__ import annotations

import threading

import attrs

from fhir4ds.dialect.driver import Connection


@attrs.frozen(kw_only=True)
class PoolStats:
    """Figures of a pool at one moment, and its totals since it was opened.

    Parameters
    ----------
    max : int
        Most connections at a time.
    idle, used, connecting, closing : int
        Connections that wait, that are on loan, that are being opened or probed, and that are being closed.
    pending : int
        Callers that wait for one.
    created, discarded, retired : int
        Connections opened, closed as broken, and closed for their age, their idleness or the end of the pool, so far.
    failures : int
        Attempts to connect that failed so far.
    leases, timeouts : int
        Loans given, and refused for lack of time, so far.
    waits : int
        Callers so far that could not have a connection at once, as one had to be opened, probed or given back first.
    wait_time, wait_max : float
        Seconds that they waited, together and at most.
    """

    max: int
    idle: int = 0
    used: int = 0
    connecting: int = 0
    closing: int = 0
    pending: int = 0
    created: int = 0
    discarded: int = 0
    retired: int = 0
    failures: int = 0
    leases: int = 0
    timeouts: int = 0
    waits: int = 0
    wait_time: float = 0.0
    wait_max: float = 0.0


@attrs.define(eq=False)
class Member:
    """A connection of the pool."""

    connection: Connection
    generation: int
    retires_at: float
    idle_since: float


@attrs.frozen(eq=False)
class Attempt:
    """A connection that is to come: a new one, or, where there is a member, that one when it has answered."""

    member: Member | None
    patience: float


@attrs.frozen(eq=False)
class Lease:
    """A loan of one connection: the token that is needed to give it back, once."""

    member: Member

    @property
    def connection(self) -> Connection:
        """The driver's connection."""
        return self.member.connection


class NoConnection(Exception):
    """No loan was made: the time was up, or connecting failed.

    Parameters
    ----------
    error : Exception, optional
        Why connecting failed; None where the time was up.
    stats : PoolStats
        The figures of that moment.
    """

    def __init__(self, error: Exception | None, stats: PoolStats) -> None:
        super().__init__(error, stats)
        self.error = error
        self.stats = stats


@attrs.define(eq=False)
class Waiter:
    """A caller in the queue of a pool; the event is set when there is a loan or an error for it."""

    until: float
    event: threading.Event = attrs.field(factory=threading.Event)
    lease: Lease | None = None
    error: Exception | None = None
