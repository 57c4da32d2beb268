"""The SQL types of columns: those of FHIR types by default, and those that a tag asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from fhir4ds.dialect.types import ColumnKind, ColumnType, SqlType
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import Case, Cast, Convert, Node, Raise, apply, bind, integer, null, text

#: The tag whose value is a type of standard SQL (SQL on FHIR, "Type Hinting with Tags").
ANSI_TYPE = "ansi/type"

#: Digits of a decimal in all and after the point, where nothing else is said: those that computations have.
DECIMAL_DIGITS = (38, 12)

#: The SQL types of FHIR types whose values need not be what a computation takes them for (SQL on FHIR, "Default Type
#: Mappings"). A decimal is a decimal, and not text as there, because it stays exact here; everything else is text.
_BY_FHIR_TYPE: Mapping[str, ColumnKind] = {
    "integer64": ColumnKind.BIGINT,
    "instant": ColumnKind.INSTANT,
    "base64Binary": ColumnKind.BINARY,
}

_BY_VALUE: Mapping[SqlType, ColumnKind] = {
    SqlType.BOOLEAN: ColumnKind.BOOLEAN,
    SqlType.INTEGER: ColumnKind.INTEGER,
    SqlType.DECIMAL: ColumnKind.DECIMAL,
    SqlType.TEXT: ColumnKind.TEXT,
    SqlType.JSON: ColumnKind.JSON,
}

_NAMES: Mapping[str, ColumnKind] = {
    "BOOLEAN": ColumnKind.BOOLEAN,
    "SMALLINT": ColumnKind.SMALLINT,
    **dict.fromkeys(("INT", "INTEGER"), ColumnKind.INTEGER),
    "BIGINT": ColumnKind.BIGINT,
    **dict.fromkeys(("DEC", "DECIMAL", "NUMERIC"), ColumnKind.DECIMAL),
    "REAL": ColumnKind.REAL,
    **dict.fromkeys(("FLOAT", "DOUBLE", "DOUBLE PRECISION"), ColumnKind.DOUBLE),
    **dict.fromkeys(
        ("CHARACTER VARYING", "CHAR VARYING", "VARCHAR", "CHARACTER", "CHAR", "CHARACTER LARGE OBJECT", "CLOB", "TEXT"),
        ColumnKind.TEXT,
    ),
    **dict.fromkeys(
        ("BINARY", "BINARY VARYING", "VARBINARY", "BINARY LARGE OBJECT", "BLOB"),
        ColumnKind.BINARY,
    ),
    "DATE": ColumnKind.DATE,
    **dict.fromkeys(("TIME", "TIME WITHOUT TIME ZONE"), ColumnKind.TIME),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP WITHOUT TIME ZONE"), ColumnKind.TIMESTAMP),
    "TIMESTAMP WITH TIME ZONE": ColumnKind.INSTANT,
}

_ANSI = re.compile(r"([A-Z]+(?: [A-Z]+)*)(?: ?\( ?(\d+)(?: ?, ?(\d+))? ?\))?((?: [A-Z]+)*)")

#: The types that values of each kind convert to.
_NUMBERS = (
    ColumnKind.SMALLINT,
    ColumnKind.INTEGER,
    ColumnKind.BIGINT,
    ColumnKind.DECIMAL,
    ColumnKind.REAL,
    ColumnKind.DOUBLE,
)
_CONVERTS: Mapping[SqlType, tuple[ColumnKind, ...]] = {
    SqlType.BOOLEAN: (ColumnKind.BOOLEAN, ColumnKind.TEXT),
    SqlType.INTEGER: (*_NUMBERS, ColumnKind.TEXT),
    SqlType.DECIMAL: (*_NUMBERS, ColumnKind.TEXT),
    SqlType.TEXT: tuple(kind for kind in ColumnKind if kind is not ColumnKind.JSON),
    SqlType.JSON: (ColumnKind.JSON, ColumnKind.TEXT),
}

_FULL_DATE = r"^\d{4}-\d{2}-\d{2}"


def parse_ansi(name: str) -> ColumnType | None:
    """The type that a name of standard SQL means; None for one that is not known. Lengths of texts mean nothing here.

    Examples
    --------
    >>> str(parse_ansi("numeric(10,2)")), str(parse_ansi("timestamp(3) with time zone")), parse_ansi("MONEY")
    ('DECIMAL(10, 2)', 'TIMESTAMP WITH TIME ZONE', None)
    """
    found = _ANSI.fullmatch(" ".join(name.upper().split()))
    if found is None:
        return None
    base, first, second, rest = found.groups()
    kind = _NAMES.get(base + rest)
    if kind is not ColumnKind.DECIMAL:
        return None if kind is None or second is not None else ColumnType(kind)
    if first is None:
        return ColumnType(kind, DECIMAL_DIGITS)
    digits = (int(first), int(second or 0))
    return ColumnType(kind, digits) if 1 <= digits[0] <= DECIMAL_DIGITS[0] and digits[1] <= digits[0] else None


def default_type(fhir_type: str | None, value: SqlType) -> ColumnType:
    """The type of a column that no tag says anything about.

    Parameters
    ----------
    fhir_type : str, optional
        FHIR type of the values.
    value : SqlType
        What computations take them for.
    """
    kind = _BY_VALUE[value]
    if fhir_type is not None and fhir_type in _BY_FHIR_TYPE and value in (SqlType.INTEGER, SqlType.TEXT):
        kind = _BY_FHIR_TYPE[fhir_type]
    return ColumnType(kind, DECIMAL_DIGITS if kind is ColumnKind.DECIMAL else None)


def converts(value: SqlType, type: ColumnType) -> bool:
    """Whether values of a kind can be held by a column of a type."""
    return type.kind in _CONVERTS[value]


def native(node: Node, type: ColumnType, names: Names) -> Node:
    """A value as a column of a type holds it.

    Parameters
    ----------
    node : Node
        One value.
    type : ColumnType
        What it becomes.
    names : Names
        Source of variable names.
    """
    match type.kind:
        case ColumnKind.DATE:
            node = _dated(node, "DATE", names, lambda value: apply("left", value, integer(10), type=SqlType.TEXT))
        case ColumnKind.TIMESTAMP:
            node = _dated(node, "TIMESTAMP", names, lambda value: apply("to_utc", value, type=SqlType.TEXT))
        case ColumnKind.INSTANT:
            node = _instant(node, names)
        case ColumnKind.BINARY if node.type is SqlType.TEXT:
            return apply("decode_base64", node, type=SqlType.TEXT)
        case ColumnKind.TEXT if node.type is SqlType.DECIMAL:
            return apply("decimal_text", node, type=SqlType.TEXT)
    return Convert(node, type, SqlType.TEXT)


def delivered(node: Node, type: ColumnType, names: Names) -> Node:
    """A value of a type in the form in which it is read and from which `fhir4ds.runtime.result` makes Python's value."""
    match type.kind:
        case ColumnKind.DECIMAL:
            return Cast(Convert(node, type, SqlType.DECIMAL), SqlType.TEXT)
        case ColumnKind.INSTANT:
            return _instant(node, names)
        case ColumnKind.BINARY:
            return node
        case _:
            return native(node, type, names)


def _instant(node: Node, names: Names) -> Node:
    def utc(value: Node) -> Node:
        moment = apply("to_utc", value, type=SqlType.TEXT)
        return apply("concat", moment, text("+00:00"), type=SqlType.TEXT)

    return _dated(node, "TIMESTAMP WITH TIME ZONE", names, utc)


def _dated(node: Node, what: str, names: Names, body: Callable[[Node], Node]) -> Node:
    def checked(value: Node) -> Node:
        complete = apply("regexp_matches", value, text(_FULL_DATE))
        none = apply("is_null", value)
        error = Raise(f"a date that is not known to the day is no {what}", 0, SqlType.TEXT)
        return Case(((complete, body(value)), (none, null(SqlType.TEXT))), error)

    return bind(names.fresh(), node, checked)
