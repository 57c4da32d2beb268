"""A compiled query, and what is asked once more: where numbers may be written in another way, and where one cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import attrs

from fhir4ds.dialect.driver import Row
from fhir4ds.dialect.statement import Statement
from fhir4ds.errors import CompileError, EvaluationError, FHIRPathExecutionError, QueryFailed
from fhir4ds.runtime.answer import DigitsLost
from fhir4ds.runtime.clock import Clock
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.settings import checked_timeout

T = TypeVar("T")

#: Seconds that a second query has where the first one took all.
_LEAST = 0.001


@attrs.frozen
class Query:
    """A compiled query, in the forms that resources may need.

    The usual one is fast. Where its answer has a number that the database may have written in another way, it is taken from
    the exact one. Where the database cannot read a value, such as a text in the place of a number, the query runs once more
    with a look at each, and this time raises an error of the resource, or leaves it out where errors are not raised.

    Parameters
    ----------
    dispatcher : Dispatcher
        What runs statements.
    statement : Statement
        The query.
    exact : callable
        Makes the query that gives numbers as they are written.
    checked : callable
        Makes the query that looks at each value.
    """

    dispatcher: Dispatcher
    statement: Statement
    exact: Callable[[], Statement]
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
        until = self.clock.monotonic() + checked_timeout(timeout, self.dispatcher.settings)

        def ask(statement: Statement, seconds: float | None) -> T:
            return take(self.dispatcher.query(statement, timeout=seconds).rows, statement)

        def left() -> float:
            return max(until - self.clock.monotonic(), _LEAST)

        try:
            try:
                return ask(self.statement, timeout)
            except DigitsLost:
                return ask(self.exact(), left())
        except QueryFailed as error:
            checked = self._once_more(error)
            with _told_by(error):
                return ask(checked, left())

    def stream(
        self, take: Callable[[Sequence[Row], Statement], T], batch_size: int, timeout: float | None
    ) -> Generator[T, None, None]:
        """The answer in batches of rows, as `run` gives it; the time is that for a batch."""
        begun = False
        try:
            for taken in self._batches(take, batch_size, timeout):
                begun = True
                yield taken
        except QueryFailed as error:
            checked = self._once_more(error)
            with _told_by(error):
                for batch in self.dispatcher.stream(checked, batch_size=batch_size, timeout=timeout):
                    if not begun:
                        yield take(batch, checked)
            if begun:
                raise

    def _batches(
        self, take: Callable[[Sequence[Row], Statement], T], batch_size: int, timeout: float | None
    ) -> Iterator[T]:
        statement = self.statement
        with self.dispatcher.stream(statement, batch_size=batch_size, timeout=timeout) as stream:
            for batch in stream:
                try:
                    taken = take(batch, statement)
                except DigitsLost:
                    statement = self.exact()
                    taken = take(stream.again(statement), statement)
                yield taken

    def _once_more(self, error: QueryFailed) -> Statement:
        """The query that looks at each value, where one may be at fault."""
        if not error.of_value:
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
