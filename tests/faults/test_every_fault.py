"""Every row of the table is as it promises: ``python -m tests.faults`` prints what was measured."""

from __future__ import annotations

import pytest

from fhir4ds.dialect.faults import Fault as Reported
from fhir4ds.runtime.retry import Verdict, judge
from tests.faults.model import ATTEMPTS, Fault, complaints
from tests.faults.observing import observe
from tests.faults.table import DUCKDB, FAULTS, POSTGRES, keys
from tests.support.postgres_server import PostgresServer

#: Here other programs may share the machine; the report has the measured figures, without mercy.
_PATIENCE = 4.0


def _try(name: str, server: PostgresServer | None) -> None:
    fault = FAULTS[name]
    if not fault.possible:
        pytest.skip(f"{fault.needs} is not there")
    assert list(complaints(fault, observe(name, fault, server), patience=_PATIENCE)) == []


@pytest.mark.postgres
@pytest.mark.parametrize("name", keys(POSTGRES))
def test_a_fault_of_postgresql_does_what_its_row_says(name: str, faulty_server: PostgresServer) -> None:
    _try(name, faulty_server)


@pytest.mark.parametrize("name", keys(DUCKDB))
def test_a_fault_of_duckdb_does_what_its_row_says(name: str) -> None:
    _try(name, None)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_row_says_what_the_policy_says(fault: Fault) -> None:
    """Whether each attempt was followed by another is decided by the policy alone, or by the end of attempts or time."""
    for number, (kind, phase) in enumerate(fault.failures, 1):
        last = number == len(fault.failures)
        followed = not last or fault.raises is None
        may_be = judge(Reported(kind=kind), phase) is Verdict.RETRY
        if followed:
            assert may_be
        elif may_be:
            ended = number == ATTEMPTS or fault.exhausts or not fault.repeatable or "cancel" in fault.events[-1]
            assert ended, "an attempt that may be repeated was the last"
