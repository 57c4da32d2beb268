"""What breaks a promise is seen: each test breaks one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import attrs
import pytest
import structlog

from fhir4ds.dialect.faults import FaultKind
from fhir4ds.errors import ConnectFailed, QueryFailed
from fhir4ds.runtime.retry import Phase
from tests.faults import scene as scenes
from tests.faults.model import Fault, Observation, Trial, complaints
from tests.faults.observing import observe_here
from tests.faults.scene import VALUE, Scene
from tests.support.postgres_server import SECRET

_PROMISE = Fault(
    name="a promise",
    provoke=lambda scene: pytest.fail("is not tried"),
    raises=ConnectFailed,
    code="08006",
    failures=((FaultKind.DISCONNECT, Phase.READ),) * 3,
    events=("query.retried", "query.retried", "query.failed"),
    budget=1.0,
    exhausts=True,
    advice="",
)
_KEPT = Observation(
    raised="ConnectFailed",
    code="08006",
    kinds=("disconnect",) * 3,
    attempts=3,
    seconds=1.0,
    events=("query.retried", "query.retried", "query.failed"),
)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"raised": "QueryFailed"}, "exception: 'QueryFailed', not 'ConnectFailed'"),
        ({"raised": None}, "exception: None, not 'ConnectFailed'"),
        ({"code": None}, "code: None, not '08006'"),
        ({"attempts": 2}, "attempts: 2, not 3"),
        ({"kinds": ("connect",) * 3}, "kinds of fault: ('connect', 'connect', 'connect'), not"),
        ({"events": ("query.failed",)}, "events: ('query.failed',), not"),
        ({"seconds": 1.21}, "took 1.210 s with a budget of 1 s"),
        ({"seconds": 0.9}, "ended after 0.900 s, before its budget of 1 s"),
        ({"flaws": ("a leak",)}, "a leak"),
    ],
)
def test_an_observation_that_is_not_as_promised_is_complained_of(change: dict[str, Any], complaint: str) -> None:
    assert list(complaints(_PROMISE, _KEPT)) == []
    (found,) = complaints(_PROMISE, attrs.evolve(_KEPT, **change))
    assert found.startswith(complaint)


def _call(scene: Scene) -> Trial:
    dispatcher = scene.connect("duckdb://")
    return Trial(dispatcher=dispatcher, call=lambda: dispatcher.execute_query("SELECT 1"), expected=[(1,)])


@contextmanager
def _sound(scene: Scene) -> Iterator[Trial]:
    yield _call(scene)


@contextmanager
def _leak(scene: Scene) -> Iterator[Trial]:
    trial = _call(scene)
    trial.dispatcher.get_connection()
    yield trial


@contextmanager
def _open_file(scene: Scene) -> Iterator[Trial]:
    scene.keep((scene.folder / "left.duckdb").open("wb"))
    yield _call(scene)


@contextmanager
def _told_password(scene: Scene) -> Iterator[Trial]:
    structlog.get_logger().warning("query.done", url=f"postgresql://ada:{SECRET}@db.example")
    yield _call(scene)


@contextmanager
def _told_value(scene: Scene) -> Iterator[Trial]:
    def call() -> None:
        raise QueryFailed(f"it was {VALUE}")

    yield attrs.evolve(_call(scene), call=call)


@contextmanager
def _printed_value(scene: Scene) -> Iterator[Trial]:
    print(VALUE, file=sys.stderr)
    yield _call(scene)


@contextmanager
def _value_printed_by_c(scene: Scene) -> Iterator[Trial]:
    os.write(2, VALUE.encode())
    yield _call(scene)


@contextmanager
def _wrong_answer(scene: Scene) -> Iterator[Trial]:
    yield attrs.evolve(_call(scene), expected=[(2,)])


@contextmanager
def _broken_afterwards(scene: Scene) -> Iterator[Trial]:
    trial = _call(scene)
    yield trial
    trial.dispatcher.close()


@contextmanager
def _wrong_rows(scene: Scene) -> Iterator[Trial]:
    yield _call(scene)
    assert [1] == [], "a row is there"


@pytest.mark.parametrize(
    ("provoke", "flaws"),
    [
        (_sound, []),
        (_leak, ["the pool has not come to rest: PoolStats("]),
        (_open_file, ["files of closed pools are open: ['left.duckdb']"]),
        (_told_password, ["the password is told"]),
        (_told_value, ["a value is told"]),
        (_printed_value, ["a value is told on standard error"]),
        (_value_printed_by_c, ["a value is told on standard error"]),
        (_wrong_answer, ["answered [(1,)], not [(2,)]"]),
        (_broken_afterwards, ["the next query failed: PoolClosed"]),
        (_wrong_rows, ["afterwards: a row is there"]),
    ],
)
def test_a_flaw_is_seen(
    monkeypatch: pytest.MonkeyPatch,
    provoke: Callable[[Scene], AbstractContextManager[Trial]],
    flaws: list[str],
) -> None:
    monkeypatch.setattr(scenes, "_MOMENT", 0.1)
    fault = Fault(name="", provoke=provoke, events=(), advice="")
    seen = observe_here(fault, None).flaws
    assert len(seen) == len(flaws)
    assert all(found.startswith(flaw) for found, flaw in zip(seen, flaws, strict=True)), seen
