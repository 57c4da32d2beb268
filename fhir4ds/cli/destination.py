"""Where rows are written to: stdout, or a file that is complete when it appears."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

import click

_ENCODING: Final = "utf-8"

#: A lone surrogate, which JSON can spell but UTF-8 cannot, is written as JSON spells it.
_ERRORS: Final = "backslashreplace"


@contextmanager
def destination(path: str | None) -> Iterator[TextIO]:
    """Where to write: stdout, or a file that appears, complete, under its name at the end.

    Raises
    ------
    click.ClickException
        If it cannot be written.
    """
    try:
        with _stdout() if path is None else _file(Path(path)) as out:
            yield out
    except BrokenPipeError:
        raise
    except OSError as error:
        place = "stdout" if path is None else path
        raise click.ClickException(f"cannot write {place}: {error.strerror or type(error).__name__}") from error


@contextmanager
def _stdout() -> Iterator[TextIO]:
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(encoding=_ENCODING, errors=_ERRORS)
    yield sys.stdout
    sys.stdout.flush()


@contextmanager
def _file(path: Path) -> Iterator[TextIO]:
    target = path.resolve()  # what a link points at is replaced, not the link
    if target.exists() and not target.is_file():
        # A device or a pipe, such as /dev/null, cannot appear at once; a folder is refused here.
        with target.open("w", newline="", encoding=_ENCODING, errors=_ERRORS) as out:
            yield out
        return
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("x", newline="", encoding=_ENCODING, errors=_ERRORS) as out:
            yield out
            out.flush()
            os.fsync(out.fileno())  # else a crash of the machine could leave an empty file under the name
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
