"""The one table of faults: by family, and by key."""

from __future__ import annotations

from collections.abc import Mapping

from tests.faults import cancellation, connecting, embedded, lifecycle, limits, processes, querying
from tests.faults.model import Fault

#: What runs on a PostgreSQL server.
POSTGRES: Mapping[str, tuple[Fault, ...]] = {
    "connecting": connecting.FAULTS,
    "during a query": querying.FAULTS,
    "life of the server": lifecycle.FAULTS,
    "limits of the server": limits.FAULTS,
    "cancellation": cancellation.FAULTS,
    "processes": processes.FAULTS,
}

#: What runs in this process.
DUCKDB: Mapping[str, tuple[Fault, ...]] = {"DuckDB": embedded.FAULTS}


def keys(families: Mapping[str, tuple[Fault, ...]]) -> dict[str, Fault]:
    """Faults by family and name."""
    return {f"{family}: {fault.name}": fault for family, faults in families.items() for fault in faults}


#: Every fault.
FAULTS: Mapping[str, Fault] = {**keys(POSTGRES), **keys(DUCKDB)}
