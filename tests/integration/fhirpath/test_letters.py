"""Letters and white space of all alphabets are the same on DuckDB and on PostgreSQL."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import ExitStack

import attrs
import pytest

from fhir4ds.database import Database, connect

pytestmark = pytest.mark.postgres

#: Every letter that a database can be expected to know, whatever the age of its tables.
_LETTERS = [
    letter
    for letter in map(chr, range(32, sys.maxunicode + 1))
    if unicodedata.ucd_3_2_0.category(letter)[0] == "L" and letter != letter.swapcase()
]

#: What Unicode calls white space, and two characters that are seen as little and are none.
_SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2003\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
_NO_SPACES = "\u200b\ufeff"


@attrs.frozen
class Both:
    """The two databases."""

    duckdb: Database
    postgres: Database

    def value(self, expression: str, text: str) -> object:
        """The value of an expression about the text ``id``, which both give alike."""
        resource = json.dumps({"resourceType": "Basic", "id": text})
        left, right = (side.evaluate(expression, resource) for side in (self.duckdb, self.postgres))
        assert left == right
        [value] = left
        return value


@pytest.fixture(scope="module")
def both(postgres_url: str) -> Iterator[Both]:
    with ExitStack() as stack:
        yield Both(*(stack.enter_context(connect(url)) for url in ("duckdb://", postgres_url)))


def test_letters_small_and_capital(both: Both) -> None:
    """Character by character, except for the one that has become two."""
    letters = "".join(_LETTERS)
    small, capital = both.value("id.lower()", letters), both.value("id.upper()", letters)
    assert isinstance(small, str) and isinstance(capital, str)
    assert len(small) == len(letters) and len(capital) == len(letters) + 1
    assert {"\u00e9", "\u03c9", "\u044f"} <= set(small) and {"\u00c9", "\u03a9", "\u042f"} <= set(capital)


@pytest.mark.parametrize(
    ("text", "small", "capital"),
    [
        ("Stra\u00dfe", "stra\u00dfe", "STRASSE"),
        ("STRA\u1e9eE", "stra\u00dfe", "STRA\u1e9eE"),
        ("\u00c5ngstr\u00f6m \u00c9", "\u00e5ngstr\u00f6m \u00e9", "\u00c5NGSTR\u00d6M \u00c9"),
        ("\u03a3\u03c2", "\u03c3\u03c2", "\u03a3\u03a3"),
        ("\u0130I\u0131i", "ii\u0131i", "\u0130III"),
        ("\ufb01 \u0149", "\ufb01 \u0149", "\ufb01 \u0149"),
    ],
)
def test_texts_small_and_capital(both: Both, text: str, small: str, capital: str) -> None:
    assert both.value("id.lower()", text) == small
    assert both.value("id.upper()", text) == capital


def test_letters_are_equivalent_in_any_case(both: Both) -> None:
    for letter in "\u00e9\u0161\u03c9\u044f\u10d0":
        assert both.value(f"id ~ '{letter.upper()}' and id.matches('(?i)^{letter.upper()}$')", letter) is True
    assert both.value("id ~ 'stra\u00dfe'", "STRASSE") is False


@pytest.mark.parametrize("space", [*_SPACES, *_NO_SPACES], ids=lambda space: f"{ord(space):04x}")
def test_white_space_is_equivalent(both: Both, space: str) -> None:
    """One of it or several, at the ends or between."""
    for text in (f"a{space}b", f"{space}A {space}b{space}"):
        assert both.value("id ~ 'a b'", text) is (space in _SPACES)
