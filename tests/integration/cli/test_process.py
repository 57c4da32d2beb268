"""The command line as a citizen of a shell: pipes, full disks, signals, tracebacks and events."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import fhir4ds
from tests.integration.cli.running import FHIR4DS, HARD_CASES, PATIENTS, Outcome, run, run_process


def shell(command: str) -> Outcome:
    """Run a line of bash in which ``fhir4ds`` is the command; a failure anywhere in a pipe fails it."""
    call = " ".join(FHIR4DS)
    line = f'set -o pipefail; fhir4ds() {{ {call} "$@"; }}; {command}'
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=60)
    return Outcome(done.returncode, done.stdout, done.stderr)


def test_entry_point_is_the_module() -> None:
    program = Path(sys.executable).with_name("fhir4ds")
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == run_process("--version").out
    assert re.fullmatch(r"fhir4ds \d+\.\d+.*\n", done.stdout)


def test_no_command_is_a_wrong_call() -> None:
    assert run_process() == Outcome(2, "", run_process("--help").out)


def test_reader_that_has_seen_enough(tmp_path: Path) -> None:
    """No complaint and no failure, also where more was to come than a pipe holds."""
    file = tmp_path / "many.ndjson"
    file.write_text("".join(f'{{"resourceType":"Patient","id":"p{number}"}}\n' for number in range(30_000)))
    asked = shell(f"fhir4ds query Patient.id {file} --format ndjson | head -n 1")
    assert asked == Outcome(0, '{"id": "p0", "value": "p0"}\n', "")
    assert shell(f"fhir4ds query Patient.id {file} | true") == Outcome(0, "", "")
    assert shell("fhir4ds sql Patient.id | true") == Outcome(0, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no disk that is always full")
@pytest.mark.parametrize(
    ("command", "err"),
    [
        (f"query Patient.id {PATIENTS} --format csv", "error: cannot write stdout: No space left on device\n"),
        (f"query Patient.id {PATIENTS} -o /dev/full", "error: cannot write /dev/full: No space left on device\n"),
        ("sql Patient.id", "error: cannot write: No space left on device\n"),
        ("dialects", "error: cannot write: No space left on device\n"),
    ],
)
def test_disk_that_is_full(command: str, err: str) -> None:
    assert shell(f"fhir4ds {command} > /dev/full") == Outcome(1, "", err)


def test_any_locale(tmp_path: Path) -> None:
    """Data is UTF-8, whatever a terminal would be."""
    file = tmp_path / "a.ndjson"
    file.write_text('{"resourceType":"Patient","id":"a","name":[{"family":"東京 Zoë"}]}\n', "utf-8")
    asked = run_process("query", "Patient.name.family", str(file), "--format", "csv", PYTHONIOENCODING="ascii")
    assert asked == Outcome(0, "id,value\na,東京 Zoë\n", "")


def test_debug_shows_the_traceback_before_or_after_the_command() -> None:
    for arguments in (["--debug", "query", "Patient.x", PATIENTS], ["query", "Patient.x", PATIENTS, "--debug"]):
        shown = run_process(*arguments)
        assert (shown.code, shown.out) == (1, "")
        assert shown.err.startswith("Traceback (most recent call last):\n")
        assert "\nerror: Patient has no element 'x' (line 1, column 9)\n" in shown.err


def test_verbose_shows_events_and_statements_but_no_values() -> None:
    asked = ("query", "Patient.where(gender = %g).id", PATIENTS, "--param", "g=sw0rdfish")
    shown = run_process(*asked, "--verbose")
    assert (shown.code, shown.out) == (run(*asked).code, run(*asked).out)
    events = re.findall(r"level=(\w+) event=([\w.]+)", shown.err)
    assert [event for event in events if event[1] in ("pool.opened", "query.done", "pool.closed")] == [
        ("debug", "pool.opened"),
        ("debug", "query.done"),
        ("debug", "pool.closed"),
    ]
    assert 'db.query.text="WITH patient AS' in shown.err
    assert "sw0rdfish" not in shown.err


def on_terminal(*arguments: str, **environment: str) -> tuple[int, str]:
    """Run with stdout and stderr on a terminal of 80 columns; exit code and what it shows."""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", **environment}
    process = subprocess.Popen([*FHIR4DS, *arguments], stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    shown = b""
    try:
        while select.select([master], [], [], 30)[0]:
            shown += os.read(master, 65_536)
    except OSError:  # how Linux says that nobody has the other end any more
        pass
    finally:
        os.close(master)
    return process.wait(30), shown.decode()


def test_terminal_gets_colour_unless_it_wants_none() -> None:
    code, shown = on_terminal("query", "Patient.nam", PATIENTS)
    assert (code, shown.split()[0]) == (1, "\x1b[31m\x1b[1merror:\x1b[0m")
    code, shown = on_terminal("query", "Patient.nam", PATIENTS, NO_COLOR="1")
    assert (code, shown.split()[0]) == (1, "error:")


def test_terminal_gets_the_first_rows_and_the_count() -> None:
    code, shown = on_terminal("query", "Patient.id", PATIENTS)
    assert (code, shown.count("patient-0")) == (0, 100)  # an id and a value in each of 50 rows
    assert "100 rows, the first 50 shown" in shown


def test_terminal_gets_a_progress_bar_and_the_report(tmp_path: Path) -> None:
    code, shown = on_terminal("load", PATIENTS, "--to", str(tmp_path / "c.duckdb"))
    assert code == 0
    assert "resources" in shown
    assert "Patient             100        0          0           0         0" in shown
    code, shown = on_terminal("load", PATIENTS, "--to", str(tmp_path / "c.duckdb"), "--quiet")
    assert (code, shown) == (0, "")


_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def signalled_while_it_waits(url: str, number: int, *arguments: str) -> Outcome:
    """Send a signal to a command that waits for a table; it must be gone from the server too."""
    with fhir4ds.connect(url) as watching, watching.dispatcher.connection() as holder:
        with holder.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE resource IN ACCESS EXCLUSIVE MODE")
        command = [*FHIR4DS, *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            _wait_for(lambda: watching.execute_query(_WAITING) == [(1,)])
            process.send_signal(number)
            out, err = process.communicate(timeout=20)
            _wait_for(lambda: watching.execute_query(_WAITING) == [(0,)])
        finally:
            process.kill()
            process.communicate()
    return Outcome(process.returncode, out, err)


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("number", "code", "err"), [(signal.SIGINT, 130, "\ncancelled\n"), (signal.SIGTERM, 143, "")], ids=["int", "term"]
)
def test_signal_ends_a_query_and_leaves_no_file(
    postgres_url: str, tmp_path: Path, number: int, code: int, err: str
) -> None:
    assert run("load", PATIENTS, "--to", postgres_url).code == 0
    target = tmp_path / "rows.csv"
    ended = signalled_while_it_waits(postgres_url, number, "query", "Patient.id", postgres_url, "-o", str(target))
    assert ended == Outcome(code, "", err)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.postgres
def test_signal_ends_a_load_that_changes_nothing(postgres_url: str) -> None:
    assert run("load", PATIENTS, "--to", postgres_url).code == 0
    ended = signalled_while_it_waits(postgres_url, signal.SIGINT, "load", HARD_CASES, "--to", postgres_url)
    assert ended == Outcome(130, "", "\ncancelled\n")
    assert run("query", "Patient.id", postgres_url).out == run("query", "Patient.id", PATIENTS).out


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
