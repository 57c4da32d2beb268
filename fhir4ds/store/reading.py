"""Reading candidates for resources, one at a time, from files or from values."""

from __future__ import annotations

import gzip
import io
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from fhir4ds.errors import SourceError
from fhir4ds.runtime.answer import encode_json
from fhir4ds.store.document import resources_in
from fhir4ds.store.files import PathLike, ResourceFile, find_files, uncompressed, unreadable
from fhir4ds.store.report import Rejection
from fhir4ds.store.resource import LONGEST, not_json, too_long

#: A resource or a Bundle as a value: a mapping, or JSON text.
Value: TypeAlias = Mapping[str, Any] | str | bytes

#: What resources can be loaded from: paths and patterns, or values, such as the lines of an open file.
Resources: TypeAlias = PathLike | Value | Iterable[PathLike | Value]

_BOM: Final = b"\xef\xbb\xbf"
_NOT_READ: Final = "the rest was not read"

# The encoder in C is many times faster than one that knows `Decimal`, so it comes first.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Candidate(NamedTuple):
    """A text that should be a resource, and where it stands.

    Parameters
    ----------
    text : str
        JSON, if all is well.
    file : str, optional
        The file; None for a value.
    line : int
        Its first line, from 1; or its number among the values.
    """

    text: str
    file: str | None
    line: int


class Source(Protocol):
    """Where candidates come from."""

    @property
    def size(self) -> int | None:
        """Bytes in all; None where that is not known."""
        ...

    @property
    def position(self) -> int:
        """Bytes read so far; characters of values."""
        ...

    @property
    def repeatable(self) -> bool:
        """Whether `read` can be called again."""
        ...

    def read(self) -> Iterator[Candidate | Rejection]:
        """Read from the beginning, in order."""
        ...


def open_source(resources: Resources) -> Source:
    """Find out what somebody has given.

    Parameters
    ----------
    resources : path, pattern, value, or iterable of paths or of values
        JSON text is told from a path by its opening brace.

    Returns
    -------
    Source

    Raises
    ------
    SourceError
        If a path stands for no file of resources, or paths and values are mixed.
    """
    if isinstance(resources, bytes | Mapping):
        return ValueSource([resources])
    if isinstance(resources, str | os.PathLike):
        return FileSequence(find_files(resources)) if _is_path(resources) else ValueSource([resources])  # type: ignore[list-item]
    items = iter(resources)
    first = list(islice(items, 1))
    if not any(map(_is_path, first)):
        # A collection can be gone through again; an iterator is its own iterator and cannot.
        return ValueSource(chain(first, items) if items is resources else resources)  # type: ignore[arg-type]
    paths = [*first, *items]
    if not all(map(_is_path, paths)):
        raise SourceError("paths and resources are mixed", hint="load the files and the resources one after the other")
    return FileSequence(find_files(paths))  # type: ignore[arg-type]


def _is_path(item: object) -> bool:
    return isinstance(item, os.PathLike) or (isinstance(item, str) and item.lstrip()[:1] not in ("", "{"))


class FileSequence:
    """Files, one after the other.

    Parameters
    ----------
    files : tuple of ResourceFile
        NDJSON is read line by line, a document as a whole; both may be gzipped.
    """

    repeatable = True

    def __init__(self, files: tuple[ResourceFile, ...]) -> None:
        self._files = files
        self.size: int = sum(file.size for file in files)
        self._before = 0
        self._raw: io.BufferedReader | None = None

    @property
    def position(self) -> int:
        """Bytes read so far, as they lie on disk."""
        return self._before + (0 if self._raw is None else self._raw.tell())

    def read(self) -> Iterator[Candidate | Rejection]:
        """Read from the beginning, in order.

        Yields
        ------
        Candidate or Rejection
            A rejection where not even a text could be had.

        Raises
        ------
        SourceError
            If a file cannot be opened or read.
        """
        self._before = 0
        for file in self._files:
            try:
                with Path(file.path).open("rb") as raw:
                    self._raw = raw
                    content = uncompressed(raw)
                    yield from _lines(content, file.path) if file.lines else _document(content, file.path)
            except OSError as error:
                raise unreadable(file.path, error) from error
            finally:
                self._raw = None
            self._before += file.size


