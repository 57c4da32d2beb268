"""precision, lowBoundary and highBoundary: each kind of value, each precision, on both databases."""

from __future__ import annotations

from decimal import Decimal

import hypothesis
import hypothesis.strategies as st
import pytest

from fhir4ds.database import Database
from fhir4ds.errors import EvaluationError, InvalidArguments, InvalidOperation

_OBSERVATION = {
    "resourceType": "Observation",
    "id": "o1",
    "effectiveDateTime": "2019-02",
    "valueQuantity": {"value": 1.5, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"},
    "component": [
        {"valueDateTime": "2019"},
        {"valueQuantity": {"value": 2.25, "code": "kg"}},
        {"valueInteger": 3},
        {"valueString": "text"},
        {"valueTime": "10:00"},
        {"code": {"text": "no value"}},
    ],
}


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        # digits as they were written, also zeros, signs and whole numbers
        ("2.50.lowBoundary()", ["2.495"]),
        ("2.5.lowBoundary()", ["2.45"]),
        ("(-2.50).lowBoundary()", ["-2.505"]),
        ("(-2.50).highBoundary()", ["-2.495"]),
        ("7.lowBoundary()", ["6.5"]),
        ("7L.highBoundary()", ["7.5"]),
        ("(1.25 + 1.25).highBoundary()", ["2.55"]),
        # cut outwards
        ("2.551.lowBoundary(1)", ["2.5"]),
        ("2.551.highBoundary(1)", ["2.6"]),
        ("(-2.551).lowBoundary(1)", ["-2.6"]),
        ("(-2.551).highBoundary(1)", ["-2.5"]),
        ("0.002.highBoundary(1)", ["0.1"]),
        ("0.002.lowBoundary(0)", ["0"]),
        ("2.551.highBoundary(0)", ["3"]),
        ("2.551.lowBoundary(12)", ["2.5505"]),
        ("1.000000000001.lowBoundary(12)", ["1"]),
        ("1.000000000001.highBoundary(12)", ["1.000000000002"]),
        # precisions that there are not
        ("2.5.lowBoundary(13)", []),
        ("2.5.highBoundary(-1)", []),
        ("2.5.highBoundary({})", []),
        ("{}.highBoundary()", []),
        ("(2 | 3).where($this > 5).lowBoundary()", []),
        # a precision that is only known when it is met
        ("(0 | 1 | 2 | 14).select(2.449.highBoundary($this))", ["3", "2.5", "2.45"]),
    ],
)
def test_number(database: Database, expression: str, items: list[str]) -> None:
    assert database.evaluate(expression, {}) == [Decimal(item) for item in items]


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        ("@2019.lowBoundary()", ["2019-01-01"]),
        ("@2019.highBoundary()", ["2019-12-31"]),
        ("@2019.highBoundary(6)", ["2019-12"]),
        ("@2019-02-03.highBoundary(4)", ["2019"]),
        ("(@2019-02 | @2020-02 | @1900-02 | @2000-02 | @2019-04 | @9999-12).select(highBoundary())",
         ["2019-02-28", "2020-02-29", "1900-02-28", "2000-02-29", "2019-04-30", "9999-12-31"]),
        ("@2019.highBoundary(5)", []),
        ("@2019.highBoundary(10)", []),
        ("@2019T.lowBoundary()", ["2019-01-01T00:00:00.000+14:00"]),
        ("@2019-02T.highBoundary()", ["2019-02-28T23:59:59.999-12:00"]),
        ("@2019-02-03T04Z.highBoundary()", ["2019-02-03T04:59:59.999Z"]),
        ("@2019-02-03T04:05-07:00.lowBoundary()", ["2019-02-03T04:05:00.000-07:00"]),
        ("@2019-02-03T04:05:06.7Z.highBoundary()", ["2019-02-03T04:05:06.799Z"]),
        ("@2019-02-03T04:05:06.7891Z.highBoundary()", ["2019-02-03T04:05:06.789Z"]),
        ("@2019-02-03T04:05:06Z.highBoundary(12)", ["2019-02-03T04:05Z"]),
        ("@2019-02-03T04:05:06Z.lowBoundary(8)", ["2019-02-03"]),
        ("(4 | 6 | 8 | 9 | 10 | 14).select(@2019T.lowBoundary($this))",
         ["2019", "2019-01", "2019-01-01", "2019-01-01T00+14:00", "2019-01-01T00:00:00+14:00"]),
        ("@T10.highBoundary()", ["10:59:59.999"]),
        ("@T10:30:15.lowBoundary(4)", ["10:30"]),
        ("@T10:30.highBoundary(8)", []),
    ],
)  # fmt: skip
def test_moment(database: Database, expression: str, items: list[str]) -> None:
    assert database.evaluate(expression, {}) == items


