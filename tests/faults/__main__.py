"""The table of results: ``python -m tests.faults [WORDS]`` tries every fault, or those whose names have the words."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from itertools import groupby

import duckdb
import psycopg2

from tests.faults.model import Fault, Observation, complaints
from tests.faults.observing import observe
from tests.faults.scene import SERVER_SETTINGS
from tests.faults.table import DUCKDB, FAULTS, keys
from tests.support.postgres_server import PostgresServer

_HEADS = ("fault", "server", "exception", "retried", "attempts", "seconds", "overshoot (ms)", "events", "verdict")


def row(name: str, fault: Fault, server: str, seen: Observation, wrong: list[str]) -> tuple[str, ...]:
    """One line of the table."""
    overshoot = f"{seen.overshoot(fault.budget) * 1000:.0f}" if fault.exhausts else "-"
    return (
        name,
        server,
        seen.raised or "-",
        "yes" if seen.attempts > 1 else "no",
        str(seen.attempts),
        f"{seen.seconds:.3f} of {fault.budget:g}",
        overshoot,
        ", ".join(_counted(seen.events)),
        "; ".join(wrong) or "ok",
    )


def _counted(events: Iterable[str]) -> Iterator[str]:
    for event, group in groupby(events):
        times = len(list(group))
        yield event if times == 1 else f"{times} x {event}"


def main() -> int:
    """Print a line for each fault as it has been tried; 1 where one is not as promised."""
    words = " ".join(sys.argv[1:])
    chosen = {name: fault for name, fault in FAULTS.items() if words in name and fault.possible}
    started = time.monotonic()
    failed = 0
    overshoots = [0.0]
    print("| " + " | ".join(_HEADS) + " |\n" + "|---" * len(_HEADS) + "|")
    with ExitStack() as resources:
        server: PostgresServer | None = None
        version = ""
        for name, fault in chosen.items():
            embedded = name in keys(DUCKDB)
            if not embedded and server is None:
                major = os.environ.get("FHIR4DS_TEST_POSTGRES_MAJOR")
                server = resources.enter_context(PostgresServer(int(major) if major else None, SERVER_SETTINGS))
                version = _version(server)
            seen = observe(name, fault, None if embedded else server)
            wrong = list(complaints(fault, seen))
            failed += bool(wrong)
            overshoots.append(seen.overshoot(fault.budget))
            cells = row(name, fault, f"DuckDB {duckdb.__version__}" if embedded else version, seen, wrong)
            print("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |", flush=True)
    print(
        f"\n{len(chosen) - failed} of {len(chosen)} as promised, in {time.monotonic() - started:.1f} s;"
        f" no deadline was exceeded by more than {max(overshoots) * 1000:.0f} ms"
    )
    return 1 if failed else 0


def _version(server: PostgresServer) -> str:
    with closing(psycopg2.connect(server.url)) as connection:
        number = connection.server_version
    return f"PostgreSQL {number // 10000}.{number % 10000}"


if __name__ == "__main__":
    sys.exit(main())
