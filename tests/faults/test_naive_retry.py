"""COMMIT is delivered and its answer is lost: whoever tries again writes twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from fhir4ds.errors import OutcomeUnknown
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.session import Session
from tests.faults.proxy import Commit, Weather
from tests.faults.scene import Scene, recording
from tests.support.postgres_server import PostgresServer

pytestmark = pytest.mark.postgres

TIMES = 200

_INSERT = "INSERT INTO visits VALUES (%s)"
_CUT = Weather(commit=Commit.REPLY_CUT)


@pytest.fixture
def scene(tmp_path: Path, faulty_server: PostgresServer) -> Iterator[Scene]:
    with recording() as recorder, Scene(tmp_path, recorder, 5.0, faulty_server) as scene:
        scene.ask("CREATE TABLE visits (number integer)")
        yield scene


def _visits(scene: Scene) -> list[int]:
    return [number for (number,) in scene.ask("SELECT number FROM visits ORDER BY number")]


def _unit_of_work(dispatcher: Dispatcher, number: int) -> None:
    def work(session: Session) -> None:
        session.execute(_INSERT, (number,))

    dispatcher.run(work, retry=True)


def _statement(dispatcher: Dispatcher, number: int) -> None:
    dispatcher.execute_query(_INSERT, (number,))


def test_no_insert_is_repeated_when_the_answer_to_its_commit_is_cut(scene: Scene) -> None:
    """Both ways to write repeat what a lost connection has rolled back; here they must not."""
    dispatcher = scene.through_proxy()
    unknown = 0
    with scene.proxy.in_weather(_CUT):
        for number in range(TIMES):
            insert = _unit_of_work if number % 2 else _statement
            try:
                insert(dispatcher, number)
            except OutcomeUnknown:
                unknown += 1
    assert unknown == TIMES
    assert _visits(scene) == list(range(TIMES))
    assert scene.proxy.commits == TIMES
    events = [entry["event"] for entry in scene.recorder.entries if entry["event"].startswith("query")]
    assert events == ["query.failed"] * TIMES
    assert dispatcher.execute_query("SELECT count(*) FROM visits") == [(TIMES,)]


def test_a_naive_loop_writes_twice(scene: Scene) -> None:
    """That the trap is there: what is often written around a database API falls into it."""
    url = scene.url(port=scene.proxy.port)
    with scene.proxy.in_weather(_CUT):
        for _ in range(2):
            with closing(psycopg2.connect(url)) as connection:
                try:
                    with connection.cursor() as cursor:
                        cursor.execute(_INSERT, (1,))
                    connection.commit()
                except psycopg2.OperationalError:
                    scene.proxy.clear()
    assert _visits(scene) == [1, 1]
