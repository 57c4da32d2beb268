"""Rows and resources go in fast, whole and once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from fhir4ds.database import Database
from fhir4ds.dialect.driver import Connection, Driver
from fhir4ds.dialect.model import Dialect
from fhir4ds.dialect.types import SqlType
from fhir4ds.testing.engine import run

_HOSTILE = ["", "it's", 'a "b"', "\\N", "\\", "a\tb\nc\r\n", "\u00e9\u4e2d\U0001f600", "%s {0} ? :a $1", "NULL", ","]


@pytest.fixture
def texts(dialect: Dialect, driver: Driver, connection: Connection) -> Iterator[str]:
    """A table of two columns of text."""
    name, text = f"texts_{uuid4().hex[:8]}", dialect.syntax.types[SqlType.TEXT]
    run(driver, connection, f"CREATE TABLE {name} (place {text}, value {text})")
    yield name
    driver.reset(connection)
    run(driver, connection, f"DROP TABLE {name}")


def test_loaded_texts_are_what_was_given(driver: Driver, connection: Connection, texts: str) -> None:
    """Nothing in a text means anything to the database."""
    rows = [(f"{place:02}", value) for place, value in enumerate(_HOSTILE)]
    assert driver.load(connection, texts, ["place", "value"], iter(rows)) == len(rows)
    assert run(driver, connection, f"SELECT place, value FROM {texts} ORDER BY place") == rows


def test_columns_are_loaded_by_name(driver: Driver, connection: Connection, texts: str) -> None:
    """In whichever order, and not all of them."""
    assert driver.load(connection, texts, ["value", "place"], [("v", "p")]) == 1
    assert driver.load(connection, texts, ["place"], [("q",)]) == 1
    assert run(driver, connection, f"SELECT place, value FROM {texts} ORDER BY place") == [("p", "v"), ("q", None)]


def test_loading_nothing_is_no_mistake(driver: Driver, connection: Connection, texts: str) -> None:
    """No rows, no error."""
    assert driver.load(connection, texts, ["place", "value"], []) == 0
    assert run(driver, connection, f"SELECT * FROM {texts}") == []


def test_many_rows_are_loaded_whole(driver: Driver, connection: Connection, texts: str) -> None:
    """Also those after the last full batch, whatever the size of one."""
    rows = [(f"{place:06}", "x" * (place % 97)) for place in range(10_007)]
    assert driver.load(connection, texts, ["place", "value"], iter(rows)) == len(rows)
    assert run(driver, connection, f"SELECT place, value FROM {texts} ORDER BY place") == rows


def test_a_load_that_fails_can_be_undone(dialect: Dialect, driver: Driver, connection: Connection, texts: str) -> None:
    """What raises among the rows comes through, and the transaction takes everything back."""

    class Stop(Exception):
        pass

    def rows() -> Iterator[tuple[str, str]]:
        for place in range(5_000):
            yield str(place), "x"
        raise Stop

    run(driver, connection, dialect.syntax.begin(read_only=False))
    with pytest.raises((Stop, driver.errors)):
        driver.load(connection, texts, ["place", "value"], rows())
    driver.reset(connection)
    assert run(driver, connection, f"SELECT COUNT(*) FROM {texts}") == [(0,)]


@pytest.fixture
def clinic(database: Database) -> Iterator[Database]:
    """A table of resources of the test's own."""
    name = f"resource_{uuid4().hex[:8]}"
    yield Database(database.dispatcher, table=name)
    quoted = database.dialect.syntax.quote(name)
    database.run(lambda session: session.execute(f"DROP TABLE IF EXISTS {quoted}"))


_RESOURCES: list[dict[str, Any]] = [
    {"resourceType": "Patient", "id": "b", "name": [{"family": 'O\'Hara \\ "x" %s', "given": ["\u00c9l\u00e9a"]}]},
    {"resourceType": "Patient", "id": "a", "birthDate": "1980-05", "active": True},
    {"resourceType": "Observation", "id": "a", "status": "final", "code": {}, "valueQuantity": {"value": 1.5}},
]


def test_resources_are_stored_as_they_are(clinic: Database) -> None:
    """By type and id, with every text in them."""
    report = clinic.load(_RESOURCES)
    assert (report.inserted, report.updated, report.unchanged, report.rejected) == (3, 0, 0, 0)
    assert clinic.query("Patient.name.family").rows == [("b", 'O\'Hara \\ "x" %s')]
    assert clinic.query("Patient.name.given").rows == [("b", "\u00c9l\u00e9a")]
    assert clinic.query("Patient.id").rows == [("a", "a"), ("b", "b")]
    assert clinic.query("Observation.status").rows == [("a", "final")]


def test_resources_are_there_once(clinic: Database) -> None:
    """A second load changes nothing, and a changed resource takes the place of the old one."""
    clinic.load(_RESOURCES)
    again = clinic.load(_RESOURCES)
    assert (again.inserted, again.updated, again.unchanged) == (0, 0, 3)
    changed = clinic.load([_RESOURCES[0], {"resourceType": "Patient", "id": "a", "birthDate": "1981"}])
    assert (changed.inserted, changed.updated, changed.unchanged) == (0, 1, 1)
    assert clinic.query("Patient.birthDate").rows == [("a", "1981")]
    assert clinic.query("Patient.active").rows == []
