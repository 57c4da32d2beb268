"""Measures the ten Path Navigation expressions on DuckDB and PostgreSQL, and against SQL that an expert would write.

::

    python -m tests.benchmarks.path_navigation
    python -m tests.benchmarks.path_navigation --patients 100 --rounds 200 --json

All variants run in one process, one after the other in each round and in another order each time, so that a drift of
the machine meets all of them alike. Figures are medians of whole calls: compiled query (from the cache), connection from
the pool, transaction, rows as Python values. Expert SQL goes the same way. Without ``--url`` a server is started.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import Any

import attrs

from fhir4ds.database import Database, connect
from fhir4ds.runtime.result import decode
from fhir4ds.testing.comparison import canonical_rows
from tests.benchmarks.expert import expert_statement
from tests.compliance.fhirpath.path_navigation import PATH_NAVIGATION, Case
from tests.fixtures.fhir.patients import patients
from tests.support.postgres_server import PostgresServer

#: Most that PostgreSQL may take in times of DuckDB, at a hundred patients; and a compiled query in times of an expert's.
TARGET_PARITY = 1.2
TARGET_EXPERT = 1.25
TARGET_PATIENTS = 100

_VARIANTS = ("duckdb", "postgres", "duckdb expert", "postgres expert")


@attrs.frozen
class Measurement:
    """Times of one expression, in milliseconds by variant, one of each round."""

    expression: str
    times: dict[str, list[float]]

    def median(self, variant: str) -> float:
        """The usual time of a variant."""
        return statistics.median(self.times[variant])

    @property
    def parity(self) -> float:
        """PostgreSQL's time in times of DuckDB's."""
        return self._ratio("postgres", "duckdb")

    def against_expert(self, dialect: str) -> float:
        """Time of the compiled query in times of the expert's."""
        return self._ratio(dialect, f"{dialect} expert")

    def _ratio(self, variant: str, other: str) -> float:
        # The median of the rounds' own ratios: what slows a round down slows both sides of it down.
        return statistics.median(a / b for a, b in zip(self.times[variant], self.times[other], strict=True))


@attrs.frozen
class Report:
    """What was measured at one size."""

    patients: int
    rounds: int
    versions: dict[str, str]
    measurements: list[Measurement]

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        rows = [
            {
                "expression": found.expression,
                "milliseconds": {variant: round(found.median(variant), 3) for variant in _VARIANTS},
                "postgres/duckdb": round(found.parity, 3),
                "duckdb/expert": round(found.against_expert("duckdb"), 3),
                "postgres/expert": round(found.against_expert("postgres"), 3),
            }
            for found in self.measurements
        ]
        return {"patients": self.patients, "rounds": self.rounds, "versions": self.versions, "expressions": rows}

    def __str__(self) -> str:
        head = ("expression", "DuckDB ms", "PostgreSQL ms", "PG/DuckDB", "DuckDB/expert", "PG/expert")
        rows = [
            (
                found.expression,
                f"{found.median('duckdb'):.2f}",
                f"{found.median('postgres'):.2f}",
                _ratio(found.parity, TARGET_PARITY if self.patients == TARGET_PATIENTS else None),
                _ratio(found.against_expert("duckdb"), TARGET_EXPERT),
                _ratio(found.against_expert("postgres"), TARGET_EXPERT),
            )
            for found in self.measurements
        ]
        widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
        lines = [
            f"{self.patients} patients, medians of {self.rounds} rounds, DuckDB {self.versions['duckdb']}, "
            f"{self.versions['postgres']}"
        ]
        for row in (head, *rows):
            first, *others = (
                cell.ljust(width) if place == 0 else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            lines.append("  ".join([first, *others]))
        return "\n".join(lines)


def _ratio(value: float, target: float | None) -> str:
    return f"{value:.2f}" + ("" if target is None else "!" if value > target else " ")


def measure(size: int, rounds: int, postgres_url: str) -> Report:
    """Load patients into both databases and measure the ten expressions.

    Parameters
    ----------
    size : int
        Number of patients.
    rounds : int
        How often each variant of each expression runs.
    postgres_url : str
        Database of PostgreSQL whose table ``resource`` may be replaced.

    Returns
    -------
    Report
    """
    with connect("duckdb://") as duckdb, connect(postgres_url) as postgres:
        databases = {"duckdb": duckdb, "postgres": postgres}
        for database in databases.values():
            database.execute_query("DROP TABLE IF EXISTS resource")
            database.load(patients(size), strict=True)
            # So that plans are made for what is there.
            database.execute_query("ANALYZE")
        versions = {name: database.session()[0].split(" on ")[0] for name, database in databases.items()}
        measurements = [_measure(case, rounds, databases) for case in PATH_NAVIGATION]
        postgres.execute_query("DROP TABLE resource")
    return Report(size, rounds, versions, measurements)


def _measure(case: Case, rounds: int, databases: dict[str, Database]) -> Measurement:
    calls: dict[str, Callable[[], list[Any]]] = {}
    for name, database in databases.items():
        calls[name] = _compiled(database, case)
        calls[f"{name} expert"] = _expert(database, case)
    answers = [canonical_rows(call()) for call in calls.values()]
    assert answers[0] and all(answer == answers[0] for answer in answers), f"{case.expression}: the variants differ"
    times: dict[str, list[float]] = {variant: [] for variant in _VARIANTS}
    order = random.Random(case.expression)
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for variant in order.sample(_VARIANTS, len(_VARIANTS)):
                started = time.perf_counter()
                calls[variant]()
                times[variant].append((time.perf_counter() - started) * 1000)
    finally:
        gc.enable()
    return Measurement(case.expression, times)


def _compiled(database: Database, case: Case) -> Callable[[], list[Any]]:
    return lambda: database.query(case.expression).rows


def _expert(database: Database, case: Case) -> Callable[[], list[Any]]:
    statement = expert_statement(case, database.dialect.name)
    return lambda: decode(database.dispatcher.query(statement).rows, statement.columns)


def misses(reports: Iterable[Report]) -> list[str]:
    """What is slower than its target."""
    found = []
    for report in reports:
        for row in report.measurements:
            ratios = [
                (f"{dialect}/expert", row.against_expert(dialect), TARGET_EXPERT) for dialect in ("duckdb", "postgres")
            ]
            if report.patients == TARGET_PATIENTS:
                ratios.append(("postgres/duckdb", row.parity, TARGET_PARITY))
            found += [
                f"{report.patients} patients, {row.expression}: {name} is {value:.2f}, target {target}"
                for name, value, target in ratios
                if value > target
            ]
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line says and print it."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.path_navigation", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--patients", type=int, nargs="+", default=[100, 10_000], metavar="N", help="sizes to measure")
    parser.add_argument("--rounds", type=int, help="rounds at each size (default: 100, fewer for many patients)")
    parser.add_argument("--url", help="PostgreSQL database to use; its table `resource` is replaced")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        url = options.url or stack.enter_context(PostgresServer()).url
        reports = [measure(size, options.rounds or max(9, min(100, 250_000 // size)), url) for size in options.patients]
    missed = misses(reports)
    if options.json:
        print(json.dumps({"reports": [report.to_dict() for report in reports], "missed": missed}, indent=2))
    else:
        print("\n\n".join(map(str, reports)))
        print("\nslower than the target:" if missed else "\nall within their targets")
        for line in missed:
            print(f"  {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
