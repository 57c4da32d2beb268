"""The laws of the dispatcher, with a fake driver and a fake clock."""

from __future__ import annotations

import gc
import math
import os
from collections.abc import Iterator
from typing import Any, cast

import attrs
import pytest
import structlog
from structlog.testing import capture_logs

from fhir4ds.dialect.faults import Fault, FaultKind
from fhir4ds.dialect.model import Capabilities
from fhir4ds.dialect.statement import Statement
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import (
    BrokenPlugin,
    Conflict,
    ConnectFailed,
    FHIRPathExecutionError,
    InvalidSetting,
    MissingDriver,
    OutcomeUnknown,
    PoolClosed,
    PoolTimeout,
    QueryCancelled,
    QueryFailed,
    QueryTimeout,
)
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.pool import PoolStats
from fhir4ds.runtime.session import Session
from fhir4ds.runtime.settings import Settings
from fhir4ds.target import Target

from .fakes import (
    CONFLICT,
    LOST,
    REFUSED,
    FakeClock,
    FakeCursor,
    FakeDriver,
    FakeSyntaxAtOnce,
    fake_dialect,
)

SELECT = Statement(sql="SELECT", summary="fhirpath Patient.id", expression="Patient.id")
INTERRUPTED = Fault(kind=FaultKind.INTERRUPTED, code="57014", message="canceling statement")


class House:
    """A dispatcher and all that it knows."""

    def __init__(self, **settings: Any) -> None:
        self.driver = FakeDriver()
        self.clock = FakeClock()
        self.dispatcher = Dispatcher(
            fake_dialect(self.driver),
            Target.parse("fake://ada:s3cret@db.example/clinic"),
            Settings(**settings),
            clock=self.clock,
        )

    def pauses(self) -> list[float]:
        """Waits before retries; those for a connection end with the budget."""
        return [wait for wait in self.clock.waits if wait < 10.0]


@pytest.fixture(autouse=True)
def _structlog() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def rows(*values: object) -> FakeCursor:
    return FakeCursor([("value", None)], [(value,) for value in values])


# --- retries ----------------------------------------------------------------------------------------------------------


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
    assert house.dispatcher.stats() == PoolStats(max=10)


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


def insert(session: Session) -> str:
    session.execute("INSERT")
    return "inserted"


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


# --- transactions -----------------------------------------------------------------------------------------------------


def test_a_query_takes_one_statement_where_the_dialect_can() -> None:
    house = House()
    house.dispatcher.dialect = attrs.evolve(house.dispatcher.dialect, syntax=cast("Syntax", FakeSyntaxAtOnce()))
    house.driver.answer("AT ONCE: SELECT", rows(1))
    assert house.dispatcher.query(SELECT).rows == [(1,)]
    assert house.driver.statements() == ["AT ONCE: SELECT"]


def test_a_dialect_without_read_only_transactions_gets_plain_ones() -> None:
    house = House()
    house.dispatcher.dialect = attrs.evolve(house.dispatcher.dialect, capabilities=Capabilities())
    house.dispatcher.query(SELECT)
    assert house.driver.statements()[0] == "BEGIN"


def test_without_a_limit_no_limit_is_sent() -> None:
    house = House(query_timeout=math.inf)
    house.dispatcher.query(SELECT)
    assert house.driver.statements() == ["BEGIN READ ONLY", "SELECT", "COMMIT"]


def test_the_limit_of_the_server_follows_what_is_left() -> None:
    house = House()

    def work(session: Session) -> None:
        session.execute("A")
        house.clock.now += 0.1
        session.execute("B")
        house.clock.now += 9.9
        session.execute("C")

    house.dispatcher.run(work)
    assert house.driver.statements() == [
        "BEGIN",
        "LIMIT TIME 30000",
        "A",
        "B",
        "LIMIT TIME 20000",
        "C",
        "COMMIT",
        "reset",
    ]


