"""The fixtures are what their script writes, and what tests rely on."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fhir4ds.fhir.model import load_model
from tests.fixtures.fhir.generate import FOLDER, files
from tests.support.fhir_shape import differences

R4 = load_model("R4")


@pytest.fixture(scope="module")
def patients() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((FOLDER / "patients.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return (FOLDER / "hard-cases.ndjson").read_bytes().decode("utf-8").split("\n")[:-1]


@pytest.mark.parametrize("file", files(), ids=lambda file: file.name)
def test_a_fixture_is_what_its_script_writes(file: Path) -> None:
    assert file.read_bytes() == files()[file].encode("utf-8")


def test_there_are_a_hundred_patients_in_order(patients: list[dict[str, Any]]) -> None:
    ids = [patient["id"] for patient in patients]
    assert len(set(ids)) == 100
    assert ids == sorted(ids)
    assert [problem for patient in patients for problem in differences(R4, patient)] == []


def test_rows_of_the_ten_path_expressions(patients: list[dict[str, Any]]) -> None:
    def values(*path: str) -> list[Any]:
        items: list[Any] = patients
        for step in path:
            found = [item[step] for item in items]
            items = [one for value in found for one in (value if isinstance(value, list) else [value])]
        return items

    birth_dates = values("birthDate")
    assert birth_dates[:3] == ["1971-02-02", "1972-03-03", "1973-04-04"]
    assert len([date.fromisoformat(text) for text in birth_dates]) == 100
    assert values("gender")[:4] == ["female", "other", "unknown", "male"]
    assert Counter(values("gender")) == {"female": 25, "other": 25, "unknown": 25, "male": 25}
    assert values("active") == [True, False] * 50
    assert len(values("name")) == 200
    assert values("name")[:2] == [
        {"use": "official", "family": "Family1", "given": ["Given1", "Alias1"]},
        {"use": "nickname", "family": "NickFamily1", "given": ["Nick1"]},
    ]
    assert len(values("name", "given")) == 300
    assert values("name", "given")[:4] == ["Given1", "Alias1", "Nick1", "Given2"]
    assert len(values("name", "family")) == 200
    assert values("name", "family")[:3] == ["Family1", "NickFamily1", "Family2"]
    assert len(values("telecom")) == 200
    assert values("telecom")[:2] == [
        {"system": "phone", "value": "555-0101"},
        {"system": "email", "value": "patient1@example.com"},
    ]
    assert len(values("identifier")) == 200
    assert values("identifier")[:2] == [
        {"system": "http://hospital.org/mrn", "value": "MRN0001"},
        {"system": "http://insurance.org/mid", "value": "MID0001"},
    ]
    assert len(values("address")) == 100
    assert values("address")[0] == {"line": ["101 Main St", "Suite 1"], "city": "City1"}
    assert len(values("address", "line")) == 200
    assert values("address", "line")[:3] == ["101 Main St", "Suite 1", "102 Main St"]


def test_every_hard_case_is_json_that_any_database_can_hold(lines: list[str]) -> None:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs), "a key stands twice"
        return dict(pairs)

    resources = [json.loads(line, object_pairs_hook=once, parse_float=Decimal) for line in lines]
    keys = [(resource["resourceType"], resource["id"]) for resource in resources]
    assert len(set(keys)) == len(keys) == len(lines)
    assert not any("\x00" in line or "\\u0000" in line for line in lines)


def test_hard_cases_are_shaped_as_fhir_says_but_for_their_nulls(lines: list[str]) -> None:
    problems = [problem for line in lines for problem in differences(R4, json.loads(line))]
    assert problems == [
        "Patient.active: not the JSON of boolean: None",
        "Patient.name: no array",
        "Patient.gender: not the JSON of code: None",
        "Patient.birthDate: not the JSON of date: None",
        "Patient.address.line: no array",
        "Patient.address.city: not the JSON of string: None",
        "Patient.birthDate: not the JSON of date: None",
    ]


def test_hard_cases_keep_what_is_hard_about_them(lines: list[str]) -> None:
    text = "\n".join(lines)
    for number in ("1.50", "1e2", "0.1", "3.141592653589793238462643383279", "9007199254740993"):
        assert f'"value":{number},' in text
    assert "\U0001f600" in text and "\\ud83d\\ude00" in text
    assert "\u2028" in text and "\u0085" in text
    assert "A\u030a" in text and "\u00c5" in text and "\u05e9\u05dd" in text
    assert len(max(lines, key=len)) > 65536
    observations = [json.loads(line) for line in lines if '"resourceType":"Observation"' in line]
    choices = {R4.choice("Observation", key)[1] for one in observations for key in one if key.startswith("value")}  # type: ignore[index]
    assert choices == set(R4.elements("Observation")["value"].types)
    (questionnaire,) = (json.loads(line) for line in lines if '"resourceType":"Questionnaire"' in line)
    depth, items = 0, questionnaire["item"]
    while items:
        depth, items = depth + 1, items[0].get("item")
    assert depth == 16
