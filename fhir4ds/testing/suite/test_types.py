"""Values of every type go in and come out unharmed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from fhir4ds.dialect.types import ColumnKind, ColumnType, SqlType
from fhir4ds.testing.comparison import canonical, delivered
from fhir4ds.testing.engine import Engine

_DOCUMENT = {"a": [1, {"b": None}, "\u00e9\U0001f600 \\ \" ' %"], "n": -12, "yes": True, "none": {}}

#: Values that a table must give back as it got them.
_VALUES: Mapping[SqlType, list[Any]] = {
    SqlType.BOOLEAN: [True, False],
    SqlType.INTEGER: [0, -1, 9223372036854775807, -9223372036854775807],
    SqlType.DECIMAL: [Decimal("0.000000000001"), Decimal("-123456.789"), Decimal(10)],
    SqlType.TEXT: ["", " ", "it's", 'a "b"', "\\ \\n", "a\nb\tc", "\u00e9\u4e2d\U0001f600", "%s {0} $1 :a ?", "NULL"],
    SqlType.JSON: [json.dumps(_DOCUMENT), "[]", '"text"', "1"],
}


@pytest.mark.parametrize("type", SqlType, ids=[type.value for type in SqlType])
def test_a_table_gives_back_what_it_got(engine: Engine, type: SqlType) -> None:
    """Literals of a type are stored in a column of it, and read."""
    syntax, name = engine.syntax, f"types_{uuid4().hex[:8]}"
    engine.run(f"CREATE TABLE {name} (place INTEGER, value {syntax.types[type]}){syntax.table_options}")
    for place, value in enumerate([*_VALUES[type], None]):
        engine.run(f"INSERT INTO {name} VALUES ({place}, {syntax.literal(value, type)})")
    shown = syntax.apply("decimal_text", "value") if type is SqlType.DECIMAL else "value"
    stored = [value for (value,) in engine.run(f"SELECT {shown} FROM {name} ORDER BY place")]
    expected = [json.loads(value) for value in _VALUES[type]] if type is SqlType.JSON else _VALUES[type]
    assert stored.pop() is None
    found = [delivered(*pair) for pair in zip(stored, expected, strict=True)]
    assert list(map(canonical, found)) == list(map(canonical, expected))
    engine.run(f"DROP TABLE {name}")


@pytest.mark.requires("exact_decimals")
def test_decimals_are_exact(engine: Engine) -> None:
    """Digits that binary fractions have not are kept, computed with and compared."""
    syntax = engine.syntax
    long = [syntax.literal(Decimal(text), SqlType.DECIMAL) for text in ("12345678901234567890.123456789012", "1E-12")]
    total = engine.value(syntax.apply("decimal_text", syntax.apply("add", *long)))
    assert Decimal(total) == Decimal("12345678901234567890.123456789013")
    assert delivered(engine.value(syntax.apply("equal", long[0], syntax.apply("add", *long))), False) is False


def test_json_text_is_delivered_as_text(engine: Engine) -> None:
    """The driver leaves JSON to the core, which reads its numbers exactly."""
    value = engine.value(engine.syntax.literal('{"a": 1.5}', SqlType.JSON))
    assert isinstance(value, str) and json.loads(value) == {"a": 1.5}


@pytest.mark.requires("typed_results")
def test_results_tell_their_types(engine: Engine) -> None:
    """Columns of JSON, text and whole numbers are told apart."""
    syntax = engine.syntax
    values: dict[SqlType, str | int] = {SqlType.JSON: "{}", SqlType.TEXT: "a", SqlType.INTEGER: 1}
    columns = ", ".join(f"{syntax.literal(value, type)} AS {type.value}_" for type, value in values.items())
    cursor = engine.driver.execute(engine.connection, f"SELECT {columns}", None)
    assert list(cursor.columns) == [(f"{type.value}_", type) for type in values]
    cursor.close()


@pytest.mark.parametrize("kind", ColumnKind, ids=lambda kind: kind.name.lower())
@pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
def test_a_table_can_have_columns_of_every_kind(engine: Engine, kind: ColumnKind, many: bool) -> None:
    """Each kind of column has a name in the dialect, and its column holds NULL."""
    name = f"kinds_{uuid4().hex[:8]}"
    digits = (10, 2) if kind is ColumnKind.DECIMAL else None
    engine.run(f"CREATE TABLE {name} (value {engine.syntax.column_type(ColumnType(kind, digits, many=many))})")
    engine.run(f"INSERT INTO {name} VALUES (NULL)")
    assert engine.run(f"SELECT value FROM {name}") == [(None,)]
    engine.run(f"DROP TABLE {name}")