def test_work_that_raises_is_rolled_back_and_its_error_comes_through() -> None:
    house = House()
    error = LookupError("mine")

    def work(session: Session) -> None:
        session.execute("INSERT")
        raise error

    with pytest.raises(LookupError) as caught:
        house.dispatcher.run(work, retry=True)
    assert caught.value is error
    assert house.driver.statements() == ["BEGIN", "LIMIT TIME 30000", "INSERT", "reset"]


def test_work_that_hides_a_failure_does_not_commit() -> None:
    house = House()
    house.driver.answer("BAD", Fault(kind=FaultKind.SYNTAX, message="no"))

    def work(session: Session) -> None:
        session.execute("INSERT")
        with pytest.raises(QueryFailed):
            session.execute("BAD")
        with pytest.raises(QueryFailed, match="work failed on fake: no"):
            session.execute("INSERT")

    with pytest.raises(QueryFailed, match="work failed on fake: no"):
        house.dispatcher.run(work)
    assert house.driver.statements() == ["BEGIN", "LIMIT TIME 30000", "INSERT", "BAD", "reset"]


def test_work_without_statements_needs_no_transaction() -> None:
    house = House()
    assert house.dispatcher.run(lambda session: 7) == 7
    assert house.driver.statements() == ["reset"]


def test_an_answer_is_given_though_the_end_of_its_transaction_fails() -> None:
    house = House()
    house.driver.answer("SELECT", rows(1), rows(2))
    house.driver.answer("COMMIT", LOST, FakeCursor())
    assert house.dispatcher.query(SELECT).rows == [(1,)]
    assert house.dispatcher.query(SELECT).rows == [(2,)]
    assert [connection.closed for connection in house.driver.connections] == [True, False]


def test_a_connection_that_cannot_be_reset_is_closed() -> None:
    house = House()
    house.driver.answer("reset", Fault(kind=FaultKind.OTHER, message="no"))
    assert house.dispatcher.execute_query("SELECT") == []
    assert house.driver.open == 0


def test_values_that_do_not_fit_the_placeholders_are_an_error_of_ours() -> None:
    house = House()

    def bind() -> FakeCursor:
        raise KeyError("g")

    house.driver.answer("SELECT", bind)
    with pytest.raises(QueryFailed, match=r"the values do not fit the placeholders \(KeyError\)") as error:
        house.dispatcher.execute_query("SELECT", {"a": 1})
    assert isinstance(error.value.__cause__, KeyError)


def test_json_becomes_python_values_in_the_answer_to_a_users_own_sql() -> None:
    house = House()
    cursor = FakeCursor([("id", None), ("resource", SqlType.JSON)], [(1, '{"a": "1.50"}'), (2, None)])
    house.driver.answer("SELECT", cursor)
    assert house.dispatcher.execute_query("SELECT") == [(1, {"a": "1.50"}), (2, None)]


def test_answers_of_any_length_are_complete() -> None:
    house = House()
    house.driver.answer("SELECT", lambda: rows(*range(25_000)))
    answer = house.dispatcher.query(SELECT)
    assert answer.columns == (("value", None),)
    assert answer.rows == [(number,) for number in range(25_000)]


def test_what_the_source_of_a_load_raises_comes_through() -> None:
    house = House()
    error = ValueError("line 7 is no JSON")

    def source() -> Iterator[tuple[str, str]]:
        yield ("1", "{}")
        raise error

    def work(session: Session) -> int:
        return session.load("t", ["a", "b"], source())

    with pytest.raises(ValueError, match="line 7") as caught:
        house.dispatcher.run(work)
    assert caught.value is error
    assert house.driver.statements() == ["BEGIN", "LIMIT TIME 30000", "load t a,b", "reset"]


def test_a_failed_source_cannot_be_committed() -> None:
    house = House()

    def work(session: Session) -> None:
        with pytest.raises(ZeroDivisionError):
            session.load("t", ["a"], (1 / 0 for _ in "x"))  # type: ignore[misc]

    with pytest.raises(ZeroDivisionError):
        house.dispatcher.run(work)
    assert "COMMIT" not in house.driver.statements()


