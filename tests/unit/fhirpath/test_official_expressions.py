"""The expressions of the official FHIRPath suite for R4: what of them is the language and what is not."""

from __future__ import annotations

import json
import statistics
import time
from typing import Any

import pytest

from fhir4ds.errors import FHIRPathSyntaxError
from fhir4ds.fhirpath.parser import parse
from fhir4ds.fhirpath.unparse import unparse
from tests.support.conformance import conformance_dir

TESTS: list[dict[str, Any]] = json.loads((conformance_dir() / "fhirpath/r4/tests.json").read_text(encoding="utf-8"))

#: The suite lets an engine find these faults as late as it likes; to the grammar they are no expressions.
FOUND_WHILE_PARSING = {"testLiterals/testLiteralTimeUTC", "testLiterals/testLiteralTimeTimezoneOffset"}


def is_language(case: dict[str, Any]) -> bool:
    return case["invalid"] != "syntax" and case["id"] not in FOUND_WHILE_PARSING


def test_the_whole_suite_is_here() -> None:
    assert len(TESTS) == 935
    assert {case["id"] for case in TESTS if case["invalid"] == "syntax"} == {
        "comments/testComment7",
        "comments/testComment8",
    }


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in TESTS])
def test_expression(case: dict[str, Any]) -> None:
    if is_language(case):
        tree = parse(case["expression"])
        assert parse(unparse(tree)) == tree
    else:
        with pytest.raises(FHIRPathSyntaxError):
            parse(case["expression"])


def test_parsing_is_no_part_of_the_cost_of_a_query() -> None:
    def best(expression: str) -> float:
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            parse(expression)
            seconds.append(time.perf_counter() - start)
        return min(seconds)

    assert statistics.median(best(case["expression"]) for case in TESTS if is_language(case)) < 0.0003
