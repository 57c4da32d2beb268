"""Soak both databases: ``python -m tests.soak --seconds 600``."""

from __future__ import annotations

import argparse
import random
import sys

from tests.soak.soak import soak
from tests.support.postgres_server import PostgresServer


def main() -> int:
    """Run from the command line; 1 where anything is wrong."""
    parser = argparse.ArgumentParser(description="Many threads over a small pool while everything around them fails.")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each database")
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    parser.add_argument("--database", choices=("postgres", "duckdb"), help="only this one")
    options = parser.parse_args()
    print(f"seed {options.seed}")
    wrong: list[str] = []
    if options.database != "postgres":
        report = soak("duckdb", "duckdb://", options.seconds, options.seed)
        print(report, flush=True)
        wrong += report.wrong
    if options.database != "duckdb":
        with PostgresServer() as server:
            report = soak("postgres", server.url, options.seconds, options.seed)
        print(report)
        wrong += report.wrong
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
