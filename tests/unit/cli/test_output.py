"""Rows as text, whole."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import click
import pytest

from fhir4ds.cli.output import FORMATS, format_of, write_columns, write_table

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


def written(format: str, rows: list[tuple[Any, ...]]) -> str:
    out = io.StringIO()
    FORMATS[format](iter(rows), _NAMES, out)
    return out.getvalue()


def test_table() -> None:
    assert written("table", _ROWS) == (
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


def test_json() -> None:
    assert written("json", _ROWS) == (
        "[\n"
        '  {"id": "p1", "value": "Ada"},\n'
        '  {"id": "p1", "value": null},\n'
        '  {"id": 2, "value": true},\n'
        '  {"id": "p3", "value": 1.50},\n'
        '  {"id": "p3", "value": 100},\n'
        '  {"id": "東京", "value": {"given": ["Zoë", "say \\"hi\\", ok"], "n": 0.10, "b": null}},\n'
        '  {"id": "p4", "value": "two\\nlines\\tand \\u001b[31mred"},\n'
        '  {"id": "00000000-0000-0000-0000-000000000007", "value": [1, 2]}\n'
        "]\n"
    )


def test_ndjson_has_the_objects_of_json() -> None:
    lines = written("ndjson", _ROWS).splitlines()
    assert [json.loads(line) for line in lines] == json.loads(written("json", _ROWS))
    assert lines[3] == '{"id": "p3", "value": 1.50}'


def test_csv() -> None:
    assert written("csv", _ROWS) == (
        "id,value\n"
        "p1,Ada\n"
        "p1,\n"
        "2,true\n"
        "p3,1.50\n"
        "p3,100\n"
        '東京,"{""given"": [""Zoë"", ""say \\""hi\\"", ok""], ""n"": 0.10, ""b"": null}"\n'
        'p4,"two\nlines\tand \x1b[31mred"\n'
        '00000000-0000-0000-0000-000000000007,"[1, 2]"\n'
    )
    read = list(csv.reader(io.StringIO(written("csv", _ROWS))))
    assert len(read) == 1 + len(_ROWS)
    assert json.loads(read[6][1])["given"] == ["Zoë", 'say "hi", ok']


@pytest.mark.parametrize(
    ("format", "text"), [("table", "id  value\n0 rows\n"), ("json", "[]\n"), ("ndjson", ""), ("csv", "id,value\n")]
)
def test_nothing(format: str, text: str) -> None:
    assert written(format, []) == text


@pytest.mark.parametrize("format", ["ndjson", "csv", "json", "table"])
def test_rows_are_written_as_they_come(format: str) -> None:
    """So that memory does not grow with them."""
    out = io.StringIO()
    ahead = []

    def rows() -> Iterator[tuple[str, str]]:
        for number in range(5_000):
            ahead.append(number + 1 - out.getvalue().count("\n")) if number % 500 == 0 else None
            yield f"p{number}", "x"

    FORMATS[format](rows(), _NAMES, out)
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
        ("out.parquet", "csv", "csv"),
    ],
)
def test_format(path: str | None, chosen: str | None, format: str) -> None:
    assert format_of(path, chosen) == format


def test_unknown_ending_is_not_guessed() -> None:
    with pytest.raises(click.UsageError, match=r"there is no format for \.parquet files; choose one with --format"):
        format_of("out.parquet", None)
