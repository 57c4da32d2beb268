"""The soak itself: threads, faults, and what must be true at the end."""

from __future__ import annotations

import logging
import random
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping

import attrs

from fhir4ds.events import Event
from fhir4ds.registry import registry
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.settings import Settings
from fhir4ds.target import Target
from tests.soak.faults import Vandal, on_duckdb, on_postgres
from tests.soak.jobs import EXPECTED, FACTS, Jobs

POOL = Settings(
    pool_size=5, pool_timeout=20.0, query_timeout=20.0, attempts=6, backoff=0.01, backoff_max=0.2, max_lifetime=2.0
)
THREADS = 16

_TABLES = (
    "CREATE TABLE fact (n bigint PRIMARY KEY)",
    "CREATE TABLE written (job text, item text)",
)
_SERIES = {"postgres": "generate_series(0, {})", "duckdb": "range(0, {} + 1) AS r(n)"}
_ENDS = {event.value for event in (Event.QUERY_DONE, Event.QUERY_FAILED, Event.QUERY_CANCELLED)}


@attrs.frozen
class Report:
    """What a soak saw.

    Parameters
    ----------
    database : str
        Name of its dialect.
    seconds : float
        How long it took.
    done, raised : Counter
        Jobs that ended well, and expected errors by class.
    faults, retries, discarded : int or Counter
        Harm that was done by kind, calls that were tried again, connections that were found broken.
    waits : list of float
        Seconds that each call waited for its connection.
    least, most : int
        Jobs of the threads that did least and most.
    wrong : list of str
        Everything that must not be.
    """

    database: str
    seconds: float
    done: Counter[str]
    raised: Counter[str]
    faults: Counter[str]
    retries: int
    discarded: int
    waits: list[float]
    least: int
    most: int
    wrong: list[str]

    def wait(self, percent: int) -> float:
        """A percentile of the waits, in milliseconds."""
        return statistics.quantiles(self.waits, n=100)[percent - 1] * 1000

    def __str__(self) -> str:
        def of(counter: Counter[str]) -> str:
            return ", ".join(f"{name} {number}" for name, number in counter.most_common())

        return "\n".join(
            [
                f"{self.database}: {self.done.total()} jobs in {self.seconds:.0f} s by {THREADS} threads over "
                f"{POOL.pool_size} connections, {self.least} to {self.most} each",
                f"  done    {of(self.done)}",
                f"  raised  {of(self.raised)}",
                f"  faults  {self.faults.total()}: {of(self.faults)}",
                f"  retries {self.retries}, connections found broken {self.discarded}",
                f"  wait    p50 {self.wait(50):.1f} ms, p99 {self.wait(99):.1f} ms, most {max(self.waits) * 1000:.1f} ms",
                *(f"  WRONG   {what}" for what in self.wrong),
            ]
        )


