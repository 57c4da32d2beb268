"""Sixty expressions of every group of functions over whole populations: same rows, linear growth, not far from an expert.

::

    python -m tests.benchmarks.population
    python -m tests.benchmarks.population --patients 1000 10000 --rounds 3 --json

The patients are those of Synthea in the folder of sample data, replicated with new ids, each with an immunization. Each
expression runs on DuckDB and PostgreSQL; both have to give the same rows in the same order. Figures are the best of the
rounds, as whole calls. For ten expressions there is SQL that an expert would write (`population_expert`).

Each round asks at all sizes, one after the other, and growth is the median of the rounds' own ratios: a drift of the machine
meets all sizes alike. Asked again and again on its own, the small size looks faster than it is in company: reaching one
member of a thousand patients (7 MB) then took PostgreSQL half as long for each as with ten thousand (70 MB), for experts' SQL
too, as if the small ones stayed in the caches of the processor. Ten tables of a thousand, asked in turn, took what one of ten
thousand takes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs

from fhir4ds.database import Database, connect
from fhir4ds.fhirpath import ast
from fhir4ds.fhirpath.parser import parse
from fhir4ds.functions.catalog import FUNCTIONS, OPERATORS
from fhir4ds.runtime.result import decode
from fhir4ds.testing.comparison import canonical_rows
from tests.benchmarks.population_expert import EXPERT, expert_statement
from tests.support.postgres_server import PostgresServer
from tests.support.sample_data import data_dir

#: Most that ten times the patients may take, in times of the smaller run; and a compiled query in times of an expert's.
TARGET_GROWTH = 12.0
TARGET_EXPERT = 3.0

_URL = "http://hl7.org/fhir/us/core/StructureDefinition/us-core"

EXPRESSIONS = (
    *EXPERT,
    # existence
    "Patient.name.given.exists($this.startsWith('A'))",
    "Patient.telecom.all(system = 'phone')",
    "Patient.name.select(use = 'official').allTrue()",
    "Patient.communication.empty() or Patient.contact.empty()",
    "Patient.identifier.system.isDistinct()",
    "Patient.identifier.type.coding.code.distinct().count()",
    "Patient.address.city.subsetOf(Patient.address.city | Patient.address.state)",
    # filtering and projection
    "Patient.identifier.where(type.coding.exists(code = 'MR')).value",
    "Patient.name.select(family & ', ' & given.first())",
    "Patient.extension.repeat(extension).url",
    "Patient.extension.repeatAll(extension).value.ofType(string)",
    "Patient.identifier.value.sort($this desc).first()",
    "coalesce(Patient.contact.name.family, Patient.name.family.first())",
    "Patient.extension.value.ofType(Address).city",
    # subsetting and combining
    "Patient.identifier[1].value",
    "Patient.identifier.last().system",
    "Patient.identifier.skip(1).take(2).value",
    "Patient.name.given.tail()",
    "Patient.name.given.intersect(Patient.name.first().given)",
    "Patient.address.line.exclude(Patient.address.city)",
    "Patient.name.given | Patient.name.family",
    "Patient.name.given.combine(Patient.name.family).count()",
    "Patient.name.first().single().family",
    # types
    "Patient.deceased.is(dateTime)",
    "(Patient.multipleBirth as boolean).not()",
    "Patient.deceased.type().name",
    # comparison, equality, logic
    "Patient.address.postalCode.first() > '50000'",
    "Patient.gender ~ Patient.gender.upper()",
    "Patient.gender = 'male' and Patient.deceased.exists()",
    "Patient.gender = 'male' xor Patient.deceased.exists()",
    "Patient.deceased.exists() implies Patient.birthDate < Patient.deceased.ofType(dateTime)",
    "'phone' in Patient.telecom.system",
    "1 'cm'.comparable(1 '[in_i]') and Patient.id.exists()",
    # strings
    "Patient.name.first().family.substring(0, 1).lower()",
    "Patient.name.first().family.indexOf('a')",
    "Patient.name.first().family.replace('a', 'A').length()",
    "Patient.name.first().family.matches('^[A-M][a-z]+[0-9]+$')",
    "Patient.name.first().family.replaceMatches('[0-9]+', '')",
    "Patient.telecom.first().value.split('-')",
    "Patient.id.encode('hex').length()",
    # conversion and arithmetic
    "Patient.birthDate.toString().substring(0, 4).toInteger() mod 10",
    "Patient.address.first().postalCode.toDecimal() / 7",
    "Patient.birthDate + 18 years",
    "Patient.identifier.count() * 2 + 1",
    "Patient.identifier.count().power(2)",
    "(Patient.name.given.count() / 3).round(2)",
    "Patient.birthDate.toDateTime().convertsToString()",
    "Patient.birthDate.yearOf()",
    "(Patient.identifier.count().toQuantity('mg')) < 1 'g'",
    # trees, aggregates, utility, FHIR
    "Patient.maritalStatus.descendants().count()",
    "Patient.address.children().count()",
    "Patient.identifier.aggregate($total + 1, 0)",
    "Patient.name.given.select(length()).sum()",
    "iif(Patient.gender = 'female', Patient.name.first().family, 'none')",
    "Patient.defineVariable('n', name.first()).select(%n.family & '/' & %n.given.first())",
    "Patient.birthDate.lowBoundary()",
    f"Patient.extension('{_URL}-race').extension('text').value",
    "Patient.birthDate.hasValue()",
    "Immunization.patient.resolve().gender",
    "Immunization.vaccineCode.memberOf('http://example.org/ValueSet/vaccines')",
    "Immunization.patient.getReferenceKey(Patient)",
)

_VALUE_SET = {
    "resourceType": "ValueSet",
    "id": "vaccines",
    "url": "http://example.org/ValueSet/vaccines",
    "status": "active",
    "compose": {"include": [{"system": "http://hl7.org/fhir/sid/cvx", "concept": [{"code": "119"}, {"code": "140"}]}]},
}


def groups(expression: str) -> Iterator[str]:
    """The groups of the functions and operators of an expression."""
    nodes: list[ast.Node] = [parse(expression)]
    while nodes:
        node = nodes.pop()
        nodes += ast.children(node)
        if isinstance(node, ast.Call):
            yield FUNCTIONS[node.name].group
        elif isinstance(node, ast.Binary):
            yield OPERATORS[node.operator].group


def population(size: int, folder: Path | None = None) -> Iterator[Mapping[str, Any]]:
    """Patients with ids of their own, and for each an immunization and what it refers to."""
    where = folder or data_dir() / "synthea-100"
    patients, immunizations = (
        [json.loads(line) for line in (where / f"{name}.ndjson").read_text("utf-8").splitlines()]
        for name in ("Patient", "Immunization")
    )
    yield _VALUE_SET
    for number in range(size):
        key = f"p{number:06}"
        yield {**patients[number % len(patients)], "id": key}
        given = immunizations[number % len(immunizations)]
        yield {**given, "id": f"i{number:06}", "patient": {"reference": f"Patient/{key}"}}


#: Milliseconds of the rounds, by size and database.
Times = Mapping[tuple[int, str], Sequence[float]]


@attrs.frozen
class Measurement:
    """Milliseconds of an expression, one of each round, by size and database; and of the expert's SQL."""

    expression: str
    times: Times
    experts: Times

    def growth(self, dialect: str) -> float | None:
        """Time at the largest size in times of that at the smallest, per tenfold size."""
        return _growth(self.times, dialect)

    def expert_growth(self, dialect: str) -> float | None:
        """The same of the expert's SQL."""
        return _growth(self.experts, dialect)

    def against_expert(self, dialect: str) -> float | None:
        """Time in times of the expert's, at the largest size."""
        if not self.experts:
            return None
        size = max(size for size, _ in self.times)
        return min(self.times[size, dialect]) / min(self.experts[size, dialect])


