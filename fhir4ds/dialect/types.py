"""The few SQL types that the compiler thinks in; a dialect gives each its own name."""

from __future__ import annotations

import enum

import attrs


class SqlType(enum.Enum):
    """What one SQL value is, whatever the database calls it.

    Dates and times are ``TEXT``: FHIR lets them stop at any precision, which no SQL date type can hold.
    """

    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"
    TEXT = "text"
    JSON = "json"


class ColumnKind(enum.Enum):
    """The types that the columns of a table can have, by their names in standard SQL.

    More than `SqlType`: what a computation has no use for, a table that others read may be asked to hold.
    """

    BOOLEAN = "BOOLEAN"
    SMALLINT = "SMALLINT"
    INTEGER = "INTEGER"
    BIGINT = "BIGINT"
    DECIMAL = "DECIMAL"
    REAL = "REAL"
    DOUBLE = "DOUBLE PRECISION"
    TEXT = "CHARACTER VARYING"
    BINARY = "BINARY VARYING"
    DATE = "DATE"
    TIME = "TIME"
    TIMESTAMP = "TIMESTAMP"
    INSTANT = "TIMESTAMP WITH TIME ZONE"
    JSON = "JSON"


@attrs.frozen
class ColumnType:
    """The type of a column.

    Parameters
    ----------
    kind : ColumnKind
        What one value is.
    digits : tuple of (int, int), optional
        Digits in all and after the point, of a decimal.
    many : bool
        Whether the column holds arrays of such values.

    Examples
    --------
    >>> str(ColumnType(ColumnKind.DECIMAL, (10, 2), many=True))
    'DECIMAL(10, 2) ARRAY'
    """

    kind: ColumnKind
    digits: tuple[int, int] | None = None
    many: bool = False

    def __str__(self) -> str:
        digits = "" if self.digits is None else f"({self.digits[0]}, {self.digits[1]})"
        return f"{self.kind.value}{digits}{' ARRAY' * self.many}"
