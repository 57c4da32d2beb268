"""The kit catches dialects that each break one rule."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable

import attrs
import pytest

from fhir4ds.dialect.model import Dialect
from fhir4ds.registry import registry

from .broken import BROKEN

_QUIET = ["-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "fhir4ds.testing"]


def failed_cases(pytester: pytest.Pytester, dialect: Dialect, cases: Iterable[str]) -> set[str]:
    """Run cases of the kit for a dialect, and tell those that fail."""
    suite = sorted({f"fhir4ds.testing.suite.test_{case.partition('/')[0]}" for case in cases})
    tests = {case.partition("/")[2].partition("[")[0].replace("-", "_") for case in cases}
    report = pytester.path / "report.json"
    with registry.override(dialect):
        pytester.inline_run(
            *_QUIET, "--dialect", dialect.name, "--report", str(report), "-k", " or ".join(tests), "--pyargs", *suite
        )
    cases = json.loads(report.read_text("utf-8"))[dialect.name]["cases"]
    return {case["case"] for case in cases if case["outcome"] == "failed"}


@pytest.mark.parametrize("rule", BROKEN)
def test_broken_rule_is_caught(pytester: pytest.Pytester, rule: str) -> None:
    """The cases of the rule fail."""
    dialect, cases = BROKEN[rule]
    failed = failed_cases(pytester, dialect, cases)
    assert cases <= failed, failed


@pytest.mark.parametrize(
    ("line", "case"),
    [
        ("import time", "thinness/plugin-has-no-policy"),
        ("import tenacity", "thinness/plugin-has-no-policy"),
        ("from fhir4ds.runtime.retry import RetryPolicy", "thinness/plugin-imports-the-plugin-api-only"),
        ('WORD = "the Patient resource"', "thinness/plugin-does-not-speak-of-fhir"),
        ("\n" * 600, "thinness/modules-of-the-plugin-are-small"),
    ],
    ids=["clock", "library", "core", "word", "size"],
)
def test_thick_plugin_is_caught(pytester: pytest.Pytester, line: str, case: str) -> None:
    """What a plugin must not hold is found in its modules, without importing them."""
    sound, _ = BROKEN["a cancellation comes late"]
    package = pytester.mkpydir("thick_plugin")
    (package / "__init__.py").write_text(
        "from fhir4ds_duckdb.syntax import DuckDBSyntax\n\nclass ThickSyntax(DuckDBSyntax):\n    pass\n", "utf-8"
    )
    (package / "more.py").write_text(line, "utf-8")
    pytester.syspathinsert()
    syntax = importlib.import_module(package.name).ThickSyntax()
    failed = failed_cases(pytester, attrs.evolve(sound, syntax=syntax), [case])
    assert case in failed
