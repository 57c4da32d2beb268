"""Measures how long the compiler takes for the expressions of the official FHIRPath suite; no database is involved.

::

    python -m tests.benchmarks.compile_time
    python -m tests.benchmarks.compile_time --suite DIR --rounds 20 --json

Figures are over the expressions, of which each counts with the median of its rounds. A first compilation goes the whole
way from text to SQL; a cached one finds the statement again.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs

from fhir4ds.compiler.compiler import compile_expression
from fhir4ds.compiler.options import Options
from fhir4ds.conformance.suite import Case, read_suite
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.errors import CompileError
from fhir4ds.fhir.model import load_model
from fhir4ds.plan.source import InlineSource
from fhir4ds.registry import registry

#: Most that the median expression may take, in milliseconds.
TARGET_FIRST = 5.0
TARGET_CACHED = 0.1

_BESIDE = Path(__file__).parents[3] / "shared" / "conformance" / "fhirpath"
_DIALECTS = ("duckdb", "postgres")


@attrs.frozen
class Report:
    """Milliseconds of each expression in one dialect."""

    dialect: str
    first: list[float]
    cached: list[float]
    slowest: str

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "dialect": self.dialect,
            "expressions": len(self.first),
            "first": _figures(self.first),
            "cached": _figures(self.cached),
            "slowest": self.slowest,
        }

    def __str__(self) -> str:
        lines = [f"{self.dialect}, {len(self.first)} expressions, milliseconds"]
        for name in ("first", "cached"):
            figures = "  ".join(f"{key} {value:.4f}" for key, value in _figures(getattr(self, name)).items())
            lines.append(f"  {name:<7} {figures}")
        return "\n".join([*lines, f"  slowest {' '.join(self.slowest.split())}"])


def _figures(times: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(times), 4),
        "p95": round(statistics.quantiles(times, n=20)[-1], 4),
        "max": round(max(times), 4),
    }


def measure(dialect: str, cases: Sequence[Case], rounds: int) -> Report:
    """Compile each expression that can be compiled.

    Parameters
    ----------
    dialect : str
        Whose SQL it becomes.
    cases : sequence of Case
        Where the expressions come from; those that the compiler refuses are left out.
    rounds : int
        How often each is compiled.

    Returns
    -------
    Report
    """
    syntax = registry.get(dialect).syntax
    load_model("R4")  # read once in a process, by whatever comes first
    first: dict[str, float] = {}
    cached: dict[str, float] = {}
    gc.collect()
    gc.disable()
    try:
        for case in cases:
            arguments = _arguments(case, syntax)
            try:
                compile_expression(*arguments)
            except CompileError:
                continue
            first[case.expression] = _median(lambda given=arguments: compile_expression.__wrapped__(*given), rounds)
            cached[case.expression] = _median(lambda given=arguments: compile_expression(*given), rounds)
    finally:
        gc.enable()
    return Report(dialect, list(first.values()), list(cached.values()), max(first, key=first.__getitem__))


def _arguments(case: Case, syntax: Syntax) -> tuple[str, Syntax, InlineSource, Options]:
    about = () if case.resource_type is None else (case.resource_type,)
    return case.expression, syntax, InlineSource(), Options(strict=case.strict, context=about)


def _median(work: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def misses(reports: Sequence[Report]) -> list[str]:
    """What is slower than its target."""
    return [
        f"{report.dialect}: {name} compilation takes {median:.4f} ms, target {target:g} ms"
        for report in reports
        for name, times, target in (("first", report.first, TARGET_FIRST), ("cached", report.cached, TARGET_CACHED))
        if (median := statistics.median(times)) > target
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line says and print it."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.compile_time", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--suite", default=str(_BESIDE), metavar="DIR", help="folder of the suite")
    parser.add_argument("--rounds", type=int, default=5, help="how often each expression is compiled (default: 5)")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    options = parser.parse_args(arguments)
    cases = read_suite(options.suite)
    reports = [measure(dialect, cases, options.rounds) for dialect in _DIALECTS]
    missed = misses(reports)
    if options.json:
        print(json.dumps({"reports": [report.to_dict() for report in reports], "missed": missed}, indent=2))
    else:
        print("\n".join(map(str, reports)))
        print("slower than the target:" if missed else "all within their targets")
        for line in missed:
            print(f"  {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
