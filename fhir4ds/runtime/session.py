"""A unit of work: one transaction on one connection, from the first statement to COMMIT."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from fhir4ds.dialect.driver import Connection, Cursor, Parameters, Row
from fhir4ds.dialect.faults import Fault, FaultKind
from fhir4ds.runtime.answer import Answer
from fhir4ds.runtime.call import Call, Failure
from fhir4ds.runtime.deadline import Stage
from fhir4ds.runtime.engine import Engine
from fhir4ds.runtime.retry import Phase

T = TypeVar("T")

#: Rows taken from a cursor at a time where all of them are wanted.
_CHUNK = 10_000

#: What a database API raises, besides its own errors, when values do not fit the placeholders.
_BINDING_ERRORS = (LookupError, TypeError, ValueError, OverflowError)


class Session:
    """What `Dispatcher.run` hands to its work: statements that are committed together, or not at all.

    The transaction begins with the first statement. A session in which a statement failed cannot commit, even where
    the work has caught the error: a database may have rolled back in silence. Not to be used from two threads at once.
    """

    def __init__(self, engine: Engine, connection: Connection, call: Call, *, read_only: bool) -> None:
        self._engine = engine
        self._driver = engine.driver
        self._syntax = engine.dialect.syntax
        self._clock = engine.clock
        self._connection = connection
        self._call = call
        self._read_only = read_only
        self._phase = Phase.READ if read_only else Phase.WRITE
        self._open = False
        self._limited_at = -math.inf
        self._error: Exception | None = None
        #: Whether the connection must be reset before somebody else may have it.
        self.dirty = False
        #: Whether the connection is of no further use.
        self.lost = False

    # --- for the work -------------------------------------------------------------------------------------------------

    def execute(self, sql: str, parameters: Parameters = None) -> Answer:
        """Run a statement and take its whole answer.

        Parameters
        ----------
        sql : str
            One statement in the dialect's own words.
        parameters : mapping or sequence, optional
            Values of its placeholders.

        Returns
        -------
        Answer

        Raises
        ------
        FHIRPathExecutionError
            If the database refuses the statement or does not answer in time.
        """
        return self._engine.blocking(self._call, lambda: self._execute(sql, parameters))

    def stream(self, sql: str, parameters: Parameters = None, *, batch_size: int) -> Iterator[list[Row]]:
        """Run a query and take its answer in batches.

        Parameters
        ----------
        sql : str
            One query in the dialect's own words.
        parameters : mapping or sequence, optional
            Values of its placeholders.
        batch_size : int
            Most rows of a batch.

        Yields
        ------
        list of tuple
            Rows, at least one.
        """
        cursor = self._engine.blocking(self._call, lambda: self.open_cursor(sql, parameters, batch_size))
        try:
            while batch := self._engine.blocking(self._call, lambda: self.fetch(cursor, batch_size)):
                yield batch
        finally:
            if not self.failed:
                self._engine.blocking(self._call, lambda: self.close_cursor(cursor))

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
        """Append rows of text to a table as fast as the database can.

        Parameters
        ----------
        table : str
            Quoted name.
        columns : sequence of str
            Quoted names.
        rows : iterable of sequence of str
            Values; what the iterable raises comes through unchanged.

        Returns
        -------
        int
            How many rows.
        """
        source = _Source(rows)

        def load() -> int:
            self._begin()
            try:
                return self._guarded(lambda: self._driver.load(self._connection, table, columns, source))
            except Exception:
                # A database API may turn what its source raises into an error of its own.
                if source.error is not None:
                    self._error = source.error
                    raise source.error from None
                raise

        return self._engine.blocking(self._call, load)

    # --- for the dispatcher -------------------------------------------------------------------------------------------

    @property
    def failed(self) -> bool:
        """Whether a statement failed, so that there is nothing to commit."""
        return self._error is not None

    def query(self, sql: str, parameters: Parameters) -> Answer:
        """Run a compiled query that is a transaction by itself, where the dialect can, in one round trip."""
        self._check_time()
        at_once = self._syntax.query_at_once(sql, self._call.deadline.milliseconds())
        if at_once is None:
            return self._execute(sql, parameters)
        return self._guarded(lambda: self._take(self._driver.execute(self._connection, at_once, parameters)))

    def script(self, sql: str, parameters: Parameters) -> Answer:
        """Run a user's own SQL of which it is not known whether it commits by itself."""
        self._begin()
        self._phase = Phase.COMMIT
        try:
            return self._execute(sql, parameters)
        finally:
            self._phase = Phase.WRITE

    def open_cursor(self, sql: str, parameters: Parameters, batch_size: int) -> Cursor:
        """Begin a stream."""
        self._begin()
        return self._guarded(lambda: self._driver.stream(self._connection, sql, parameters, batch_size))

    def fetch(self, cursor: Cursor, size: int) -> list[Row]:
        """The next rows of a stream; an empty list at its end."""
        self._check_time()
        return self._guarded(lambda: cursor.fetchmany(size))

    def close_cursor(self, cursor: Cursor) -> None:
        """End a stream, early or late."""
        self._guarded(cursor.close)

    def commit(self) -> None:
        """End the transaction.

        Raises
        ------
        FHIRPathExecutionError
            If a statement failed before, the database refuses, or the outcome is unknown.
        """
        if self._error is not None:
            raise self._error
        if not self._open:
            return
        if self._read_only:
            # The answer is complete: a connection that fails now concerns only the next user of it.
            try:
                self._driver.execute(self._connection, "COMMIT", None).close()
            except self._driver.errors as error:
                self.lost = self._driver.fault(error, self._connection).disconnected
                self.dirty = True
        else:
            self._check_time()
            self._phase = Phase.COMMIT
            # PostgreSQL's limit ends before deferred constraints are checked. A line that is cut would leave in doubt
            # whether the transaction was committed, where a polite request does not.
            self._engine.watch_closely(self._call)
            self._send("COMMIT")
        self._open = False

    # --- inside -------------------------------------------------------------------------------------------------------

    def _execute(self, sql: str, parameters: Parameters) -> Answer:
        self._begin()
        return self._guarded(lambda: self._take(self._driver.execute(self._connection, sql, parameters)))

    def _take(self, cursor: Cursor) -> Answer:
        try:
            columns = tuple(cursor.columns)
            if not columns:
                return Answer()
            # An error of a row may come only when the row is fetched (DuckDB).
            rows = batch = cursor.fetchmany(_CHUNK)
            while len(batch) == _CHUNK:
                batch = cursor.fetchmany(_CHUNK)
                rows += batch
            return Answer(columns, rows)
        finally:
            cursor.close()

    def _begin(self) -> None:
        """Open the transaction where it is not, and keep the server's limit at what is left of the budget."""
        if self._error is not None:
            raise self._error
        self._check_time()
        deadline = self._call.deadline
        if not self._open:
            read_only = self._read_only and self._engine.dialect.capabilities.read_only
            self._send(self._syntax.begin(read_only=read_only))
            self._open = True
        now = self._clock.monotonic()
        # The server counts for each statement anew; a little overdraft is cheaper than a round trip for each.
        if now - self._limited_at > 0.01 + 0.02 * deadline.budget:
            milliseconds = deadline.milliseconds()
            limit = None if milliseconds is None else self._syntax.limit_time(milliseconds)
            if limit is not None:
                self._send(limit)
            self._limited_at = now

    def _send(self, sql: str) -> None:
        self._guarded(lambda: self._driver.execute(self._connection, sql, None).close())

    def _check_time(self) -> None:
        if self._call.cancelled:
            raise self._call.cancellation()
        if self._call.deadline.remaining <= 0.0:
            raise self._engine.explainer.timeout(self._call)

    def _guarded(self, function: Callable[[], T]) -> T:
        """Let the driver do something, and turn its errors into ours."""
        started = self._clock.monotonic()
        try:
            return function()
        except self._driver.errors as error:
            cause: Exception = error
            fault = self._driver.fault(error, self._connection)
        except _BINDING_ERRORS as error:
            cause = error
            fault = Fault(
                kind=FaultKind.DATA,
                code=type(error).__name__,
                message=f"the values do not fit the placeholders ({type(error).__name__})",
            )
        except Exception as error:  # not the database's: the source of rows to load, or a fault of ours
            self.dirty = True
            self._error = error
            raise
        finally:
            self._call.deadline.charge(Stage.DATABASE, started)
        self.dirty = True
        self.lost = fault.disconnected or self._call.aborted
        self._call.failure = Failure(fault, self._phase)
        self._error = self._engine.explainer.error(self._call.failure, self._call)
        raise self._error from cause


class _Source:
    """Rows to load, which remembers what their producer raised."""

    def __init__(self, rows: Iterable[Sequence[str]]) -> None:
        self._rows = rows
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[Sequence[str]]:
        try:
            yield from self._rows
        except Exception as error:
            self.error = error
            raise
