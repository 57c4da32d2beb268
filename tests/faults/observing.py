"""Lets a fault happen to a call and looks at everything that is promised: here, or in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

import attrs

from tests.faults.model import Fault, Observation, Trial
from tests.faults.scene import INTERRUPT, Scene, Server, recording
from tests.support.postgres_server import SECRET

_ROOT = Path(__file__).parents[2]

#: What a child says before what it saw.
_SEEN = "seen "


def observe(name: str, fault: Fault, server: Server | None) -> Observation:
    """Let a fault happen, in a child where its row says so.

    Parameters
    ----------
    name : str
        Its key in the table, by which a child finds it.
    fault : Fault
        The row.
    server : PostgresServer, optional
        Where, for faults of PostgreSQL.
    """
    if not fault.in_child:
        return observe_here(fault, server)
    command = [sys.executable, "-m", "tests.faults.child", name, *([] if server is None else [str(server.port)])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line.startswith(INTERRUPT):
                child.send_signal(signal.SIGINT)
            elif line.startswith(_SEEN):
                return Observation.of(json.loads(line.removeprefix(_SEEN)))
    return Observation(raised=f"exit code {child.returncode}", code=None, kinds=(), attempts=0, seconds=0.0, events=())


def observe_here(fault: Fault, server: Server | None) -> Observation:
    """Let a fault happen in this process."""
    flaws: list[str] = []
    with ExitStack() as resources:
        folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="fhir4ds-faults-")))
        recorder = resources.enter_context(recording())
        printed = resources.enter_context(_standard_error())
        scene = resources.enter_context(Scene(folder, recorder, fault.budget, server))
        around = fault.provoke(scene)
        trial = around.__enter__()
        mark = len(recorder.entries)
        started = time.monotonic()
        error: BaseException | None = None
        try:
            answer = trial.call()
        except BaseException as raised:
            error = raised
        else:
            if answer != trial.expected:
                flaws.append(f"answered {answer!r}, not {trial.expected!r}")
        seconds = time.monotonic() - started
        events = recorder.entries[mark:]
        try:
            around.__exit__(None, None, None)
        except AssertionError as wrong:
            flaws.append(f"afterwards: {wrong}")
        flaws += _next_query(trial)
        flaws += scene.flaws()
        flaws += scene.secrets(f"{recorder.entries} {error} {error!r}")
        flaws += [f"{flaw} on standard error" for flaw in scene.secrets(printed())]
        if error is not None and SECRET in f"{error.__cause__} {error.__cause__!r}":
            flaws.append("the password is in the cause")
        return _observation(error, seconds, events, flaws)


@contextmanager
def _standard_error() -> Iterator[Callable[[], str]]:
    """Catch what Python and C libraries print there, pass it on at the end, and yield a function that tells it."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as file:

        def printed() -> str:
            file.flush()
            return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode(errors="replace")

        before = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            with redirect_stderr(file):
                yield printed
        finally:
            os.dup2(before, 2)
            os.close(before)
            sys.stderr.write(printed())


def _next_query(trial: Trial) -> list[str]:
    dispatcher = trial.afterwards or trial.dispatcher
    try:
        rows = dispatcher.execute_query("SELECT 42")
    except Exception as error:
        return [f"the next query failed: {type(error).__name__}: {error}"]
    return [] if rows == [(42,)] else [f"the next query answered {rows!r}"]


def _observation(
    error: BaseException | None, seconds: float, events: list[dict[str, Any]], flaws: list[str]
) -> Observation:
    attempts = [entry["attempts"] for entry in events if entry["event"].startswith("query.") and "wait" in entry]
    return Observation(
        raised=None if error is None else type(error).__name__,
        code=getattr(error, "code", None),
        kinds=tuple(entry["fault"] for entry in events if "fault" in entry),
        attempts=attempts[-1] if attempts else 0,
        seconds=seconds,
        events=tuple(entry["event"] for entry in events),
        flaws=tuple(flaws),
    )


def as_json(seen: Observation) -> str:
    """An observation for the process that wants to know."""
    return _SEEN + json.dumps(attrs.asdict(seen))
