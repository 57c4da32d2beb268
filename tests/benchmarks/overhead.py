"""Measures what the runtime costs: a loan of a warm connection, and a query beside the same query on the bare driver.

::

    python -m tests.benchmarks.overhead
    python -m tests.benchmarks.overhead --url postgresql://... --rounds 5000 --json

Figures are medians. All take turns, so that a busy machine slows all. Ours is a query in a read-only transaction, with a time
limit on the server where there is one: ``same`` is the bare driver with all the statements that this takes, so that
``dispatcher`` is what our own code costs. ``script`` is a statement of the user's own, with BEGIN and COMMIT, of which each is
a round trip. A call from the ``main`` thread can be ended with Ctrl-C; a call from any ``other`` thread need not listen for
that.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from fhir4ds.dialect.statement import Statement
from fhir4ds.registry import registry
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.settings import Settings
from fhir4ds.target import Target
from tests.support.postgres_server import PostgresServer

#: Most that the medians may be, in microseconds.
TARGET_LEASE = 25.0
TARGET_OVERHEAD = 150.0

_SELECT = Statement(sql="SELECT 1", summary="select 1")
_WARM_UP = 50


@attrs.frozen
class Report:
    """Microseconds, medians.

    Parameters
    ----------
    database : str
        Name of its dialect.
    lease : float
        A loan of an idle connection and its return.
    bare : float
        ``SELECT 1`` on a connection of the driver.
    same : float
        The same with the statements around it that make it a read-only transaction with a time limit.
    main, other : float
        The same through a dispatcher, called from the main thread and from another.
    script : float
        The same through `Dispatcher.execute_query`, from another thread.
    """

    database: str
    lease: float
    bare: float
    same: float
    main: float
    other: float
    script: float

    @property
    def dispatcher(self) -> float:
        """What a query costs over the bare driver that sends the same."""
        return self.main - self.same

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        figures = {name: round(value, 1) for name, value in attrs.asdict(self).items() if name != "database"}
        return {"database": self.database, **figures, "dispatcher": round(self.dispatcher, 1), "ratio": self.ratio}

    @property
    def ratio(self) -> float:
        """Ours to the bare driver's."""
        return round(self.main / self.bare, 2)

    def __str__(self) -> str:
        return (
            f"{self.database}, microseconds (median)\n"
            f"  lease and return {self.lease:.1f}\n"
            f"  bare driver      {self.bare:.1f} for SELECT 1, {self.same:.1f} with the same transaction and limit\n"
            f"  through ours     {self.main:.1f} main thread, {self.other:.1f} other thread, {self.script:.1f} script\n"
            f"  dispatcher       {self.dispatcher:.1f}; main thread to SELECT 1: {self.ratio:.2f}"
        )


def measure(database: str, url: str, rounds: int) -> Report:
    """Measure on one database."""
    # One connection for all, as another one's caches, and the server's process behind it, would be colder.
    with Dispatcher(registry.get(database), Target.parse(url), Settings(pool_size=1)) as dispatcher:
        dispatcher.query(_SELECT)
        engine = dispatcher._running()
        pool, driver = engine.pool, engine.driver
        with dispatcher.connection() as lent:
            connection = lent
        syntax = dispatcher.dialect.syntax
        at_once = syntax.query_at_once("SELECT 1", 30_000)

        def lease() -> None:
            pool.give_back(pool.lease(time.monotonic() + 30.0))

        def send(sql: str) -> None:
            cursor = driver.execute(connection, sql, None)
            if cursor.columns:
                cursor.fetchmany(10)
            cursor.close()

        def bare() -> None:
            send("SELECT 1")

        def same() -> None:
            if at_once is not None:
                send(at_once)
                return
            send(syntax.begin(read_only=True))
            send("SELECT 1")
            send("COMMIT")

        def query() -> None:
            dispatcher.query(_SELECT)

        bare_, same_, main = _medians(rounds, bare, same, query)
        (other,) = _elsewhere(lambda: _medians(rounds, query))
        # Apart, since it resets its connection, whose next statement then takes longer.
        (script,) = _elsewhere(lambda: _medians(rounds, lambda: dispatcher.execute_query("SELECT 1")))
        (loan,) = _medians(rounds, lease)
    return Report(database, lease=loan, bare=bare_, same=same_, main=main, other=other, script=script)


def _medians(rounds: int, *functions: Callable[[], object]) -> list[float]:
    """Median microseconds of functions that take turns."""
    times: list[list[float]] = [[] for _ in functions]
    gc.collect()
    for place in range(rounds + _WARM_UP):
        for function, taken in zip(functions, times, strict=True):
            started = time.perf_counter()
            function()
            if place >= _WARM_UP:
                taken.append((time.perf_counter() - started) * 1e6)
    return [statistics.median(taken) for taken in times]


def _elsewhere(function: Callable[[], list[float]]) -> list[float]:
    """Call on another thread."""
    answer: list[float] = []
    thread = threading.Thread(target=lambda: answer.extend(function()))
    thread.start()
    thread.join()
    return answer


def misses(reports: Sequence[Report]) -> list[str]:
    """What is above its target."""
    found = []
    for report in reports:
        if report.lease > TARGET_LEASE:
            found.append(f"{report.database}: a loan takes {report.lease:.1f} us, target {TARGET_LEASE:g} us")
        if report.dispatcher > TARGET_OVERHEAD:
            found.append(f"{report.database}: a query costs {report.dispatcher:.1f} us, target {TARGET_OVERHEAD:g} us")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 1 where a target is missed and ``--check`` was given."""
    parser = argparse.ArgumentParser(description="What the runtime costs over the bare driver.")
    parser.add_argument("--url", help="a PostgreSQL server; one is started where none is given")
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a target is missed")
    options = parser.parse_args(arguments)
    reports = [measure("duckdb", "duckdb://", options.rounds)]
    if options.url is not None:
        reports.append(measure("postgres", options.url, options.rounds))
    else:
        with PostgresServer() as server:
            reports.append(measure("postgres", server.url, options.rounds))
    missed = misses(reports)
    if options.json:
        print(json.dumps({"reports": [report.to_dict() for report in reports], "missed": missed}, indent=2))
    else:
        print("\n".join([*map(str, reports), *missed]))
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
