"""Loads that run at the same time, into one table."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.store.report import Counts, LoadReport
from tests.integration.store.conftest import Open, contents, tables

NUMBER = 400


def resources(active: bool, *, backwards: bool = False) -> list[dict[str, Any]]:
    numbers = range(NUMBER)
    return [
        {"resourceType": "Patient", "id": f"p{n}", "active": active}
        for n in (reversed(numbers) if backwards else numbers)
    ]


class Together:
    """Resources that only end when the other load has come to its end, too: so their writing falls together."""

    def __init__(self, items: list[dict[str, Any]], barrier: threading.Barrier) -> None:
        self._items = items
        self._barrier = barrier
        self._met = False

    def __iter__(self) -> Iterator[dict[str, Any]]:
        yield from self._items
        if not self._met:  # a load that is repeated meets nobody
            self._met = True
            self._barrier.wait(timeout=30)


def run(*loads: Callable[[], LoadReport]) -> list[LoadReport]:
    with ThreadPoolExecutor(len(loads)) as pool:
        return [future.result(timeout=60) for future in [pool.submit(load) for load in loads]]


@pytest.fixture
def db(open_: Open) -> Database:
    return open_(backoff=0.05, pool_size=4)


@pytest.mark.parametrize("exists", [False, True])
def test_the_same_resources_twice_at_once(db: Database, exists: bool) -> None:
    if exists:
        db.load([{"resourceType": "Device", "id": "d"}])
    barrier = threading.Barrier(2)
    one, two = (Together(resources(True, backwards=backwards), barrier) for backwards in (False, True))
    reports = run(lambda: db.load(one), lambda: db.load(two))
    assert sorted(report.total.inserted for report in reports) == [0, NUMBER]
    assert sum((report.total for report in reports), Counts()) == Counts(inserted=NUMBER, unchanged=NUMBER)
    stored = contents(db)
    stored.pop(("Device", "d"), None)
    assert list(stored.values()) == list(stored.values())
    assert {key: value["active"] for key, value in stored.items()} == {
        ("Patient", f"p{n}"): True for n in range(NUMBER)
    }


@pytest.mark.parametrize("exists", [False, True])
def test_each_load_is_there_as_a_whole(db: Database, exists: bool) -> None:
    if exists:
        db.load([{"resourceType": "Patient", "id": f"p{n}"} for n in range(NUMBER // 2)])
    barrier = threading.Barrier(2)
    one = Together(resources(True), barrier)
    two = Together(resources(False, backwards=True), barrier)
    reports = run(lambda: db.load(one), lambda: db.load(two))
    before = NUMBER // 2 if exists else 0
    total = sum((report.total for report in reports), Counts())
    assert total == Counts(inserted=NUMBER - before, updated=NUMBER + before)
    stored = contents(db)
    assert len(stored) == NUMBER
    assert len({resource["active"] for resource in stored.values()}) == 1


def test_different_resources_at_once(db: Database) -> None:
    barrier = threading.Barrier(3)

    def load(letter: str) -> LoadReport:
        items = [{"resourceType": "Patient", "id": f"{letter}{n}"} for n in range(NUMBER)]
        return db.load(Together(items, barrier))

    reports = run(*(lambda letter=letter: load(letter) for letter in "abc"))
    assert [report.total for report in reports] == [Counts(inserted=NUMBER)] * 3
    assert len(contents(db)) == 3 * NUMBER


def test_readers_see_all_of_a_load_or_nothing(db: Database) -> None:
    db.load(resources(True))
    seen: list[list[Any]] = []
    reading, stop = threading.Event(), threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.append(sorted(set(db.query("Patient.active").values())))
            reading.set()

    def slowly() -> Iterator[dict[str, Any]]:
        yield from resources(False)
        reading.clear()
        assert reading.wait(timeout=30)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert reading.wait(timeout=30)
        assert db.load(slowly()).total == Counts(updated=NUMBER)
    finally:
        stop.set()
        reader.join()
    assert {tuple(values) for values in seen} <= {(True,), (False,)}
    assert seen[0] == [True]
    assert db.query("Patient.active").values() == [False] * NUMBER


def test_tables_do_not_wait_for_each_other(db: Database, open_: Open) -> None:
    other = open_(table=f"{db.table}_other", backoff=0.05)
    barrier = threading.Barrier(2)
    reports = run(
        lambda: db.load(Together(resources(True), barrier)), lambda: other.load(Together(resources(True), barrier))
    )
    assert [report.total for report in reports] == [Counts(inserted=NUMBER)] * 2
    assert {db.table, other.table} <= tables(db)
