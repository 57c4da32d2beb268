"""Makes the tables of docs/dialect-contract.md from the code: ``python -m tests.support.contract_page`` rewrites them."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import attrs

from fhir4ds.dialect.driver import Cursor, Driver
from fhir4ds.dialect.model import Capabilities, Dialect
from fhir4ds.dialect.primitives import PRIMITIVES
from fhir4ds.dialect.syntax import Syntax

PAGE = Path(__file__).parents[2] / "docs" / "dialect-contract.md"


def _summary(member: object) -> str:
    text = inspect.getdoc(member) or ""
    return " ".join(text.split("\n\n")[0].split()).replace("|", "\\|")


def _methods(kind: type) -> str:
    rows = []
    for name, member in vars(kind).items():
        if name.startswith("_"):
            continue
        if inspect.isfunction(member):
            signature = str(inspect.signature(member)).replace("self, ", "").replace("(self)", "()")
            signature = re.sub(r"'", "", signature).replace("|", "\\|")
            rows.append(f"| `{name}` | `{name}{signature}` | {_summary(member)} |")
        elif isinstance(member, property):
            rows.append(f"| `{name}` | property | {_summary(member)} |")
    return "\n".join(["| word | signature | meaning |", "|---|---|---|", *rows])


def _attributes(kind: type) -> str:
    documented = dict(re.findall(r"^(\w+(?:, \w+)*) : .*\n((?:    .*\n?)+)", inspect.getdoc(kind) or "", re.MULTILINE))
    rows = []
    for field in attrs.fields(kind):
        text = next((text for names, text in documented.items() if field.name in names.split(", ")), "")
        rows.append(f"| `{field.name}` | {' '.join(text.split())} |")
    return "\n".join(["| field | meaning |", "|---|---|", *rows])


def _primitives() -> str:
    rows = [f"| `{name}` | `{template.replace('|', chr(92) + '|')}` |" for name, template in PRIMITIVES.items()]
    return "\n".join(["| primitive | standard spelling |", "|---|---|", *rows])


def tables() -> dict[str, str]:
    """The generated tables by the name of their place in the page."""
    return {
        "dialect": _attributes(Dialect),
        "capabilities": _attributes(Capabilities),
        "syntax": _methods(Syntax),
        "primitives": _primitives(),
        "driver": _methods(Driver),
        "cursor": _methods(Cursor),
    }


def filled(page: str) -> str:
    """The page with its tables made anew."""
    for name, table in tables().items():
        start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, _, rest = page.partition(start)
        _, _, after = rest.partition(end)
        page = f"{before}{start}\n{table}\n{end}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text("utf-8")), encoding="utf-8")
