"""A soak for a few seconds, for a minute where ``CI=true``, or for ``FHIR4DS_SOAK_SECONDS``."""

from __future__ import annotations

import os
import random

import pytest

from tests.soak.jobs import Promise
from tests.soak.soak import Report, soak

SECONDS = float(os.environ.get("FHIR4DS_SOAK_SECONDS", "60" if os.environ.get("CI") == "true" else "5"))


def _check(report: Report) -> None:
    print(report)
    assert report.wrong == []
    assert set(report.done) == {"read", "stream", "load", "insert", "borrow"}, "some jobs never end well"
    assert report.faults.total() > report.seconds, "nothing happened"
    assert report.raised["QueryTimeout"] and report.raised["QueryCancelled"]
    # Callers are served in the order in which they came, so nobody waits longer than others.
    assert report.most <= 2 * report.least
    assert report.wait(99) < 20 * max(report.wait(50), 20.0)


def test_duckdb() -> None:
    # In this process there is no network to fail, so a part of the time finds as much.
    _check(soak("duckdb", "duckdb://", SECONDS / 4, random.randrange(10_000)))


@pytest.mark.postgres
def test_postgres(postgres_url: str) -> None:
    report = soak("postgres", postgres_url, SECONDS, random.randrange(10_000))
    _check(report)
    assert report.discarded


def test_rows_are_counted() -> None:
    promise = Promise(certain={"a": 1, "b": 2}, doubtful={"c": 3, "d": 3})
    assert promise.check({"a": 1, "b": 2, "c": 3}) == []
    assert promise.check({"a": 2, "c": 1, "e": 1}) == [
        "a: 2 rows of 1",
        "b: 0 rows of 2",
        "c: 1 rows, all 3 or none were promised",
        "e: 1 rows of a call that failed",
    ]
