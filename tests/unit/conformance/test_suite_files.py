"""Reading a suite: where it may be, what it holds, and what is said where it cannot be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fhir4ds.conformance.suite import Case, Output, Stage, read_suite
from fhir4ds.errors import SourceError
from tests.unit.conformance.suites import PATIENT, entry, write_suite


def test_all_that_a_test_says_is_read(tmp_path: Path) -> None:
    tests = [
        entry("a", " 1 + 1 // two\n", ("integer", "2"), (None, "@2014"), inputfile=None, ordered=False),
        entry("b", "name", invalid="semantic", mode="strict", group="h", inputfile="other.json"),
        entry("c", "name", predicate=True, version="2.1.0", checkOrderedFunctions=True),
    ]
    other = '{"resourceType": "Observation", "valueDecimal": 1.50}'
    assert read_suite(write_suite(tmp_path, tests, other=other)) == (
        Case(
            id="one/a",
            group="one",
            expression=" 1 + 1 // two\n",
            outputs=(Output("integer", "2"), Output(None, "@2014")),
            ordered=False,
        ),
        Case(id="h/b", group="h", expression="name", invalid=Stage.SEMANTIC, strict=True, resource=other),
        Case(id="one/c", group="one", expression="name", predicate=True, resource=PATIENT),
    )


def test_keys_that_have_a_usual_value_may_be_missing(tmp_path: Path) -> None:
    tests = [{"id": "g/t", "group": "g", "expression": "1", "outputs": []}]
    assert read_suite(write_suite(tmp_path, tests)) == (Case(id="g/t", group="g", expression="1"),)


def test_the_parent_will_do(tmp_path: Path) -> None:
    suite = write_suite(tmp_path / "r4", [entry("a", "1")])
    assert read_suite(tmp_path) == read_suite(suite) == read_suite(str(suite))


@pytest.mark.parametrize(
    ("resource", "type"),
    [(PATIENT, "Patient"), ("{}", None), ('{"resourceType": 1}', None)],
)
def test_type_of_the_input(resource: str, type: str | None) -> None:
    assert Case(id="g/t", group="g", expression="1", resource=resource).resource_type == type


@pytest.mark.parametrize("missing", ["nowhere", "."])
def test_no_suite(tmp_path: Path, missing: str) -> None:
    with pytest.raises(SourceError) as caught:
        read_suite(tmp_path / missing)
    what = f"no tests.json in {tmp_path}" if missing == "." else f"no folder {tmp_path / missing}"
    assert caught.value.message == f"there is {what}: this is no FHIRPath test suite"
    assert caught.value.hint == "name the folder that holds tests.json and input/, or its parent"


@pytest.mark.parametrize(
    ("tests", "message"),
    [
        ({}, "is no list of tests"),
        ([], "is no list of tests"),
        ([entry("a", "1"), {"id": "x"}], "test 2 cannot be read: it has no 'group'"),
        ([entry("a", "1", invalid="sometimes")], "test 1 cannot be read: 'sometimes' is not a valid Stage"),
        ([{**entry("a", "1"), "expression": 1}], "test 1 cannot be read: 1 is no text"),
        ([{**entry("a", "1"), "outputs": [{"type": "integer", "value": 2}]}], "test 1 cannot be read: 2 is no text"),
        ([{**entry("a", "1"), "outputs": [{"type": "integer"}]}], "test 1 cannot be read: it has no 'value'"),
        ([entry("a", "1"), entry("a", "2")], "the id 'one/a' is there twice"),
        ([entry("a", "1", inputfile="gone.json")], "gone.json cannot be read: No such file or directory"),
    ],
)
def test_suite_that_cannot_be_read(tmp_path: Path, tests: Any, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        read_suite(write_suite(tmp_path, tests))
    assert caught.value.message.startswith(str(tmp_path))
    assert caught.value.message.endswith(message)


@pytest.mark.parametrize("text", ["[]", "{", ""])
def test_input_that_is_no_resource(tmp_path: Path, text: str) -> None:
    suite = write_suite(tmp_path, [entry("a", "1", inputfile="bad.json")], bad=text)
    with pytest.raises(SourceError, match=r"bad\.json is no (resource|JSON)"):
        read_suite(suite)


def test_tests_that_are_no_json(tmp_path: Path) -> None:
    suite = write_suite(tmp_path, [])
    (suite / "tests.json").write_text(json.dumps([entry("a", "1")])[:-1])
    with pytest.raises(SourceError, match=r"tests\.json is no JSON"):
        read_suite(suite)
