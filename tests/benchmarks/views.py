"""Measures a view of 12 columns and the names of each patient against SQL that an expert would write, on both databases.

::

    python -m tests.benchmarks.views
    python -m tests.benchmarks.views --patients 1000 --rounds 20 --json

All variants run in one process, one after the other in each round and in another order each time. Figures are medians of
whole calls, with rows as Python values; a view is compiled before. Without ``--url`` a server of PostgreSQL is started.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import attrs

from fhir4ds.database import Database, connect
from fhir4ds.dialect.statement import Column, Statement
from fhir4ds.dialect.types import SqlType
from fhir4ds.runtime.result import decode
from fhir4ds.testing.comparison import canonical_rows
from tests.fixtures.fhir.patients import patients
from tests.support.postgres_server import PostgresServer

#: Most that a view may take in times of the expert's SQL.
TARGET = 1.25

_PATHS = {
    "id": "getResourceKey()",
    "gender": "gender",
    "birth_date": "birthDate",
    "active": "active",
    "deceased": "deceased.ofType(dateTime)",
    "marital_status": "maritalStatus.coding.code.first()",
    "city": "address.city.first()",
    "state": "address.state.first()",
    "postal_code": "address.postalCode.first()",
    "phone": "telecom.where(system = 'phone').value.first()",
    "language": "communication.language.text.first()",
    "identifier": "identifier.value.first()",
}

#: The view: 12 columns, and three of each name.
VIEW: dict[str, Any] = {
    "resource": "Patient",
    "name": "patients",
    "select": [
        {"column": [{"name": name, "path": path} for name, path in _PATHS.items()]},
        {
            "forEach": "name",
            "column": [
                {"name": "use", "path": "use"},
                {"name": "family", "path": "family"},
                {"name": "given", "path": "given.first()"},
            ],
        },
    ],
}

# One extraction, as an expert knows that DuckDB parses the text again for each.
_DUCKDB = """
WITH member AS MATERIALIZED (
  SELECT id, json_extract(resource, ['$.gender', '$.birthDate', '$.active', '$.deceasedDateTime', '$.maritalStatus',
    '$.address', '$.telecom', '$.communication', '$.identifier', '$.name']) AS m
  FROM resource WHERE resource_type = 'Patient'
),
patient AS (
  SELECT id, m[1] ->> '$' AS gender, m[2] ->> '$' AS birth_date, CAST(m[3] ->> '$' AS BOOLEAN) AS active,
    m[4] ->> '$' AS deceased, json_extract_string(m[5], '$.coding[*].code')[1] AS marital_status,
    json_extract_string(m[6], '$[*].city')[1] AS city, json_extract_string(m[6], '$[*].state')[1] AS state,
    json_extract_string(m[6], '$[*].postalCode')[1] AS postal_code,
    list_filter(json_extract(m[7], '$[*]'), lambda t: (t ->> '$.system') = 'phone')[1] ->> '$.value' AS phone,
    json_extract_string(m[8], '$[*].language.text')[1] AS language,
    json_extract_string(m[9], '$[*].value')[1] AS identifier, json_extract(m[10], '$[*]') AS names
  FROM member ORDER BY id
),
named AS (SELECT * EXCLUDE names, unnest(names) AS name FROM patient)
SELECT * EXCLUDE name, name ->> '$.use' AS use, name ->> '$.family' AS family, name ->> '$.given[0]' AS given FROM named
"""

_POSTGRES = """
SELECT p.*, name.value ->> 'use' AS use, name.value ->> 'family' AS family, name.value -> 'given' ->> 0 AS given
FROM resource AS r
CROSS JOIN LATERAL (SELECT id, resource ->> 'gender' AS gender, resource ->> 'birthDate' AS birth_date,
  CAST(resource ->> 'active' AS boolean) AS active, resource ->> 'deceasedDateTime' AS deceased,
  jsonb_path_query_first(resource, '$.maritalStatus.coding[*].code') #>> '{}' AS marital_status,
  jsonb_path_query_first(resource, '$.address[*].city') #>> '{}' AS city,
  jsonb_path_query_first(resource, '$.address[*].state') #>> '{}' AS state,
  jsonb_path_query_first(resource, '$.address[*].postalCode') #>> '{}' AS postal_code,
  jsonb_path_query_first(resource, '$.telecom[*] ? (@.system == "phone").value') #>> '{}' AS phone,
  jsonb_path_query_first(resource, '$.communication[*].language.text') #>> '{}' AS language,
  jsonb_path_query_first(resource, '$.identifier[*].value') #>> '{}' AS identifier OFFSET 0) AS p
CROSS JOIN LATERAL jsonb_array_elements(resource -> 'name') WITH ORDINALITY AS name (value, ordinal)
WHERE resource_type = 'Patient' ORDER BY p.id COLLATE "C", name.ordinal
"""

_EXPERTS = {"duckdb": _DUCKDB, "postgres": _POSTGRES}


@attrs.frozen
class Measurement:
    """Times on one database, in milliseconds, one of each round."""

    dialect: str
    version: str
    rows: int
    view: list[float]
    expert: list[float]

    @property
    def ratio(self) -> float:
        """The view's time in times of the expert's: the median of the rounds' own ratios."""
        return statistics.median(a / b for a, b in zip(self.view, self.expert, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "dialect": self.dialect,
            "version": self.version,
            "rows": self.rows,
            "view": round(statistics.median(self.view), 3),
            "expert": round(statistics.median(self.expert), 3),
            "ratio": round(self.ratio, 3),
        }

    def __str__(self) -> str:
        mark = "!" if self.ratio > TARGET else ""
        view, expert = statistics.median(self.view), statistics.median(self.expert)
        return (
            f"{self.dialect:<10}{self.rows:>8} rows{view:>10.1f} ms{expert:>10.1f} ms{self.ratio:>8.2f}{mark}"
            f"  {self.version}"
        )


def measure(size: int, rounds: int, postgres_url: str) -> list[Measurement]:
    """Load patients into both databases and measure the view.

    Parameters
    ----------
    size : int
        Number of patients.
    rounds : int
        How often each variant runs.
    postgres_url : str
        Database of PostgreSQL whose table ``resource`` may be replaced.

    Returns
    -------
    list of Measurement
    """
    found = []
    for url in ("duckdb://", postgres_url):
        with connect(url) as database:
            database.execute_query("DROP TABLE IF EXISTS resource")
            database.load(patients(size), strict=True)
            database.execute_query("ANALYZE")
            found.append(_measure(database, rounds))
            database.execute_query("DROP TABLE resource")
    return found


def _measure(database: Database, rounds: int) -> Measurement:
    query = database.view(VIEW)
    columns = (*(Column(name=column.name, type=SqlType.TEXT) for column in query.columns),)
    statement = Statement(sql=_EXPERTS[database.dialect.name], columns=columns, summary="expert view")
    calls: dict[str, Callable[[], list[Any]]] = {
        "view": lambda: query.run().rows,
        "expert": lambda: decode(database.dispatcher.query(statement).rows, columns),
    }
    answers = [canonical_rows(call()) for call in calls.values()]
    assert answers[0] and answers[0] == answers[1], "the variants differ"
    times: dict[str, list[float]] = {variant: [] for variant in calls}
    order = random.Random(database.dialect.name)
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for variant in order.sample(list(calls), len(calls)):
                started = time.perf_counter()
                calls[variant]()
                times[variant].append((time.perf_counter() - started) * 1000)
    finally:
        gc.enable()
    version = database.session()[0].split(" on ")[0]
    return Measurement(database.dialect.name, version, len(answers[0]), times["view"], times["expert"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line says and print it; the exit status is 1 where the target is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.views", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--patients", type=int, default=10_000, metavar="N", help="how many there are")
    parser.add_argument("--rounds", type=int, default=15, help="how often each variant runs")
    parser.add_argument("--url", help="PostgreSQL database to use; its table `resource` is replaced")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        url = options.url or stack.enter_context(PostgresServer()).url
        measurements = measure(options.patients, options.rounds, url)
    if options.json:
        found = [measurement.to_dict() for measurement in measurements]
        print(json.dumps({"patients": options.patients, "rounds": options.rounds, "target": TARGET, "views": found}))
    else:
        print(f"{options.patients} patients, medians of {options.rounds} rounds: view, expert, view/expert")
        print("\n".join(map(str, measurements)))
    return int(any(measurement.ratio > TARGET for measurement in measurements))


if __name__ == "__main__":
    sys.exit(main())
