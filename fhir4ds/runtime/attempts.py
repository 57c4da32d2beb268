"""From one call to its attempts: each a whole transaction on a connection of its own, repeated as the table has it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from fhir4ds.runtime.call import Call
from fhir4ds.runtime.deadline import Stage
from fhir4ds.runtime.engine import Engine
from fhir4ds.runtime.report import UnderWay, report_retry
from fhir4ds.runtime.retry import Phase, Verdict, judge
from fhir4ds.runtime.session import Session

T = TypeVar("T")


def perform(engine: Engine, call: Call, attempt: Callable[[], T], *, retry: bool) -> T:
    """Carry a call through, from its first attempt to its report.

    Parameters
    ----------
    engine : Engine
        Where.
    call : Call
        What is under way.
    attempt : callable
        Does it once.
    retry : bool
        Whether it may be done again when it had begun; failures to connect are retried in any case.
    """
    with UnderWay(engine, call):
        return repeat(engine, call, attempt, retry=retry)


def repeat(engine: Engine, call: Call, attempt: Callable[[], T], *, retry: bool) -> T:
    """Attempt something until it succeeds, must not be repeated, or attempts or time run out."""
    while True:
        call.attempt += 1
        call.failure = None
        try:
            return attempt()
        except Exception as error:
            pause = _pause(engine, call, retry=retry)
            if pause is None:
                raise
            report_retry(engine, call, error, pause)
        started = engine.clock.monotonic()
        engine.blocking(call, partial(call.pause, pause))
        call.deadline.charge(Stage.BACKOFF, started)


def _pause(engine: Engine, call: Call, *, retry: bool) -> float | None:
    """How long to wait before the next attempt; None where there must be none."""
    failure = call.failure
    if failure is None or call.cancelled or call.aborted:
        return None
    if judge(failure.fault, failure.phase) is not Verdict.RETRY or not (retry or failure.phase is Phase.CONNECT):
        return None
    pause = engine.policy.pause(call.attempt, engine.clock.random())
    # A pause that the budget does not outlast would only delay the bad news.
    return None if pause is None or pause >= call.deadline.remaining else pause


def unit(engine: Engine, call: Call, work: Callable[[Session], T], *, read_only: bool, pristine: bool) -> T:
    """One attempt: work and COMMIT on a connection from the pool.

    Parameters
    ----------
    engine : Engine
        Where.
    call : Call
        What is under way.
    work : callable
        Takes the session.
    read_only : bool
        Whether the transaction must not write.
    pristine : bool
        Whether work that succeeds leaves nothing behind in the session.
    """
    lease = engine.blocking(call, partial(engine.borrow, call), undo=partial(engine.give_back, call, dirty=True))
    session = Session(engine, lease.connection, call, read_only=read_only)
    try:
        value = work(session)
        engine.blocking(call, session.commit)
    except BaseException:
        session.dirty = True
        raise
    finally:
        dirty = session.dirty or not pristine
        engine.blocking(call, partial(engine.give_back, call, lease, lost=session.lost, dirty=dirty))
    return value