class ValueSource:
    """Resources as values; what a Bundle holds stands in its place.

    Parameters
    ----------
    values : iterable of Value
        Mappings, or JSON text.
    """

    size = None

    def __init__(self, values: Iterable[Value]) -> None:
        self._values = values
        self.repeatable = not isinstance(values, Iterator)
        self.position = 0

    def read(self) -> Iterator[Candidate | Rejection]:
        """Read from the beginning, in order.

        Yields
        ------
        Candidate or Rejection
            A rejection for what is no text of JSON.
        """
        self.position = 0
        for number, value in enumerate(self._values, start=1):
            text = _text_of(value, number)
            if isinstance(text, Rejection):
                yield text
                continue
            self.position += len(text)
            if '"Bundle"' in text:
                yield from _in_document(text, None, number)
            elif text and not text.isspace():
                yield Candidate(text, None, number)


def _text_of(value: object, number: int) -> str | Rejection:
    try:
        text = value.decode() if isinstance(value, bytes) else value if isinstance(value, str) else _written(value)
        text.encode()  # refuses half of a surrogate pair, which a text of Python may have
    except UnicodeError:
        return Rejection(None, number, "not Unicode text")
    except (TypeError, ValueError, RecursionError) as error:
        return Rejection(None, number, f"cannot be written as JSON: {type(error).__name__}")
    return text


def _written(value: object) -> str:
    if not isinstance(value, Mapping):
        raise TypeError
    resource = dict(value)
    try:
        return _encode(resource)
    except TypeError:
        return encode_json(resource)


def _lines(content: io.BufferedIOBase, path: str) -> Iterator[Candidate | Rejection]:
    # Only a line feed ends a line of NDJSON: other separators of Unicode may stand inside strings.
    number = 0
    try:
        while line := content.readline(LONGEST + 2):
            number += 1
            if number == 1:
                line = line.removeprefix(_BOM)
            if len(line) > LONGEST and not line.endswith(b"\n"):
                _finish_line(content)
                yield Rejection(path, number, too_long().reason)
                continue
            try:
                text = line.strip(b" \t\r\n").decode()
            except UnicodeDecodeError:
                yield Rejection(path, number, "not UTF-8")
                continue
            if text:
                yield Candidate(text, path, number)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        yield Rejection(path, number + 1, f"the compressed file is damaged here: {_NOT_READ}")


def _finish_line(content: io.BufferedIOBase) -> None:
    while (piece := content.readline(1 << 20)) and not piece.endswith(b"\n"):
        pass


def _document(content: io.BufferedIOBase, path: str) -> Iterator[Candidate | Rejection]:
    try:
        encoded = content.read()
        text = encoded.decode("utf-8-sig")
    except (EOFError, gzip.BadGzipFile, zlib.error):
        yield Rejection(path, 1, "the compressed file is damaged: nothing of it was read")
    except UnicodeDecodeError as error:
        yield Rejection(path, encoded.count(b"\n", 0, error.start) + 1, "not UTF-8: nothing of the file was read")
    else:
        yield from _in_document(text, path, 1)


def _in_document(text: str, path: str | None, line: int) -> Iterator[Candidate | Rejection]:
    """The candidates of a document; those of a value all bear its number."""
    before = 0
    try:
        for place, resource in resources_in(text):
            if path is not None:
                line += text.count("\n", before, place)
                before = place
            yield Candidate(resource, path, line)
    except json.JSONDecodeError as error:
        at = line if path is None else error.lineno
        yield Rejection(path, at, f"{not_json(error)}: {_NOT_READ}")
    except RecursionError:
        yield Rejection(path, line, f"nested too deeply: {_NOT_READ}")