class _Listener(logging.Handler):
    """Takes the events of the runtime where an application would."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.names: Counter[str] = Counter()
        self.waits: list[float] = []

    def emit(self, record: logging.LogRecord) -> None:
        event = record.getMessage()
        self.names[event] += 1
        if event in _ENDS:
            self.waits.append(record.__dict__["wait"])


@attrs.define
class _Tally:
    """What the threads have to say; each has its own jobs."""

    jobs: list[Jobs] = attrs.field(factory=list)
    done: Counter[str] = attrs.field(factory=Counter)
    raised: Counter[str] = attrs.field(factory=Counter)
    each: Counter[int] = attrs.field(factory=Counter)
    wrong: list[str] = attrs.field(factory=list)
    lock: threading.Lock = attrs.field(factory=threading.Lock)


def soak(database: str, url: str, seconds: float, seed: int, *, pause: float = 0.1) -> Report:
    """Use an empty database for some seconds while faults happen, and look at everything that was promised.

    Parameters
    ----------
    database : str
        Name of the dialect.
    url : str
        Where.
    seconds : float
        How long.
    seed : int
        Decides what the threads do, and what happens to them; not when.
    pause : float
        Mean seconds between two faults.
    """
    listener, logger = _Listener(), logging.getLogger("fhir4ds")
    level = logger.level
    before = threading.active_count()
    with Dispatcher(registry.get(database), Target.parse(url), POOL) as dispatcher:
        for sql in (*_TABLES, f"INSERT INTO fact SELECT * FROM {_SERIES[database].format(FACTS - 1)}"):
            dispatcher.execute_query(sql)
        logger.addHandler(listener)
        logger.setLevel(logging.DEBUG)
        try:
            harm = on_duckdb(dispatcher) if database == "duckdb" else on_postgres(url, dispatcher)
            started = time.monotonic()
            tally, faults = _run(dispatcher, harm, started + seconds, seed, pause)
            took = time.monotonic() - started
        finally:
            logger.removeHandler(listener)
            logger.setLevel(level)
        _look(dispatcher, tally)
    _look_for_threads(before, tally)
    return Report(
        database=database,
        seconds=took,
        done=tally.done,
        raised=tally.raised,
        faults=faults,
        retries=listener.names[Event.QUERY_RETRIED.value],
        discarded=listener.names[Event.POOL_DISCARDED.value],
        waits=listener.waits,
        least=min(tally.each.values(), default=0),
        most=max(tally.each.values(), default=0),
        wrong=tally.wrong,
    )


def _run(
    dispatcher: Dispatcher, harm: Mapping[str, Callable[[], bool]], until: float, seed: int, pause: float
) -> tuple[_Tally, Counter[str]]:
    tally = _Tally()
    vandal = Vandal(harm, random.Random(seed), pause)
    threads = []
    for number in range(THREADS):
        jobs = Jobs(dispatcher, f"t{number}", random.Random(seed * 1000 + number))
        tally.jobs.append(jobs)
        threads.append(threading.Thread(target=_work, args=(number, jobs, tally, until), daemon=True))
    for thread in (vandal, *threads):
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()) + 3 * POOL.query_timeout)
        if thread.is_alive():
            tally.wrong.append("a thread hangs")
    vandal.stop()
    if vandal.error is not None:
        tally.wrong.append(f"the vandal met {vandal.error!r}")
    return tally, vandal.done


def _work(number: int, jobs: Jobs, tally: _Tally, until: float) -> None:
    while time.monotonic() < until:
        job = jobs.next()
        started = time.monotonic()
        try:
            job()
        except EXPECTED as error:
            raised, wrong = type(error).__name__, None
        except BaseException as error:
            raised, wrong = type(error).__name__, f"{job.__name__}: {type(error).__name__}: {error}"
        else:
            raised, wrong = None, None
        took = time.monotonic() - started
        with tally.lock:
            tally.each[number] += 1
            if raised is None:
                tally.done[job.__name__] += 1
            elif wrong is None:
                tally.raised[raised] += 1
            else:
                tally.wrong.append(wrong)
            if took > POOL.query_timeout * 1.1 + 0.1:
                tally.wrong.append(f"{job.__name__} took {took:.1f} s of {POOL.query_timeout:g} s")


def _look(dispatcher: Dispatcher, tally: _Tally) -> None:
    """No row is lost or doubled, and every connection is back."""
    found = {
        str(key): int(rows) for key, rows in dispatcher.execute_query("SELECT job, count(*) FROM written GROUP BY job")
    }
    for number, jobs in enumerate(tally.jobs):
        own = {key: rows for key, rows in found.items() if key.startswith(f"t{number}-")}
        tally.wrong += jobs.promise.check(own)
    stats = dispatcher.stats()
    if stats.used or stats.pending or stats.connecting or stats.closing or stats.idle > stats.max:
        tally.wrong.append(f"connections are missing: {stats}")
    if stats.created - stats.discarded - stats.retired != stats.idle:
        tally.wrong.append(f"the figures do not add up: {stats}")


def _look_for_threads(before: int, tally: _Tally) -> None:
    end = time.monotonic() + 5.0
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.01)
    if threading.active_count() > before:
        tally.wrong.append(f"threads are left: {threading.enumerate()}")