def test_element_of_a_resource(database: Database) -> None:
    def evaluate(expression: str) -> list[object]:
        return database.evaluate(expression, _OBSERVATION)

    assert evaluate("value.value.lowBoundary()") == [Decimal("1.45")]
    assert evaluate("value.value.precision()") == [1]
    assert evaluate("value.lowBoundary()") == [{"value": Decimal("1.45"), "unit": "mg"}]
    assert evaluate("effective.highBoundary()") == ["2019-02-28T23:59:59.999-12:00"]
    with pytest.raises(EvaluationError, match="does not take items of these types"):
        evaluate("component.value.select(highBoundary())")
    assert evaluate("component.value.where(($this is string).not()).select(highBoundary())") == [
        "2019-12-31T23:59:59.999-12:00",
        {"value": Decimal("2.255"), "unit": "kg"},
        Decimal("3.5"),
        "10:00:59.999",
    ]
    assert evaluate("component.value.where(($this is Quantity or $this is string).not()).select(precision())") == [
        4,
        0,
        4,
    ]
    with pytest.raises(EvaluationError, match="does not take items of these types"):
        evaluate("component.value.select(precision())")
    assert evaluate("component.code.text.where($this = 'there is none').length().precision()") == []


def test_untyped_numbers(untyped: Database) -> None:
    assert untyped.evaluate("(a | b).select(lowBoundary())", {"a": 1.5, "b": 2}) == [Decimal("1.45"), Decimal("1.5")]
    assert untyped.evaluate("a.precision()", {"a": 1.25}) == [2]


@pytest.mark.parametrize(
    ("expression", "digits"),
    [("1.50.precision()", 2), ("(-1.50).precision()", 2), ("3.precision()", 0), ("@2019-02-03T04:05:06.789Z.precision()", 17),
     ("@2019-02-03T04+05:00.precision()", 10), ("@2019T.precision()", 4), ("@T10:30:00.precision()", 6),
     ("'1.50'.toDecimal().precision()", 1), ("'100'.toDecimal().precision()", 0), ("2.sqrt().precision()", 8),
     ("4.sqrt().precision()", 0), ("10.log(10).precision()", 0), ("(1.50 'mg').value.precision()", 2),
     ("(1.50 'mg' | 2 'g').first().value.precision()", 2), ("iif(true, 1.50 'mg').value.precision()", 2)],
)  # fmt: skip
def test_precision(database: Database, expression: str, digits: int) -> None:
    assert database.evaluate(expression, {}) == [digits]


@pytest.mark.parametrize("expression", ["'text'.lowBoundary()", "true.highBoundary()", "1 'mg'.precision()"])
def test_values_without_a_precision_are_refused(database: Database, expression: str) -> None:
    with pytest.raises(InvalidOperation, match="have no precision"):
        database.evaluate(expression, {})


def test_a_precision_that_is_no_integer_is_refused(database: Database) -> None:
    with pytest.raises(InvalidArguments, match="must be an Integer"):
        database.evaluate("1.5.lowBoundary('2')", {})


@pytest.mark.parametrize("precision", ["", "0", "1 + 2", "8", "40", "{}", "iif(1 = 2, 1)"])
@pytest.mark.parametrize("items", ["1.5 | 2.5", "@1999-12-31 | @2019", "@T10 | @T11", "1 'm' | 2 'm'"])
def test_several_items_are_refused(database: Database, items: str, precision: str) -> None:
    # Also where the precision alone says that there is no boundary.
    with pytest.raises(EvaluationError, match="expected a single item"):
        database.evaluate(f"({items}).lowBoundary({precision})", {})


def test_boundaries_that_are_no_decimal_are_empty(database: Database) -> None:
    assert database.evaluate("99999999999999999999999999.99.highBoundary(0)", {}) == []
    assert database.evaluate("99999999999999999999999999.99.round()", {}) == []


def test_negative_precision_of_round_is_refused(database: Database) -> None:
    assert database.evaluate("1.25.round({})", {}) == []
    with pytest.raises(EvaluationError, match="must not be negative"):
        database.evaluate("(1 | -1).select(1.25.round($this))", {})


@hypothesis.given(
    value=st.decimals(-(10**9), 10**9, places=4).map(lambda value: value.normalize() + 0), precision=st.integers(0, 6)
)
@hypothesis.settings(max_examples=25, deadline=None)
def test_boundaries_enclose_the_value(database: Database, value: Decimal, precision: int) -> None:
    digits = f"({value:f})"
    low, high = database.evaluate(f"{digits}.lowBoundary({precision}) | {digits}.highBoundary({precision})", {})
    scale = max(0, -int(value.as_tuple().exponent))
    half = Decimal(5).scaleb(-scale - 1)
    unit = Decimal(1).scaleb(-precision)
    assert low <= value - half < low + unit
    assert high - unit < value + half <= high
