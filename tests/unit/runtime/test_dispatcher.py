"""The laws of the dispatcher, with a fake driver and a fake clock."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import cast

import attrs
import pytest
from structlog.testing import capture_logs

from fhir4ds.dialect.faults import Fault, FaultKind
from fhir4ds.dialect.model import Capabilities
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import (
    ConnectFailed,
    InvalidSetting,
    PoolTimeout,
    QueryCancelled,
    QueryFailed,
    QueryTimeout,
)
from fhir4ds.runtime.session import Session

from .fakes import (
    LOST,
    REFUSED,
    FakeCursor,
    FakeSyntaxAtOnce,
)
from .house import INTERRUPTED, SELECT, House, insert, rows

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
