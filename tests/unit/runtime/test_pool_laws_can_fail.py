"""Pools that break one law each are caught by the machine: so it means something that the real one is not."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from fhir4ds.runtime import pool as pools

from .test_pool_laws import PoolMachine

#: What is broken, and how: a piece of the pool's text, and another in its place.
LAWS = {
    "one connection too many": ("< self._settings.pool_size:", "<= self._settings.pool_size:"),
    "connections that are being closed do not count": (
        "self._connecting + self._closing + len(self._loans)",
        "self._connecting + len(self._loans)",
    ),
    "the last to come is served first": (
        "waiter = self._waiters.popleft()\n        waiter.lease",
        "waiter = self._waiters.pop()\n        waiter.lease",
    ),
    "a failure goes to the last to come": (
        "waiter = self._waiters.popleft()\n                waiter.error",
        "waiter = self._waiters.pop()\n                waiter.error",
    ),
    "a long idle connection need not answer": ("self._idle[-1].idle_since > self._settings.probe_after", "now > 1e9"),
    "a probe is only a look": ("alive(member.connection, probe=probe)", "alive(member.connection, probe=False)"),
    "close() leaves callers asleep": (
        "waiter.error = pool_closed()\n                waiter.event.set()",
        "waiter.error = pool_closed()",
    ),
    "close() forgets what is idle": ('leaving = [(member, "closed") for member in self._idle]', "leaving = []"),
    "a closed pool lends": ("        if self._closed:\n            raise pool_closed()", "        return"),
    "a closed pool keeps what comes": (
        "if self._closed:\n                self._closing += 1",
        "if False:\n                pass",
    ),
    "the driver stays open": ("        self._driver.close()", "        return"),
    "old generations live on": ("if member.generation != self._generation:", "if False:"),
    "a lost connection casts no doubt": ("                self._generation += 1", "                pass"),
    "connections live too long": ("now >= member.retires_at", "now >= member.retires_at + 30"),
    "a loan can be returned twice": (
        "            if self._loans.get(id(member.connection)) is not lease:\n                raise not_on_loan()\n            del self._loans[id(member.connection)]",
        "            self._loans.pop(id(member.connection), None)",
    ),
    "a cancelled caller keeps its loan": (
        "if waiter.lease is not None:\n                self.give_back(waiter.lease, used=False)\n            raise call.cancellation()",
        "raise call.cancellation()",
    ),
    "who has left is served": ("self._waiters.remove(waiter)", "pass"),
    "a failed attempt keeps its place": (
        "awaited = self._end(attempt)",
        "awaited = attempt in self._awaited",
    ),
    "a failed attempt is the last": (
        "waiter.event.set()\n            attempts = self._grow(self._clock.monotonic())",
        "waiter.event.set()\n            attempts = []",
    ),
    "a closed connection's place stays empty": (
        "self._retired += not broken\n                    attempts = self._grow(self._clock.monotonic())",
        "self._retired += not broken\n                    attempts = []",
    ),
    "closing happens under the lock": (
        "                self._driver.disconnect(member.connection)",
        "                with self._lock:\n                    self._driver.disconnect(member.connection)",
    ),
    "refused connections are not counted": ("self._failures += 1", "pass"),
    "the longest wait is forgotten": ("max(self._wait_max, waited)", "waited"),
}

#: Those that take the machine seconds to find; tried where `FHIR4DS_SOAK_SECONDS` says that there is time.
RARE = {
    "nobody looks whether a connection lives": ("probe=probe) else", "probe=probe) or True else"),
    "nothing is trimmed": ("while self._idle and now", "while False and now"),
    "what was idle for too long is lent": (
        "if now - member.idle_since > self._settings.max_idle:\n            return",
        "if False:\n            return",
    ),
    "a flaw is ignored": ("flaw = flaw or self._worn(member, now)", "flaw = self._worn(member, now)"),
    "broken connections count as retired": ("self._discarded += broken", "self._retired += broken"),
    "rejected connections count as lent": ("self._leases -= 1", "pass"),
}


_TRIED = {**LAWS, **(RARE if "FHIR4DS_SOAK_SECONDS" in os.environ else {})}


@pytest.mark.parametrize(("old", "new"), _TRIED.values(), ids=_TRIED)
def test_a_pool_that_breaks_a_law_is_caught(old: str, new: str) -> None:
    text = Path(pools.__file__).read_text("utf-8")
    assert text.count(old) == 1, "the pool has changed: say anew how to break it"
    module = ModuleType("broken")
    exec(compile(text.replace(old, new), "broken pool", "exec"), module.__dict__)

    class Machine(PoolMachine):
        pool_class: Any = module.Pool

    with pytest.raises((AssertionError, KeyError)):
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=500,
                stateful_step_count=40,
                deadline=None,
                database=None,
                derandomize=True,
                phases=[Phase.generate],
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
