"""Somebody who ends and cancels what is under way, at random."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress

import duckdb
import psycopg2

from fhir4ds.runtime.dispatcher import Dispatcher

_VICTIM = """SELECT {function}(pid) FROM pg_stat_activity WHERE datname = current_database()
    AND backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1"""


class Vandal(threading.Thread):
    """A thread that does harm until it is told to stop.

    Parameters
    ----------
    harm : Mapping of str to callable
        What it can do; a callable says whether it met anybody.
    chance : random.Random
        What decides what and when.
    pause : float
        Mean seconds between two deeds.
    """

    def __init__(self, harm: Mapping[str, Callable[[], bool]], chance: random.Random, pause: float) -> None:
        super().__init__(name="vandal")
        self._harm = harm
        self._chance = chance
        self._pause = pause
        self._stop_now = threading.Event()
        self.done: Counter[str] = Counter()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._stop_now.wait(self._chance.expovariate(1 / self._pause)):
                name = self._chance.choice(list(self._harm))
                self.done[name] += self._harm[name]()
        except BaseException as error:
            self.error = error

    def stop(self) -> None:
        self._stop_now.set()
        self.join()


def on_postgres(url: str, dispatcher: Dispatcher) -> Mapping[str, Callable[[], bool]]:
    """Harm to the backends of a database."""
    connection = psycopg2.connect(url)
    connection.autocommit = True

    def ask(function: str) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(_VICTIM.format(function=function))
            return cursor.fetchone() is not None

    return {
        "backend ended": lambda: ask("pg_terminate_backend"),
        "statement cancelled on the server": lambda: ask("pg_cancel_backend"),
        "all calls cancelled": lambda: _cancel(dispatcher),
    }


def on_duckdb(dispatcher: Dispatcher) -> Mapping[str, Callable[[], bool]]:
    """Harm to the sessions of an embedded database."""

    def interrupt() -> bool:
        leases = list(dispatcher._running().pool._loans.values())
        for lease in leases[:1]:
            with suppress(duckdb.Error):
                lease.connection.raw.interrupt()  # type: ignore[attr-defined]
        return bool(leases)

    return {"statement interrupted": interrupt, "all calls cancelled": lambda: _cancel(dispatcher)}


def _cancel(dispatcher: Dispatcher) -> bool:
    busy = dispatcher.stats().used > 0
    dispatcher.cancel()
    return busy
