"""How errors end a command: message, hint, exit code; never a secret, and nothing that commands a terminal."""

from __future__ import annotations

import errno
import os
import signal

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir4ds.cli import main
from fhir4ds.cli.exits import ExitCode, printable, redacted, report, terminable
from fhir4ds.errors import EvaluationError, Fhir4dsError, QueryTimeout, UnknownElement

_SECRET = "sw0rdfish"


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (Fhir4dsError("no luck", hint="try again"), 1, "error: no luck\nhint: try again\n"),
        (Fhir4dsError("no luck"), 1, "error: no luck\n"),
        (
            UnknownElement("Patient has no element 'nam'", expression="Patient.nam", position=8, hint="look"),
            1,
            "error: Patient has no element 'nam' (line 1, column 9)\n    Patient.nam\n            ^\nhint: look\n",
        ),
        (
            EvaluationError("several items", expression="name.single()", position=5, key="p1"),
            1,
            "error: several items (line 1, column 6)\n    name.single()\n         ^\n    on the resource with the id p1\n",
        ),
        (EvaluationError("several items"), 1, "error: several items\n"),
        (
            QueryTimeout("too slow", hint="raise query_timeout"),
            1,
            "error: too slow\nhint: give it more time with --timeout SECONDS, or select less\n",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "error: cannot write: No space left on device\n"),
        (OSError(errno.EACCES, "Permission denied", "a.csv"), 1, "error: a.csv: Permission denied\n"),
        (click.ClickException("cannot write x"), 1, "error: cannot write x\n"),
        (click.UsageError("wrong"), 2, "error: wrong\n"),
        (KeyboardInterrupt(), 130, "cancelled\n"),
        (click.Abort(), 130, "cancelled\n"),
        (
            RuntimeError("Ada Lovelace, 1815"),
            1,
            "error: internal error: RuntimeError\nhint: this is a fault of fhir4ds; --debug shows where it happened\n",
        ),
        (Fhir4dsError("a\x1b[31mb\x07"), 1, "error: a\\x1b[31mb\\x07\n"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_report(error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(error, [], debug=False) == code
    assert capsys.readouterr() == ("", message)


def test_debug_shows_the_traceback_before_the_message(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise Fhir4dsError(f"cannot reach db://u:{_SECRET}@h")
    except Fhir4dsError as error:
        report(error, [f"db://u:{_SECRET}@h"], debug=True)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-2:] == ["fhir4ds.errors.Fhir4dsError: cannot reach db://u:***@h", "error: cannot reach db://u:***@h"]


def test_colour_where_there_is_a_terminal_that_wants_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    report(Fhir4dsError("x"), [], debug=False)
    assert capsys.readouterr().err == "\x1b[31m\x1b[1merror:\x1b[0m x\n"
    monkeypatch.setenv("NO_COLOR", "1")
    report(Fhir4dsError("x"), [], debug=False)
    assert capsys.readouterr().err == "error: x\n"


# --- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"postgresql://ada:{_SECRET}@h:5/d", "postgresql://ada:***@h:5/d"),
        (f"postgresql://:{_SECRET}@h", "postgresql://:***@h"),
        (f"postgresql://ada:{_SECRET}/@:?x@h/d", "postgresql://ada:***@h/d"),
        (f"postgresql://h/d?user=ada&password={_SECRET}&x=1", "postgresql://h/d?user=ada&password=***&x=1"),
        (f"duckdb:///md:d?motherduck_token={_SECRET}", "duckdb:///md:d?motherduck_token=***"),
        ("postgresql://ada@h/d", "postgresql://ada@h/d"),
        ("duckdb:///a.duckdb", "duckdb:///a.duckdb"),
    ],
)
def test_redacted(url: str, shown: str) -> None:
    assert redacted(f"cannot use {url!r} at {url}", ["load", f"--to={url}"]) == f"cannot use {shown!r} at {shown}"


@given(
    st.text(st.sampled_from("aB1:/@?&=%'\"\\ #[]é\n"), max_size=6),
    st.text(st.sampled_from("aB1:/@?&=%'\" "), max_size=6),
)
def test_no_spelling_of_a_password_gets_through(before: str, after: str) -> None:
    url = f"postgresql://ada:{before}{_SECRET}{after}@h/d"
    assert _SECRET not in redacted(f"{url} and {url!r} and {url!r:>200}", ["query", url])


_LEAKS: list[list[str]] = [
    ["URL"],
    ["query", "Patient.id", "URL"],
    ["query", "Patient.id", "URL", "more.ndjson"],
    ["query", "URL", "no-such-file.ndjson"],
    ["query", "Patient.id", "no-such-file.ndjson", "--format", "URL"],
    ["query", "Patient.id", "no-such-file.ndjson", "--timeout", "URL"],
    ["query", "Patient.id", "no-such-file.ndjson", "--param", "URL"],
    ["query", "Patient.id", "no-such-file.ndjson", "--table", "URL"],
    ["query", "Patient.id", "no-such-file.ndjson", "-o", "URL"],
    ["query", "Patient.id", "no-such-file.ndjson", "--resource-type", "URL"],
    ["load", "URL", "--to", "duckdb://"],
    ["load", "no-such-file.ndjson", "--to", "URL"],
    ["load", "no-such-file.ndjson", "--to=URL"],
    ["sql", "Patient.id", "--dialect", "URL"],
    ["sql", "URL"],
    ["dialects", "URL"],
    ["doctor", "URL"],
    ["doctor", "URL", "URL"],
    ["doctor", "duckdb://", "--table", "URL"],
]


@pytest.mark.parametrize("scheme", ["postgresql", "mysql", "duckdb"])
@pytest.mark.parametrize("password", [_SECRET, f"{_SECRET}/x", f"x@{_SECRET}", f"{_SECRET}:1"])
@pytest.mark.parametrize("arguments", _LEAKS, ids=" ".join)
@pytest.mark.parametrize("debug", [False, True])
def test_no_command_shows_a_password(
    scheme: str, password: str, arguments: list[str], debug: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wherever the URL stands on the command line, also where it is not expected."""
    # An option that PostgreSQL does not know makes connecting fail at once, without further attempts.
    url = f"{scheme}://ada:{password}@127.0.0.1:1/clinic?nonsense=1"
    with pytest.raises(SystemExit) as ended:
        main([argument.replace("URL", url) for argument in arguments] + ["--debug"] * debug)
    assert ended.value.code in (1, 2)
    shown = capsys.readouterr()
    assert shown.err or shown.out
    assert _SECRET not in shown.out + shown.err


# --- the process ------------------------------------------------------------------------------------------------------


def test_sigterm_ends_like_an_error() -> None:
    before = signal.getsignal(signal.SIGTERM)
    released = False
    with pytest.raises(SystemExit) as ended, terminable():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            released = True
    assert (ended.value.code, released) == (ExitCode.TERMINATED, True)
    assert signal.getsignal(signal.SIGTERM) is before


def test_printable_keeps_lines_and_tabs() -> None:
    assert printable("a\n\tb\x00\x7f\x9b é") == "a\n\tb\\x00\\x7f\\x9b é"


def test_main_exits_with_the_code_of_what_happened(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["query", "Patient.id", "a.ndjson", "-o", "rows.xlsx"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "error: there is no format for .xlsx files; choose one with --format\nhint: fhir4ds query --help\n"
    )
