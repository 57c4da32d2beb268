"""docs/reference/sql-on-fhir.md has every sentence that concerns a runner, and names tests that there are."""

from __future__ import annotations

import ast
import json
import re

import pytest

from tests.support.conformance import conformance_dir
from tests.support.documentation import DOCS, ROOT

#: The pages of the specification that speak to view runners.
_PAGES = {
    "StructureDefinition-ViewDefinition-notes.md",
    "StructureDefinition-ShareableViewDefinition-notes.md",
    "functional-model.md",
}
_ROW = re.compile(
    r"^\| (?P<id>[a-z]+-\d+) \| (?P<level>[A-Z ]+) \| [^|]+ \| (?P<verdict>[a-z ]+) \| (?P<shown>[^|]+) \|$"
)
_TEST = re.compile(r"`(test_\w+)`")


def _rows() -> list[dict[str, str]]:
    text = (DOCS / "reference" / "sql-on-fhir.md").read_text("utf-8")
    return [found.groupdict() for line in text.splitlines() if (found := _ROW.match(line))]


def test_every_sentence_for_runners_is_in_the_table() -> None:
    place = conformance_dir() / "sql-on-fhir" / "spec" / "3.0.0-ballot" / "conformance-statements.json"
    sentences = json.loads(place.read_text("utf-8"))
    expected = {sentence["id"]: sentence["level"] for sentence in sentences if sentence["page"] in _PAGES}
    assert {row["id"]: row["level"] for row in _rows()} == expected
    assert len(_rows()) == len(expected) == 26


def test_every_test_that_is_named_exists() -> None:
    tree = ast.parse((ROOT / "tests" / "integration" / "views" / "test_conformance_statements.py").read_text("utf-8"))
    tests = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}
    named = {name for row in _rows() for name in _TEST.findall(row["shown"])}
    assert named == tests


@pytest.mark.parametrize("row", _rows(), ids=lambda row: row["id"])
def test_a_verdict_is_shown(row: dict[str, str]) -> None:
    """What is met has a test; what is obligatory is met."""
    assert row["verdict"] in ("met", "not met", "not applicable")
    assert row["verdict"] != "met" or _TEST.search(row["shown"])
    assert row["verdict"] == "met" or row["level"] != "SHALL"
