"""Tables for people, and which format a file gets."""

from __future__ import annotations

import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import click
import pytest

from fhir4ds.cli.output import format_of, write_columns, write_rows, write_table
from fhir4ds.dialect.statement import Column

_NAMES = ("id", "value")
_ROWS: list[tuple[Any, ...]] = [
    ("p1", "Ada"),
    ("p1", None),
    (2, True),
    ("p3", Decimal("1.50")),
    ("p3", Decimal("1E+2")),
    ("東京", {"given": ["Zoë", 'say "hi", ok'], "n": Decimal("0.10"), "b": None}),
    ("p4", "two\nlines\tand \x1b[31mred"),
    (UUID(int=7), [1, 2]),
]


class Terminal(io.StringIO):
    """A text stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def written(rows: list[tuple[Any, ...]]) -> str:
    out = io.StringIO()
    write_table(iter(rows), _NAMES, out)
    return out.getvalue()


def test_table() -> None:
    assert written(_ROWS) == (
        "id                                    value\n"
        "p1                                    Ada\n"
        "p1\n"
        "2                                     true\n"
        "p3                                    1.50\n"
        "p3                                    100\n"
        '東京                                  {"given": ["Zoë", "say \\"hi\\", ok"], "n": 0.10, "b": null}\n'
        "p4                                    two\\nlines\\tand \\x1b[31mred\n"
        "00000000-0000-0000-0000-000000000007  [1, 2]\n"
        "8 rows\n"
    )


def test_empty_table() -> None:
    assert written([]) == "id  value\n0 rows\n"


def test_rows_are_written_as_they_come() -> None:
    """So that memory does not grow with them."""
    out = io.StringIO()
    ahead = []

    def rows() -> Iterator[tuple[str, str]]:
        for number in range(5_000):
            ahead.append(number + 1 - out.getvalue().count("\n")) if number % 500 == 0 else None
            yield f"p{number}", "x"

    write_table(rows(), _NAMES, out)
    assert max(ahead) <= 1_001
    assert len(out.getvalue().splitlines()) >= 5_000


def test_terminal_shows_the_first_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "dumb")
    out = Terminal()
    write_table(((f"p{number}", "x") for number in range(120)), _NAMES, out)
    lines = [line.strip() for line in out.getvalue().splitlines()]
    assert (lines[0], lines[2], lines[51]) == ("id    value", "p0    x", "p49   x")
    assert " ".join(lines[52:]) == "120 rows, the first 50 shown; --limit, --format and -o give more"


def test_terminal_shows_as_many_as_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "dumb")
    out = Terminal()
    write_table(((f"p{number}", "x") for number in range(70)), _NAMES, out, shown=70)
    lines = [line.strip() for line in out.getvalue().splitlines()]
    assert (lines[71], lines[72:]) == ("p69   x", ["70 rows"])


def test_terminal_gets_no_commands_from_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    out = Terminal()
    write_table([("\x1b]0;owned\x07", "a\x9b31m[bold]b[/bold]")], _NAMES, out)
    assert "\\x1b]0;owned\\x07" in out.getvalue()
    assert "a\\x9b31m[bold]b[/bold]" in out.getvalue()
    assert not {"\x1b", "\x07", "\x9b"} & set(out.getvalue())


def test_columns_are_aligned_and_complete() -> None:
    out = io.StringIO()
    assert write_columns([("a", "", "x"), ("bbb", "two words", "")], ("name", "what", "status"), out) == 2
    assert out.getvalue() == "name  what       status\na                x\nbbb   two words\n"


@pytest.mark.parametrize(
    ("path", "chosen", "format"),
    [
        (None, None, "table"),
        (None, "csv", "csv"),
        ("out.csv", None, "csv"),
        ("out.CSV", None, "csv"),
        ("out.json", None, "json"),
        ("out.ndjson", None, "ndjson"),
        ("out.jsonl", None, "ndjson"),
        ("out.txt", None, "table"),
        ("/dev/null", None, "table"),
        ("out.csv", "json", "json"),
        ("out.parquet", None, "parquet"),
        ("out.parquet", "csv", "csv"),
        ("out.xlsx", "csv", "csv"),
        ("-", None, "table"),
        ("-", "ndjson", "ndjson"),
    ],
)
def test_format(path: str | None, chosen: str | None, format: str) -> None:
    assert format_of(path, chosen) == format


def test_unknown_ending_is_not_guessed() -> None:
    with pytest.raises(click.UsageError, match=r"there is no format for \.xlsx files; choose one with --format"):
        format_of("out.xlsx", None)


@pytest.mark.parametrize("path", [None, "-"])
def test_bytes_are_not_for_stdout(path: str | None) -> None:
    with pytest.raises(click.UsageError, match=r"parquet is for files; name one with -o FILE"):
        format_of(path, "parquet")


@pytest.mark.parametrize(("limit", "asked"), [(1, 1), (3, 2), (4, 2), (5, 3), (100, 3)])
def test_limit_takes_no_batch_too_many(limit: int, asked: int, capsys: pytest.CaptureFixture[str]) -> None:
    taken = []

    def batches() -> Iterator[list[tuple[str]]]:
        for batch in ([("a",), ("b",)], [("c",), ("d",)], [("e",)]):
            taken.append(batch)
            yield batch

    write_rows(batches(), (Column(name="id"),), None, "csv", limit=limit)
    assert capsys.readouterr().out.split() == ["id", *"abcde"[:limit]]
    assert len(taken) == asked
