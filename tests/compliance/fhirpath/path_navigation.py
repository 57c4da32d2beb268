"""The ten Path Navigation expressions, and what they give over the hundred patients of the fixture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs

from fhir4ds.testing.comparison import canonical, canonical_rows

PATIENTS = Path(__file__).parents[2] / "fixtures" / "fhir" / "patients.json"
PATIENT_COUNT = 100


@attrs.frozen
class Case:
    """An expression, how many rows it has, and the values that come first."""

    expression: str
    rows: int
    samples: tuple[Any, ...]

    @property
    def path(self) -> tuple[str, ...]:
        """Names of the elements that it goes through."""
        return tuple(self.expression.split(".")[1:])


PATH_NAVIGATION = (
    Case("Patient.birthDate", 100, ("1971-02-02", "1972-03-03", "1973-04-04")),
    Case("Patient.gender", 100, ("female", "other", "unknown", "male")),
    Case("Patient.active", 100, (True, False)),
    Case(
        "Patient.name",
        200,
        (
            {"use": "official", "family": "Family1", "given": ["Given1", "Alias1"]},
            {"use": "nickname", "family": "NickFamily1", "given": ["Nick1"]},
        ),
    ),
    Case("Patient.name.given", 300, ("Given1", "Alias1", "Nick1")),
    Case("Patient.name.family", 200, ("Family1", "NickFamily1", "Family2")),
    Case(
        "Patient.telecom",
        200,
        ({"system": "phone", "value": "555-0101"}, {"system": "email", "value": "patient1@example.com"}),
    ),
    Case(
        "Patient.identifier",
        200,
        (
            {"system": "http://hospital.org/mrn", "value": "MRN0001"},
            {"system": "http://insurance.org/mid", "value": "MID0001"},
        ),
    ),
    Case("Patient.address", 100, ({"line": ["101 Main St", "Suite 1"], "city": "City1"},)),
    Case("Patient.address.line", 200, ("101 Main St", "Suite 1", "102 Main St")),
)


def patients() -> list[dict[str, Any]]:
    """The resources of the fixture."""
    loaded: list[dict[str, Any]] = json.loads(PATIENTS.read_text("utf-8"))
    return loaded


def walk(value: Any, path: tuple[str, ...]) -> list[Any]:
    """What is at the end of a path, by the plainest means there are."""
    if isinstance(value, list):
        return [item for member in value for item in walk(member, path)]
    if not path:
        return [value]
    return walk(value[path[0]], path[1:]) if path[0] in value else []


def expected_rows(case: Case, resources: list[dict[str, Any]]) -> list[tuple[Any, Any]]:
    """Every row of an expression: the id of the resource and the value, in the order of ids and of the document."""
    ordered = sorted(resources, key=lambda resource: str(resource["id"]))
    return [(resource["id"], value) for resource in ordered for value in walk(resource, case.path)]


def faults(case: Case, rows: list[tuple[Any, Any]], resources: list[dict[str, Any]]) -> list[str]:
    """What is wrong with the rows that a database gave; nothing where they are right.

    Keys other than the ids of the resources are fine, as anybody's table may have them, as long as each row belongs to
    the right resource.
    """
    found = []
    if len(rows) != case.rows:
        found.append(f"{len(rows)} rows instead of {case.rows}")
    keys = list(dict.fromkeys(key for key, _ in rows))
    if len(keys) != PATIENT_COUNT:
        found.append(f"{len(keys)} resources instead of {PATIENT_COUNT}")
    values = [value for _, value in rows]
    for place, sample in enumerate(case.samples):
        if place < len(values) and canonical(values[place]) != canonical(sample):
            found.append(f"row {place + 1} is {values[place]!r} instead of {sample!r}")
    if not found:
        expected = expected_rows(case, resources)
        ids = list(dict.fromkeys(id for id, _ in expected))
        key_of = dict(zip(ids, keys, strict=True))
        wanted = [(key_of[id], value) for id, value in expected]
        if canonical_rows(rows) != canonical_rows(wanted):
            place = next(n for n, (a, b) in enumerate(zip(rows, wanted, strict=True)) if a != b)
            found.append(f"row {place + 1} is {rows[place]!r} instead of {wanted[place]!r}")
    return found
