"""resolve(): contained resources, entries of a Bundle, and the table, alike on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fhir4ds.database import Database, connect
from fhir4ds.errors import InvalidOperation
from fhir4ds.runtime.answer import encode_json
from tests.integration.fhirpath.conftest import MakePair, Pair

pytestmark = pytest.mark.postgres

_RESOURCES: list[dict[str, Any]] = [
    {
        "resourceType": "Patient",
        "id": "p1",
        "birthDate": "1980-05-17",
        "contained": [{"resourceType": "Practitioner", "id": "gp", "gender": "other"}],
        "managingOrganization": {"reference": "Organization/o1"},
        "generalPractitioner": [
            {"reference": "Practitioner/d1"},
            {"reference": "#gp"},
            {"reference": "http://elsewhere.org/fhir/Practitioner/d2/_history/3"},
            {"reference": "Practitioner/nobody"},
            {"display": "by name only"},
        ],
    },
    {
        "resourceType": "Organization",
        "id": "o1",
        "name": "Outer",
        "contained": [{"resourceType": "Organization", "id": "gp", "name": "Inner", "partOf": {"reference": "#"}}],
        "partOf": {"reference": "#gp"},
    },
    {"resourceType": "Practitioner", "id": "d1", "gender": "male"},
    {"resourceType": "Practitioner", "id": "d2", "gender": "female"},
    # The same id in another type is another resource.
    {"resourceType": "Organization", "id": "d1", "name": "Not a practitioner"},
    {
        "resourceType": "Observation",
        "id": "ob1",
        "status": "final",
        "subject": {"reference": "Patient/p1"},
        "focus": [{"reference": "Practitioner/d1"}, {"reference": "Organization/o1"}],
        "performer": [{"reference": "Organization/o1"}, {"reference": "Practitioner/d2"}],
        "hasMember": [{"reference": "Observation/ob2"}],
        "valueString": "Patient/p1",
    },
    {
        "resourceType": "Observation",
        "id": "ob2",
        "status": "final",
        "subject": {"reference": "urn:uuid:0"},
        "derivedFrom": [{"reference": "Observation/ob1"}],
    },
    {"resourceType": "QuestionnaireResponse", "id": "r1", "status": "completed", "questionnaire": "http://x.org/Q|2"},
    {"resourceType": "QuestionnaireResponse", "id": "r2", "status": "completed", "questionnaire": "http://x.org/Q"},
    {"resourceType": "QuestionnaireResponse", "id": "r3", "status": "completed", "questionnaire": "Questionnaire/q1"},
    {"resourceType": "QuestionnaireResponse", "id": "r4", "status": "completed", "questionnaire": "http://x.org/Q|9"},
    {"resourceType": "Questionnaire", "id": "q1", "url": "http://x.org/Q", "version": "2", "title": "two"},
    {"resourceType": "Questionnaire", "id": "q2", "url": "http://x.org/Q", "version": "3", "title": "three"},
    {"resourceType": "Questionnaire", "id": "q0", "url": "http://x.org/Q", "title": "none"},
]

_ANSWERS: dict[str, list[tuple[Any, ...]]] = {
    "Observation.subject.resolve().birthDate": [("ob1", "1980-05-17")],
    "Observation.subject.resolve() is Patient": [("ob1", True)],
    "Observation.subject.resolve() is Group": [("ob1", False)],
    "Observation.where(subject.resolve().birthDate < @1990).id": [("ob1", "ob1")],
    "Observation.where(subject.resolve().exists().not()).id": [("ob2", "ob2")],
    "Observation.performer.resolve().id": [("ob1", "o1"), ("ob1", "d2")],
    "Observation.performer.resolve().type().name": [("ob1", "Organization"), ("ob1", "Practitioner")],
    "Observation.performer.resolve().ofType(Practitioner).gender": [("ob1", "female")],
    "Observation.performer.where(resolve() is Organization).reference": [("ob1", "Organization/o1")],
    "Observation.performer.select(resolve().name)": [("ob1", "Outer")],
    "Observation.focus.resolve().ofType(Practitioner).gender": [("ob1", "male")],
    "Observation.focus.resolve().select(id & '!')": [("ob1", "d1!"), ("ob1", "o1!")],
    "Observation.value.ofType(string).resolve().ofType(Patient).birthDate": [("ob1", "1980-05-17")],
    "Observation.hasMember.resolve().derivedFrom.resolve().id": [("ob1", "ob1")],
    "Observation.subject.resolve().managingOrganization.resolve().name": [("ob1", "Outer")],
    # A fragment means the resource that has it: the patient has a "gp" too.
    "Observation.subject.resolve().managingOrganization.resolve().partOf.resolve().name": [("ob1", "Inner")],
    "Observation.performer.resolve().partOf.resolve().name": [("ob1", "Inner")],
    "Observation.performer.resolve().where(partOf.resolve().name = 'Inner').id": [("ob1", "o1")],
    "Observation.performer.resolve().ofType(Organization).select(partOf.resolve()).name": [("ob1", "Inner")],
    "Organization.contained.partOf.resolve().id": [("o1", "o1")],
    "Patient.generalPractitioner.resolve().gender": [("p1", "male"), ("p1", "other"), ("p1", "female")],
    "Patient.generalPractitioner[1].resolve().gender": [("p1", "other")],
    "Patient.generalPractitioner.resolve().where(gender = 'male').id": [("p1", "d1")],
    "Patient.generalPractitioner.reference.resolve().id": [("p1", "d1"), ("p1", "gp"), ("p1", "d2")],
    "Patient.generalPractitioner.where($index > 0).resolve().id": [("p1", "gp"), ("p1", "d2")],
    "Patient.select(generalPractitioner.first().resolve() | managingOrganization.resolve()).id": [
        ("p1", "d1"),
        ("p1", "o1"),
    ],
    "Patient.generalPractitioner.resolve().count()": [("p1", 3)],
    "Patient.generalPractitioner.all(resolve().exists())": [("p1", False)],
    "iif(Patient.active, Patient.managingOrganization, Patient.generalPractitioner).resolve().id": [
        ("p1", "d1"),
        ("p1", "gp"),
        ("p1", "d2"),
    ],
    "QuestionnaireResponse.questionnaire.resolve().ofType(Questionnaire).title": [
        ("r1", "two"),
        ("r2", "three"),
        ("r3", "two"),
    ],
}


@pytest.fixture(scope="module")
def pair(make_pair: MakePair) -> Iterator[Pair]:
    with make_pair(*_RESOURCES) as pair:
        yield pair


@pytest.mark.parametrize(("expression", "expected"), _ANSWERS.items(), ids=_ANSWERS)
def test_what_references_point_to(pair: Pair, expression: str, expected: list[tuple[Any, ...]]) -> None:
    assert pair.rows(expression) == expected


def test_errors_are_those_of_each_resource(pair: Pair) -> None:
    """What is looked up takes part in errors like anything else."""
    several = "Patient.generalPractitioner.resolve().gender.single()"
    assert "several" in pair.error(several).message
    for database in (pair.duckdb, pair.postgres):
        assert database.query(several, on_error="null").rows == []


_ORGANIZATION = {"resourceType": "Organization", "id": "o1", "name": "Here"}
_BUNDLE: dict[str, Any] = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {
            "fullUrl": "urn:uuid:7",
            "resource": {
                "resourceType": "Patient",
                "id": "p1",
                "gender": "female",
                "contained": [{"resourceType": "Organization", "id": "x", "name": "of p1"}],
                "managingOrganization": {"reference": "#x"},
            },
        },
        {
            "fullUrl": "http://a.org/fhir/Patient/p2",
            "resource": {
                "resourceType": "Patient",
                "id": "p2",
                "gender": "male",
                "contained": [{"resourceType": "Organization", "id": "x", "name": "of p2"}],
                "managingOrganization": {"reference": "#x"},
                "generalPractitioner": [{"reference": "Organization/o1"}],
            },
        },
        {"fullUrl": "http://b.org/fhir/Organization/o1", "resource": {**_ORGANIZATION, "name": "There"}},
        {"fullUrl": "http://a.org/fhir/Organization/o1", "resource": _ORGANIZATION},
        {"resource": {"resourceType": "Observation", "id": "b1", "subject": {"reference": "urn:uuid:7"}}},
        {"resource": {"resourceType": "Observation", "id": "b2", "subject": {"reference": "Patient/p2"}}},
        {"resource": {"resourceType": "Observation", "subject": {"reference": "http://a.org/fhir/Patient/p2"}}},
        {"resource": {"resourceType": "Observation", "subject": {"reference": "http://c.org/fhir/Patient/p2"}}},
    ],
}

_IN_BUNDLES: dict[str, list[Any]] = {
    "entry.resource.subject.resolve().gender": ["female", "male", "male"],
    "entry.resource.ofType(Observation).subject.resolve().ofType(Patient).gender": ["female", "male", "male"],
    "entry.resource.ofType(Observation).where(subject.resolve().gender = 'female').id": ["b1"],
    "entry.select(resource.ofType(Observation).subject.resolve().gender)": ["female", "male", "male"],
    "entry[4].resource.ofType(Observation).subject.resolve().gender": ["female"],
    "entry.resource.managingOrganization.resolve().name": ["of p1", "of p2"],
    "entry.resource.ofType(Patient).managingOrganization.resolve().name": ["of p1", "of p2"],
    "entry.resource.ofType(Patient).select(managingOrganization.resolve()).name": ["of p1", "of p2"],
    "entry.resource.ofType(Patient).where(managingOrganization.resolve().name = 'of p2').id": ["p2"],
    "entry.resource.subject.resolve().managingOrganization.resolve().name": ["of p1", "of p2", "of p2"],
    # A relative reference means the server that the entry is from.
    "entry.resource.ofType(Patient).generalPractitioner.resolve().ofType(Organization).name": ["Here"],
    "'urn:uuid:7'.resolve().ofType(Patient).id": ["p1"],
    "'urn:uuid:8'.resolve()": [],
}


@pytest.mark.parametrize(("expression", "expected"), _IN_BUNDLES.items(), ids=_IN_BUNDLES)
def test_in_a_bundle_that_is_evaluated(pair: Pair, expression: str, expected: list[Any]) -> None:
    """The entries are looked into, and nothing that is stored."""
    for database in (pair.duckdb, pair.postgres):
        assert database.evaluate(expression, _BUNDLE) == expected


def test_one_resource_is_looked_up_in_itself_alone(pair: Pair) -> None:
    for database in (pair.duckdb, pair.postgres):
        assert database.evaluate("subject.resolve()", _RESOURCES[5]) == []
        assert database.evaluate("generalPractitioner.resolve().gender", _RESOURCES[0]) == ["other"]


def test_what_is_contained_points_to_what_is_beside_it(pair: Pair) -> None:
    request = {
        "resourceType": "MedicationRequest",
        "contained": [
            {"resourceType": "Medication", "id": "med", "manufacturer": {"reference": "#org"}},
            {"resourceType": "Organization", "id": "org", "name": "O"},
        ],
        "medicationReference": {"reference": "#med"},
    }
    for database in (pair.duckdb, pair.postgres):
        assert database.evaluate("medication.resolve().manufacturer.resolve().name", request) == ["O"]
        assert database.evaluate("contained.where(manufacturer.resolve().name = 'O').id", request) == ["med"]


def test_what_cannot_point_anywhere(pair: Pair) -> None:
    """By the specification such items are left out; in strict mode that is taken for a mistake."""
    assert pair.rows("Patient.birthDate.resolve()") == []
    assert isinstance(pair.error("Patient.birthDate.resolve()", strict=True), InvalidOperation)


def test_without_a_model(pair: Pair) -> None:
    for database in (pair.duckdb, pair.postgres):
        untyped = Database(database.dispatcher, table=database.table, model=None)
        assert untyped.query("Observation.subject.resolve().birthDate").values() == ["1980-05-17"]
        assert untyped.query("Patient.generalPractitioner.resolve().gender").values() == ["male", "other", "female"]


def test_over_files(tmp_path: Path) -> None:
    path = tmp_path / "all.ndjson"
    path.write_text("\n".join(map(encode_json, _RESOURCES)), encoding="utf-8")
    with connect() as database:
        for expression in ("Observation.subject.resolve().birthDate", "Patient.generalPractitioner.resolve().gender"):
            assert database.query(expression, files=path).rows == _ANSWERS[expression]


def test_over_a_table_of_another_shape(pair: Pair) -> None:
    """Where the key is not the id, the JSON says what a resource is called."""
    for database in (pair.duckdb, pair.postgres):
        view = f"{database.table}_view"
        database.execute_query(
            f"CREATE VIEW {view} AS SELECT ROW_NUMBER() OVER (ORDER BY id, resource_type) AS id, resource "
            f"FROM {database.table}"
        )
        other = Database(database.dispatcher, table=view)
        try:
            assert other.query("Observation.subject.resolve().birthDate").values() == ["1980-05-17"]
            assert other.query("Patient.generalPractitioner.resolve().gender").values() == ["male", "other", "female"]
        finally:
            database.execute_query(f"DROP VIEW {view}")
