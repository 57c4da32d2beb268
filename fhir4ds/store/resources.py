"""Reading resources one by one, and refusing what is none, with the place where it stands."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import attrs

from fhir4ds.runtime.answer import encode_json
from fhir4ds.store.interim_files import is_lines

#: An escaped NUL: a backslash that is not itself escaped, then u0000.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
#: An escaped half of a surrogate pair, which may lack its other half.
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


@attrs.frozen
class Resource:
    """A resource to store.

    Parameters
    ----------
    type, id : str
        What tells it apart.
    text : str
        Its JSON, as it was written.
    """

    type: str
    id: str
    text: str


@attrs.frozen
class Rejection:
    """Something that is no resource.

    Parameters
    ----------
    file : str
        Where it was.
    line : int, optional
        Its line, from 1; its number in a JSON array or Bundle; None for a file that cannot be read at all.
    reason : str
        What is wrong. Never the content.
    """

    file: str
    line: int | None
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}" if self.line is not None else f"{self.file}: {self.reason}"


class _NoResource(ValueError):
    """Why something is no resource."""


def read_file(path: Path, advance: Callable[[int], None]) -> Iterator[Resource | Rejection]:
    """Read the resources of a file.

    Parameters
    ----------
    path : Path
        NDJSON, which is read line by line, or a JSON document, which is read whole; plain or gzipped.
    advance : callable
        Called with the number of bytes of the file that were read since the last call.

    Yields
    ------
    Resource or Rejection
        In the order of the file.
    """
    try:
        with path.open("rb") as raw:
            content = gzip.GzipFile(fileobj=raw) if path.name.lower().endswith(".gz") else raw
            records = _lines(content, str(path)) if is_lines(path) else _document(content, str(path))
            before = 0
            for record in records:
                position = raw.tell()
                advance(position - before)
                before = position
                yield record
            advance(raw.tell() - before)
    except (OSError, EOFError) as error:
        yield Rejection(
            str(path),
            None,
            f"cannot be read: {error.strerror or error}" if isinstance(error, OSError) else "ends too early",
        )


def read_values(values: Iterable[Mapping[str, Any] | str]) -> Iterator[Resource | Rejection]:
    """Read resources given as dictionaries or JSON text; their place is their number."""
    for number, value in enumerate(values, start=1):
        yield _checked(lambda value=value: _from_value(value), "resources", number)  # type: ignore[misc]


def _lines(content: BinaryIO | gzip.GzipFile, file: str) -> Iterator[Resource | Rejection]:
    # Only \n ends a line of NDJSON: other separators of Unicode may stand inside strings.
    for number, line in enumerate(content, start=1):
        stripped = line.strip(b" \t\r\n")
        if stripped:
            yield _checked(lambda text=stripped: _from_text(_decoded(text)), file, number)  # type: ignore[misc]


def _document(content: BinaryIO | gzip.GzipFile, file: str) -> Iterator[Resource | Rejection]:
    try:
        document = _parse(_decoded(content.read()), exact=True)
    except _NoResource as error:
        yield Rejection(file, None, str(error))
        return
    for number, value in enumerate(_parts(document), start=1):
        yield _checked(lambda value=value: _from_value(value), file, number)  # type: ignore[misc]


def _parts(document: Any) -> list[Any]:
    """The resources of a document: the items of an array, what a Bundle holds, or the document itself."""
    if isinstance(document, list):
        return [part for item in document for part in _parts(item)]
    if (
        isinstance(document, dict)
        and document.get("resourceType") == "Bundle"
        and isinstance(document.get("entry"), list)
    ):
        entries = document["entry"]
        return [entry["resource"] for entry in entries if isinstance(entry, dict) and "resource" in entry]
    return [document]


def _checked(read: Callable[[], Resource], file: str, number: int) -> Resource | Rejection:
    try:
        return read()
    except _NoResource as error:
        return Rejection(file, number, str(error))


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _NoResource("is not UTF-8") from None


def _from_text(text: str) -> Resource:
    return _resource(_parse(text), text)


def _from_value(value: Any) -> Resource:
    if isinstance(value, str):
        return _from_text(value)
    try:
        text = encode_json(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise _NoResource(f"cannot be written as JSON: {type(error).__name__}") from None
    return _resource(_parse(text), text)


def _parse(text: str, *, exact: bool = False) -> Any:
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_float=Decimal if exact else None,
        )
    except json.JSONDecodeError as error:
        raise _NoResource(f"is not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise _NoResource("is nested too deeply") from None
    except _NoResource:
        raise
    except ValueError:
        raise _NoResource("has a number that is too long") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        # Which of the two a database keeps differs from one to the next.
        raise _NoResource("has an object with the same key twice")
    return made


def _no_constant(name: str) -> Any:
    raise _NoResource(f"has {name}, which is not JSON")


def _resource(value: Any, text: str) -> Resource:
    if not isinstance(value, dict):
        raise _NoResource("is not a JSON object")
    type, id = value.get("resourceType"), value.get("id")
    if not isinstance(type, str) or not type:
        raise _NoResource("has no resourceType")
    if not isinstance(id, str) or not id:
        raise _NoResource("has no id" if id is None else "has an id that is not a string")
    if "\\u0000" in text and _NUL.search(text):
        # PostgreSQL cannot store it, and both databases are to hold the same.
        raise _NoResource("has the character U+0000, which FHIR does not allow")
    if "\\u" in text and _SURROGATE.search(text) and _has_lone_surrogate(value):
        raise _NoResource("has half of a surrogate pair")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise _NoResource("has half of a surrogate pair") from None
    return Resource(type, id, text)


def _has_lone_surrogate(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def size_of(files: Iterable[Path]) -> int:
    """Bytes of some files together, as they lie on disk."""
    return sum(os.path.getsize(file) for file in files)