def _growth(times: Times, dialect: str) -> float | None:
    sizes = sorted({size for size, _ in times})
    if len(sizes) < 2:
        return None
    least, most = sizes[0], sizes[-1]
    rounds = zip(times[most, dialect], times[least, dialect], strict=True)
    return statistics.median(large / small for large, small in rounds) / (most / least) * 10


def fingerprint(rows: Iterable[Sequence[Any]]) -> str:
    """A hash of rows with the types of their values, in order."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(repr(_sorted(row)).encode())
    return digest.hexdigest()


def _sorted(value: Any) -> Any:
    """Members by name, which databases keep in orders of their own."""
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list | tuple) else value


def measure(
    sizes: Sequence[int], rounds: int, postgres_url: str, expressions: Sequence[str] = EXPRESSIONS
) -> list[Measurement]:
    """Load populations into both databases, compare all rows and measure.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of patients.
    rounds : int
        How often each runs; the best counts.
    postgres_url : str
        Database of PostgreSQL, in which schemas ``patients_<size>`` are made and dropped.
    expressions : sequence of str
        Which.

    Returns
    -------
    list of Measurement
    """
    with ExitStack() as stack:
        databases = []
        for size in sizes:
            for url in ("duckdb://", _with_schema(postgres_url, f"patients_{size}")):
                database = stack.enter_context(connect(url, query_timeout=600))
                if database.dialect.name == "postgres":
                    database.execute_query(f"DROP SCHEMA IF EXISTS patients_{size} CASCADE")
                    stack.callback(database.execute_query, f"DROP SCHEMA patients_{size} CASCADE")
                    database.execute_query(f"CREATE SCHEMA patients_{size}")
                database.load(population(size), strict=True)
                database.execute_query("ANALYZE")
                databases.append((size, database))
        return [_measured(databases, rounds, expression) for expression in expressions]


def _with_schema(url: str, schema: str) -> str:
    """The same database, where tables without a schema are those of this one."""
    return f"{url}{'&' if '?' in url else '?'}options={quote(f'-c search_path={schema}')}"


def _measured(databases: Sequence[tuple[int, Database]], rounds: int, expression: str) -> Measurement:
    times: dict[tuple[int, str], list[float]] = {}
    experts: dict[tuple[int, str], list[float]] = {}
    prints: dict[int, set[str]] = {}
    calls = []
    # An expert's query right after ours, on the same small table, would find it in the caches: so one after all others.
    variants = [(times, _compiled)] + [(experts, _expert)] * (expression in EXPERT)
    for found, variant in variants:
        for size, database in databases:
            call = variant(database, expression)
            rows = call()
            assert rows, f"{expression}: no rows"
            prints.setdefault(size, set()).add(fingerprint(canonical_rows(rows)))
            calls.append((found.setdefault((size, database.dialect.name), []), call))
    assert all(len(same) == 1 for same in prints.values()), f"{expression}: the rows differ"
    for _ in range(rounds):
        for found_times, call in calls:
            started = time.perf_counter()
            call()
            found_times.append((time.perf_counter() - started) * 1000)
    return Measurement(expression, times, experts)


def _compiled(database: Database, expression: str) -> Callable[[], list[Any]]:
    return lambda: database.query(expression).rows


def _expert(database: Database, expression: str) -> Callable[[], list[Any]]:
    statement = expert_statement(expression, database.dialect.name)
    return lambda: decode(database.dispatcher.query(statement).rows, statement.columns)


def table(measurements: Sequence[Measurement]) -> str:
    """What was measured, for people."""
    sizes = sorted({size for size, _ in measurements[0].times})
    dialects = ("duckdb", "postgres")
    head = ["expression", *(f"{name} {size}" for name in dialects for size in sizes)]
    head += [f"{name} {what}" for what in ("growth", "expert growth", "expert") for name in dialects]
    rows = [head]
    for found in measurements:
        cells = [found.expression, *(f"{min(found.times[size, name]):.1f}" for name in dialects for size in sizes)]
        cells += [_cell(found.growth(name), TARGET_GROWTH) for name in dialects]
        cells += [_cell(found.expert_growth(name), math.inf) for name in dialects]
        cells += [_cell(found.against_expert(name), TARGET_EXPERT) for name in dialects]
        rows.append(cells)
    widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if not place else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def _cell(value: float | None, target: float) -> str:
    return "" if value is None else f"{value:.2f}" + ("!" if value > target else " ")


def misses(measurements: Sequence[Measurement]) -> list[str]:
    """What is slower than its target."""
    told = []
    for found in measurements:
        for name in ("duckdb", "postgres"):
            growth, expert = found.growth(name), found.against_expert(name)
            if growth is not None and growth > TARGET_GROWTH:
                told.append(f"{name}: {found.expression} takes {growth:.1f} times as long for ten times the patients")
            if expert is not None and expert > TARGET_EXPERT:
                told.append(f"{name}: {found.expression} takes {expert:.1f} times the expert's time")
    return told


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line says and print it."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.population", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument(
        "--patients", type=int, nargs="+", default=[1_000, 10_000], metavar="N", help="sizes to measure"
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each expression, the best counts (default: 3)")
    parser.add_argument("--url", help="PostgreSQL database to use; schemas patients_* are made in it and dropped")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        url = options.url or stack.enter_context(PostgresServer()).url
        measurements = measure(options.patients, options.rounds, url)
    missed = misses(measurements)
    if options.json:
        shown = [
            {
                "expression": found.expression,
                "milliseconds": {f"{name} {size}": round(min(value), 2) for (size, name), value in found.times.items()},
                "expert": {f"{name} {size}": round(min(value), 2) for (size, name), value in found.experts.items()},
            }
            for found in measurements
        ]
        print(json.dumps({"expressions": shown, "missed": missed}, indent=2))
    else:
        print(table(measurements))
        print("\nslower than the target:" if missed else "\nall within their targets")
        for line in missed:
            print(f"  {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
