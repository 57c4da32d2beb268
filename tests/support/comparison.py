"""Values of two databases, made comparable: equal means the same value of the same type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any


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
