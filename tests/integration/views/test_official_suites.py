"""The official suites of SQL on FHIR: every test, on both databases, with the same rows in the same order."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.errors import CompileError, EvaluationError
from fhir4ds.testing.comparison import canonical_rows
from tests.integration.views.conftest import Stored
from tests.support.conformance import conformance_dir

pytestmark = pytest.mark.postgres

#: Tests of the published suite that contradict FHIRPath, where ``join`` of nothing is nothing; its successor took them out.
_EXPECTED_FAILURES = {
    ("tests", "fhirpath", "string join"): "wants an empty string where FHIRPath has nothing",
    ("tests", "fhirpath", "string join: default separator"): "wants an empty string where FHIRPath has nothing",
}

_SIZES = {"tests": 134, "tests-next": 148}


def _files() -> Iterator[tuple[str, Path]]:
    for suite in _SIZES:
        for file in sorted((conformance_dir() / "sql-on-fhir" / suite).glob("*.json")):
            yield suite, file


_FILES = list(_files())


@pytest.mark.parametrize(("suite", "file"), _FILES, ids=[f"{suite}-{file.stem}" for suite, file in _FILES])
def test_a_file(suite: str, file: Path, stored: Stored) -> None:
    """Every test of the file does what it wants, but for those that are known not to."""
    content = json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
    with stored(content["resources"]) as databases:
        failed = {test["title"] for test in content["tests"] if not _passes(test, databases)}
    expected = {title for of, stem, title in _EXPECTED_FAILURES if (of, stem) == (suite, file.stem)}
    assert failed == expected


@pytest.mark.parametrize("suite", _SIZES)
def test_the_suite_is_whole(suite: str) -> None:
    """No test is left out because its file is not there."""
    tests = [json.loads(file.read_text(encoding="utf-8"))["tests"] for of, file in _FILES if of == suite]
    assert sum(map(len, tests)) == _SIZES[suite]


def _passes(test: dict[str, Any], databases: tuple[Database, Database]) -> bool:
    if test.get("expectError"):
        refused = [_refusal(database, test["view"]) for database in databases]
        assert refused[0] == refused[1]
        return refused[0] is not None
    left, right = (database.view(test["view"]).run() for database in databases)
    assert canonical_rows(left.rows) == canonical_rows(right.rows)
    if "expectColumns" in test and [column.name for column in left.columns] != test["expectColumns"]:
        return False
    return Counter(map(_comparable, left.to_dicts())) == Counter(map(_comparable, test["expect"]))


def _refusal(database: Database, view: dict[str, Any]) -> tuple[type[Exception], str] | None:
    """What our own errors say; any other exception is a failure of the test."""
    try:
        database.view(view).run()
    except (CompileError, EvaluationError) as error:
        return type(error), str(error)
    return None


def _comparable(value: object) -> object:
    match value:
        case dict():
            return frozenset((name, _comparable(member)) for name, member in value.items())
        case list():
            return tuple(map(_comparable, value))
        case bool() | str() | None:
            return type(value).__name__, value
        case _:
            return "number", Decimal(str(value))
