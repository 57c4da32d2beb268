"""The example views of the specification run over sample data, with the same rows on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fhir4ds.database import Database, connect
from fhir4ds.testing.comparison import canonical_rows
from tests.support.conformance import conformance_dir
from tests.support.sample_data import data_dir

pytestmark = pytest.mark.postgres

_EXAMPLES = conformance_dir() / "sql-on-fhir" / "spec" / "3.0.0-ballot" / "examples"

#: What the sample data of ten patients has none of.
_MORE = [
    {
        "resourceType": "Observation",
        "id": "bp1",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2020-01-02",
        "component": [
            {
                "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
                "valueQuantity": {
                    "value": value,
                    "unit": "mmHg",
                    "system": "http://unitsofmeasure.org",
                    "code": "mm[Hg]",
                },
            }
            for code, value in (("8480-6", 120), ("8462-4", 80.5))
        ],
    },
    {
        "resourceType": "CodeSystem",
        "id": "c1",
        "status": "active",
        "content": "complete",
        "concept": [{"code": "a", "concept": [{"code": "b", "concept": [{"code": "c"}]}, {"code": "d"}]}],
    },
    {
        "resourceType": "QuestionnaireResponse",
        "id": "q1",
        "status": "completed",
        "item": [{"linkId": "1", "item": [{"linkId": "1.1", "answer": [{"valueInteger": 45}]}]}, {"linkId": "2"}],
    },
    {
        "resourceType": "Patient",
        "id": "p1",
        "contact": [{"address": {"city": "Oslo", "line": ["a", "b"]}}],
        "address": [{"city": "Bergen"}],
    },
]

#: How many rows each has at least, so that an empty answer does not pass for the same answer.
_AT_LEAST = {
    "CodeSystemHierarchy": 3,
    "ConditionFlat": 10,
    "EncounterFlat": 10,
    "PatientAddresses": 11,
    "PatientAndContactAddressUnion": 12,
    "PatientDemographics": 10,
    "PatientNamesWithIndex": 10,
    "QuestionnaireResponseItems": 3,
    "ShareablePatientDemographics": 10,
    "UsCoreBloodPressures": 1,
}


@pytest.fixture(scope="module")
def databases(postgres_url: str) -> Iterator[tuple[Database, Database]]:
    """The sample data, and what it lacks, in both."""
    with connect("duckdb://") as duckdb, connect(postgres_url) as postgres:
        for database in (duckdb, postgres):
            for type in ("Patient", "Condition", "Encounter"):
                database.load(data_dir() / "synthea-10" / f"{type}.ndjson", strict=True)
            database.load(_MORE, strict=True)
        yield duckdb, postgres


@pytest.mark.parametrize("name", _AT_LEAST)
def test_an_example(name: str, databases: tuple[Database, Database]) -> None:
    """Same columns, same rows, same order."""
    file = _EXAMPLES / f"ViewDefinition-{name}.json"
    left, right = (database.view(file) for database in databases)
    assert [(column.name, column.fhir_type) for column in left.schema] == [
        (column.name, column.fhir_type) for column in right.schema
    ]
    rows, others = left.run().rows, right.run().rows
    assert canonical_rows(rows) == canonical_rows(others)
    assert len(rows) >= _AT_LEAST[name]


def test_all_examples_are_here() -> None:
    """No example is left out."""
    names = {Path(file).stem.removeprefix("ViewDefinition-") for file in _EXAMPLES.glob("*.json")}
    assert names == set(_AT_LEAST)


def test_blood_pressures(databases: tuple[Database, Database]) -> None:
    """Constants are bound, and numbers come exactly as they are."""
    for database in databases:
        view = database.view(_EXAMPLES / "ViewDefinition-UsCoreBloodPressures.json")
        assert sorted(map(str, view.statement.parameters.values())) == ["8462-4", "8480-6", "85354-9"]
        assert "8480-6" not in view.sql
        [row] = view.run().to_dicts()
        assert (row["id"], row["patient_id"], row["effective_date_time"]) == ("bp1", "p1", "2020-01-02")
        assert (str(row["sbp_quantity_value"]), str(row["dbp_quantity_value"])) == ("120", "80.5")


def test_code_system_hierarchy(databases: tuple[Database, Database]) -> None:
    """Depth first: a concept before those below it."""
    for database in databases:
        rows = database.view(_EXAMPLES / "ViewDefinition-CodeSystemHierarchy.json").run().rows
        assert rows == [("c1", "a", "b"), ("c1", "a", "d"), ("c1", "b", "c")]
