"""What the threads of a soak do, and how each looks at its own answer."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from itertools import count

import attrs

from fhir4ds.dialect.statement import Statement
from fhir4ds.errors import ConnectFailed, OutcomeUnknown, PoolTimeout, QueryCancelled, QueryTimeout
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.session import Session

#: Rows of the table that is read.
FACTS = 3000

#: What a call may raise while connections are cut and statements cancelled; everything else is wrong.
EXPECTED = (ConnectFailed, OutcomeUnknown, PoolTimeout, QueryCancelled, QueryTimeout)

#: A statement that ends only when somebody stops it.
ENDLESS = {
    "postgres": "SELECT pg_sleep(60)",
    "duckdb": "SELECT count(*) FROM fact AS a, fact AS b, fact AS c, fact AS d WHERE hash(a.n, b.n, c.n, d.n) = 0",
}


class WrongAnswer(Exception):
    """An answer that is not what was asked for."""


@attrs.define
class Promise:
    """What a job that writes was told about its rows, for the count at the end."""

    #: Rows under a key that must be there.
    certain: dict[str, int] = attrs.field(factory=dict)
    #: Rows under a key that are all there, or none.
    doubtful: dict[str, int] = attrs.field(factory=dict)

    def check(self, found: dict[str, int]) -> list[str]:
        """What is lost, doubled, or there although its call failed."""
        wrong = [
            f"{key}: {found.get(key, 0)} rows of {rows}"
            for key, rows in self.certain.items()
            if found.get(key, 0) != rows
        ]
        wrong += [
            f"{key}: {found[key]} rows, all {rows} or none were promised"
            for key, rows in self.doubtful.items()
            if found.get(key, 0) not in (0, rows)
        ]
        strange = found.keys() - self.certain.keys() - self.doubtful.keys()
        return wrong + [f"{key}: {found[key]} rows of a call that failed" for key in strange]


class Jobs:
    """The jobs of one thread.

    Parameters
    ----------
    dispatcher : Dispatcher
        What runs them.
    name : str
        Name of the thread, for the keys of what it writes.
    chance : random.Random
        What decides.
    """

    def __init__(self, dispatcher: Dispatcher, name: str, chance: random.Random) -> None:
        self._dispatcher = dispatcher
        self._endless = Statement(sql=ENDLESS[dispatcher.dialect.name], summary="endless")
        self._chance = chance
        self._keys = (f"{name}-{number}" for number in count())
        self.promise = Promise()

    def next(self) -> Callable[[], None]:
        """One of them."""
        jobs = (self.read, self.stream, self.load, self.insert, self.borrow, self.overrun)
        (job,) = self._chance.choices(jobs, weights=(40, 15, 10, 20, 10, 5))
        return job

    def read(self) -> None:
        limit = self._chance.randrange(FACTS)
        sql = f"SELECT n, n + {limit} FROM fact WHERE n < {limit} ORDER BY n"
        answer = self._dispatcher.query(Statement(sql=sql, summary="read"))
        if answer.rows != [(n, n + limit) for n in range(limit)]:
            raise WrongAnswer(f"{len(answer.rows)} rows for {limit}")

    def stream(self) -> None:
        """To the end or not; what came before an error must be right, too."""
        stop = self._chance.choice((1, FACTS))
        seen: list[int] = []
        try:
            statement = Statement(sql="SELECT n FROM fact ORDER BY n", summary="stream")
            with self._dispatcher.stream(statement, batch_size=self._chance.choice((100, 1000))) as batches:
                for batch in batches:
                    seen += (n for (n,) in batch)
                    if len(seen) >= stop:
                        break
        except EXPECTED:
            stop = 0
            raise
        finally:
            if seen != list(range(len(seen))) or len(seen) < stop:
                raise WrongAnswer(f"{len(seen)} rows of a stream, in which some are lost or doubled")

    def load(self) -> None:
        """COPY, and a statement beside it, in one transaction."""
        key, rows = next(self._keys), self._chance.randrange(1, 400)

        def work(session: Session) -> None:
            session.load("written", ("job", "item"), [(key, str(number)) for number in range(rows)])
            session.execute(f"INSERT INTO written VALUES ('{key}', 'last')")

        self._promised(key, rows + 1, lambda: self._dispatcher.run(work, retry=True, summary="load"))

    def insert(self) -> None:
        key = next(self._keys)
        sql = f"INSERT INTO written VALUES ('{key}', 'only')"
        self._promised(key, 1, lambda: self._dispatcher.execute_query(sql))

    def _promised(self, key: str, rows: int, call: Callable[[], object]) -> None:
        try:
            call()
        except OutcomeUnknown:
            self.promise.doubtful[key] = rows
            raise
        self.promise.certain[key] = rows

    def borrow(self) -> None:
        """Hold a connection of the driver's for a moment, and leave it as it is."""
        with self._dispatcher.connection():
            time.sleep(self._chance.random() * 0.005)

    def overrun(self) -> None:
        """A query that its time limit, or somebody, must stop."""
        self._dispatcher.query(self._endless, timeout=0.05)
        raise WrongAnswer("an endless query came to an end")