def test_load_counts_rows() -> None:
    house = House()
    assert house.dispatcher.run(lambda session: session.load("t", ["a"], [("1",), ("2",)])) == 2
    assert house.driver.statements()[-2:] == ["COMMIT", "reset"]


# --- deadlines --------------------------------------------------------------------------------------------------------


def test_an_interrupted_statement_after_the_deadline_is_a_timeout_and_not_retried() -> None:
    house = House()

    def slow() -> FakeCursor:
        house.clock.now += 1.0
        raise house.driver.errors(INTERRUPTED)

    house.driver.answer("SELECT", slow)
    with pytest.raises(QueryTimeout) as error:
        house.dispatcher.query(SELECT, timeout=1.0)
    assert error.value.message == (
        "fhirpath Patient.id did not end within its 1 s: 0.00 s getting a connection, 1.00 s in the database"
    )
    assert (error.value.code, house.pauses()) == ("57014", [1.0])
    assert house.driver.statements().count("SELECT") == 1


def test_an_interruption_before_the_deadline_was_somebody_else() -> None:
    house = House()
    house.driver.answer("SELECT", INTERRUPTED)
    with pytest.raises(QueryCancelled, match=r"the database cancelled fhirpath Patient\.id: canceling statement"):
        house.dispatcher.query(SELECT)


def test_a_unit_whose_time_is_up_sends_nothing_more() -> None:
    house = House()

    def work(session: Session) -> None:
        session.execute("INSERT")
        house.clock.now += 31.0
        session.execute("INSERT")

    with pytest.raises(QueryTimeout):
        house.dispatcher.run(work)

    def late(session: Session) -> None:
        session.execute("INSERT")
        house.clock.now += 31.0

    with pytest.raises(QueryTimeout):
        house.dispatcher.run(late)
    assert house.driver.statements().count("INSERT") == 2
    assert "COMMIT" not in house.driver.statements()


def test_an_exhausted_pool_is_told_from_a_silent_server() -> None:
    house = House(pool_size=1, pool_timeout=2.0)
    with house.dispatcher.connection(), pytest.raises(PoolTimeout) as exhausted:
        house.dispatcher.query(SELECT)
    assert exhausted.value.message == "no connection became free within 2.0 s: 1 of 1 in use, 1 waiting"
    other = House(pool_timeout=2.0)
    other.clock.held = []
    with pytest.raises(ConnectFailed, match=r"did not answer within 2\.0 s"):
        other.dispatcher.query(SELECT)


def test_a_call_waits_for_a_connection_no_longer_than_its_own_time() -> None:
    house = House(pool_size=1)
    with house.dispatcher.connection(), pytest.raises(PoolTimeout, match=r"within 0\.5 s"):
        house.dispatcher.query(SELECT, timeout=0.5)


@pytest.mark.parametrize("timeout", [0, -1.0, math.nan])
def test_a_senseless_timeout_is_refused_at_once(timeout: float) -> None:
    house = House()
    with pytest.raises(InvalidSetting):
        house.dispatcher.query(SELECT, timeout=timeout)
    with pytest.raises(InvalidSetting):
        house.dispatcher.stream(SELECT, batch_size=10, timeout=timeout)


def test_an_error_that_is_not_the_drivers_comes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()

    def connect(timeout: float) -> None:
        raise RecursionError("a fault of the driver")

    monkeypatch.setattr(house.driver, "connect", connect)
    with pytest.raises(RecursionError):
        house.dispatcher.query(SELECT)


# --- cancelling -------------------------------------------------------------------------------------------------------


def test_cancelling_ends_a_pause_before_a_retry() -> None:
    house = House()
    house.driver.connecting = [REFUSED, REFUSED]
    house.clock.at(1.5, house.dispatcher.cancel)
    with capture_logs() as entries, pytest.raises(QueryCancelled, match=r"fhirpath Patient\.id was cancelled"):
        house.dispatcher.query(SELECT)
    assert house.clock.now == 1001.5
    assert [entry["event"] for entry in entries][-1] == "query.cancelled"


