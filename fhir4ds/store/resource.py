"""What counts as a resource: JSON text that every database stores, and reads back, in the same way.

Nothing of FHIR is checked but the type and the id, by which a resource is known. What is checked of JSON is where
databases differ. RFC 8259 leaves several of these open: DuckDB keeps the first of two members with the same name and
PostgreSQL the last; PostgreSQL refuses U+0000, half of a surrogate pair and numbers beyond its ``numeric``, and one
such value would end a load of millions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, NoReturn

from fhir4ds.errors import SourceError

#: Bytes of the longest resource: PostgreSQL has 28 bits for the length of what stands inside a jsonb value.
LONGEST: Final = (1 << 28) - 1

#: Digits of a number, and size of its exponent; ``numeric`` ends at 16,383 digits after the point (PostgreSQL, 8.1.2).
_MOST_DIGITS: Final = 1_000

#: Levels of nesting. Beyond a few thousand the stack of one parser or another is exhausted.
_DEEPEST: Final = 500

#: Characters of a type or an id. FHIR has 64, but systems exist that do not keep to it; more fits into no index.
_LONGEST_KEY: Final = 255

_MARKED_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u(?P<code>[0-9a-fA-F]{4})|.)")
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}]')

#: Stands for an object inside a resource, of which nothing more needs to be known.
_OBJECT: Final = object()
_NUMBER: Final = 0


class Resource(NamedTuple):
    """A resource, ready to be stored.

    Parameters
    ----------
    type : str
        Its ``resourceType``.
    id : str
        Its ``id``.
    text : str
        Its JSON, on one line and otherwise as it was given: numbers keep every digit and exponent.
    """

    type: str
    id: str
    text: str


class NotAResource(Exception):
    """Why a text cannot be stored as a resource.

    Parameters
    ----------
    reason : str
        What is wrong, without any value of the resource.
    type : str, optional
        The resource type, if it got that far.
    """

    def __init__(self, reason: str, type: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.type = type


class ResourceReader:
    """Reads resources from JSON text, one at a time; each thread needs its own.

    Examples
    --------
    >>> ResourceReader().read('{"resourceType": "Observation", "id": "o1", "valueDecimal": 1.50}').id
    'o1'
    >>> ResourceReader().read('{"resourceType": "Patient", "id": 7}')
    Traceback (most recent call last):
    ...
    fhir4ds.store.resource.NotAResource: id is a number instead of a string
    """

    def __init__(self) -> None:
        self._outermost: dict[str, Any] = {}
        # This way the tree is never built, and looking at every object costs a fifth more than not looking.
        self._decode = json.JSONDecoder(
            object_pairs_hook=self._object, parse_int=_number, parse_float=_decimal, parse_constant=_constant
        ).decode

    def read(self, text: str) -> Resource:
        """Check a text and take out what identifies the resource.

        Parameters
        ----------
        text : str
            JSON.

        Returns
        -------
        Resource

        Raises
        ------
        NotAResource
            If it cannot be stored as one.
        """
        if len(text) > LONGEST // 4 and len(text.encode()) > LONGEST:
            raise too_long()
        try:
            value = self._decode(text)
        except json.JSONDecodeError as error:
            raise NotAResource(not_json(error)) from None
        except RecursionError:
            raise _too_deep() from None
        if value is not _OBJECT:
            raise NotAResource(f"{_kind(value)} instead of a JSON object")
        members = self._outermost
        type = _key(members, "resourceType")
        try:
            id = _key(members, "id")
            _check_escapes(text)
            if text.count("{") + text.count("[") > _DEEPEST:
                _check_depth(text)
        except NotAResource as error:
            error.type = type
            raise
        if "\n" in text:
            # A string of JSON has no line break, so what surrounds one is never part of a string.
            text = "".join(line.strip() for line in text.split("\n"))
        return Resource(type, id, text)

    def _object(self, pairs: list[tuple[str, Any]]) -> object:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise _duplicate(pairs)
        self._outermost = members  # the outermost object ends last
        return _OBJECT


def resource_type_of(resource: Mapping[str, Any] | str) -> str | None:
    """The type that a single resource, or its JSON text, says that it is of; None if it does not.

    Raises
    ------
    SourceError
        If it is not a JSON object.
    """
    if isinstance(resource, str):
        try:
            resource = json.loads(resource)
        except (ValueError, RecursionError):
            resource = ""
    if not isinstance(resource, Mapping):
        raise SourceError("the resource is not a JSON object", hint="give a dictionary, or its JSON text")
    found = resource.get("resourceType")
    return found if isinstance(found, str) else None


def not_json(error: json.JSONDecodeError) -> str:
    """What is wrong with a text, and where in its line."""
    return f"not JSON: {error.msg.removesuffix(' at')} at column {error.colno}"


def too_long() -> NotAResource:
    """The refusal of a text with more than `LONGEST` bytes."""
    return NotAResource(f"longer than {LONGEST >> 20} MiB, which PostgreSQL cannot store")


def _too_deep() -> NotAResource:
    return NotAResource(f"nested more than {_DEEPEST} levels deep")


def _duplicate(pairs: list[tuple[str, Any]]) -> NotAResource:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            break
        seen.add(name)
    return NotAResource(f"duplicate key {json.dumps(name[:40])}: databases differ in which of the two they keep")


def _number(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise _too_large()
    return _NUMBER


def _decimal(text: str) -> int:
    if "e" in text or "E" in text:
        _number(text)
        if abs(int(text.lower().partition("e")[2])) > _MOST_DIGITS:
            raise _too_large()
    return _number(text)


def _too_large() -> NotAResource:
    return NotAResource(f"a number with more than {_MOST_DIGITS} digits or powers of ten")


def _constant(name: str) -> NoReturn:
    raise NotAResource(f"not JSON: {name}")


def _key(members: dict[str, Any], name: str) -> str:
    if name not in members:
        raise NotAResource(f"no {name}")
    value = members[name]
    if not isinstance(value, str):
        raise NotAResource(f"{name} is {_kind(value)} instead of a string")
    if not 0 < len(value) <= _LONGEST_KEY or not value.isprintable():
        raise NotAResource(f"{name} is not 1 to {_LONGEST_KEY} printable characters")
    return value


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case list():
            return "an array"
        case int():
            return "a number"
        case _:
            return "an object"


def _check_escapes(text: str) -> None:
    # Looking for one character is ten times as fast as for two.
    if "\\" not in text or "\\u" not in text or _MARKED_ESCAPE.search(text) is None:
        return
    # Each escape is taken whole, and a surrogate pair as one, so that an escaped backslash before a u misleads nobody.
    for escape in _ESCAPE.finditer(text):
        code = int(escape["code"] or "20", 16)
        if code == 0:
            raise NotAResource("the character \\u0000, which PostgreSQL cannot store")
        if 0xD800 <= code <= 0xDFFF:
            raise NotAResource("half of a surrogate pair, which is no character")


def _check_depth(text: str) -> None:
    depth = 0
    for piece in _STRING_OR_BRACKET.findall(text):
        if piece in "[{":
            depth += 1
            if depth > _DEEPEST:
                raise _too_deep()
        elif piece in "]}":
            depth -= 1
