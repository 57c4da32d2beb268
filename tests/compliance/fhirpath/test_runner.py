"""Runs the ten Path Navigation expressions on real databases and shows what came back.

::

    python -m tests.compliance.fhirpath.test_runner --dialect all
    python -m tests.compliance.fhirpath.test_runner --dialect postgresql --url postgresql://user@host/database
    python -m tests.compliance.fhirpath.test_runner --dialect duckdb --url duckdb:///clinic.duckdb --table resource

Without ``--url`` DuckDB runs in memory, and a PostgreSQL server is started for the purpose. The hundred patients are
loaded into a schema of their own, which is dropped again; with ``--table`` nothing is loaded, and the table that is
there is asked as it is. The exit code is 0 if every expression gave the right rows on every database, else 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import uuid4

import attrs

from fhir4ds.database import Database, connect
from fhir4ds.errors import Fhir4dsError
from fhir4ds.registry import registry
from fhir4ds.testing.comparison import canonical_rows
from tests.compliance.fhirpath.path_navigation import PATH_NAVIGATION, PATIENTS, Case, faults, patients
from tests.support.postgres_server import PostgresServer, PostgresUnavailable

_DIALECTS = {
    "duckdb": ("duckdb",),
    "postgres": ("postgres",),
    "postgresql": ("postgres",),
    "all": ("duckdb", "postgres"),
}


@attrs.frozen
class Outcome:
    """What one expression gave on one database."""

    case: Case
    rows: list[tuple[Any, Any]]
    milliseconds: float
    session: tuple[str, str]
    faults: list[str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line says and return the exit code."""
    options = _parser().parse_args(arguments)
    given = {registry.for_url(url).name: url for url in options.url}
    unused = set(given) - set(_DIALECTS[options.dialect])
    if unused:
        print(
            f"--url is for {', '.join(sorted(unused))}, which --dialect {options.dialect} leaves out", file=sys.stderr
        )
        return 1
    outcomes: dict[str, list[Outcome]] = {}
    for dialect in _DIALECTS[options.dialect]:
        try:
            outcomes[dialect] = run(dialect, given.get(dialect), options.table)
        except (Fhir4dsError, PostgresUnavailable) as error:
            print(f"{dialect}: FAILED: {error}")
            outcomes[dialect] = []
        else:
            _show(dialect, outcomes[dialect])
    passed = all(_passed(found) for found in outcomes.values())
    if len(outcomes) > 1:
        passed = _parity(outcomes) and passed
    print("PASSED" if passed else "FAILED")
    return 0 if passed else 1


def run(dialect: str, url: str | None = None, table: str | None = None) -> list[Outcome]:
    """Run the ten expressions on one database.

    Parameters
    ----------
    dialect : str
        ``"duckdb"`` or ``"postgres"``.
    url : str, optional
        Where it is; by default in memory, or on a server that is started for it.
    table : str, optional
        Existing table to ask, ``name`` or ``schema.name``; by default the fixture is loaded.

    Returns
    -------
    list of Outcome
        In the order of `PATH_NAVIGATION`.
    """
    resources = patients()
    with ExitStack() as stack:
        if url is None:
            url = "duckdb://" if dialect == "duckdb" else stack.enter_context(PostgresServer()).url
        place: str | tuple[str, str]
        if table is not None:
            schema, _, name = table.rpartition(".")
            place = (schema, name) if schema else name
        elif url == "duckdb://":
            place = "resource"
        else:
            place = stack.enter_context(_own_schema(url)), "resource"
        # With one connection, the session that says who it is is the one that has answered.
        database = stack.enter_context(connect(url, table=place, pool_size=1, attempts=1))
        if table is None:
            database.load(PATIENTS, strict=True)
        return [_run(database, case, resources) for case in PATH_NAVIGATION]


@contextmanager
def _own_schema(url: str) -> Iterator[str]:
    """A schema that nobody else has, and that is gone afterwards."""
    schema = f"fhir4ds_{uuid4().hex[:12]}"
    with connect(url, pool_size=1, attempts=1) as database:
        database.execute_query(f"CREATE SCHEMA {schema}")
    try:
        yield schema
    finally:
        with connect(url, pool_size=1, attempts=1) as database:
            database.execute_query(f"DROP SCHEMA {schema} CASCADE")


def _run(database: Database, case: Case, resources: list[dict[str, Any]]) -> Outcome:
    started = time.perf_counter()
    try:
        rows = database.query(case.expression).rows
    except Fhir4dsError as error:
        return Outcome(case, [], 0.0, ("", ""), [str(error)])
    milliseconds = (time.perf_counter() - started) * 1000
    return Outcome(case, rows, milliseconds, database.session(), faults(case, rows, resources))


def _passed(outcomes: list[Outcome]) -> bool:
    return len(outcomes) == len(PATH_NAVIGATION) and not any(outcome.faults for outcome in outcomes)


def _show(dialect: str, outcomes: list[Outcome]) -> None:
    who = "backend pid" if dialect == "postgres" else "connection"
    print(f"{dialect}")
    print(f"  {'expression':<22} {'rows':>5} {'ms':>8}  {who:>11}  result  server")
    for outcome in outcomes:
        version, identity = outcome.session
        result = "FAIL" if outcome.faults else "pass"
        shown = version.split(" on ")[0]
        print(
            f"  {outcome.case.expression:<22} {len(outcome.rows):>5} {outcome.milliseconds:>8.2f}  {identity:>11}  "
            f"{result:<6}  {shown}"
        )
        for fault in outcome.faults:
            print(f"      {fault}")
    total = sum(outcome.milliseconds for outcome in outcomes)
    passed = sum(not outcome.faults for outcome in outcomes)
    print(f"  {passed}/{len(outcomes)} passed, {total:.1f} ms in all, {total / len(outcomes):.2f} ms on average\n")


def _parity(outcomes: dict[str, list[Outcome]]) -> bool:
    """Whether all databases gave identical rows, by value and type."""
    left, *others = outcomes
    same = True
    for right in others:
        differing = [
            a.case.expression
            for a, b in zip(outcomes[left], outcomes[right], strict=False)
            if canonical_rows(a.rows) != canonical_rows(b.rows)
        ]
        if len(outcomes[left]) != len(outcomes[right]):
            differing.append("(not all ran)")
        same = same and not differing
        verdict = f"differ in {', '.join(differing)}" if differing else "identical rows"
        print(f"parity {left} / {right}: {verdict}")
    return same


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.compliance.fhirpath.test_runner",
        description=(__doc__ or "").split("\n", 1)[0],
        epilog="exit code 0: every expression gave the right rows on every database; 1: it did not",
    )
    parser.add_argument("--dialect", choices=sorted(_DIALECTS), default="all", help="where to run (default: all)")
    parser.add_argument(
        "--url", action="append", default=[], help="database to use, of one of these dialects; may be given for each"
    )
    parser.add_argument("--table", help="ask this table ([schema.]name) as it is, instead of loading the fixture")
    return parser


if __name__ == "__main__":
    sys.exit(main())
