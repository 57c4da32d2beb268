"""What may be tried again: THE table, by kind of fault and by how far a unit of work had come.

Neither the class of the driver's exception nor its text decides: the same class holds lost connections, timeouts and
wrong passwords. The unit that is repeated is always a whole transaction on a connection of its own.
"""

from __future__ import annotations

import enum

import attrs

from fhir4ds.dialect.faults import Fault, FaultKind
from fhir4ds.runtime.settings import Settings


class Phase(enum.Enum):
    """How far a unit of work had come when something happened."""

    CONNECT = "connect"  # nothing was sent
    READ = "read"  # in a read-only transaction
    WRITE = "write"  # in a transaction that may write; COMMIT was not sent
    COMMIT = "commit"  # COMMIT of such a transaction was sent


class Verdict(enum.Enum):
    """What a fault means for the unit of work."""

    RETRY = "retry"  # nothing has happened: the whole unit may be repeated
    FAIL = "fail"  # nothing has happened, and repeating it would end the same way
    UNKNOWN = "unknown"  # it may have been committed: never repeat it


_RETRIED = {
    Phase.CONNECT: frozenset({FaultKind.CONNECT, FaultKind.BUSY, FaultKind.DISCONNECT}),
    Phase.READ: frozenset({FaultKind.DISCONNECT, FaultKind.CONFLICT}),
    # The server has rolled back what was not committed (PostgreSQL documentation, 55.2.9).
    Phase.WRITE: frozenset({FaultKind.DISCONNECT, FaultKind.CONFLICT}),
    # Only a COMMIT that the server answered comes here, such as a serialization failure (SQLSTATE 40001).
    Phase.COMMIT: frozenset({FaultKind.CONFLICT}),
}


def judge(fault: Fault, phase: Phase) -> Verdict:
    """Look a fault up in the table.

    Parameters
    ----------
    fault : Fault
        What happened.
    phase : Phase
        How far the unit had come.

    Returns
    -------
    Verdict

    Examples
    --------
    >>> judge(Fault(kind=FaultKind.DISCONNECT, disconnected=True), Phase.WRITE)
    <Verdict.RETRY: 'retry'>
    >>> judge(Fault(kind=FaultKind.DISCONNECT, disconnected=True), Phase.COMMIT)
    <Verdict.UNKNOWN: 'unknown'>
    >>> judge(Fault(kind=FaultKind.AUTH), Phase.CONNECT)
    <Verdict.FAIL: 'fail'>
    """
    if phase in (Phase.WRITE, Phase.COMMIT) and fault.kind is FaultKind.OUTCOME:
        return Verdict.UNKNOWN
    if phase is Phase.COMMIT and (fault.disconnected or fault.kind is FaultKind.DISCONNECT):
        return Verdict.UNKNOWN
    return Verdict.RETRY if fault.kind in _RETRIED[phase] else Verdict.FAIL


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How often, and after which pauses.

    Parameters
    ----------
    attempts : int
        Most attempts, the first included.
    backoff, backoff_max, jitter : float
        As in `Settings`.

    Examples
    --------
    >>> policy = RetryPolicy(attempts=4, backoff=1.0, backoff_max=30.0, jitter=0.1)
    >>> [policy.pause(attempt, 0.0) for attempt in (1, 2, 3, 4)]
    [1.0, 2.0, 4.0, None]
    """

    attempts: int
    backoff: float
    backoff_max: float
    jitter: float

    @classmethod
    def of(cls, settings: Settings) -> RetryPolicy:
        """The policy that settings describe."""
        return cls(
            attempts=settings.attempts,
            backoff=settings.backoff,
            backoff_max=settings.backoff_max,
            jitter=settings.jitter,
        )

    def pause(self, attempt: int, chance: float) -> float | None:
        """Seconds to wait after a failed attempt; None where it was the last.

        Parameters
        ----------
        attempt : int
            Number of the attempt that failed, from 1.
        chance : float
            A random number from 0 to 1.
        """
        if attempt >= self.attempts:
            return None
        # An exponent beyond 1000 would overflow; the cap is reached long before.
        doubled: float = self.backoff * 2.0 ** min(attempt - 1, 100)
        return min(self.backoff_max, doubled) * (1.0 + self.jitter * chance)