def test_cancelling_asks_the_database_and_is_not_retried() -> None:
    house = House()

    def running() -> FakeCursor:
        house.dispatcher.cancel()
        raise house.driver.errors(INTERRUPTED)

    house.driver.answer("SELECT", running)
    with pytest.raises(QueryCancelled, match=r"fhirpath Patient\.id was cancelled"):
        house.dispatcher.query(SELECT)
    assert house.driver.cancelled == house.driver.connections
    assert house.driver.statements().count("SELECT") == 1


def test_cancelled_work_sends_nothing_more() -> None:
    house = House()

    def work(session: Session) -> None:
        session.execute("INSERT")
        house.dispatcher.cancel()
        session.execute("INSERT")

    with pytest.raises(QueryCancelled):
        house.dispatcher.run(work)
    assert house.driver.statements().count("INSERT") == 1
    house.dispatcher.cancel()
    assert house.dispatcher.run(insert) == "inserted", "what comes later is not cancelled"


def test_cancelling_before_the_first_use_is_harmless() -> None:
    House().dispatcher.cancel()


# --- streams ----------------------------------------------------------------------------------------------------------


def test_a_stream_yields_batches_and_frees_its_connection() -> None:
    house = House()
    house.driver.answer("SELECT", rows(1, 2, 3, 4, 5))
    stream = house.dispatcher.stream(SELECT, batch_size=2)
    assert house.dispatcher.stats().used == 0, "nothing happens before the first batch"
    assert list(stream) == [[(1,), (2,)], [(3,), (4,)], [(5,)]]
    assert house.driver.statements() == ["BEGIN READ ONLY", "LIMIT TIME 30000", "SELECT", "COMMIT"]
    assert house.dispatcher.stats().idle == 1
    stream.close()


def test_a_stream_is_repeated_only_before_its_first_batch() -> None:
    house = House()
    cursor = rows(1, 2, 3)
    house.driver.answer("SELECT", LOST, cursor)
    stream = house.dispatcher.stream(SELECT, batch_size=1)
    assert next(stream) == [(1,)]

    def lost(size: int) -> list[tuple[object, ...]]:
        raise house.driver.errors(LOST)

    cursor.fetchmany = lost  # type: ignore[method-assign]
    with capture_logs() as entries, pytest.raises(ConnectFailed):
        next(stream)
    assert [entry["event"] for entry in entries] == ["pool.discarded", "query.failed"]
    assert entries[1]["db.response.returned_rows"] == 1
    assert house.driver.statements().count("SELECT") == 2
    assert house.driver.open == 0
    assert list(stream) == []


@pytest.mark.parametrize("way", ["close", "with", "drop"])
def test_a_stream_that_is_left_early_frees_its_connection(way: str) -> None:
    house = House()
    cursor = rows(1, 2, 3)
    house.driver.answer("SELECT", cursor)
    stream = house.dispatcher.stream(SELECT, batch_size=1)
    with capture_logs() as entries:
        if way == "with":
            with stream as same:
                next(same)
        else:
            next(stream)
        if way == "close":
            stream.close()
        del stream
        gc.collect()
    assert cursor.closed
    assert house.dispatcher.stats().idle == 1
    assert [entry["event"] for entry in entries if entry["event"].startswith("query")] == ["query.done"]


def test_the_time_between_batches_is_the_callers() -> None:
    house = House()
    house.driver.answer("SELECT", rows(1, 2, 3))
    seen = []
    for batch in house.dispatcher.stream(SELECT, batch_size=1, timeout=5.0):
        seen += batch
        house.clock.now += 60.0
    assert seen == [(1,), (2,), (3,)]


