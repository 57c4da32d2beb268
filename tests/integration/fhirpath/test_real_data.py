"""Synthetic patients that nobody here made: both databases give the same rows, and those that the files hold."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.testing.comparison import canonical_rows
from tests.compliance.fhirpath.path_navigation import PATH_NAVIGATION, walk
from tests.integration.fhirpath.conftest import MakePair, Pair
from tests.support.conformance import conformance_dir

pytestmark = pytest.mark.postgres

_FOLDERS = ("synthea-100", "synthea-10")


@pytest.fixture(scope="module")
def folders() -> list[Path]:
    """Where the sample data lies."""
    data = conformance_dir().parent / "data"
    found = [data / name for name in _FOLDERS]
    assert all(folder.is_dir() for folder in found), f"the sample data is not complete in {data}"
    return found


@pytest.fixture(scope="module")
def resources(folders: list[Path]) -> list[dict[str, Any]]:
    """Every resource of the files, read by the plainest means there are; of two with one id the later counts."""
    lines = (
        line
        for folder in folders
        for path in sorted(folder.glob("*.ndjson"))
        for line in path.read_text("utf-8").split("\n")
        if line
    )
    parsed = (json.loads(line, parse_float=Decimal) for line in lines)
    return list({(resource["resourceType"], resource["id"]): resource for resource in parsed}.values())


@pytest.fixture(scope="module")
def pair(make_pair: MakePair, folders: list[Path]) -> Iterator[Pair]:
    """Both folders in both databases."""
    with make_pair(*folders) as pair:
        yield pair


#: Plain navigation: the answer can be read off the files.
PATHS = (
    *(case.expression for case in PATH_NAVIGATION),
    "Patient.id",
    "Patient.identifier.type.coding.code",
    "Patient.maritalStatus.text",
    "Patient.communication.language.coding.display",
    "Patient.extension.url",
    "Condition.code.coding.code",
    "Condition.recordedDate",
    "Condition.subject.reference",
    "Encounter.period.start",
    "Encounter.class.code",
    "Encounter.participant.individual.display",
    "Encounter.type",
    "Procedure.code.text",
    "Procedure.reasonReference.display",
    "MedicationRequest.dosageInstruction.doseAndRate",
    "MedicationRequest.dosageInstruction.timing.repeat.frequency",
    "MedicationRequest.authoredOn",
    "Immunization.vaccineCode.coding",
    "Location.position",
    "Organization.telecom.value",
)

#: Elements that no resource of the sample has.
_ABSENT = ("Patient.active",)

#: What has to be computed, and the number of rows that have a value.
COMPUTED = (
    "Patient.name.where(use = 'official').given.first()",
    "Patient.extension('http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex').value",
    "Patient.extension('http://hl7.org/fhir/us/core/StructureDefinition/us-core-race').extension('text').value",
    "Patient.birthDate < @1970",
    "Patient.deceased.exists()",
    "Patient.deceased.ofType(dateTime)",
    "Patient.multipleBirth",
    "Patient.address.extension.extension.value",
    "Condition.onset.ofType(dateTime) > @2000-01-01T00:00:00Z",
    "Condition.where(clinicalStatus.coding.code = 'active').code.text",
    "Condition.abatement.exists()",
    "Condition.code.coding.where(system = 'http://snomed.info/sct').display.first()",
    "Encounter.period.start >= @2010-06",
    "Encounter.where(class.code = 'EMER').id",
    "Encounter.participant.first().individual.reference",
    "Encounter.reasonCode.coding.count()",
    "Procedure.performed.ofType(Period).start",
    "Procedure.performed.ofType(Period).end > @2020-02-29T12:00:00-05:00",
    "Procedure.reasonReference.exists()",
    "MedicationRequest.medication.ofType(CodeableConcept).coding.code",
    "MedicationRequest.dosageInstruction.asNeeded.ofType(boolean)",
    "MedicationRequest.dosageInstruction.doseAndRate.dose.ofType(Quantity).value",
    "MedicationRequest.dosageInstruction.exists(asNeeded = true)",
    "MedicationRequest.where(status = 'active' and intent = 'order').id",
    "AllergyIntolerance.reaction.manifestation.coding.display",
    "Location.position.latitude > 42",
    "Device.udiCarrier.exists()",
    "PractitionerRole.specialty.coding.code.first()",
)


def _expected(expression: str, resources: list[dict[str, Any]]) -> list[tuple[Any, Any]]:
    resource_type, *path = expression.split(".")
    asked = sorted((r for r in resources if r["resourceType"] == resource_type), key=lambda r: str(r["id"]))
    return [(resource["id"], value) for resource in asked for value in walk(resource, tuple(path))]


def _checksum(database: Database) -> str:
    quoted = database.dialect.syntax.quote(database.table)
    rows = database.execute_query(f"SELECT resource_type, id, CAST(resource AS TEXT) FROM {quoted}")
    return hashlib.sha256(repr(sorted(rows)).encode()).hexdigest()


@pytest.mark.parametrize("expression", PATHS)
def test_navigation_gives_what_the_files_hold(pair: Pair, resources: list[dict[str, Any]], expression: str) -> None:
    """Every row, by value and type, in the order of ids and of the document, on both databases."""
    expected = _expected(expression, resources)
    assert bool(expected) is (expression not in _ABSENT)
    assert canonical_rows(pair.rows(expression)) == canonical_rows(expected)


@pytest.mark.parametrize("expression", COMPUTED)
def test_computed_values_do_not_differ(pair: Pair, expression: str) -> None:
    """Filters, choices, comparisons and functions agree on every row, and there are rows."""
    rows = pair.rows(expression)
    assert rows
    assert [row for row in rows if row[1] is None] == []


def test_some_computed_values_are_those_of_the_files(pair: Pair, resources: list[dict[str, Any]]) -> None:
    """What can be counted by plain means is."""
    of_type = Counter(resource["resourceType"] for resource in resources)
    emergencies = [r["id"] for r in resources if r["resourceType"] == "Encounter" and r["class"]["code"] == "EMER"]
    assert [id for id, _ in pair.rows("Encounter.where(class.code = 'EMER').id")] == sorted(emergencies)
    ended = [r["id"] for r in resources if r["resourceType"] == "Condition" and "abatementDateTime" in r]
    assert [id for id, value in pair.rows("Condition.abatement.exists()") if value] == sorted(ended)
    assert len(pair.rows("Condition.abatement.exists()")) == of_type["Condition"]
    born = [r["id"] for r in resources if r["resourceType"] == "Patient" and r["birthDate"] < "1970"]
    assert [id for id, value in pair.rows("Patient.birthDate < @1970") if value] == sorted(born)


@pytest.mark.parametrize("side", ["duckdb", "postgres"])
def test_loading_again_changes_nothing(
    pair: Pair, side: str, folders: list[Path], resources: list[dict[str, Any]]
) -> None:
    """Every resource of the files is there once; a second load of the same export leaves all of them as they are."""
    database: Database = getattr(pair, side)
    count = f"SELECT COUNT(*) FROM {database.dialect.syntax.quote(database.table)}"
    keys = {(resource["resourceType"], resource["id"]) for resource in resources}
    before = _checksum(database)
    assert database.execute_query(count) == [(len(keys),)]
    report = database.load(folders)
    assert (report.inserted, report.updated, report.unchanged, report.rejected) == (0, 0, len(keys), 0)
    assert database.execute_query(count) == [(len(keys),)]
    assert _checksum(database) == before


def test_files_in_place_give_what_the_table_gives(pair: Pair, folders: list[Path]) -> None:
    """DuckDB reads the files of a folder without loading them, with the same rows."""
    for expression in (
        "Encounter.class.code",
        "Condition.code.coding.code",
        "Procedure.performed.ofType(Period).start",
    ):
        in_place = pair.duckdb.query(expression, files=folders[1])
        assert canonical_rows(in_place.rows) == canonical_rows(pair.rows(expression))


def test_streams_give_what_queries_give(pair: Pair) -> None:
    """Batch by batch the rows are the same, on both databases."""
    expression = "Encounter.participant.individual.display"
    whole = canonical_rows(pair.rows(expression))
    for database in (pair.duckdb, pair.postgres):
        batches = list(database.stream(expression, batch_size=100))
        assert len(batches) > 5 and max(map(len, batches)) <= 100
        assert canonical_rows(row for batch in batches for row in batch) == whole
