"""Makes the tables of docs/dialect-contract.md from the code: ``python -m tests.support.contract_page`` rewrites them."""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs
from fhir4ds_duckdb.syntax import DuckDBSyntax
from fhir4ds_postgres.syntax import PostgresSyntax

from fhir4ds.dialect.driver import Cursor, Driver
from fhir4ds.dialect.faults import Fault, FaultKind
from fhir4ds.dialect.lambdas import LambdaSyntax
from fhir4ds.dialect.model import Capabilities, Dialect
from fhir4ds.dialect.path import Step
from fhir4ds.dialect.primitives import PRIMITIVES
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.dialect.types import SqlType
from fhir4ds.runtime.retry import Phase, Verdict, judge

PAGE = Path(__file__).parents[2] / "docs" / "dialect-contract.md"

#: The dialects in which the page says that something differs.
_DIALECTS: dict[str, type[Syntax]] = {"duckdb": DuckDBSyntax, "postgres": PostgresSyntax}

#: A comment ``#:`` and the attribute that it is about.
_ATTRIBUTE = re.compile(r"((?:^    #: .*\n)+)    (\w+): ([^=\n]+)", re.MULTILINE)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in (heads, *rows)]
    return "\n".join([f"| {lines[0]} |", "|" + "---|" * len(heads), *(f"| {line} |" for line in lines[1:])])


def _code(text: str) -> str:
    return f"`{text}`"


def _plain(text: str) -> str:
    """Words of a docstring as Markdown, on one line."""
    return " ".join(text.replace("``", "`").split())


def _summary(member: object) -> str:
    return _plain((inspect.getdoc(member) or "").split("\n\n")[0])


def _said_by(name: str) -> str:
    """The dialects that say a word themselves or start from one of the core that does."""
    said = {
        dialect: {name for kind in syntax.__mro__[: syntax.__mro__.index(Syntax)] for name in vars(kind)}
        for dialect, syntax in _DIALECTS.items()
    }
    return ", ".join(dialect for dialect, names in said.items() if name in names)


def _fields(kind: type) -> str:
    documented = dict(re.findall(r"^(\w+(?:, \w+)*) : .*\n((?:    .*\n?)+)", inspect.getdoc(kind) or "", re.MULTILINE))
    rows = []
    for field in attrs.fields(kind):
        text = next(text for names, text in documented.items() if field.name in names.split(", "))
        rows.append((_code(field.name), "required" if field.default is attrs.NOTHING else "", _plain(text)))
    return _table(("field", "", "meaning"), rows)


def _words() -> str:
    rows = []
    for name, member in vars(Syntax).items():
        if inspect.isfunction(member) and not name.startswith("_"):
            must = "must" if getattr(member, "__isabstractmethod__", False) else "may"
            rows.append((_code(_signature(name, member)), must, _said_by(name), _summary(member)))
    return _table(("word", "a dialect", "said by", "meaning"), rows)


def _signature(name: str, member: object) -> str:
    """Without types: they are text unless the meaning says otherwise."""
    parameters = inspect.signature(member).parameters.values()  # type: ignore[arg-type]
    shown: list[str] = []
    for parameter in parameters:
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and "*" not in shown:
            shown.append("*")
        shown.append(f"*{parameter.name}" if parameter.kind is inspect.Parameter.VAR_POSITIONAL else parameter.name)
    return f"{name}({', '.join(shown[1:])})"


def _attributes(kind: type) -> list[tuple[str, str]]:
    found = _ATTRIBUTE.findall(inspect.getsource(kind))
    return [(name, _plain(re.sub(r"^ *#: ", "", comment, flags=re.MULTILINE))) for comment, name, _ in found]


def _class_attributes(kind: type[Syntax]) -> str:
    rows = [(_code(name), _said_by(name), meaning) for name, meaning in _attributes(kind)]
    return _table(("attribute", "said by", "meaning"), rows)


def _primitives() -> str:
    rows = []
    for name, template in PRIMITIVES.items():
        others = ", ".join(dialect for dialect, syntax in _DIALECTS.items() if name in syntax.differences)
        rows.append((_code(name), _code(template), others))
    return _table(("primitive", "standard spelling", "different in"), rows)


def _methods(kind: type) -> str:
    rows = [(_code(name), meaning) for name, meaning in _attributes(kind)]
    for name, member in vars(kind).items():
        if name.startswith("_"):
            continue
        if inspect.isfunction(member):
            rows.append((_code(_signature(name, member)), _summary(member)))
        elif isinstance(member, property):
            rows.append((_code(name), _summary(member)))
    return _table(("member", "meaning"), rows)


def _faults() -> str:
    """Each kind, what it means, and what the core does about it in each phase."""
    verdicts = {Verdict.RETRY: "again", Verdict.FAIL: "no", Verdict.UNKNOWN: "unknown"}
    rows = []
    for kind, comment in _commented(FaultKind):
        outcomes = [verdicts[judge(Fault(kind=kind), phase)] for phase in Phase]
        rows.append((_code(kind.name), comment, *outcomes))
    return _table(("kind", "what happened", *(phase.value for phase in Phase)), rows)


def _commented(kind: type[enum.Enum]) -> list[tuple[enum.Enum, str]]:
    comments = dict(re.findall(r"^    (\w+) = [^#\n]*(?:# (.*))?$", inspect.getsource(kind), re.MULTILINE))
    return [(member, comments[member.name]) for member in kind]


def _types() -> str:
    spelled = [[_code(syntax.types[type]) for syntax in (Syntax, *_DIALECTS.values())] for type in SqlType]
    return _table(
        ("type", "standard", *_DIALECTS),
        [(_code(type.name), *names) for type, names in zip(SqlType, spelled, strict=True)],
    )


def tables() -> dict[str, str]:
    """The generated tables by the name of their place in the page."""
    return {
        "dialect": _fields(Dialect),
        "capabilities": _fields(Capabilities),
        "types": _types(),
        "attributes": _class_attributes(Syntax),
        "lambdas": _class_attributes(LambdaSyntax),
        "words": _words(),
        "step": _fields(Step),
        "primitives": _primitives(),
        "driver": _methods(Driver),
        "cursor": _methods(Cursor),
        "fault": _fields(Fault),
        "faults": _faults(),
    }


def filled(page: str) -> str:
    """The page with its tables made anew.

    Raises
    ------
    ValueError
        If the page has no place for one of them.
    """
    for name, table in tables().items():
        start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, found, rest = page.partition(start)
        if not found or end not in rest:
            raise ValueError(f"the page has no place for {name!r}")
        page = f"{before}{start}\n{table}\n{end}{rest.partition(end)[2]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text("utf-8")), encoding="utf-8")
