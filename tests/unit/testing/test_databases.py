"""Where the kit finds the database of a dialect, and what it does without one."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from .test_broken_dialects import _QUIET

_ONE_CASE = ["-k", "json_text", "--pyargs", "fhir4ds.testing.suite.test_types"]


@pytest.fixture(autouse=True)
def _no_database_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FHIR4DS_TEST_URL_POSTGRES", raising=False)


def run(pytester: pytest.Pytester, *options: str) -> tuple[int, str]:
    result = pytester.runpytest_inprocess(*_QUIET, "-rs", *options, *_ONE_CASE)
    return int(result.ret), result.stdout.str()


def test_embedded_dialects_need_nothing(pytester: pytest.Pytester) -> None:
    """Unless asked otherwise, every dialect that has a database is tested."""
    code, output = run(pytester)
    assert code == 0
    assert "conformance of duckdb (fhir4ds-duckdb " in output and "conformance of postgres" not in output


def test_dialect_without_a_database_is_skipped(pytester: pytest.Pytester) -> None:
    code, output = run(pytester, "--dialect", "postgres")
    assert code == 0
    assert "no database for postgres: give --url or FHIR4DS_TEST_URL_POSTGRES" in output
    assert "1 skipped" in output


def test_dialect_without_a_database_fails_where_one_is_required(pytester: pytest.Pytester) -> None:
    code, output = run(pytester, "--dialect", "postgres", "--require")
    assert code == 1
    assert "no database for postgres: give --url or FHIR4DS_TEST_URL_POSTGRES" in output


def test_dialect_that_is_not_installed(pytester: pytest.Pytester) -> None:
    """The run ends with a message, and with the exit code for wrong usage."""
    result = pytester.runpytest_inprocess(*_QUIET, "--dialect", "duckbd", *_ONE_CASE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    output = result.stdout.str() + result.stderr.str()
    assert "no dialect named 'duckbd'" in output and "hint: did you mean 'duckdb'?" in output
    assert "Traceback" not in output and "INTERNALERROR" not in output


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--require"], 1)], ids=["skipped", "required"])
def test_server_that_does_not_answer(pytester: pytest.Pytester, options: list[str], code: int) -> None:
    """It is looked for once, and the password is in no message."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        url = f"postgresql://ada:hunter2-secret@127.0.0.1:{free.getsockname()[1]}/clinic"
        ended, output = run(pytester, "--dialect", "postgres", "--url", url, *options)
    assert ended == code
    assert "no connection to postgresql://ada:***@127.0.0.1:" in output
    assert "hunter2" not in output


def test_database_named_by_the_environment(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIR4DS_TEST_URL_DUCKDB", f"duckdb:///{pytester.path}/given.duckdb")
    code, _ = run(pytester, "--dialect", "duckdb")
    assert code == 0
    assert (pytester.path / "given.duckdb").exists()
