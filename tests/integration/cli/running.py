"""Running the command line: in this process, which is quick, or as a shell does, in one of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import attrs
import pytest

from fhir4ds.cli import main

PATIENTS = str(Path(__file__).parents[2] / "fixtures" / "fhir" / "patients.json")
HARD_CASES = str(Path(__file__).parents[2] / "fixtures" / "fhir" / "hard-cases.ndjson")

#: The command, as words.
FHIR4DS = (sys.executable, "-m", "fhir4ds")


@attrs.frozen
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


def run(*arguments: str, cwd: Path | None = None, **environment: str) -> Outcome:
    """Run a command to its end in this process; stdout and stderr are no terminals."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    with (
        patch.dict(os.environ, environment),
        _inside(cwd),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main(arguments)
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())  # type: ignore[attr-defined]
    return Outcome(int(ended.value.code or 0), *texts)


def run_process(*arguments: str, **environment: str) -> Outcome:
    """Run a command to its end in a process of its own; stdout and stderr are pipes."""
    done = subprocess.run(
        [*FHIR4DS, *arguments],
        capture_output=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, **environment},
        timeout=60,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


@contextmanager
def _inside(folder: Path | None) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(before if folder is None else folder)
    try:
        yield
    finally:
        os.chdir(before)
