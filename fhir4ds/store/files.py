"""Finding the files that hold resources, and telling by name and first line how each is to be read."""

from __future__ import annotations

import glob
import gzip
import io
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

import attrs

from fhir4ds.errors import SourceError
from fhir4ds.plan.source import FileSource

PathLike: TypeAlias = str | os.PathLike[str]

#: Endings of files with one resource in each line, and of JSON documents; ``.gz`` may follow.
_LINES: Final = (".ndjson", ".jsonl")
_DOCUMENTS: Final = (".json",)

_GZIP_MAGIC: Final = b"\x1f\x8b"

#: Bytes of a first line that are looked at to tell NDJSON from a document.
_FIRST_LINE: Final = 1 << 20

_HINT = "files of resources end in .ndjson, .jsonl or .json, or in one of these and .gz"


@attrs.frozen
class ResourceFile:
    """A file that holds resources.

    Parameters
    ----------
    path : str
        Where it is.
    size : int
        Its bytes on disk.
    lines : bool
        Whether each of its lines is a resource; otherwise it is one JSON document.
    """

    path: str
    size: int
    lines: bool


def find_files(paths: PathLike | Iterable[PathLike]) -> tuple[ResourceFile, ...]:
    """The files that some paths stand for.

    Parameters
    ----------
    paths : path or iterable of paths
        Files, folders or glob patterns. Folders are searched at any depth for files with the right ending; what is
        hidden is left out.

    Returns
    -------
    tuple of ResourceFile
        Each file once, in the order of the paths and by name within a folder.

    Raises
    ------
    SourceError
        If a path stands for no file of resources.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    found = [file for path in given for file in _expanded(os.fspath(path))]
    if not found:
        raise SourceError("no files were named", hint="name files, folders or patterns such as 'export/*.ndjson'")
    once: dict[Path, Path] = {}
    for file in found:
        once.setdefault(file.resolve(), file)
    return tuple(map(_described, once.values()))


def file_source(paths: PathLike | Iterable[PathLike]) -> FileSource:
    """The files that some paths stand for, as a source that a database can read in place.

    Parameters
    ----------
    paths : path or iterable of paths
        As for `find_files`.

    Returns
    -------
    FileSource

    Raises
    ------
    SourceError
        If a path stands for no file of resources.
    """
    files = find_files(paths)
    return FileSource(
        ndjson=tuple(file.path for file in files if file.lines),
        documents=tuple(file.path for file in files if not file.lines),
    )


def uncompressed(raw: io.BufferedReader) -> io.BufferedIOBase:
    """The content of an open file: gzip is told by its first bytes, as what was downloaded often has lost its ending."""
    magic = raw.read(len(_GZIP_MAGIC))
    raw.seek(0)
    return gzip.GzipFile(fileobj=raw) if magic == _GZIP_MAGIC else raw


def _expanded(path: str) -> Iterator[Path]:
    if "://" in path:
        # Not repeated: it may hold a password.
        raise SourceError("a URL is no file or folder of resources", hint="a database is named when it is opened")
    place = Path(path)
    try:
        is_folder, is_there = place.is_dir(), place.exists()
    except OSError as error:
        raise SourceError(f"cannot look for {path}: {error.strerror}") from error
    if is_folder:
        found = list(_inside(place))
        if not found:
            raise SourceError(f"no files of resources in {path}", hint=_HINT)
        yield from found
    elif is_there:
        if not _is_named_right(place):
            raise SourceError(f"cannot tell what is in {path}", hint=_HINT)
        yield place
    elif glob.has_magic(path):
        matches = [Path(match) for match in sorted(glob.glob(path, recursive=True))]  # noqa: PTH207 - takes absolute patterns
        found = [file for match in matches for file in (_inside(match) if match.is_dir() else [match])]
        found = [file for file in found if _is_named_right(file)]
        if not found:
            raise SourceError(f"no files of resources match {path}", hint=_HINT)
        yield from found
    else:
        raise SourceError(f"no such file or folder: {path}", hint="check the path; it is taken from the current folder")


def _inside(folder: Path) -> Iterator[Path]:
    for current, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and _is_named_right(Path(name)):
                yield Path(current, name)


def _is_named_right(file: Path) -> bool:
    return _plain_name(file).endswith((*_LINES, *_DOCUMENTS))


def _plain_name(file: Path) -> str:
    return file.name.lower().removesuffix(".gz")


def _described(file: Path) -> ResourceFile:
    try:
        lines = _plain_name(file).endswith(_LINES) or _has_lines(file)
        return ResourceFile(str(file), file.stat().st_size, lines)
    except OSError as error:
        raise unreadable(str(file), error) from error


def unreadable(path: str, error: OSError) -> SourceError:
    """The error of a file that is there but cannot be read."""
    return SourceError(f"cannot read {path}: {error.strerror or error}", hint="check that it is a file you may read")


def _has_lines(file: Path) -> bool:
    """Whether a file that is named as a document is NDJSON: its first line is an object, and another one follows."""
    with file.open("rb") as raw:
        try:
            content = uncompressed(raw)
            first, second = content.readline(_FIRST_LINE), content.readline(_FIRST_LINE)
            return second.lstrip().startswith(b"{") and isinstance(json.loads(first), dict)
        except (ValueError, RecursionError, EOFError, gzip.BadGzipFile, zlib.error):
            return False  # whatever is wrong with it is told where it is read
