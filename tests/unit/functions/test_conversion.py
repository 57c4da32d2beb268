"""Conversions between System types. Every value is stated with its type, and holds on both databases."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.errors import EvaluationError, InvalidArguments
from fhir4ds.testing.comparison import canonical

_D = Decimal
_OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o-1",
    "status": "final",
    "issued": "2015-02-04T14:34:28.123+10:00",
    "effectiveDateTime": "2015-02",
    "valueQuantity": {"value": Decimal("185.50"), "unit": "lbs", "code": "[lb_av]"},
    "referenceRange": [{"low": {"value": 5}, "high": {"value": Decimal("10.0")}}],
    "component": [
        {"valueString": "12"},
        {"valueInteger": 7},
        {"valueBoolean": True},
        {"valueDateTime": "2015-02-04T10:00:00Z"},
        {"valueTime": "14:30:00"},
        {"valueQuantity": {"value": 5, "code": "mg"}},
        {"valueCodeableConcept": {"text": "12"}},
    ],
}

_VALUES: dict[str, list[Any]] = {
    # Booleans
    "('TRUE' | 't' | 'Yes' | 'y' | '1' | '1.0').select(toBoolean()).distinct()": [True],
    "('false' | 'F' | 'no' | 'N' | '0' | '0.0').select(toBoolean()).distinct()": [False],
    "' true'.toBoolean()": [],
    "'10'.toBoolean()": [],
    "''.toBoolean()": [],
    "1.0.toBoolean()": [True],
    "0.00.toBoolean()": [False],
    "1.5.toBoolean()": [],
    "(-1).toBoolean()": [],
    "1L.toBoolean()": [True],
    "false.toBoolean()": [False],
    "@2015.toBoolean()": [],
    "{}.toBoolean()": [],
    # Integers have 32 bits
    "'2147483647'.toInteger()": [2147483647],
    "'2147483648'.toInteger()": [],
    "'-2147483648'.toInteger()": [-2147483648],
    "'-2147483649'.toInteger()": [],
    "'99999999999999999999999999'.toInteger()": [],
    "'+5'.toInteger()": [5],
    "'007'.toInteger()": [7],
    "'-0'.toInteger()": [0],
    "'000000000000000000000000000000000000000000000000000012'.toInteger()": [12],
    "'1 '.toInteger()": [],
    "'1e3'.toInteger()": [],
    "'--1'.toInteger()": [],
    "'0x1F'.toInteger()": [],
    "'١'.toInteger()": [],
    "'1\\n'.toInteger()": [],
    "''.toInteger()": [],
    "false.toInteger()": [0],
    "1.0.toInteger()": [],
    "1L.toInteger()": [],
    "@T10.toInteger()": [],
    # Longs have 64
    "'9223372036854775807'.toLong()": [9223372036854775807],
    "'9223372036854775808'.toLong()": [],
    "'-9223372036854775808'.toLong()": [-9223372036854775808],
    "'-9223372036854775809'.toLong()": [],
    "'99999999999999999999999999999999999999999999999999999'.toLong()": [],
    "2147483647.toLong() + 1": [2147483648],
    "5L.toLong()": [5],
    "true.toLong()": [1],
    "1.0.toLong()": [],
    # Decimals have no exponent
    "'1.10'.toDecimal()": [_D("1.1")],
    "'-0.5'.toDecimal()": [_D("-0.5")],
    "'+12'.toDecimal()": [_D(12)],
    "'.5'.toDecimal()": [],
    "'5.'.toDecimal()": [],
    "'1e3'.toDecimal()": [],
    "'1,5'.toDecimal()": [],
    "'NaN'.toDecimal()": [],
    "'Infinity'.toDecimal()": [],
    "''.toDecimal()": [],
    "'99999999999999999999999999.999999999999'.toDecimal()": [_D("99999999999999999999999999.999999999999")],
    "'99999999999999999999999999.9999999999999'.toDecimal()": [],
    "'100000000000000000000000000'.toDecimal()": [],
    "'0000000000000000000000000000000000000001.5'.toDecimal()": [_D("1.5")],
    "1.toDecimal()": [_D(1)],
    "5L.toDecimal()": [_D(5)],
    "true.toDecimal() / 4": [_D("0.25")],
    "false.toDecimal()": [_D(0)],
    "@2015.toDecimal()": [],
    # Strings
    "1.0.toString()": ["1.0"],
    "(-1.50).toString()": ["-1.50"],
    "(-0.0).toString()": ["-0.0"],
    "1.0.toDecimal().toString()": ["1.0"],
    "(1.5 + 1.25).toString()": ["2.75"],
    "(1.5 + 1.5).toString()": ["3.0"],
    "0.000000001.toString()": ["0.000000001"],
    "1234567890987654321.0.toString()": ["1234567890987654321.0"],
    "(-5).toString()": ["-5"],
    "9223372036854775807L.toString()": ["9223372036854775807"],
    "(1 + 1).toString()": ["2"],
    "(1 > 2).toString()": ["false"],
    "'a🔥'.toString()": ["a🔥"],
    "''.toString()": [""],
    "@2015.toString()": ["2015"],
    "@2015T.toString()": ["2015"],
    "@2015-02-04T14:34:28.123+10:00.toString()": ["2015-02-04T14:34:28.123+10:00"],
    "@T14:34.toString()": ["14:34"],
    "5 'mg'.toString()": ["5 'mg'"],
    "(1 week).toString()": ["1 week"],
    "(1 'g' + 500 'mg').toString()": ["1500 'mg'"],
    "{}.toString()": [],
    # Dates are those of the calendar
    "'2015'.toDate()": ["2015"],
    "'2015-02'.toDate()": ["2015-02"],
    "'2015-02-04'.toDate()": ["2015-02-04"],
    "'2024-02-29'.toDate()": ["2024-02-29"],
    "'2023-02-29'.toDate()": [],
    "'2000-02-29'.toDate()": ["2000-02-29"],
    "'1900-02-29'.toDate()": [],
    "'2015-04-31'.toDate()": [],
    "'2015-12-31'.toDate()": ["2015-12-31"],
    "'2015-13'.toDate()": [],
    "'2015-00'.toDate()": [],
    "'2015-01-00'.toDate()": [],
    "'2015-1-1'.toDate()": [],
    "'0000'.toDate()": [],
    "'0001-01-01'.toDate()": ["0001-01-01"],
    "'15'.toDate()": [],
    "'20150204'.toDate()": [],
    "'2015-02-04T10:00'.toDate()": [],
    "''.toDate()": [],
    "@2015-02-04T23:30:00-05:00.toDate()": ["2015-02-04"],
    "@2015-02T.toDate()": ["2015-02"],
    "@2015-02.toDate()": ["2015-02"],
    "2015.toDate()": [],
    "@T10:00.toDate()": [],
    # date-times
    "'2015'.toDateTime()": ["2015"],
    "'2015-02-29'.toDateTime()": [],
    "'2015-02-04T14'.toDateTime()": ["2015-02-04T14"],
    "'2015-02-04T14:34'.toDateTime()": ["2015-02-04T14:34"],
    "'2015-02-04T14:34Z'.toDateTime()": ["2015-02-04T14:34Z"],
    "'2015-02-04T14:34:28.1234567+14:00'.toDateTime()": ["2015-02-04T14:34:28.1234567+14:00"],
    "'2015-02-04T14:34:28+14:01'.toDateTime()": [],
    "'2015-02-04T14:34:28-15:00'.toDateTime()": [],
    "'2015-02-04T24:00'.toDateTime()": [],
    "'2015-02-04T14:60'.toDateTime()": [],
    "'2015-02-04T14:34:60'.toDateTime()": [],
    "'2015-02-04T14:34:28.'.toDateTime()": [],
    "'2015-02-04 14:34'.toDateTime()": [],
    "'2015-02T14:34'.toDateTime()": [],
    "'2015-02-29T14:34'.toDateTime()": [],
    "'2024-02-29T14:34'.toDateTime()": ["2024-02-29T14:34"],
    "@2015-02.toDateTime()": ["2015-02"],
    "@2015-02-04.toDateTime() = @2015-02-04": [True],
    "'2015-02-04T14:34:28+10:00'.toDateTime() = @2015-02-04T04:34:28Z": [True],
    # times
    "'14'.toTime()": ["14"],
    "'14:34'.toTime()": ["14:34"],
    "'14:34:28.123'.toTime()": ["14:34:28.123"],
    "'24:00'.toTime()": [],
    "'14:60'.toTime()": [],
    "'4:30'.toTime()": [],
    "'14:34Z'.toTime()": [],
    "@T10:30.toTime()": ["10:30"],
    "@2015-02-04T10:30.toTime()": [],
}


@pytest.mark.parametrize(("expression", "expected"), _VALUES.items(), ids=_VALUES)
def test_value(database: Database, expression: str, expected: list[Any]) -> None:
    assert list(map(canonical, database.evaluate(expression, _OBSERVATION))) == list(map(canonical, expected))


_CONVERTIBLE: dict[str, tuple[str, ...]] = {
    "Boolean": ("true", "1", "1L", "0.0", "'t'", "'1'"),
    "Integer": ("true", "1", "'1'"),
    "Long": ("true", "1", "1L", "'1'", "'2147483648'"),
    "Decimal": ("true", "1", "1L", "0.0", "1.5", "'1'", "'1.5'", "'2147483648'"),
    "Date": ("@2015", "@2015-02-04T10:00", "'2015-02'"),
    "DateTime": ("@2015", "@2015-02-04T10:00", "'2015-02'", "'2015-02-04T10:00Z'"),
    "Time": ("@T10:30", "'10:30'"),
}
_ITEMS = tuple(dict.fromkeys(item for items in _CONVERTIBLE.values() for item in (*items, "'x'", "2", "(5 'mg')")))


@pytest.mark.parametrize("name", _CONVERTIBLE)
def test_what_converts(database: Database, name: str) -> None:
    """Just what converts gives a value; ``convertsTo`` says so of everything, and is empty of nothing."""
    expected = [
        item in _CONVERTIBLE[name] or (name in ("Long", "Decimal", "Integer") and item == "2") for item in _ITEMS
    ]
    asked = [f"{item}.convertsTo{name}()" for item in _ITEMS]
    given = [f"{item}.to{name}().exists()" for item in _ITEMS]
    assert [database.evaluate(expression, _OBSERVATION) for expression in asked] == [[truth] for truth in expected]
    assert [database.evaluate(expression, _OBSERVATION) for expression in given] == [[truth] for truth in expected]
    assert database.evaluate(f"{{}}.convertsTo{name}()", _OBSERVATION) == []


@pytest.mark.parametrize("item", _ITEMS)
def test_every_value_converts_to_a_string(database: Database, item: str) -> None:
    assert database.evaluate(f"{item}.convertsToString()", _OBSERVATION) == [True]


#: Elements, whose types are those of FHIR, and choices between them.
_ELEMENTS: dict[str, list[Any]] = {
    "Observation.status.toString()": ["final"],
    "Observation.id.toInteger()": [],
    "Observation.issued.toString()": ["2015-02-04T14:34:28.123+10:00"],
    "Observation.issued.toDate()": ["2015-02-04"],
    "Observation.effective.toDate()": ["2015-02"],
    "Observation.effective.toString() & '!'": ["2015-02!"],
    "Observation.value.toString()": ["185.5 '[lb_av]'"],
    "Observation.value.toInteger()": [],
    "Observation.value.convertsToInteger()": [False],
    "Observation.value.convertsToString()": [True],
    "Observation.value.value.toString()": ["185.50"],
    "Observation.referenceRange.low.value.toString()": ["5"],
    "Observation.referenceRange.high.value.toString()": ["10.0"],
    "Observation.referenceRange.high.value.toDecimal() = 10": [True],
    "Observation.referenceRange.convertsToString()": [False],
    "Observation.referenceRange.toString()": [],
    "Observation.code.convertsToString()": [],
    "Observation.component.select(value.toInteger())": [12, 7, 1],
    "Observation.component.select(value.toString())": [
        "12",
        "7",
        "true",
        "2015-02-04T10:00:00Z",
        "14:30:00",
        "5 'mg'",
    ],
    "Observation.component.select(value.toDecimal().toString())": ["12.0", "7.0", "1.0"],
    "Observation.component.select(value.toTime())": ["12", "14:30:00"],
    "Observation.component.select(value.toDate())": ["2015-02-04"],
    "Observation.component.select(value.convertsToInteger())": [True, True, True, False, False, False, False],
    "Observation.component.select(value.convertsToString())": [True, True, True, True, True, True, False],
    "Observation.component.where(value.toInteger() > 10).count()": [1],
    "(1 | 'a' | true | 2.5 | 3 'mg').select(toString())": ["1", "a", "true", "2.5", "3 'mg'"],
    "(1 | 'a' | true | '7').select(toInteger())": [1, 1, 7],
    "(1 | 'a' | true | 'f').select(convertsToBoolean())": [True, False, True, True],
    "iif(true, '1', 2).toInteger()": [1],
    "('1' | '2' | 'x').select(toInteger()).sum()": [3],
    "('1' | 'x' | '3').where(convertsToInteger()).select(toInteger() + 1)": [2, 4],
    "('2015-02-29' | '2015-02-28').select(toDate())": ["2015-02-28"],
}


@pytest.mark.parametrize(("expression", "expected"), _ELEMENTS.items(), ids=_ELEMENTS)
def test_elements(database: Database, expression: str, expected: list[Any]) -> None:
    assert list(map(canonical, database.evaluate(expression, _OBSERVATION))) == list(map(canonical, expected))


@pytest.mark.parametrize(
    ("expression", "expected"),
    {
        "status.toString()": ["final"],
        "referenceRange.low.value.toString()": ["5"],
        "referenceRange.low.value.toInteger()": [5],
        "referenceRange.low.value.toDecimal()": [_D(5)],
        "referenceRange.low.value.convertsToBoolean()": [False],
        "valueQuantity.value.toInteger()": [],
        "valueQuantity.value.toString()": ["185.50"],
        "valueQuantity.toString()": [],
        "valueQuantity.convertsToString()": [False],
        "issued.toDateTime()": ["2015-02-04T14:34:28.123+10:00"],
        "effectiveDateTime.toDate()": ["2015-02"],
        "component.valueBoolean.toInteger()": [1],
        "component.valueInteger.toBoolean()": [],
        "component.valueString.toLong()": [12],
        "component.valueInteger.toTime()": [],
        "absent.toInteger()": [],
        "absent.convertsToInteger()": [],
    }.items(),
)
def test_types_that_are_met(untyped: Database, expression: str, expected: list[Any]) -> None:
    """Without a model, a JSON value is what it is."""
    assert list(map(canonical, untyped.evaluate(expression, _OBSERVATION))) == list(map(canonical, expected))


@pytest.mark.parametrize(
    "expression",
    [
        *(f"(1 | 2).to{name}()" for name in (*_CONVERTIBLE, "String")),
        *(f"('a' | 'b').convertsTo{name}()" for name in (*_CONVERTIBLE, "String")),
        "Observation.component.value.toString()",
    ],
)
def test_several_items_are_an_error(database: Database, expression: str) -> None:
    with pytest.raises(EvaluationError, match="expected a single item"):
        database.evaluate(expression, _OBSERVATION)


def test_constants_in_a_branch_that_is_not_taken(database: Database) -> None:
    """Nothing that cannot be read is read, also where a database evaluates constants beforehand."""
    assert database.evaluate("iif(false, 'x'.toInteger(), 'y'.toDecimal())", _OBSERVATION) == []
    assert database.evaluate("iif(true, 1, 'x'.toInteger())", _OBSERVATION) == [1]
    assert database.evaluate("iif('x'.convertsToInteger(), 'x'.toInteger(), 0)", _OBSERVATION) == [0]


def test_values_that_are_bound(database: Database) -> None:
    given = {"s": "12", "d": _D("1.50"), "t": datetime.date(2015, 2, 4), "b": False}
    expression = "%s.toInteger() | %d.toString() | %t.toString() | %b.toInteger()"
    assert database.evaluate(expression, _OBSERVATION, variables=given) == [12, "1.5", "2015-02-04", 0]


def test_over_a_population(database: Database) -> None:
    """One statement converts what can be converted, and the rest gives no row."""
    values = ["1", "x", "-7", "2147483648", "", "1.5", "2015-02-30"]
    database.load(
        [
            {"resourceType": "Observation", "id": f"o{number}", "status": "final", "valueString": value}
            for number, value in enumerate(values)
        ]
    )
    rows = database.query("Observation.value.ofType(string).toInteger()").rows
    assert rows == [("o0", 1), ("o2", -7)]
    assert database.query("Observation.value.toLong()").rows == [("o0", 1), ("o2", -7), ("o3", 2147483648)]
    assert database.query("Observation.value.toDate()").rows == []
    rows = database.query("Observation.where(value.convertsToDecimal()).id").rows
    assert [key for key, _ in rows] == ["o0", "o2", "o3", "o5"]


def test_arguments_are_refused(database: Database) -> None:
    with pytest.raises(InvalidArguments):
        database.evaluate("1.toString(2)", _OBSERVATION)
