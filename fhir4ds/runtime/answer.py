"""What a database answers, and JSON values as the same Python values whatever the database."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import attrs

from fhir4ds.dialect.driver import Row
from fhir4ds.dialect.types import SqlType

_decoder = json.JSONDecoder(parse_float=Decimal)


class DigitsLost(Exception):
    """A number with a fraction or exponent came from a database that may have changed how it was written."""


def _lost(_: str) -> Decimal:
    raise DigitsLost


_rough_decoder = json.JSONDecoder(parse_float=_lost)


@attrs.frozen
class Answer:
    """The complete answer to one statement.

    Parameters
    ----------
    columns : tuple of (str, SqlType or None)
        Name and type of each column, as `Cursor.columns`; empty for a statement that returns no rows.
    rows : list of tuple
        The rows, with JSON values as text.
    """

    columns: tuple[tuple[str, SqlType | None], ...] = ()
    rows: list[Row] = attrs.field(factory=list, repr=False)

    def decoded(self) -> list[Row]:
        """The rows with JSON values as Python values, numbers with a fraction or exponent as exact `Decimal`.

        Examples
        --------
        >>> Answer((("id", None), ("v", SqlType.JSON)), [(1, '{"a": [1.50, true]}'), (2, None)]).decoded()
        [(1, {'a': [Decimal('1.50'), True]}), (2, None)]
        """
        places = [place for place, (_, type) in enumerate(self.columns) if type is SqlType.JSON]
        if not places:
            return self.rows
        return [_decode(row, places) for row in self.rows]


def _decode(row: Row, places: list[int]) -> Row:
    values = list(row)
    for place in places:
        if values[place] is not None:
            values[place] = decode_json(values[place])
    return tuple(values)


def decode_json(text: str) -> Any:
    """Read JSON text without going through binary floating point.

    Examples
    --------
    >>> decode_json("1.50")
    Decimal('1.50')
    """
    return _decoder.decode(text)


def decode_rough(text: str) -> Any:
    """Read JSON text of a statement that is `Statement.rough`.

    Raises
    ------
    DigitsLost
        If there is a number in it that may have been written in another way.

    Examples
    --------
    >>> decode_rough('{"rank": 1, "period": null}')
    {'rank': 1, 'period': None}
    """
    return _rough_decoder.decode(text)


def encode_json(value: object) -> str:
    """Write a value as JSON text; a `Decimal` becomes a number with exactly its digits.

    Examples
    --------
    >>> encode_json({"value": Decimal("1.50"), "unit": "mm"})
    '{"value": 1.50, "unit": "mm"}'
    """
    match value:
        case Decimal():
            return f"{value:f}"
        case dict():
            return (
                "{"
                + ", ".join(f"{json.dumps(k, ensure_ascii=False)}: {encode_json(v)}" for k, v in value.items())
                + "}"
            )
        case list() | tuple():
            return "[" + ", ".join(encode_json(item) for item in value) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)
