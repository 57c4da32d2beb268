"""Arguments for words: Python values that each dialect spells as typed literals."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

import attrs

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.dialect.types import SqlType

Scalar: TypeAlias = bool | int | Decimal | str | None


@attrs.frozen
class Literal:
    """A value of a type, or an array of them."""

    value: Scalar | tuple[Scalar, ...]
    type: SqlType

    def spell(self, syntax: Syntax) -> str:
        """As the dialect has it."""
        if isinstance(self.value, tuple):
            return syntax.array([syntax.literal(item, self.type) for item in self.value], self.type)
        return syntax.literal(self.value, self.type)


def boolean(*values: bool | None) -> Literal:
    """A boolean; several make an array."""
    return _literal(values, SqlType.BOOLEAN)


def integer(*values: int | None) -> Literal:
    """An integer; several make an array."""
    return _literal(values, SqlType.INTEGER)


def decimal(*values: str | None) -> Literal:
    """A decimal by its digits; several make an array."""
    return _literal(tuple(None if value is None else Decimal(value) for value in values), SqlType.DECIMAL)


def text(*values: str | None) -> Literal:
    """A text; several make an array."""
    return _literal(values, SqlType.TEXT)


def json(*values: str | None) -> Literal:
    """JSON by its text; several make an array."""
    return _literal(values, SqlType.JSON)


def array(type: SqlType, *values: Scalar) -> Literal:
    """An array, of any length."""
    return Literal(values, type)


def _literal(values: tuple[Scalar, ...], type: SqlType) -> Literal:
    return Literal(values[0] if len(values) == 1 else values, type)


def path(*names: str) -> list[Step]:
    """Steps by name; ``name*`` goes to each item, ``name?`` where that is not known."""
    marks = {"*": True, "?": None}
    return [Step(name[:-1], marks[name[-1]]) if name[-1:] in marks else Step(name) for name in names]
