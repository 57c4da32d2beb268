"""What a fault is, what it must do to a call, and what it did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from fhir4ds.dialect.faults import FaultKind
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.retry import Phase

if TYPE_CHECKING:
    from tests.faults.scene import Scene

#: Attempts of a call in every trial, and the pause before the second.
ATTEMPTS = 3
BACKOFF = 0.02


@attrs.frozen(kw_only=True)
class Trial:
    """A call that is about to meet a fault.

    Parameters
    ----------
    dispatcher : Dispatcher
        What it is made on; its next query must work once the fault is over.
    call : callable
        Makes it.
    expected : object
        What it returns, where it does.
    afterwards : Dispatcher, optional
        What the next query goes to instead, where the caller had to change the URL.
    """

    dispatcher: Dispatcher
    call: Callable[[], object]
    expected: object = None
    afterwards: Dispatcher | None = None


Provocation = Callable[["Scene"], AbstractContextManager[Trial]]


@attrs.frozen(kw_only=True)
class Fault:
    """One row of the table: a fault, and what is promised for it.

    Parameters
    ----------
    name : str
        What happens, in words for a user.
    provoke : callable
        Takes a `Scene`; a context manager within which the fault is there. What it asserts after the call counts, too.
    raises : type, optional
        Exception of the call; None where it ends well.
    code : str, optional
        SQLSTATE, or the database's own code, of the exception.
    failures : tuple of (FaultKind, Phase)
        What the driver must make of each attempt that fails, and how far the attempt has come; empty where none of the
        database's errors is logged.
    events : tuple of str
        What is logged from the beginning of the call to its end, in this order.
    budget : float
        Seconds that the call may take: its deadline, or how soon a request to cancel it must have been heard.
    exhausts : bool
        Whether the call takes all of them.
    repeatable : bool
        Whether the caller has allowed its work to be repeated; reads always are.
    in_child : bool
        Whether it is tried in a process of its own.
    needs : str, optional
        A file without which it cannot be provoked, and which not every operating system has.
    advice : str
        What a user can do.
    """

    name: str
    provoke: Provocation
    raises: type[BaseException] | None = None
    code: str | None = None
    failures: tuple[tuple[FaultKind, Phase], ...] = ()
    events: tuple[str, ...]
    budget: float = 5.0
    exhausts: bool = False
    repeatable: bool = True
    in_child: bool = False
    needs: str | None = None
    advice: str

    @property
    def possible(self) -> bool:
        """Whether it can be provoked on this machine."""
        return self.needs is None or Path(self.needs).exists()

    @property
    def attempts(self) -> int:
        """How many the call takes."""
        return max(1, len(self.failures) + (self.raises is None))

    @property
    def retried(self) -> bool:
        """Whether there is more than one."""
        return self.attempts > 1


@attrs.frozen(kw_only=True)
class Observation:
    """What a fault did.

    Parameters
    ----------
    raised : str, optional
        Name of the exception class.
    code : str, optional
        Its SQLSTATE or code.
    kinds : tuple of str
        Kinds of fault in the log.
    attempts : int
        As the last event of the call has it.
    seconds : float
        How long the call took.
    events : tuple of str
        What was logged.
    flaws : tuple of str
        What was wrong besides: leaks, secrets in the log, a next query that failed, wrong rows.
    """

    raised: str | None
    code: str | None
    kinds: tuple[str, ...]
    attempts: int
    seconds: float
    events: tuple[str, ...]
    flaws: tuple[str, ...] = ()

    def overshoot(self, budget: float) -> float:
        """Seconds by which a budget was exceeded; below 0 where it was not."""
        return self.seconds - budget

    @classmethod
    def of(cls, fields: dict[str, Any]) -> Observation:
        """From what `attrs.asdict` and JSON made of one."""
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})


def allowance(budget: float) -> float:
    """Most seconds by which a call may exceed its budget."""
    return 0.1 * budget + 0.1


def complaints(fault: Fault, seen: Observation, *, patience: float = 1.0) -> Iterator[str]:
    """Say in what an observation is not what the table promises.

    Parameters
    ----------
    fault : Fault
        The promise.
    seen : Observation
        What happened.
    patience : float
        By how much the allowance of time is stretched, for a machine that does other things besides.
    """
    raises = None if fault.raises is None else fault.raises.__name__
    for what, promised, observed in (
        ("exception", raises, seen.raised),
        ("code", fault.code, seen.code),
        ("attempts", fault.attempts, seen.attempts),
        ("kinds of fault", tuple(kind.value for kind, _ in fault.failures), seen.kinds),
        ("events", fault.events, seen.events),
    ):
        if promised != observed:
            yield f"{what}: {observed!r}, not {promised!r}"
    if fault.exhausts and seen.seconds < fault.budget * 0.99 - 0.01:
        yield f"ended after {seen.seconds:.3f} s, before its budget of {fault.budget:g} s"
    if seen.overshoot(fault.budget) > allowance(fault.budget) * patience:
        yield f"took {seen.seconds:.3f} s with a budget of {fault.budget:g} s"
    yield from seen.flaws
