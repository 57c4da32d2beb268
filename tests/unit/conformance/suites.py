"""Tiny suites, in the format of the official one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PATIENT = '{"resourceType": "Patient", "birthDate": "1974-12-25", "name": [{"given": ["Ada", "Eve"]}]}'


def entry(name: str, expression: str, *outputs: tuple[str | None, str], **keys: Any) -> dict[str, Any]:
    """A test as ``tests.json`` has it."""
    group = keys.pop("group", "one")
    return {
        "id": f"{group}/{name}",
        "group": group,
        "name": name,
        "description": None,
        "inputfile": "patient.json",
        "expression": expression,
        "predicate": False,
        "mode": None,
        "invalid": None,
        "outputs": [{"type": type, "value": value} for type, value in outputs],
        "ordered": True,
        "version": None,
        **keys,
    }


#: Tests that pass and tests that fail, of each kind; names that begin with "no" are those that must fail.
MIXED = [
    entry("given", "Patient.name.given", ("string", "Ada"), ("string", "Eve")),
    entry("sum", "1 + 1", ("integer", "2"), inputfile=None),
    entry("empty", "Patient.photo"),
    entry("predicate", "Patient.birthDate", ("boolean", "true"), predicate=True),
    entry("no-value", "Patient.birthDate", ("date", "@1974-12-26")),
    entry("no-type", "Patient.birthDate", ("dateTime", "@1974-12-25")),
    entry("no-error", "Patient.name.given.single()", ("string", "Ada")),
    entry("syntax", "1 +", invalid="syntax", group="two"),
    entry("semantic", "Patient.nam", invalid="semantic", group="two"),
    entry("strict", "iif('a', 1, 2)", invalid="semantic", mode="strict", group="two"),
    entry("execution", "Patient.name.given.single()", invalid="execution", group="two"),
    entry("no-function", "Patient.frobnicate()", invalid="semantic", group="two"),
    entry("no-refusal", "Patient.name", invalid="execution", group="two"),
    entry("no-late-refusal", "Patient.name.given.single()", invalid="semantic", group="two"),
]

FAILING = [test["id"] for test in MIXED if test["name"].startswith("no-")]
PASSING = [test["id"] for test in MIXED if test["id"] not in FAILING]


def write_suite(folder: Path, tests: Any, **inputs: str) -> Path:
    """A suite on disk; its inputs are a patient and those that are given, by name."""
    (folder / "input").mkdir(parents=True)
    for name, text in {"patient": PATIENT, **inputs}.items():
        (folder / "input" / f"{name}.json").write_text(text, "utf-8")
    (folder / "tests.json").write_text(json.dumps(tests), "utf-8")
    return folder