def test_a_batch_that_does_not_come_is_a_timeout() -> None:
    house = House()
    cursor = rows(1, 2)
    house.driver.answer("SELECT", cursor)
    stream = house.dispatcher.stream(SELECT, batch_size=1, timeout=5.0)
    next(stream)

    def slow(size: int) -> list[tuple[object, ...]]:
        house.clock.now += 5.0
        raise house.driver.errors(INTERRUPTED)

    cursor.fetchmany = slow  # type: ignore[method-assign]
    with pytest.raises(QueryTimeout, match=r"did not end within its 5 s: 5\.00 s in the database"):
        next(stream)


def test_closing_a_stream_whose_connection_is_gone_is_quiet() -> None:
    house = House()
    house.driver.answer("SELECT", rows(1, 2))
    stream = house.dispatcher.stream(SELECT, batch_size=1)
    next(stream)
    house.driver.answer("COMMIT", LOST)
    stream.close()
    assert house.driver.open == 0


def test_an_error_while_closing_a_cursor_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House()
    cursor = rows(1, 2)
    house.driver.answer("SELECT", cursor)
    stream = house.dispatcher.stream(SELECT, batch_size=1)
    next(stream)

    def close() -> None:
        raise house.driver.errors(Fault(kind=FaultKind.OTHER, message="no such cursor"))

    cursor.close = close  # type: ignore[method-assign]
    stream.close()
    assert house.driver.statements()[-1] == "reset"
    assert house.dispatcher.stats().idle == 1


def test_a_session_streams_inside_its_transaction() -> None:
    house = House()
    cursor = rows(1, 2, 3)
    house.driver.answer("SELECT", cursor)

    def work(session: Session) -> list[object]:
        session.execute("INSERT")
        return [row for batch in session.stream("SELECT", batch_size=2) for row in batch]

    assert house.dispatcher.run(work) == [(1,), (2,), (3,)]
    assert house.driver.statements() == ["BEGIN", "LIMIT TIME 30000", "INSERT", "SELECT", "COMMIT", "reset"]
    assert cursor.closed


# --- life -------------------------------------------------------------------------------------------------------------


def test_nothing_is_opened_before_the_first_use() -> None:
    house = House(pool_size=3)
    assert house.dispatcher.stats() == PoolStats(max=3)
    house.dispatcher.close()
    assert house.driver.closed == 0


def test_a_closed_dispatcher_refuses() -> None:
    house = House()
    with house.dispatcher:
        house.dispatcher.query(SELECT)
    assert (house.driver.open, house.driver.closed) == (0, 1)
    for attempt in (lambda: house.dispatcher.query(SELECT), house.dispatcher.get_connection):
        with pytest.raises(PoolClosed, match="the database object was closed"):
            attempt()
    unused = House()
    unused.dispatcher.close_all_connections()
    with pytest.raises(PoolClosed):
        unused.dispatcher.query(SELECT)


def test_connections_are_lent_and_come_back_reset() -> None:
    house = House()
    connection = house.dispatcher.get_connection()
    assert house.dispatcher.stats().used == 1
    house.dispatcher.release_connection(connection)
    assert connection.log == ["reset"]
    for stranger in (connection, object()):
        with pytest.raises(FHIRPathExecutionError, match="not on loan"):
            house.dispatcher.release_connection(stranger)
    with house.dispatcher.connection() as again:
        assert again is connection
    with pytest.raises(LookupError), house.dispatcher.connection():
        raise LookupError
    assert house.dispatcher.stats().used == 0


def test_what_is_out_when_the_dispatcher_is_closed_can_come_back() -> None:
    house = House()
    house.driver.answer("SELECT", rows(1, 2))
    connection = house.dispatcher.get_connection()
    stream = house.dispatcher.stream(SELECT, batch_size=1)
    assert next(stream) == [(1,)]
    house.dispatcher.close()
    house.dispatcher.release_connection(connection)
    assert (house.driver.open, house.driver.closed) == (1, 0)
    assert list(stream) == [[(2,)]]
    assert (house.driver.open, house.driver.closed) == (0, 1)
    with pytest.raises(FHIRPathExecutionError, match="not on loan"):
        house.dispatcher.release_connection(connection)
    with pytest.raises(FHIRPathExecutionError, match="not on loan"):
        House().dispatcher.release_connection(connection)


