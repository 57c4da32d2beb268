"""Values of databases, made comparable: equal means the same value of the same type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from fhir4ds.runtime.answer import decode_json


def canonical(value: Any) -> Any:
    """A value with its type, so that ``1``, ``True`` and ``Decimal(1)`` differ; numbers compare by exact value.

    Inside complex items JSON knows one kind of number only, so there ``1e2``, ``100`` and ``100.0`` are the same.

    Examples
    --------
    >>> canonical(True) == canonical(1)
    False
    >>> canonical(Decimal("1.50")) == canonical(Decimal("1.5"))
    True
    >>> canonical({"value": 100}) == canonical({"value": Decimal("1e2")})
    True
    """
    if isinstance(value, dict | list):
        return _json(value)
    return type(value).__name__, value


def _json(value: Any) -> Any:
    match value:
        case dict():
            return {name: _json(member) for name, member in value.items()}
        case list():
            return [_json(item) for item in value]
        case bool():
            return "boolean", value
        case int() | Decimal():
            return "number", Decimal(value)
        case _:
            return type(value).__name__, value


def canonical_rows(rows: Iterable[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Rows whose every value is `canonical`."""
    return [tuple(map(canonical, row)) for row in rows]


def delivered(value: Any, expected: Any) -> Any:
    """A value of SQL as the core would hand it over, where something like ``expected`` is to be expected.

    Databases without a type for truth, JSON, arrays or dates answer with numbers and texts.

    Parameters
    ----------
    value : object
        What the driver gave.
    expected : object
        What it should be.

    Examples
    --------
    >>> delivered(1, True), delivered("[1, 0]", [True, False]), delivered('{"a": 1}', {"a": 1})
    (True, [True, False], {'a': 1})
    >>> delivered("1.50", Decimal("1.5")), delivered("a", "a"), delivered("2020-01-02", date(2020, 1, 2))
    (Decimal('1.50'), 'a', datetime.date(2020, 1, 2))
    """
    match expected, value:
        case bool(), 0 | 1:
            return bool(value)
        case Decimal(), str():
            return Decimal(value)
        case date(), str():
            return date.fromisoformat(value)
        case list(), list() if len(value) == len(expected):
            return [delivered(*pair) for pair in zip(value, expected, strict=True)]
        case bytes(), memoryview():
            return bytes(value)
        case _, str() if canonical(value) != canonical(expected):
            return delivered(_read(value), expected) if _read(value) != value else value
        case _:
            return value


def _read(text: str) -> Any:
    try:
        return decode_json(text)
    except ValueError:
        return text
