"""THE table: what may be tried again."""

from __future__ import annotations

import pytest

from fhir4ds.dialect.faults import Fault, FaultKind
from fhir4ds.runtime.retry import Phase, RetryPolicy, Verdict, judge
from fhir4ds.runtime.settings import Settings

RETRY, FAIL, UNKNOWN = Verdict.RETRY, Verdict.FAIL, Verdict.UNKNOWN

#: Verdicts for CONNECT, READ, WRITE, and COMMIT that the server answered.
TABLE = {
    FaultKind.CONNECT: (RETRY, FAIL, FAIL, FAIL),
    FaultKind.BUSY: (RETRY, FAIL, FAIL, FAIL),
    FaultKind.DISCONNECT: (RETRY, RETRY, RETRY, UNKNOWN),
    FaultKind.CONFLICT: (FAIL, RETRY, RETRY, RETRY),
    FaultKind.OUTCOME: (FAIL, FAIL, UNKNOWN, UNKNOWN),
    FaultKind.INTERRUPTED: (FAIL, FAIL, FAIL, FAIL),
    FaultKind.AUTH: (FAIL, FAIL, FAIL, FAIL),
    FaultKind.MISSING: (FAIL, FAIL, FAIL, FAIL),
    FaultKind.SYNTAX: (FAIL, FAIL, FAIL, FAIL),
    FaultKind.DATA: (FAIL, FAIL, FAIL, FAIL),
    FaultKind.INTEGRITY: (FAIL, FAIL, FAIL, FAIL),
    FaultKind.READ_ONLY: (FAIL, FAIL, FAIL, FAIL),
    FaultKind.RESOURCE: (FAIL, FAIL, FAIL, FAIL),
    FaultKind.UNSUPPORTED: (FAIL, FAIL, FAIL, FAIL),
    FaultKind.OTHER: (FAIL, FAIL, FAIL, FAIL),
}


def test_the_table_is_complete() -> None:
    assert set(TABLE) == set(FaultKind)


@pytest.mark.parametrize("kind", FaultKind)
def test_every_fault_in_every_phase(kind: FaultKind) -> None:
    assert tuple(judge(Fault(kind=kind), phase) for phase in Phase) == TABLE[kind]


@pytest.mark.parametrize("kind", FaultKind)
def test_nothing_is_known_when_the_line_was_cut_during_commit(kind: FaultKind) -> None:
    assert judge(Fault(kind=kind, disconnected=True), Phase.COMMIT) is UNKNOWN


def test_pauses_double_up_to_a_cap() -> None:
    policy = RetryPolicy.of(Settings(attempts=8, backoff_max=10.0))
    assert [policy.pause(attempt, 0.0) for attempt in range(1, 9)] == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0, None]


def test_pauses_are_spread() -> None:
    policy = RetryPolicy.of(Settings(attempts=4, backoff=1.0, jitter=0.5))
    assert [policy.pause(attempt, 0.5) for attempt in (1, 2, 3)] == [1.25, 2.5, 5.0]


def test_one_attempt_means_no_retry() -> None:
    assert RetryPolicy.of(Settings(attempts=1)).pause(1, 0.0) is None


def test_very_many_attempts_do_not_overflow() -> None:
    assert RetryPolicy.of(Settings(attempts=5000)).pause(4000, 0.0) == 30.0
