"""What the dispatcher repeats, and what never."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from fhir4ds.dialect.faults import Fault, FaultKind
from fhir4ds.errors import (
    Conflict,
    ConnectFailed,
    OutcomeUnknown,
    QueryFailed,
)
from fhir4ds.runtime.pool import PoolStats

from .fakes import (
    CONFLICT,
    LOST,
    REFUSED,
    FakeCursor,
)
from .house import SELECT, House, insert, rows


def test_failures_to_connect_are_retried_after_one_two_and_four_seconds() -> None:
    house = House()
    house.driver.connecting = [REFUSED, REFUSED, REFUSED]
    house.driver.answer("SELECT", rows(1))
    with capture_logs() as entries:
        assert house.dispatcher.query(SELECT).rows == [(1,)]
    assert house.pauses() == [1.0, 2.0, 4.0]
    retried = [entry for entry in entries if entry["event"] == "query.retried"]
    assert [(entry["attempt"], entry["attempts"], entry["delay"]) for entry in retried] == [
        (1, 4, 1.0),
        (2, 4, 2.0),
        (3, 4, 4.0),
    ]
    assert retried[0] == {
        "event": "query.retried",
        "log_level": "warning",
        "db.system.name": "fake_sql",
        "db.namespace": "clinic",
        "server.address": "db.example",
        "db.query.summary": "fhirpath Patient.id",
        "attempt": 1,
        "attempts": 4,
        "delay": 1.0,
        "error.type": "ConnectFailed",
        "fault": "connect",
    }
    (done,) = [entry for entry in entries if entry["event"] == "query.done"]
    assert done["attempts"] == 4
    assert done["duration"] == 7.0


def test_attempts_end() -> None:
    house = House(attempts=3)
    house.driver.connecting = [REFUSED] * 9
    with pytest.raises(ConnectFailed) as error:
        house.dispatcher.query(SELECT)
    assert str(error.value) == (
        "cannot connect to fake://ada:***@db.example/clinic after 3 attempts: Connection refused\n"
        "hint: check that the server is running and reachable at this host and port"
    )
    assert isinstance(error.value.__cause__, house.driver.errors)
    assert house.pauses() == [1.0, 2.0]
    assert house.dispatcher.stats() == PoolStats(max=10, failures=3, waits=3)


@pytest.mark.parametrize("kind", [FaultKind.AUTH, FaultKind.MISSING, FaultKind.OTHER])
def test_what_will_not_get_better_is_not_retried(kind: FaultKind) -> None:
    house = House()
    house.driver.connecting = [Fault(kind=kind, message="no")]
    with pytest.raises(ConnectFailed):
        house.dispatcher.execute_query("SELECT")
    assert house.pauses() == []


def test_a_pause_that_the_budget_does_not_outlast_is_not_begun() -> None:
    house = House()
    house.driver.connecting = [REFUSED] * 9
    with pytest.raises(ConnectFailed, match="after 2 attempts"):
        house.dispatcher.query(SELECT, timeout=2.5)
    assert house.pauses() == [2.5, 1.0, 1.5], "two waits for a connection, and one pause"
    assert house.clock.now == 1001.0


def test_a_read_that_lost_its_connection_is_repeated_on_another() -> None:
    house = House()
    house.driver.answer("SELECT", LOST, rows(1))
    assert house.dispatcher.query(SELECT).rows == [(1,)]
    first, second = house.driver.connections
    assert first.closed
    assert first.log == ["BEGIN READ ONLY", "LIMIT TIME 30000", "SELECT"]
    assert second.log == ["BEGIN READ ONLY", "LIMIT TIME 29000", "SELECT", "COMMIT"]
    assert house.pauses() == [1.0]


def test_a_read_that_keeps_losing_its_connection_says_so() -> None:
    house = House(attempts=2)
    house.driver.answer("SELECT", LOST)
    with pytest.raises(ConnectFailed, match=r"was lost during fhirpath Patient\.id after 2 attempts") as error:
        house.dispatcher.query(SELECT)
    assert error.value.expression == "Patient.id"
    assert house.dispatcher.stats().used == 0


def test_a_conflict_is_retried_and_then_called_so() -> None:
    house = House(attempts=2)
    house.driver.answer("SELECT", CONFLICT)
    with pytest.raises(Conflict, match="collided with another transaction after 2 attempts") as error:
        house.dispatcher.query(SELECT)
    assert error.value.code == "40001"


@pytest.mark.parametrize(
    "kind",
    [FaultKind.SYNTAX, FaultKind.MISSING, FaultKind.DATA, FaultKind.RESOURCE, FaultKind.READ_ONLY, FaultKind.AUTH],
)
def test_refusals_are_not_retried(kind: FaultKind) -> None:
    house = House()
    house.driver.answer("SELECT", Fault(kind=kind, code="XXXXX", message="no"))
    with pytest.raises(QueryFailed) as error:
        house.dispatcher.query(SELECT)
    assert error.value.message == "'Patient.id' failed on fake: no"
    assert error.value.code == "XXXXX"
    assert error.value.hint is not None
    assert house.pauses() == []
    assert house.driver.statements() == ["BEGIN READ ONLY", "LIMIT TIME 30000", "SELECT", "reset"]
    assert house.dispatcher.stats().idle == 1


def test_a_write_is_committed() -> None:
    house = House()
    assert house.dispatcher.run(insert) == "inserted"
    assert house.driver.statements() == ["BEGIN", "LIMIT TIME 30000", "INSERT", "COMMIT", "reset"]


def test_a_write_that_lost_its_connection_is_repeated_only_where_asked() -> None:
    house = House()
    house.driver.answer("INSERT", LOST, FakeCursor())
    with pytest.raises(ConnectFailed, match="nothing was committed"):
        house.dispatcher.run(insert, summary="load")
    house.driver.answer("INSERT", LOST, FakeCursor())
    assert house.dispatcher.run(insert, retry=True) == "inserted"
    assert [connection.log.count("COMMIT") for connection in house.driver.connections] == [0, 0, 1]


def test_connecting_is_retried_for_every_write() -> None:
    house = House()
    house.driver.connecting = [REFUSED]
    assert house.dispatcher.run(insert) == "inserted"


@pytest.mark.parametrize("retry", [False, True])
def test_nothing_is_repeated_after_a_commit_that_got_no_answer(retry: bool) -> None:
    house = House()
    house.driver.answer("COMMIT", LOST)
    with pytest.raises(OutcomeUnknown) as error:
        house.dispatcher.run(insert, retry=retry, summary="load")
    assert error.value.message == (
        "the connection to fake://ada:***@db.example/clinic was lost while load was being committed:"
        " whether it was is not known"
    )
    assert house.driver.statements().count("INSERT") == 1


def test_a_commit_that_was_refused_is_repeated() -> None:
    house = House()
    house.driver.answer("COMMIT", CONFLICT, FakeCursor())
    assert house.dispatcher.run(insert, retry=True) == "inserted"
    assert house.driver.statements().count("INSERT") == 2


def test_an_unknown_outcome_is_never_repeated() -> None:
    house = House()
    house.driver.answer("INSERT", Fault(kind=FaultKind.OUTCOME, code="40003", message="unknown"))
    with pytest.raises(OutcomeUnknown):
        house.dispatcher.run(insert, retry=True)
    assert house.driver.statements().count("INSERT") == 1


def test_one_statement_of_a_user_is_repeated_and_a_script_is_not() -> None:
    house = House()
    house.driver.answer("INSERT;", LOST, rows(1))
    assert house.dispatcher.execute_query("INSERT;") == [(1,)]
    script = "INSERT; COMMIT; INSERT"
    house.driver.answer(script, LOST, rows(1))
    with pytest.raises(OutcomeUnknown):
        house.dispatcher.execute_query(script)
    house.driver.answer(script, CONFLICT, rows(1))
    with pytest.raises(Conflict):
        house.dispatcher.execute_query(script)
    assert house.driver.statements().count(script) == 2
