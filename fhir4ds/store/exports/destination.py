"""Where rows are written to: stdout, or a file that is complete when it appears."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from fhir4ds.errors import DestinationError

#: What stands for stdout in the place of a path.
STDOUT: Final = "-"

_ENCODING: Final = "utf-8"

#: A lone surrogate, which JSON can spell but UTF-8 cannot, is written as JSON spells it.
_ERRORS: Final = "backslashreplace"


@contextmanager
def destination(path: str | os.PathLike[str] | None, *, binary: bool = False) -> Iterator[IO[Any]]:
    """Where to write: stdout, or a file that appears, complete, under its name at the end.

    Until then it lies beside its place under a hidden name; an error leaves nothing but what was there before.

    Parameters
    ----------
    path : path, optional
        The file; None or ``"-"`` is stdout.
    binary : bool
        Whether bytes are written; otherwise it is text in UTF-8.

    Yields
    ------
    file object

    Raises
    ------
    DestinationError
        If it cannot be written.
    """
    if path is None or os.fspath(path) == STDOUT:
        opened, place = _stdout(binary=binary), "stdout"
    else:
        opened, place = _file(Path(path), binary=binary), os.fspath(path)
    try:
        with opened as out:
            yield out
    except BrokenPipeError:
        raise
    except OSError as error:
        raise DestinationError(f"cannot write {place}: {error.strerror or type(error).__name__}") from error


@contextmanager
def _stdout(*, binary: bool) -> Iterator[IO[Any]]:
    if binary:
        raise DestinationError("this format is for files, and not for stdout", hint="name a file with -o FILE")
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(encoding=_ENCODING, errors=_ERRORS)
    yield sys.stdout
    sys.stdout.flush()


@contextmanager
def _file(path: Path, *, binary: bool) -> Iterator[IO[Any]]:
    target = path.resolve()  # what a link points at is replaced, not the link
    if target.exists() and not target.is_file():
        # A device or a pipe, such as /dev/null, cannot appear at once; a folder is refused here.
        with _open(target, "w", binary=binary) as out:
            yield out
        return
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with _open(part, "x", binary=binary) as out:
            yield out
            out.flush()
            os.fsync(out.fileno())  # else a crash of the machine could leave an empty file under the name
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _open(path: Path, mode: str, *, binary: bool) -> IO[Any]:
    if binary:
        return path.open(mode + "b")
    return path.open(mode, newline="", encoding=_ENCODING, errors=_ERRORS)
