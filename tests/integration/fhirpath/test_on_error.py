"""Errors that are told and not raised: the resources on which an expression fails, and all others, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fhir4ds.database import Database, evaluate
from fhir4ds.errors import EvaluationError, InvalidArguments
from tests.integration.cli.running import Outcome, run
from tests.integration.fhirpath.conftest import MakePair, Pair

#: None, one or two names, of which the second has two given names.
_PATIENTS: list[dict[str, Any]] = [
    {
        "resourceType": "Patient",
        "id": f"p{number}",
        "name": [{"family": f"F{place}", "given": ["a", "b"][: place + 1]} for place in range(number % 3)],
        "multipleBirthInteger": number,
    }
    for number in range(6)
]

_EXPRESSIONS = [
    "Patient.name.family",
    "Patient.name.single().family",
    "Patient.name.given.single()",
    "Patient.name.where(given.single() = 'a').family",
    "Patient.name.select(given.single())",
    "Patient.name.where(family = 'F1').select(given.single())",
    "Patient.name.family & 'x'",
    "Patient.where(name.given = 'a').id",
    "Patient.where(name.single().family = 'F0').id",
    "Patient.name.given.aggregate($total + $this, '')",
    "Patient.name.aggregate($total & given.single(), '')",
    "Patient.name.sort(given.single()).family",
    "Patient.repeat(name.where(given.single() = 'a')).family",
    "Patient.iif(name.count() > 1, 'many', name.single().family)",
    "Patient.multipleBirth.ofType(integer).select(1.25.round($this - 3))",
    "Patient.coalesce(name.single().family, 'none')",
    "Patient.name.all(given.single() = 'a')",
    "Patient.select(name.count() > 1 or name.single().exists())",
    "Patient.select(name.count() < 2 and name.single().exists())",
    "Patient.name.family.combine(name.given.single())",
    "Patient.name.given.first().repeat($this & 'x')",
    "Patient.name.first().given.first().repeat(iif($this = 'a', 'b', {}))",
    "Patient.name[multipleBirth.single() - 1].family",
]


@pytest.fixture(scope="module")
def pair(make_pair: MakePair) -> Iterator[Pair]:
    with make_pair(*_PATIENTS) as pair:
        yield pair


def _one_by_one(database: Database, expression: str) -> tuple[list[Any], list[Any]]:
    """Rows and errors of each resource by itself."""
    rows, errors = [], []
    for patient in _PATIENTS:
        try:
            rows += [(patient["id"], item) for item in database.evaluate(expression, patient)]
        except EvaluationError as error:
            errors.append((patient["id"], error.message, error.position))
    return rows, errors


@pytest.mark.postgres
@pytest.mark.parametrize("expression", _EXPRESSIONS)
def test_each_resource_is_answered_as_if_it_were_alone(pair: Pair, expression: str) -> None:
    for database in (pair.duckdb, pair.postgres):
        result = database.query(expression, on_error="null")
        told = [(error.key, error.message, error.position) for error in result.diagnostics]
        assert (result.rows, told) == _one_by_one(database, expression)
        assert [column.name for column in result.columns] == ["id", "value"]


@pytest.mark.postgres
def test_several_errors_of_one_resource_are_one(pair: Pair) -> None:
    """The first that is met; what is found before an error does not hide it."""
    for database in (pair.duckdb, pair.postgres):
        result = database.query("Patient.name.single().given.single()", on_error="null")
        assert [(error.key, error.position) for error in result.diagnostics] == [("p2", 13), ("p5", 13)]
        assert result.rows == [("p1", "a"), ("p4", "a")]


def test_an_error_says_what_it_would_have_said(pair: Pair) -> None:
    [error, _] = pair.duckdb.query("Patient.name.single().family", on_error="null").diagnostics
    with pytest.raises(EvaluationError) as raised:
        pair.duckdb.query("Patient.name.single().family")
    raised_by, told = raised.value, error
    assert raised_by.key in {"p2", "p5"}
    assert (told.message, told.position, told.expression) == (
        raised_by.message,
        raised_by.position,
        raised_by.expression,
    )


def test_the_result_shows_that_there_were_errors(pair: Pair) -> None:
    result = pair.duckdb.query("Patient.name.single().family", on_error="null")
    assert repr(result).splitlines()[-1] == "2 rows; 2 resources failed, see diagnostics"
    assert "2 resources failed" in result._repr_html_()
    assert pair.duckdb.query("Patient.name.family", on_error="null").diagnostics == ()


@pytest.mark.postgres
def test_streaming_tells_of_each(pair: Pair) -> None:
    for database in (pair.duckdb, pair.postgres):
        told: list[EvaluationError] = []
        batches = list(database.stream("Patient.name.single().family", batch_size=1, on_error=told.append))
        assert [row for batch in batches for row in batch] == [("p1", "F0"), ("p4", "F0")]
        assert [error.key for error in told] == ["p2", "p5"]
        assert [row for batch in database.stream("Patient.name.single().family", on_error="null") for row in batch] == [
            ("p1", "F0"),
            ("p4", "F0"),
        ]


def test_one_resource() -> None:
    assert evaluate("name.single().family", _PATIENTS[2], on_error="null") == []
    assert evaluate("name.single().family", _PATIENTS[1], on_error="null") == ["F0"]


def test_other_words_are_refused() -> None:
    with pytest.raises(InvalidArguments, match="on_error is 'raise' or 'null', not 'skip'"):
        evaluate("name", _PATIENTS[0], on_error="skip")


def test_the_command_line_names_the_resources(tmp_path: Path) -> None:
    file = tmp_path / "patients.ndjson"
    with_names = ", ".join(["{}"] * 2)
    lines = [f'{{"resourceType": "Patient", "id": "p{number}", "name": [{with_names}]}}' for number in range(7)]
    file.write_text("\n".join([*lines, '{"resourceType": "Patient", "id": "p7", "name": [{"family": "Ada"}]}']))
    outcome = run("query", "Patient.name.single().family", str(file), "--format", "csv", "--on-error", "null")
    named = "".join(f"  p{number}: expected a single item but found several\n" for number in range(5))
    head = "warning: 7 resources have no rows, as the expression failed on them\n"
    assert outcome == Outcome(0, "id,value\np7,Ada\n", f"{head}{named}  and 2 more\n")
