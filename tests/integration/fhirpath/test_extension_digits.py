"""Numbers in extensions of elements that have none themselves: as they were written, in queries over many resources too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fhir4ds.database import Database, connect
from fhir4ds.runtime.answer import decode_json
from tests.integration.fhirpath.conftest import MakePair, Pair

_WRITTEN = {
    "zeros": "1.500",
    "long": "3.141592653589793238462643383279",
    "whole": "5.0",
    "small": "0.000000100",
    "negative": "-120.50",
}


def _patient(id: str, *numbers: str) -> dict[str, Any]:
    extensions = [{"url": "urn:number", "valueDecimal": decode_json(number)} for number in numbers]
    return {
        "resourceType": "Patient",
        "id": id,
        "name": [{"family": f"F-{id}"}],
        "address": [{"city": f"C-{id}", **({"extension": extensions} if extensions else {})}],
    }


#: Those without a number come before and between those that have one.
_PATIENTS = [
    _patient("a1"),
    _patient("a2"),
    _patient("a3"),
    *(_patient(f"b-{name}", number) for name, number in _WRITTEN.items()),
    _patient("c1"),
    _patient("d-all", *_WRITTEN.values()),
]


@pytest.fixture(scope="module")
def pair(make_pair: MakePair) -> Iterator[Pair]:
    with make_pair(*_PATIENTS) as pair:
        yield pair


def _numbers(rows: list[tuple[Any, ...]]) -> dict[str, list[str]]:
    return {
        key: [str(extension["valueDecimal"]) for extension in address.get("extension", [])] for key, address in rows
    }


def _expected() -> dict[str, list[str]]:
    found = {f"b-{name}": [str(decode_json(number))] for name, number in _WRITTEN.items()}
    every = [str(decode_json(number)) for number in _WRITTEN.values()]
    return {"a1": [], "a2": [], "a3": [], **dict(sorted(found.items())), "c1": [], "d-all": every}


@pytest.mark.postgres
def test_all_at_once(pair: Pair) -> None:
    rows = pair.rows("Patient.address")
    assert _numbers(rows) == _expected()
    assert [address["city"] for _, address in rows] == [f"C-{key}" for key in _expected()]


@pytest.mark.postgres
@pytest.mark.parametrize("size", [1, 2, 3, 4, 100])
def test_batch_by_batch(pair: Pair, size: int) -> None:
    """Wherever the first number comes, each row is there once, in order."""
    for database in (pair.duckdb, pair.postgres):
        batches = list(database.stream("Patient.address", batch_size=size))
        assert [len(batch) for batch in batches[:-1]] == [size] * (len(batches) - 1)
        rows = [row for batch in batches for row in batch]
        assert [key for key, _ in rows] == list(_expected())
        assert _numbers(rows) == _expected()


@pytest.mark.postgres
def test_where_errors_are_told(pair: Pair) -> None:
    for database in (pair.duckdb, pair.postgres):
        result = database.query("Patient.address.where(city.single() != 'C-c1')", on_error="null")
        expected = _expected()
        del expected["c1"]
        assert _numbers(result.rows) == expected
        assert result.diagnostics == ()


def test_the_exact_statement_runs_only_where_it_is_needed(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names have no numbers, so that one statement is enough; addresses take two."""
    asked: list[str] = []
    database: Database = pair.duckdb
    assert len(database.query("Patient.id")) == len(_PATIENTS)  # what the table is like is known from here on
    run = database.dispatcher.query

    def query(statement: Any, **arguments: Any) -> Any:
        asked.append(statement.sql)
        return run(statement, **arguments)

    monkeypatch.setattr(database.dispatcher, "query", query)
    assert len(database.query("Patient.name")) == len(_PATIENTS)
    assert len(asked) == 1
    assert len(database.query("Patient.address")) == len(_PATIENTS)
    assert len(asked) == 3 and asked[1] != asked[2]


def test_a_stream_reads_one_state_of_the_database() -> None:
    """What is written between the two statements is in neither."""
    with connect() as database:
        database.load(_PATIENTS)
        with database.stream("Patient.address", batch_size=3) as stream:
            first = next(stream)
            assert [key for key, _ in first] == ["a1", "a2", "a3"]
            database.load([_patient("a0"), _patient("a2x"), _patient("b-0", "7.70")])
            rest = [row for batch in stream for row in batch]
        assert _numbers([*first, *rest]) == _expected()
        assert len(database.query("Patient.address")) == len(_PATIENTS) + 3