def test_the_deadline_does_not_apply_to_lent_connections() -> None:
    house = House()
    with house.dispatcher.connection():
        house.clock.now += 3600.0
    assert house.driver.aborted == house.driver.cancelled == []


def test_a_missing_driver_says_what_to_install() -> None:
    house = House()

    def load() -> Any:
        raise ModuleNotFoundError("No module named 'fake_driver'", name="fake_driver")

    house.dispatcher.dialect = attrs.evolve(house.dispatcher.dialect, load_driver=load)
    with pytest.raises(MissingDriver) as error:
        house.dispatcher.query(SELECT)
    assert str(error.value) == "dialect 'fake' needs fake_driver: pip install 'fake-driver>=1'"


def test_a_broken_driver_is_told_from_a_missing_one() -> None:
    house = House()

    def load() -> Any:
        raise ImportError("libfake.so.5: cannot open shared object file")

    house.dispatcher.dialect = attrs.evolve(house.dispatcher.dialect, load_driver=load, driver_module="json")
    with pytest.raises(BrokenPlugin) as error:
        house.dispatcher.query(SELECT)
    assert error.value.message == (
        "the driver of dialect 'fake' failed to load: ImportError: libfake.so.5: cannot open shared object file"
    )


def test_a_forked_child_opens_its_own_connections() -> None:
    house = House()
    house.dispatcher.query(SELECT)
    (inherited,) = house.driver.connections
    child = os.fork()
    if child == 0:
        code = 1
        try:
            house.driver.connections.clear()
            house.dispatcher.query(SELECT)
            (own,) = house.driver.connections
            code = 7 if not inherited.closed and len(inherited.log) == 4 and own.log[-1] == "COMMIT" else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert not inherited.closed
    house.dispatcher.close()


# --- the canonical line -----------------------------------------------------------------------------------------------


def test_each_call_ends_with_one_line() -> None:
    house = House()
    house.driver.answer("SELECT", rows(1, 2), Fault(kind=FaultKind.SYNTAX, code="42601", message="no"))
    with capture_logs() as entries:
        house.dispatcher.query(SELECT)
    common = {
        "db.system.name": "fake_sql",
        "db.namespace": "clinic",
        "server.address": "db.example",
        "db.query.summary": "fhirpath Patient.id",
        "duration": 0.0,
        "wait": 0.0,
        "attempts": 1,
    }
    assert [entry["event"] for entry in entries] == ["pool.opened", "pool.connected", "query.done"]
    assert entries[-1] == {**common, "event": "query.done", "log_level": "debug", "db.response.returned_rows": 2}
    with capture_logs() as entries, pytest.raises(QueryFailed):
        house.dispatcher.query(SELECT)
    assert entries == [
        {
            **common,
            "event": "query.failed",
            "log_level": "warning",
            "error.type": "QueryFailed",
            "fault": "syntax",
            "db.response.status_code": "42601",
        }
    ]


def test_statements_are_logged_only_where_asked_and_a_users_own_never() -> None:
    quiet, open_ = House(), House(log_statements=True)
    with capture_logs() as entries:
        quiet.dispatcher.query(SELECT)
        open_.dispatcher.query(SELECT)
        open_.dispatcher.execute_query("SELECT 's3cret'")
    done = [entry for entry in entries if entry["event"] == "query.done"]
    assert [entry.get("db.query.text") for entry in done] == [None, "SELECT", None]
    assert [entry["db.query.summary"] for entry in done] == ["fhirpath Patient.id", "fhirpath Patient.id", "SELECT"]
    assert "s3cret" not in str(entries)


def test_sql_without_a_word_has_a_name_too() -> None:
    house = House()
    with capture_logs() as entries:
        house.dispatcher.execute_query("(")
    assert entries[-1]["db.query.summary"] == "statement"
