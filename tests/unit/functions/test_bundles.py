"""References to the entries of a Bundle, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from fhir4ds.database import Database


def _versions(*references: str) -> dict[str, Any]:
    """A Bundle with two versions of a Patient, and an Observation of each reference."""
    url = "http://a.org/fhir/Patient/x"
    patients = [
        {"fullUrl": url, "resource": {"resourceType": "Patient", "id": "x", "meta": {"versionId": v}, "gender": g}}
        for v, g in (("1", "male"), ("2", "female"))
    ]
    observations = [
        {
            "fullUrl": f"http://a.org/fhir/Observation/{number}",
            "resource": {"resourceType": "Observation", "id": str(number), "subject": {"reference": reference}},
        }
        for number, reference in enumerate(references)
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": [*patients, *observations]}


@pytest.mark.parametrize(
    ("reference", "genders"),
    [
        ("Patient/x/_history/2", ["female"]),
        ("Patient/x/_history/1", ["male"]),
        ("http://a.org/fhir/Patient/x/_history/2", ["female"]),
        ("Patient/x/_history/3", []),
        ("http://a.org/fhir/Patient/x/_history/3", []),
        ("Patient/x", ["male"]),
        ("http://a.org/fhir/Patient/x", ["male"]),
    ],
)
def test_versions_of_entries(database: Database, reference: str, genders: list[str]) -> None:
    """FHIR, "Bundle": without its version a url is that of the entry, whose resource says which version it is."""
    expression = "entry.resource.ofType(Observation).subject.resolve().gender"
    assert database.evaluate(expression, _versions(reference)) == genders


def test_an_entry_that_does_not_say_its_version(database: Database) -> None:
    bundle = _versions("Patient/x/_history/7")
    bundle["entry"][0]["resource"]["meta"] = {}
    expression = "entry.resource.ofType(Observation).subject.resolve().gender"
    assert database.evaluate(expression, bundle) == ["male"]
