"""Rows that are looked up by key, for tests of the words that do it."""

from __future__ import annotations

from fhir4ds.dialect.syntax import Syntax
from fhir4ds.dialect.types import SqlType

_TEXT = SqlType.TEXT
_ROWS = "(VALUES ('Patient', '1', 'Ada'), ('Patient', '2', 'Eve'), ('Group', '1', 'all'), ('Group', '3', 'none'))"


def looked_up(syntax: Syntax, *keys: str | None) -> str:
    """The name in the row of a kind and a number; both come from another row, as in a statement."""
    return _over_rows(syntax, keys, syntax.find(_step(syntax), ["kind", "number"], ["k1", "k2"], "name"))


def is_there(syntax: Syntax, key: str | None) -> str:
    """Whether there is a row with a number."""
    found = syntax.holds(_step(syntax), "number", "k1")
    return _over_rows(syntax, (key,), syntax.apply("coalesce", found, "FALSE"), columns=("number",))


def _step(syntax: Syntax) -> str:
    return "entries" if syntax.relation("entries", ["number"], "number") is None else "held"


def _over_rows(
    syntax: Syntax, keys: tuple[str | None, ...], value: str, columns: tuple[str, ...] = ("kind", "number")
) -> str:
    item = "name" if len(columns) > 1 else columns[0]
    held = syntax.relation("entries", columns, item)
    steps = [f"entries (kind, number, name) AS {_ROWS}", *([] if held is None else [f"held AS ({held})"])]
    given = ", ".join(
        f"{syntax.cast('NULL' if key is None else syntax.text(key), _TEXT)} AS k{n}"
        for n, key in enumerate(keys, start=1)
    )
    joined = "" if held is None else " CROSS JOIN held"
    return f"(WITH {', '.join(steps)} SELECT {value} FROM (SELECT {given}) AS question{joined})"
