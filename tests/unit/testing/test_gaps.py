"""The list of known gaps is strict."""

from __future__ import annotations

from pathlib import Path

import pytest

from fhir4ds.registry import registry
from fhir4ds.testing.gaps import Gap, InvalidGaps, check_known, read_gaps

from .broken import BROKEN
from .test_broken_dialects import _QUIET

_KNOWN = '[[known]]\ncase = "{case}"\nkind = "notimpl"\nreason = "for now"\n'


def _run(pytester: pytest.Pytester, content: str) -> tuple[int, str]:
    """Run the chapter of statements for a dialect of which one case fails."""
    dialect, _ = BROKEN["files are read without saying so"]
    known = pytester.path / "gaps.toml"
    known.write_text(content, "utf-8")
    arguments = ["--dialect", "broken", "--known", str(known), "--pyargs", "fhir4ds.testing.suite.test_statements"]
    with registry.override(dialect):
        result = pytester.runpytest_inprocess(*_QUIET, *arguments)
    return int(result.ret), result.stdout.str() + result.stderr.str()


def test_known_gap_is_no_failure(pytester: pytest.Pytester) -> None:
    """It is counted, and the rest has passed."""
    code, output = _run(pytester, _KNOWN.format(case="statements/files-are-read-in-place-or-not-at-all"))
    assert code == 0
    assert "statements         47/47           1/1           1        0" in output


def test_closed_gap_is_a_failure(pytester: pytest.Pytester) -> None:
    """What works must leave the list."""
    both = [
        _KNOWN.format(case=f"statements/{case}")
        for case in ("files-are-read-in-place-or-not-at-all", "placeholders-bind-values")
    ]
    code, output = _run(pytester, "".join(both))
    assert code == 1
    assert "XPASS(strict)" in output


def test_unknown_case_stops_the_run(pytester: pytest.Pytester) -> None:
    """A misspelt case would hide nothing, and promise much."""
    code, output = _run(pytester, _KNOWN.format(case="statements/keys-sort-by-codepoint"))
    assert code == pytest.ExitCode.USAGE_ERROR
    assert (
        "no case is called 'statements/keys-sort-by-codepoint'; did you mean 'statements/keys-sort-by-code-point'?"
        in output
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[[known]", "gaps.toml is no TOML"),
        ("[unknown]\na = 1", r"gaps.toml holds tables \[\[known\]\] only, not unknown"),
        ('[[known]]\ncase = "a/b"', "each .* has case, kind, reason"),
        ('[[known]]\ncase = "a/b"\nkind = "never"\nreason = 1', "each .* has case, kind, reason"),
        ('[[known]]\ncase = "a/b"\nkind = "maybe"\nreason = "x"', "the kind of a/b is one of notimpl, notyet, never"),
        (2 * _KNOWN.format(case="a/b"), "lists a/b twice"),
    ],
    ids=["toml", "table", "missing", "type", "kind", "twice"],
)
def test_list_that_makes_no_sense(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "gaps.toml"
    file.write_text(content, "utf-8")
    with pytest.raises(InvalidGaps, match=message):
        read_gaps(file)


def test_no_list_is_an_empty_one(tmp_path: Path) -> None:
    assert read_gaps(tmp_path / "none.toml") == {}


def test_cases_are_checked() -> None:
    check_known([Gap("a/b", "never", "x")], ["a/b", "a/c"])
    with pytest.raises(InvalidGaps, match="no case is called 'z'$"):
        check_known([Gap("z", "never", "x")], ["a/b"])
