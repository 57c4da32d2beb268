"""Makes the tables of docs/reference/faults.md from the table of faults: ``python -m tests.faults.page`` rewrites them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tests.faults.model import Fault
from tests.faults.table import DUCKDB, POSTGRES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "faults.md"

_HEADS = "| fault | exception | tried again? | what to do |\n|---|---|---|---|\n"
_TITLES = {
    "connecting": "Connecting",
    "during a query": "During a query or a unit of work",
    "life of the server": "Stops and restarts of the server",
    "limits of the server": "Limits of the server",
    "cancellation": "Cancelling",
    "processes": "Forks",
    "DuckDB": "The file, its memory, and other processes",
}


def row(fault: Fault) -> str:
    """One line of the page."""
    raised = "none" if fault.raises is None else f"`{fault.raises.__name__}`"
    if fault.code is not None and len(fault.code) == 5 and fault.code[0].isdigit():
        raised += f", `{fault.code}`"
    return f"| {fault.name} | {raised} | {'yes' if fault.retried else 'no'} | {fault.advice} |\n"


def tables(families: Mapping[str, tuple[Fault, ...]]) -> str:
    """A heading and a table for each family."""
    return "\n".join(
        f"### {_TITLES[family]}\n\n{_HEADS}{''.join(map(row, faults))}" for family, faults in families.items()
    )


def rendered(page: str) -> str:
    """The page with its tables made anew; each stands between two comments that name it."""
    for name, families in (("postgresql", POSTGRES), ("duckdb", DUCKDB)):
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
        pattern = re.escape(begin) + ".*?" + re.escape(end)
        made = f"{begin}\n{tables(families)}\n{end}"
        page, times = re.subn(pattern, lambda _, made=made: made, page, flags=re.DOTALL)
        assert times == 1, f"the page has {times} places for {name}"
    return page


def main() -> None:
    """Rewrite the page."""
    PAGE.write_text(rendered(PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
