"""What comes back from a live PostgreSQL: rows of Python values, the same as from DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from fhir4ds.database import Database, connect
from fhir4ds.errors import Fhir4dsError
from fhir4ds.testing.comparison import canonical, canonical_rows

pytestmark = pytest.mark.postgres

_TEXT = 'O\'Quote "double" \\back \u00e9 \u540d \U0001f600 \n\t 100% {0}'
_OBSERVATION = """{"resourceType": "Observation", "id": "o1", "status": "final", "code": {"text": "x"},
 "valueQuantity": {"value": 1.50, "unit": "mg"}, "component": [
 {"code": {"text": "a"}, "valueInteger": 3}, {"code": {"text": "b"}, "valueQuantity": {"value": 1e2}},
 {"code": {"text": "c"}, "valueBoolean": false}, {"code": {"text": "d"}, "valueDateTime": "2015-02"}]}"""


@pytest.fixture(scope="module")
def databases(postgres_url: str) -> Iterator[tuple[Database, Database]]:
    """PostgreSQL and DuckDB with the same two resources."""
    patient = {
        "resourceType": "Patient",
        "id": "p1",
        "active": False,
        "birthDate": "1971-02",
        "multipleBirthInteger": 2,
        "name": [{"family": _TEXT, "given": ["A", "B"]}, {"text": ""}],
    }
    with connect(postgres_url) as postgres, connect("duckdb://") as duckdb:
        for database in (postgres, duckdb):
            database.load([patient, _decoded()], strict=True)
        yield postgres, duckdb


def _decoded() -> dict[str, Any]:
    from fhir4ds.runtime.answer import decode_json

    resource: dict[str, Any] = decode_json(_OBSERVATION)
    return resource


@pytest.fixture
def postgres(databases: tuple[Database, Database]) -> Database:
    """PostgreSQL alone."""
    return databases[0]


def test_rows_are_tuples_in_a_list(postgres: Database) -> None:
    """As DB-API has them."""
    rows = postgres.execute_query("SELECT 1, 'a' UNION ALL SELECT 2, 'b'")
    assert rows == [(1, "a"), (2, "b")]
    assert type(rows) is list and {type(row) for row in rows} == {tuple}


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("1", 1),
        ("9223372036854775807::bigint", 9223372036854775807),
        ("TRUE", True),
        ("1.50::numeric", Decimal("1.50")),
        ("3.141592653589793238462643383279::numeric", Decimal("3.141592653589793238462643383279")),
        ("'x'::text", "x"),
        ("''", ""),
        ("NULL", None),
        ("DATE '2015-02-07'", date(2015, 2, 7)),
        ("ARRAY['a', NULL, 'c']", ["a", None, "c"]),
        ("ARRAY[]::int[]", []),
    ],
)
def test_values_of_sql(postgres: Database, sql: str, value: object) -> None:
    """Each type of SQL is the Python type that psycopg2 has for it, exactly."""
    assert canonical(postgres.execute_query(f"SELECT {sql}")[0][0]) == canonical(value)


@pytest.mark.parametrize("type", ["json", "jsonb"])
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": {"b": [1, "x", null, true, {}]}}', {"a": {"b": [1, "x", None, True, {}]}}),
        ("[1.50, 1e2, -0.0, 12345678901234567890]", [Decimal("1.50"), 100, Decimal("0"), 12345678901234567890]),
        ('"\\u00e9 \\ud83d\\ude00 \\" \\\\ \\n"', '\u00e9 \U0001f600 " \\ \n'),
        ("3.141592653589793238462643383279", Decimal("3.141592653589793238462643383279")),
        ("null", None),
        ("{}", {}),
        ("[]", []),
    ],
)
def test_values_of_json(postgres: Database, type: str, text: str, value: object) -> None:
    """JSON comes as Python values, and its numbers are exact."""
    [(found,)] = postgres.execute_query(f"SELECT %s::{type}", (text,))
    assert canonical(found) == canonical(value)


def test_json_keeps_the_scale_of_its_numbers(postgres: Database) -> None:
    """1.50 has two digits after the point, as FHIR wants it."""
    assert repr(postgres.execute_query("SELECT '[1.50]'::jsonb")[0][0]) == "[Decimal('1.50')]"


def test_nul_in_json_is_refused_in_clear_words(postgres: Database) -> None:
    """PostgreSQL cannot store U+0000; it is said, and nothing is stored."""
    with pytest.raises(Fhir4dsError, match=r"u0000|U\+0000|Unicode"):
        postgres.execute_query("SELECT %s::jsonb", ('"a\\u0000b"',))
    report = postgres.load([{"resourceType": "Patient", "id": "nul", "name": [{"family": "a\x00b"}]}])
    assert (report.inserted, report.rejected) == (0, 1)
    assert postgres.query("Patient.id").values() == ["p1"]


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("Patient.active", [False]),
        ("Patient.birthDate", ["1971-02"]),
        ("Patient.multipleBirth.ofType(integer)", [2]),
        ("Patient.name.count()", [2]),
        ("Patient.name.given", ["A", "B"]),
        ("Patient.name.family", [_TEXT]),
        ("Patient.name", [{"family": _TEXT, "given": ["A", "B"]}, {"text": ""}]),
        ("Patient.telecom", []),
        ("Patient.maritalStatus", []),
        ("Observation.value.ofType(Quantity).value", [Decimal("1.5")]),
        ("Observation.value", [{"value": Decimal("1.5"), "unit": "mg"}]),
        ("Observation.component.value", [3, {"value": 100}, False, "2015-02"]),
        ("Observation.component.value.ofType(Quantity).value", [Decimal(100)]),
        ("Observation.component.code.text", ["a", "b", "c", "d"]),
        ("1.50", [Decimal("1.5")] * 2),
        ("@2015-02-07", ["2015-02-07"] * 2),
    ],
)
def test_values_of_fhirpath(databases: tuple[Database, Database], expression: str, values: list[object]) -> None:
    """Each FHIR type is one Python type, and both databases give the same."""
    postgres, duckdb = databases
    found = postgres.query(expression)
    assert list(map(canonical, found.values())) == list(map(canonical, values))
    assert canonical_rows(found.rows) == canonical_rows(duckdb.query(expression).rows)
    assert found.schema == duckdb.query(expression).schema


def test_results_can_be_used_in_many_ways(postgres: Database) -> None:
    """As rows, as dictionaries, as values, as a table of text."""
    result = postgres.query("Patient.name.given")
    assert list(result) == result.rows == [("p1", "A"), ("p1", "B")]
    assert result.to_dicts() == [{"id": "p1", "value": "A"}, {"id": "p1", "value": "B"}]
    assert (len(result), result.schema) == (2, {"id": None, "value": "FHIR.string"})
    assert "p1" in repr(result) and "2 rows" in repr(result)
    assert result.to_arrow().to_pydict() == {"id": ["p1", "p1"], "value": ["A", "B"]}


def test_an_empty_answer_is_an_answer(postgres: Database) -> None:
    """No rows, but columns."""
    result = postgres.query("Patient.telecom.value")
    assert (result.rows, list(result.schema)) == ([], ["id", "value"])
    assert postgres.execute_query("SELECT 1 WHERE FALSE") == []
