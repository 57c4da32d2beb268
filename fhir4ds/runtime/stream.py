"""Rows in batches, with whatever holds them freed at the end, early or late."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from functools import partial
from types import TracebackType

import attrs

from fhir4ds.dialect.driver import Cursor, Row
from fhir4ds.dialect.statement import Statement
from fhir4ds.errors import FHIRPathExecutionError
from fhir4ds.runtime.attempts import repeat
from fhir4ds.runtime.call import Call
from fhir4ds.runtime.deadline import Deadline
from fhir4ds.runtime.engine import Engine
from fhir4ds.runtime.lease import Lease
from fhir4ds.runtime.report import UnderWay
from fhir4ds.runtime.session import Session


class RowStream(Iterator[list[Row]]):
    """An iterator over batches of rows, which is a context manager too.

    Its connection is taken at the first batch and freed after the last, at `close`, at the end of the ``with`` block,
    or when nobody refers to the stream any more.

    Parameters
    ----------
    batches : generator
        What makes the batches.
    """

    def __init__(self, batches: Generator[list[Row], Statement | None, None]) -> None:
        self._batches = batches

    def __next__(self) -> list[Row]:
        return next(self._batches)

    def again(self, statement: Statement) -> list[Row]:
        """Take the last batch once more, and all that follow, from another statement with the same rows.

        Parameters
        ----------
        statement : Statement
            It reads the same state of the database.

        Returns
        -------
        list of tuple
            What the last batch is of this statement.
        """
        return self._batches.send(statement)

    def close(self) -> None:
        """End the stream early and free its connection; harmless when it has ended."""
        self._batches.close()

    def __enter__(self) -> RowStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


@attrs.frozen
class _Source:
    """Where the batches come from."""

    engine: Engine
    call: Call
    lease: Lease
    session: Session
    cursor: Cursor
    size: int

    def next_batch(self) -> list[Row]:
        self._renew()
        return self.session.fetch(self.cursor, self.size)

    def again(self, statement: Statement, behind: int) -> tuple[_Source, list[Row]]:
        """The batch that follows some rows of another statement, in the same transaction."""
        self._renew()
        self.session.close_cursor(self.cursor)
        cursor = self.session.open_cursor(statement.sql, statement.parameters or None, self.size)
        while behind > 0:
            behind -= len(self.session.fetch(cursor, min(behind, self.size)))
        return attrs.evolve(self, cursor=cursor), self.session.fetch(cursor, self.size)

    def end(self) -> None:
        session = self.session
        self._renew()
        try:
            if not session.failed:
                session.close_cursor(self.cursor)
                session.commit()
        except FHIRPathExecutionError:
            session.dirty = True  # nobody waits for more rows; what is wrong shows when the connection is reset
        finally:
            self.engine.give_back(self.call, self.lease, lost=session.lost, dirty=session.dirty)

    def _renew(self) -> None:
        """Grant the whole budget to the next step: the time since the last one was the caller's."""
        self.call.deadline = Deadline(self.call.deadline.budget, self.engine.clock)
        self.engine.arm(self.call, self.lease)


def batches(
    begin: Callable[[], tuple[Engine, Call]], statement: Statement, size: int
) -> Generator[list[Row], Statement | None, None]:
    """Run a query and yield its rows; a statement that is sent takes the place of the query, from the last batch on.

    Parameters
    ----------
    begin : callable
        Called at the first batch, when time begins to count.
    statement : Statement
        The query.
    size : int
        Most rows of a batch.

    Yields
    ------
    list of tuple
        Rows, at least one.
    """
    engine, call = begin()
    call.rows = 0
    first = partial(_first_batch, engine, call, statement, size)
    with UnderWay(engine, call):
        source, batch = engine.blocking(
            call, lambda: repeat(engine, call, first, retry=True), undo=lambda opened: opened[0].end()
        )
        try:
            while batch:
                call.rows += len(batch)
                engine.disarm(call)
                other = yield batch
                if other is None:
                    batch = engine.blocking(call, source.next_batch)
                else:
                    call.rows -= len(batch)
                    source, batch = engine.blocking(call, partial(source.again, other, call.rows))
        finally:
            engine.blocking(call, source.end)


def _first_batch(engine: Engine, call: Call, statement: Statement, size: int) -> tuple[_Source, list[Row]]:
    lease = engine.borrow(call)
    session = Session(engine, lease.connection, call, read_only=True)
    try:
        cursor = session.open_cursor(statement.sql, statement.parameters or None, size)
        return _Source(engine, call, lease, session, cursor, size), session.fetch(cursor, size)
    except BaseException:
        engine.give_back(call, lease, lost=session.lost, dirty=True)
        raise
