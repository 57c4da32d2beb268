"""The resources in a JSON document, each as the text that stands there.

A document is a resource, a Bundle, an array of either, or several of these one after another. Re-writing what was
parsed would lose digits of numbers, so the text is cut at the borders of values instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

_SPACE: Final = frozenset(" \t\n\r")


def _ignore(_: object) -> None:
    """Stands for a value that only its end is wanted of; also keeps large numbers from being converted."""


_skip_value = json.JSONDecoder(object_pairs_hook=_ignore, parse_int=_ignore, parse_float=_ignore).raw_decode


def resources_in(text: str) -> Iterator[tuple[int, str]]:
    """Cut a document into resources; what a Bundle holds stands in its place.

    Parameters
    ----------
    text : str
        JSON.

    Yields
    ------
    tuple of (int, str)
        Offset in the text, and the text of a value that should be a resource.

    Raises
    ------
    json.JSONDecodeError
        Where the text stops being JSON; what comes before has been yielded.

    Examples
    --------
    >>> list(resources_in('[{"id": "a"}, {"resourceType": "Bundle", "entry": [{"resource": {"id": 1.50}}]}]'))
    [(1, '{"id": "a"}'), (64, '{"id": 1.50}')]
    """
    cursor = _Cursor(text)
    while cursor.next:
        if cursor.next == "[":
            for _ in cursor.elements():
                yield from _resources(cursor)
        else:
            yield from _resources(cursor)


def _resources(cursor: _Cursor) -> Iterator[tuple[int, str]]:
    if cursor.next == "{" and _is_bundle(cursor):
        for name in cursor.members():
            if name == "entry" and cursor.next == "[":
                for _ in cursor.elements():
                    yield from _entry(cursor)
            else:
                cursor.take()
    else:
        yield cursor.at, cursor.take()


def _entry(cursor: _Cursor) -> Iterator[tuple[int, str]]:
    if cursor.next != "{":
        cursor.take()
        return
    for name in cursor.members():
        place, value = cursor.at, cursor.take()
        # An entry that only describes a request or a response has no resource.
        if name == "resource" and value != "null":
            yield place, value


def _is_bundle(cursor: _Cursor) -> bool:
    ahead = _Cursor(cursor.text, cursor.at)
    for name in ahead.members():
        value = ahead.take()
        if name == "resourceType":
            return value == '"Bundle"'
    return False


class _Cursor:
    """A place in a JSON text, always at the beginning of something."""

    def __init__(self, text: str, at: int = 0) -> None:
        self.text = text
        self.at = at
        self._space()

    @property
    def next(self) -> str:
        """The next character; empty at the end."""
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        """Go past a value and return its text."""
        start = self.at
        _, self.at = _skip_value(self.text, start)
        value = self.text[start : self.at]
        self._space()
        return value

    def elements(self) -> Iterator[None]:
        """Go through an array; at each element the caller must go past it."""
        yield from self._items("]")

    def members(self) -> Iterator[str]:
        """Go through an object, with the name of each member; the caller must go past its value."""
        for _ in self._items("}"):
            if self.next != '"':
                self._fail("Expecting property name enclosed in double quotes")
            name = json.loads(self.take(), strict=False)
            self._step(":", "Expecting ':' delimiter")
            yield name

    def _items(self, end: str) -> Iterator[None]:
        self._step("[{", "Expecting value")
        if self.next == end:
            self._step(end, "")
            return
        while True:
            yield
            if self.next == end:
                self._step(end, "")
                return
            self._step(",", "Expecting ',' delimiter")

    def _step(self, expected: str, message: str) -> None:
        if not self.next or self.next not in expected:
            self._fail(message)
        self.at += 1
        self._space()

    def _space(self) -> None:
        while self.text[self.at : self.at + 1] in _SPACE:
            self.at += 1

    def _fail(self, message: str) -> None:
        raise json.JSONDecodeError(message, self.text, self.at)
