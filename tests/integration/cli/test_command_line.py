"""Every command in a process of its own: what stands on stdout and stderr, and the exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

import fhir4ds
from tests.support.postgres_server import SECRET

_FIXTURES = Path(__file__).parents[2] / "fixtures" / "fhir"
_PATIENTS = str(_FIXTURES / "patients.json")


@attrs.frozen
class Outcome:
    code: int
    out: str
    err: str


def run(*arguments: str, **environment: str) -> Outcome:
    command = [sys.executable, "-m", "fhir4ds", *arguments]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "100", **environment},
        timeout=60,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def test_help_lists_the_commands() -> None:
    shown = run("--help")
    assert (shown.code, shown.err) == (0, "")
    for command in ("query", "load", "sql", "dialects", "doctor"):
        assert f"\n  {command} " in shown.out
        taught = run(command, "--help")
        assert taught.code == 0
        assert f"fhir4ds {command} " in taught.out


def test_query_of_files_as_table() -> None:
    shown = run("query", "Patient.birthDate", _PATIENTS)
    assert (shown.code, shown.err) == (0, "")
    lines = [line.rstrip() for line in shown.out.splitlines()]
    assert lines[:3] == ["id           value", "patient-001  1971-02-02", "patient-002  1972-03-03"]
    assert lines[-1] == "100 rows, the first 50 shown"


def test_query_formats() -> None:
    expression = "Patient.where(id = 'patient-001').name.where(use = 'official')"
    item = {"use": "official", "family": "Family1", "given": ["Given1", "Alias1"]}
    assert json.loads(run("query", expression, _PATIENTS, "--format", "json").out) == [
        {"id": "patient-001", "value": item}
    ]
    assert json.loads(run("query", expression, _PATIENTS, "--format", "ndjson").out) == {
        "id": "patient-001",
        "value": item,
    }
    assert run("query", "Patient.where(id = 'patient-001').name.given", _PATIENTS, "--format", "csv").out == (
        "id,value\npatient-001,Given1\npatient-001,Alias1\npatient-001,Nick1\n"
    )
    assert run("query", "Patient.where(id = 'none').name", _PATIENTS, "--format", "json").out == "[]\n"


def test_query_into_a_file_that_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    assert run("query", "Patient.gender", _PATIENTS, "-o", str(target)).out == ""
    assert target.read_text().splitlines()[:2] == ["id,value", "patient-001,female"]
    failed = tmp_path / "failed.csv"
    assert run("query", "Patient.name.single()", _PATIENTS, "-o", str(failed)).code == 1
    assert list(tmp_path.iterdir()) == [target]


def test_parameters_are_typed_and_bound() -> None:
    by_gender = run("query", "Patient.where(gender = %g).id", _PATIENTS, "--param", "g=' or 1=1 --", "--format", "csv")
    assert by_gender.out == "id,value\n"
    rows = run(
        "query", "Patient.where(active = %a and name.count() = %n).id", _PATIENTS, "--param", "a=true", "--param", "n=2"
    )
    assert rows.code == 0
    assert "patient-001" in rows.out
    text = run("query", "Patient.where(id = %i).id", _PATIENTS, "--param", "i:String=007", "--format", "csv")
    assert text.out == "id,value\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["qurey"], 2, "there is no command 'qurey'; did you mean 'query'?"),
        (["query", "Patient.id"], 2, "Missing argument"),
        (["query", "Patient.id", _PATIENTS, "--param", "x"], 2, "'x' is not NAME=VALUE"),
        (["query", "Patient.brthDate", _PATIENTS], 1, "hint: did you mean 'birthDate'?"),
        (["query", "Patient.id", "/no/such/file.ndjson"], 1, "/no/such/file.ndjson"),
        (["query", "Patient.id", "mysql://root:s3cret@h/d"], 1, "no dialect serves mysql://..."),
        (["query", "Patient..id", _PATIENTS], 1, "(line 1, column 9)"),
    ],
)
def test_errors_are_one_message_on_stderr(arguments: list[str], code: int, message: str) -> None:
    shown = run(*arguments)
    assert (shown.code, shown.out) == (code, "")
    assert message in shown.err
    assert "Traceback" not in shown.err
    assert "s3cret" not in shown.err


def test_debug_shows_the_traceback() -> None:
    assert "Traceback" in run("--debug", "query", "Patient.brthDate", _PATIENTS).err


def test_load_is_idempotent_and_tells_of_rejects(tmp_path: Path) -> None:
    source = tmp_path / "export.ndjson"
    source.write_text('{"resourceType":"Patient","id":"a"}\nnot json\n{"resourceType":"Patient","id":"b"}\n')
    database = str(tmp_path / "clinic.duckdb")
    first = run("load", str(source), "--to", database)
    assert first.code == 1
    assert first.out.splitlines()[1].split()[:4] == ["Patient", "2", "0", "0"]
    assert f"{source}:2" in first.err
    again = run("load", str(source), "--to", database)
    assert again.out.splitlines()[1].split()[:4] == ["Patient", "0", "0", "2"]
    assert run("query", "Patient.id", database, "--format", "csv").out == "id,value\na,a\nb,b\n"
    strict = run("load", str(source), "--to", str(tmp_path / "strict.duckdb"), "--strict")
    assert strict.code == 1
    assert f"{source}:2" in strict.err


def test_sql_needs_no_database() -> None:
    shown = run("sql", "Patient.birthDate", "--dialect", "postgresql")
    assert shown.code == 0
    assert "(resource ->> 'birthDate')" in shown.out
    assert "%(g)s" in run("sql", "Patient.where(gender = %g).id", "--dialect", "postgres", "--param", "g=x").out


def test_dialects_for_people_and_programs() -> None:
    table = run("dialects").out
    assert "postgresql" in table
    found = {status["name"]: status for status in json.loads(run("dialects", "--json").out)}
    assert sorted(found) == ["duckdb", "postgres"]
    assert found["postgres"]["aliases"] == ["postgresql"]
    assert found["postgres"]["driver"] is True
    assert found["duckdb"]["capabilities"]["files"] is True
    off = {
        status["name"]: status["status"]
        for status in json.loads(run("dialects", "--json", FHIR4DS_DISABLE="duckdb").out)
    }
    assert off == {"duckdb": "off", "postgres": "ok"}


def test_closed_pipe_is_silent() -> None:
    command = f"{sys.executable} -m fhir4ds query Patient.name.given {_PATIENTS} --format ndjson | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)["id"] == "patient-001"
    assert done.stderr == ""


@pytest.mark.postgres
def test_postgres_end_to_end(postgres_url: str) -> None:
    assert run("load", _PATIENTS, "--to", postgres_url).code == 0
    assert run("query", "Patient.birthDate", postgres_url, "--format", "csv").out == (
        run("query", "Patient.birthDate", _PATIENTS, "--format", "csv").out
    )
    checked = run("doctor", postgres_url)
    assert checked.code == 0
    steps = [line.split(":")[0] for line in checked.out.splitlines()]
    assert steps == [
        f"ok      {step}" for step in ("dialect", "driver", "host name", "port", "login", "version", "table", "query")
    ]
    assert SECRET not in checked.out + checked.err


@pytest.mark.postgres
def test_doctor_stops_where_it_fails_and_never_tells_the_password(postgres_url: str) -> None:
    login, _, place = postgres_url.rpartition("@")
    host, _, database = place.partition("/")
    cases = {
        f"{login}wrong@{place}": "login",
        f"{login}@{host}/nosuchdatabase": "login",
        f"{login}@127.0.0.1:1/{database}": "port",
        f"{login}@no-such-host.invalid/{database}": "host name",
        postgres_url + "?table": "table",
    }
    for url, step in cases.items():
        arguments = ["--table", "no_such_table"] if step == "table" else []
        shown = run("doctor", url.removesuffix("?table"), *arguments)
        assert shown.code == 1, url
        failed = [line for line in shown.out.splitlines() if line.startswith("failed")]
        assert len(failed) == 1
        assert failed[0].startswith(f"failed  {step}:"), failed
        assert SECRET not in shown.out + shown.err


@pytest.mark.postgres
def test_ctrl_c_cancels_on_the_server(postgres_url: str) -> None:
    """The exit code says that it was interrupted, and nothing goes on running on the server."""
    assert run("load", _PATIENTS, "--to", postgres_url).code == 0
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with fhir4ds.connect(postgres_url) as watching, watching.dispatcher.connection() as holder:
        with holder.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE resource IN ACCESS EXCLUSIVE MODE")
        command = [sys.executable, "-m", "fhir4ds", "query", "Patient.id", postgres_url, "--timeout", "60"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        _wait_for(lambda: watching.execute_query(waiting) == [(1,)])
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err.strip()) == (130, "", "cancelled")
        _wait_for(lambda: watching.execute_query(waiting) == [(0,)])


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
