"""The way of every statement to a database: connection, transaction, deadline, retry, report."""

from __future__ import annotations

import os
import re
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import TypeVar

from fhir4ds.dialect.driver import Connection, Parameters, Row
from fhir4ds.dialect.model import Dialect
from fhir4ds.dialect.statement import Statement
from fhir4ds.runtime.answer import Answer
from fhir4ds.runtime.attempts import perform, unit
from fhir4ds.runtime.call import Call
from fhir4ds.runtime.clock import Clock
from fhir4ds.runtime.deadline import Deadline
from fhir4ds.runtime.engine import Engine
from fhir4ds.runtime.lease import Lease, PoolStats
from fhir4ds.runtime.pool import not_on_loan, pool_closed
from fhir4ds.runtime.session import Session
from fhir4ds.runtime.settings import DEFAULTS, Settings, checked_timeout
from fhir4ds.runtime.stream import RowStream, batches
from fhir4ds.target import Target

T = TypeVar("T")

_FIRST_WORD = re.compile(r"\W*([A-Za-z]+)")


class Dispatcher:
    """Runs statements on one database, from any number of threads. Nothing is opened before the first use.

    Parameters
    ----------
    dialect : Dialect
        The product.
    target : Target
        Where it is.
    settings : Settings
        Pool, time budgets and retries.
    clock : Clock
        What tells the time.

    Examples
    --------
    >>> from fhir4ds.registry import registry
    >>> with Dispatcher(registry.get("duckdb"), Target.parse("duckdb://")) as dispatcher:
    ...     dispatcher.execute_query("SELECT 6 * 7, CAST('[1.50]' AS JSON)")
    [(42, [Decimal('1.50')])]
    """

    def __init__(
        self, dialect: Dialect, target: Target, settings: Settings = DEFAULTS, *, clock: Clock | None = None
    ) -> None:
        self.dialect = dialect
        self.target = target
        self.settings = settings
        self._clock = clock or Clock()
        self._opening = threading.Lock()
        self._engine: Engine | None = None
        self._inherited: list[Engine] = []
        self._closed = False

    # --- statements ---------------------------------------------------------------------------------------------------

    def query(self, statement: Statement, *, timeout: float | None = None) -> Answer:
        """Run a compiled query in a read-only transaction; a lost connection or a conflict is retried.

        Parameters
        ----------
        statement : Statement
            What the compiler made.
        timeout : float, optional
            Time budget in seconds, instead of `Settings.query_timeout`.

        Returns
        -------
        Answer
            With JSON values as text.

        Raises
        ------
        FHIRPathExecutionError
            If the database did not answer as asked.
        """
        engine = self._running()
        call = self._call(engine, timeout, statement.summary, statement)

        def work(session: Session) -> Answer:
            answer = session.query(statement.sql, statement.parameters or None)
            call.rows = len(answer.rows)
            return answer

        attempt = partial(unit, engine, call, work, read_only=True, pristine=True)
        return engine.answering(call, lambda: perform(engine, call, attempt, retry=True))

    def stream(self, statement: Statement, *, batch_size: int, timeout: float | None = None) -> RowStream:
        """Run a compiled query and take its rows in batches, with only about one batch in memory.

        A lost connection is retried until the first batch is out. The time budget holds for each wait for a batch, as
        the time between two batches is the caller's.

        Parameters
        ----------
        statement : Statement
            What the compiler made.
        batch_size : int
            Most rows of a batch.
        timeout : float, optional
            Time budget in seconds, instead of `Settings.query_timeout`.

        Returns
        -------
        RowStream
            Iterator over lists of rows, and context manager.
        """
        checked_timeout(timeout, self.settings)  # before the first batch is asked for

        def begin() -> tuple[Engine, Call]:
            engine = self._running()
            return engine, self._call(engine, timeout, statement.summary, statement)

        return RowStream(batches(begin, statement, batch_size))

    def run(
        self,
        work: Callable[[Session], T],
        *,
        read_only: bool = False,
        retry: bool = False,
        timeout: float | None = None,
        summary: str = "work",
    ) -> T:
        """Run a unit of work in a transaction of its own, and commit it.

        Parameters
        ----------
        work : callable
            Takes a `Session`; what it raises rolls everything back and comes through.
        read_only : bool
            Whether the transaction must not write; such a unit is always retried as the table has it.
        retry : bool
            Whether ``work`` may be called again after a lost connection or a conflict; everything that it did in the
            database has been rolled back then. Failures to connect are retried in any case.
        timeout : float, optional
            Time budget of the whole in seconds, instead of `Settings.query_timeout`.
        summary : str
            Name of the work for events and messages.

        Returns
        -------
        object
            What ``work`` returned.

        Raises
        ------
        OutcomeUnknown
            If the connection was lost after COMMIT was sent.
        FHIRPathExecutionError
            If the database did not answer as asked.
        """
        engine = self._running()
        call = self._call(engine, timeout, summary)
        attempt = partial(unit, engine, call, work, read_only=read_only, pristine=False)
        return perform(engine, call, attempt, retry=retry or read_only)

    def execute_query(self, query: str, params: Parameters = None, *, timeout: float | None = None) -> list[Row]:
        """Run a statement of your own, a SELECT, a write or DDL, and commit it.

        One statement is retried after a lost connection or a conflict, as the database has rolled it back. A script of
        several is not, as it may have committed by itself; where its connection is lost, the outcome is unknown.

        Parameters
        ----------
        query : str
            SQL with the placeholders of the database's own Python API.
        params : tuple or dict, optional
            Values of the placeholders.
        timeout : float, optional
            Time budget in seconds, instead of `Settings.query_timeout`.

        Returns
        -------
        list of tuple
            The rows, if there are any; JSON values as Python values, with exact `Decimal` for numbers with a fraction.

        Raises
        ------
        FHIRPathExecutionError
            If the database did not answer as asked.
        """
        engine = self._running()
        word = _FIRST_WORD.match(query)
        call = self._call(engine, timeout, word[1].upper() if word else "statement")
        script = ";" in query.rstrip().rstrip(";")

        def work(session: Session) -> Answer:
            answer = session.script(query, params) if script else session.execute(query, params)
            call.rows = len(answer.rows)
            return answer

        attempt = partial(unit, engine, call, work, read_only=False, pristine=False)
        return engine.answering(call, lambda: perform(engine, call, attempt, retry=not script)).decoded()

    # --- connections --------------------------------------------------------------------------------------------------

    def get_connection(self) -> Connection:
        """Borrow a connection of the database's own API, in autocommit mode. No time limit watches what you do with it.

        Returns
        -------
        object
            To be given back with `release_connection`; `connection` does both.

        Raises
        ------
        ConnectFailed, PoolTimeout
            If there was none in time.
        """
        engine = self._running()
        call = self._call(engine, None, "get_connection")

        def attempt() -> Lease:
            lease = engine.borrow(call)
            engine.disarm(call)
            return lease

        return engine.blocking(
            call, lambda: perform(engine, call, attempt, retry=True), undo=engine.pool.give_back
        ).connection

    def release_connection(self, conn: Connection) -> None:
        """Give a connection back: open transactions are rolled back and session settings undone.

        Parameters
        ----------
        conn : object
            What `get_connection` returned.

        Raises
        ------
        FHIRPathExecutionError
            If it is not on loan from this object, or was given back before.
        """
        engine = self._engine  # also a closed one
        if engine is None or engine.pid != os.getpid():
            raise not_on_loan()
        lease = engine.pool.loan_of(conn)
        call = self._call(engine, None, "release_connection")
        engine.arm(call, lease)
        engine.blocking(call, partial(engine.give_back, call, lease, lost=False, dirty=True))

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Borrow a connection for a ``with`` block; see `get_connection`."""
        conn = self.get_connection()
        try:
            yield conn
        finally:
            self.release_connection(conn)

    def close_all_connections(self) -> None:
        """Close every connection: the same as `close`."""
        self.close()

    def stats(self) -> PoolStats:
        """Figures of the pool."""
        engine = self._engine
        if engine is None or engine.pid != os.getpid():  # a forked child has nothing yet
            return PoolStats(max=self.settings.pool_size)
        return engine.pool.stats()

    def cancel(self) -> None:
        """Cancel every call under way, from another thread; each raises `QueryCancelled` where it was made."""
        engine = self._engine
        if engine is not None:
            for call in list(engine.calls):
                engine.cancel(call)

    def close(self) -> None:
        """Close idle connections now and those in use when their calls end; nothing can be run afterwards."""
        with self._opening:
            self._closed = True
            engine = self._engine
        if engine is not None:
            engine.close()

    def __enter__(self) -> Dispatcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _running(self) -> Engine:
        engine = self._engine
        if engine is not None and engine.pid == os.getpid() and not self._closed:
            return engine
        with self._opening:
            if self._closed:
                raise pool_closed()
            if self._engine is None or self._engine.pid != os.getpid():
                if self._engine is not None:
                    # After a fork. Letting go of the parent's connections could close them for the parent, too.
                    self._inherited.append(self._engine)
                self._engine = Engine.open(self.dialect, self.target, self.settings, self._clock)
                # An object that is dropped without being closed leaves no threads; its connections go with it.
                weakref.finalize(self, self._engine.stop_threads)
            return self._engine

    def _call(self, engine: Engine, timeout: float | None, summary: str, statement: Statement | None = None) -> Call:
        return Call(
            engine.driver,
            engine.clock,
            Deadline(checked_timeout(timeout, self.settings), engine.clock),
            limited=self.dialect.capabilities.statement_timeout,
            summary=summary,
            expression=None if statement is None else statement.expression,
            text=None if statement is None else statement.sql,
        )
