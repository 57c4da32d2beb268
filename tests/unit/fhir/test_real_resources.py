"""The R4 model against resources that nobody here made."""

from __future__ import annotations

import json

import pytest

from fhir4ds.fhir.model import load_model
from tests.support.fhir_shape import differences
from tests.support.sample_data import data_dir, shared_dir

R4 = load_model("R4")


def test_every_member_of_every_sample_resource_is_foreseen() -> None:
    files = sorted(data_dir().glob("**/*.ndjson"))
    assert files
    for file in files:
        lines = file.read_text(encoding="utf-8").split("\n")
        resources = [json.loads(line) for line in lines if line]
        assert {resource["resourceType"] for resource in resources} == {file.stem}
        assert [problem for resource in resources for problem in differences(R4, resource)] == []


def test_every_member_of_the_examples_of_the_fhirpath_suite_is_foreseen() -> None:
    files = sorted((shared_dir() / "conformance" / "fhirpath" / "r4" / "input").glob("*.json"))
    assert len(files) == 11
    for file in files:
        assert list(differences(R4, json.loads(file.read_text(encoding="utf-8")))) == [], file.name


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"nam": []}, "Patient.nam: no such element"),
        ({"name": {"family": "x"}}, "Patient.name: no array"),
        ({"gender": ["male"]}, "Patient.gender: an array"),
        ({"gender": None}, "Patient.gender: not the JSON of code: None"),
        ({"active": "true"}, "Patient.active: not the JSON of boolean: 'true'"),
        ({"multipleBirthInteger": True}, "Patient.multipleBirthInteger: not the JSON of integer: True"),
        ({"multipleBirth": 1}, "Patient.multipleBirth: no such element"),
        ({"_name": [{}]}, "Patient._name: HumanName is no primitive"),
        ({"maritalStatus": "S"}, "Patient.maritalStatus: not the JSON of CodeableConcept: 'S'"),
        ({"contained": [{"resourceType": "HumanName"}]}, "Patient.contained: not a resource type: 'HumanName'"),
        ({"name": [{"givn": ["x"]}]}, "Patient.name.givn: no such element"),
    ],
)
def test_the_comparison_finds_what_is_wrong(change: dict[str, object], problem: str) -> None:
    assert list(differences(R4, {"resourceType": "Patient", "id": "a", **change})) == [problem]
