"""Makes the lists of docs/reference/fhirpath.md from the declarations: ``python -m tests.support.fhirpath_page``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from fhir4ds.functions.catalog import FUNCTIONS, GROUPS, OPERATORS
from fhir4ds.functions.declaration import Example, Function
from fhir4ds.functions.left_out import LEFT_OUT, VARIABLES_LEFT_OUT
from fhir4ds.functions.operators import Operator
from fhir4ds.runtime.answer import encode_json

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "fhirpath.md"


def _plain(text: str) -> str:
    return " ".join(text.replace("``", "`").split())


def _in_order(declared: Iterable[Function | Operator]) -> list[Function | Operator]:
    """In the order of the modules that declare."""
    places = {module.__name__: place for place, module in enumerate(GROUPS)}
    return sorted(declared, key=lambda item: places[item.lower.__module__])


def _groups() -> dict[str, list[Function | Operator]]:
    found: dict[str, list[Function | Operator]] = {}
    for item in _in_order([*FUNCTIONS.values(), *OPERATORS.values()]):
        found.setdefault(item.group, []).append(item)
    return found


def _anchor(heading: str) -> str:
    """What GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _head(item: Function | Operator) -> str:
    return f"`{item.signature}`" if isinstance(item, Function) else f"`{item.symbol}`"


def _lines(examples: Sequence[Example]) -> list[str]:
    """Expressions and what they give, under the resources that they are about."""
    lines: list[str] = []
    shown: object = None
    for example in examples:
        about = [encode_json(resource) for resource in (example.resource, *example.stored) if resource is not None]
        if about and about != shown:
            lines += ["", *about] if lines else about
        shown = about
        result = ", ".join(map(encode_json, example.result)) or "{}"
        lines.append(f"{example.expression}  // {result}")
    return lines


def _entry(item: Function | Operator) -> str:
    returns = f" : {item.returns}" if isinstance(item, Function) else ""
    examples = "\n".join(["```text", *_lines(item.examples), "```"])
    return f"**{_head(item)}**{returns}\n\n{_plain(item.summary)}\n\n{examples}"


def contents() -> str:
    """Each group with the names in it."""
    rows = []
    for group, items in _groups().items():
        names = ", ".join(f"`{item.name}`" if isinstance(item, Function) else f"`{item.symbol}`" for item in items)
        rows.append(f"| [{group}](#{_anchor(group)}) | {names.replace('|', chr(92) + '|')} |")
    return "\n".join(["| group | functions and operators |", "|---|---|", *rows])


def entries() -> str:
    """Every function and operator, by group."""
    return "\n\n".join("\n\n".join([f"### {group}", *map(_entry, items)]) for group, items in _groups().items())


def left_out() -> str:
    """Functions and variables that are left out, by the reason."""
    reasons: dict[str, list[str]] = {}
    shown = {f"`{name}()`": reason for name, reason in LEFT_OUT.items()}
    shown |= {f"`%{name}`": reason for name, reason in VARIABLES_LEFT_OUT.items()}
    for name, reason in shown.items():
        reasons.setdefault(reason, []).append(name)
    rows = [f"| {', '.join(names)} | {reason} |" for reason, names in reasons.items()]
    return "\n".join(["| function or variable | why |", "|---|---|", *rows])


def filled(page: str) -> str:
    """The page with its lists made anew.

    Raises
    ------
    ValueError
        If the page has no place for one of them.
    """
    for name, text in {"left out": left_out(), "contents": contents(), "functions": entries()}.items():
        start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, found, rest = page.partition(start)
        if not found or end not in rest:
            raise ValueError(f"the page has no place for {name!r}")
        page = f"{before}{start}\n{text}\n{end}{rest.partition(end)[2]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text("utf-8")), encoding="utf-8")
