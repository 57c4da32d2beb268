"""Measures the peak memory of a process that exports a view of 200,000 rows as Parquet, from DuckDB and from PostgreSQL.

::

    python -m tests.benchmarks.export_memory
    python -m tests.benchmarks.export_memory --rows 20000 --format csv --url postgresql://...

The view has 12 columns, and two rows for each patient. The patients are loaded first, by this process; the export runs in
a process of its own, which says in the end what the most memory was that it had in use (``VmHWM`` of Linux). In the
case of DuckDB that is the database too. Without ``--url`` a PostgreSQL server is started.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from fhir4ds.database import connect
from fhir4ds.store.exports.formats import FORMATS
from tests.fixtures.fhir.patients import patient
from tests.support.postgres_server import PostgresServer

#: Most that an export may take, in MB.
TARGET = 300

ROWS_PER_PATIENT = 2

VIEW: dict[str, Any] = {
    "resource": "Patient",
    "name": "names",
    "select": [
        {
            "column": [
                {"name": "id", "path": "getResourceKey()"},
                {"name": "gender", "path": "gender"},
                {"name": "birth_date", "path": "birthDate"},
                {"name": "active", "path": "active"},
                {"name": "city", "path": "address.city.first()"},
                {"name": "state", "path": "address.state.first()"},
                {"name": "phone", "path": "telecom.where(system = 'phone').value.first()"},
            ]
        },
        {
            "forEach": "name",
            "column": [
                {"name": "number", "path": "%rowIndex"},
                {"name": "use", "path": "use"},
                {"name": "family", "path": "family"},
                {"name": "first", "path": "given.first()"},
                {"name": "given", "path": "given", "collection": True},
            ],
        },
    ],
}

_TABLE = "export_memory"

#: What the process of its own runs: the database, the view, the file.
_EXPORT = f"""
import json, sys
from fhir4ds.database import connect
with connect(sys.argv[1], table={_TABLE!r}, query_timeout=600) as database:
    rows = database.view(json.loads(sys.argv[2])).write(sys.argv[3])
status = open("/proc/self/status").read()
print(json.dumps([rows, int(status.split("VmHWM:")[1].split()[0])]))
"""


def measure(url: str, rows: int, format: str, folder: Path) -> float:
    """Most memory of an export, in MB.

    Parameters
    ----------
    url : str
        The database; its table is made anew.
    rows : int
        How many to export.
    format : str
        One of `FORMATS`.
    folder : Path
        Where the file goes.
    """
    with connect(url, table=_TABLE) as database:
        database.execute_query(f"DROP TABLE IF EXISTS {_TABLE}")
        database.load(_patients(rows // ROWS_PER_PATIENT))
    arguments = [url, json.dumps(VIEW), str(folder / f"names{FORMATS[format].endings[0]}")]
    done = subprocess.run([sys.executable, "-c", _EXPORT, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    exported, kilobytes = json.loads(done.stdout)
    if exported != rows:
        raise RuntimeError(f"{exported} rows instead of {rows}")
    return float(kilobytes * 1024 / 1_000_000)


def _patients(count: int) -> Iterator[dict[str, Any]]:
    for number in range(1, count + 1):
        yield {
            **patient(1),
            "id": f"patient-{number:06}",
            "name": [
                {"use": "official", "family": f"Family{number}", "given": [f"Given{number}", "Middle"]},
                {"use": "nickname", "family": f"Family{number}", "given": [f"Nick{number}"]},
            ],
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the figures and return 1 if one is above the target."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--format", choices=sorted(FORMATS), default="parquet")
    parser.add_argument("--url", help="a PostgreSQL database to use")
    chosen = parser.parse_args(arguments)
    missed = False
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = chosen.url
        if url is None:
            server = PostgresServer()
            stack.callback(server.close)
            server.start()
            url = server.url
        print(f"{chosen.rows:,} rows of 12 columns as {chosen.format}, at most {TARGET} MB")
        for name, place in (("duckdb", f"duckdb:///{folder / 'memory.duckdb'}"), ("postgres", url)):
            megabytes = measure(place, chosen.rows, chosen.format, folder)
            missed |= megabytes > TARGET
            print(f"{name:<8}  {megabytes:5.0f} MB")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
