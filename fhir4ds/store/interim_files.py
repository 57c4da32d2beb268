"""Finding the files that hold resources."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from fhir4ds.errors import SourceError
from fhir4ds.plan.source import FileSource

#: Files with one resource in each line, and files that are one JSON document.
_LINES = (".ndjson", ".jsonl", ".ndjson.gz", ".jsonl.gz")
_DOCUMENTS = (".json", ".json.gz")

PathLike = str | os.PathLike[str]


def find_files(paths: PathLike | Iterable[PathLike]) -> list[Path]:
    """The files that some paths stand for.

    Parameters
    ----------
    paths : path or iterable of paths
        Files, folders (searched at any depth for NDJSON and JSON files, plain or gzipped), or glob patterns.

    Returns
    -------
    list of Path
        Each file once, in the order of the paths and by name within a folder.

    Raises
    ------
    SourceError
        If a path stands for no file.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    found: dict[Path, None] = {}
    for path in given:
        for file in _expand(os.fspath(path)):
            found[file] = None
    if not found:
        raise SourceError("there is nothing to read", hint="name files, folders or patterns such as 'export/*.ndjson'")
    return list(found)


def is_lines(path: Path) -> bool:
    """Whether a file holds one resource in each line, by its name."""
    return path.name.lower().endswith(_LINES)


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
        If a path stands for no file.
    """
    files = find_files(paths)
    return FileSource(
        ndjson=tuple(str(file) for file in files if is_lines(file)),
        documents=tuple(str(file) for file in files if not is_lines(file)),
    )


def _expand(path: str) -> list[Path]:
    place = Path(path)
    if place.is_dir():
        inside = sorted(file for file in place.rglob("*") if file.name.lower().endswith((*_LINES, *_DOCUMENTS)))
        if not inside:
            raise SourceError(
                f"no NDJSON or JSON files in {path}", hint="files must end in .ndjson, .json or their .gz"
            )
        return [file for file in inside if file.is_file()]
    if place.exists():
        return [place]
    matching = sorted(Path(match) for match in glob.glob(path, recursive=True))
    if not matching:
        raise SourceError(f"no such file: {path}", hint="check the path, and quote patterns with * in a shell")
    return [file for file in matching if file.is_file()]
