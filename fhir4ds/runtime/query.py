"""A compiled query, and what becomes of it where a database cannot read a value of a resource."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import attrs

from fhir4ds.dialect.driver import Row
from fhir4ds.dialect.statement import Statement
from fhir4ds.errors import CompileError, EvaluationError, FHIRPathExecutionError, QueryFailed
from fhir4ds.runtime.clock import Clock
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.settings import checked_timeout

T = TypeVar("T")


@attrs.frozen
class Query:
    """A compiled query, which tells which value of which resource a database cannot read, such as a text where a number is.

    To look at each value costs time, so it is done where the database has refused: the same query runs once more, and this
    time raises an error of the resource, or leaves the resource out where errors are not raised.

    Parameters
    ----------
    dispatcher : Dispatcher
        What runs statements.
    statement : Statement
        The query.
    checked : callable
        Makes the query that looks at each value.
    """

    dispatcher: Dispatcher
    statement: Statement
    checked: Callable[[], Statement]
    clock: Clock = attrs.field(factory=Clock, eq=False, repr=False)

    def run(self, take: Callable[[Sequence[Row], Statement], T], timeout: float | None) -> T:
        """The whole answer.

        Parameters
        ----------
        take : callable
            Makes the answer of rows of a statement.
        timeout : float, optional
            Seconds for everything together, instead of the setting ``query_timeout``.

        Raises
        ------
        EvaluationError
            If the expression fails on a resource, or a value in one is not what it must be.
        FHIRPathExecutionError
            If the database did not answer as asked.
        """
        started = self.clock.monotonic()
        try:
            return take(self.dispatcher.query(self.statement, timeout=timeout).rows, self.statement)
        except QueryFailed as error:
            statement = self._once_more(error)
            left = checked_timeout(timeout, self.dispatcher.settings) - (self.clock.monotonic() - started)
            if left <= 0:
                raise
            with _told_by(error):
                return take(self.dispatcher.query(statement, timeout=left).rows, statement)

    def stream(
        self, take: Callable[[Sequence[Row], Statement], T], batch_size: int, timeout: float | None
    ) -> Generator[T, None, None]:
        """The answer in batches of rows, as `run` gives it; the time is that for a batch."""
        begun = False
        try:
            for batch in self.dispatcher.stream(self.statement, batch_size=batch_size, timeout=timeout):
                taken = take(batch, self.statement)
                begun = True
                yield taken
        except QueryFailed as error:
            statement = self._once_more(error)
            with _told_by(error):
                for batch in self.dispatcher.stream(statement, batch_size=batch_size, timeout=timeout):
                    if not begun:
                        yield take(batch, statement)
            if begun:
                raise

    def _once_more(self, error: QueryFailed) -> Statement:
        """The query that looks at each value."""
        if isinstance(error, EvaluationError):
            raise error
        try:
            return self.checked()
        except CompileError:  # too large with all that is looked at
            raise error from error.__cause__


@contextmanager
def _told_by(first: QueryFailed) -> Iterator[None]:
    """Where the second query fails as well, its error of a resource is raised, or else the first error."""
    try:
        yield
    except EvaluationError as error:
        raise error from error.__cause__
    except FHIRPathExecutionError:
        raise first from first.__cause__
