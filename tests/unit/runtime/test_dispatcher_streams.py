"""The laws of streams, and of the life of a dispatcher."""

from __future__ import annotations

import gc
import os
from typing import Any

import attrs
import pytest
from structlog.testing import capture_logs

from fhir4ds.dialect.faults import Fault, FaultKind
from fhir4ds.errors import (
    BrokenPlugin,
    ConnectFailed,
    FHIRPathExecutionError,
    MissingDriver,
    PoolClosed,
    QueryTimeout,
)
from fhir4ds.runtime.pool import PoolStats
from fhir4ds.runtime.session import Session

from .fakes import (
    LOST,
)
from .house import INTERRUPTED, SELECT, House, rows

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
