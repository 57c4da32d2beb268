"""Numbers at the limits of their types, on both databases (FHIRPath N1, section 6.6)."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir4ds.database import Database
from fhir4ds.errors import EvaluationError, InvalidOperation
from fhir4ds.testing.comparison import canonical

_D = Decimal
_LARGEST = "99999999999999999999999999.0"
_OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o",
    "valueQuantity": {"value": _D("99999999999999.5"), "code": "m"},
    "component": [
        {"valueQuantity": {"value": 2, "code": "m"}},
        {"valueQuantity": {"value": 3, "code": "m"}},
        {"valueInteger": 7},
        {"valueInteger": 2},
    ],
}

_VALUES: dict[str, list[Any]] = {
    # an overflow is empty, whatever operation has it
    f"{_LARGEST} + {_LARGEST}": [],
    f"-{_LARGEST} - {_LARGEST}": [],
    f"{_LARGEST} * 2": [],
    f"{_LARGEST} / 0.5": [],
    f"{_LARGEST} div 1": [],
    f"{_LARGEST}.ceiling()": [],
    f"{_LARGEST}.power(2)": [],
    f"({_LARGEST} | 99999999999999999999999998.0).sum()": [],
    f"({_LARGEST} | 3.0).aggregate($total * $this, 1.0)": [],
    f"{_LARGEST} 'm' + {_LARGEST} 'm'": [],
    f"{_LARGEST} 'm' * 2": [],
    f"{_LARGEST} 'm' / 0.001 's'": [],
    "1 / 99999999999999999999999999.0": [],
    "100.exp()": [],
    "10.power(30)": [],
    "2147483647 + 1": [],
    "-2147483648 - 1": [],
    "65536 * 32768": [],
    "9223372036854775807L + 1L": [],
    "9223372036854775807L * 9223372036854775807L": [],
    "-(-2147483648)": [],
    "(-2147483647 - 1).abs()": [],
    "(-2147483648) div -1": [],
    "-(-9223372036854775808L)": [],
    "(-9223372036854775808L).abs()": [],
    "(-9223372036854775808L) div -1L": [],
    # and what fits is exact, whatever is in between
    "-2147483648": [-2147483648],
    "-9223372036854775808L": [-9223372036854775808],
    "(-9223372036854775808L) mod -1L": [0],
    "(-9223372036854775808L) div 10L": [-922337203685477580],
    "-(-9223372036854775807L)": [9223372036854775807],
    "9223372036854775807L mod 10L": [7],
    f"{_LARGEST} + 0.999999999999": [_D("99999999999999999999999999.999999999999")],
    f"{_LARGEST} / 3": [_D("33333333333333333333333333")],
    "99999999999999.5 / 0.0000001": [_D("999999999999995000000")],
    "12345678901234.5 * 1000000.000001": [_D("12345678901246845678.9012345")],
    "200000000000000.55.round(1)": [_D("200000000000000.6")],
    f"{_LARGEST} mod 7": [_D(1)],
    f"{_LARGEST}.sqrt()": [_D(10000000000000)],
    "200000000000000.5 div 1000000": [200000000],
    "9223372036854775806L + 1L": [9223372036854775807],
    "50.exp()": [_D(5184705528587000000000)],
    "(-100).exp()": [_D(0)],
    "10.0.power(-100)": [_D(0)],
    "(-2.0).power(3)": [_D(-8)],
    "0.0.power(2)": [_D(0)],
    "0.power(0)": [1],
    "0.power(-1)": [],
    "(99999999999999.5 | 99999999999999.0).avg()": [_D("99999999999999.25")],
    "value.ofType(Quantity) * 10": [{"value": _D("999999999999995"), "unit": "m"}],
    "value.ofType(Quantity) / 3": [{"value": _D("33333333333333.166666666667"), "unit": "m"}],
    # what is only known to be a number when it is met is one for the operators that nothing else has
    "component[2].value div component[3].value": [3],
    "component[2].value mod component[3].value": [1],
    "component.skip(2).select(value mod value)": [0, 0],
    "component.select(value.ofType(Quantity).value * 2 + 1)": [_D(5), _D(7)],
}


@pytest.mark.parametrize(("expression", "expected"), _VALUES.items(), ids=_VALUES)
def test_value(database: Database, expression: str, expected: list[Any]) -> None:
    result = database.evaluate(expression, _OBSERVATION)
    assert list(map(canonical, result)) == list(map(canonical, expected))


def test_operands_that_turn_out_to_be_of_another_type(database: Database) -> None:
    for expression in ("component[0].value div component[2].value", "component.select(value mod value)"):
        with pytest.raises(EvaluationError, match="a number is needed here|does not take items of these types"):
            database.evaluate(expression, _OBSERVATION)


def test_operands_of_no_known_type(untyped: Database) -> None:
    numbers = {"a": 7.5, "b": 2, "c": "x"}
    assert untyped.evaluate("a div b", numbers) == [3]
    assert untyped.evaluate("a mod b", numbers) == [_D("1.5")]
    assert untyped.evaluate("a - b", numbers) == [_D("5.5")]
    with pytest.raises(EvaluationError, match="the operation does not take items of these types"):
        untyped.evaluate("a mod c", numbers)


@pytest.mark.parametrize(
    ("expression", "result"),
    {
        "i + 0": [2147483647],
        "i + 1": [],
        "i * 2": [],
        "-j": [],
        "j.abs()": [],
        "j + 1": [-2147483647],
        "k + 1": [_D(2147483649)],
        "i + d": [_D("2147483648.5")],
    }.items(),
)
def test_integers_of_no_known_type_at_their_limits(untyped: Database, expression: str, result: list[Any]) -> None:
    """What an Integer has room for is one; what is larger is a Decimal."""
    numbers = {"i": 2147483647, "j": -2147483648, "k": 2147483648, "d": 1.5}
    assert list(map(canonical, untyped.evaluate(expression, numbers))) == list(map(canonical, result))


def test_errors_of_operands_are_errors(database: Database) -> None:
    # What an overflow is caught with would catch these too.
    for expression in (
        "component.value.value + 1.0",
        "1.0 * component.value.value",
        "1 / component.value.value",
        # nor is it overlooked where the answer is known without it, however long the operand is
        "(0.5 | 1.0).precision() div 0",
        "(0.0 | 0.0 | 1.0).precision() div 0",
        "(0.0 | 0.0 | 0.0 | 1.0 | 2.0).precision() mod 0",
        # or known from what the operand beside it is, of which no row has one
        "iif(method.exists(), 1) div (1 | 2)",
        "iif(method.exists(), component.count()) + (1 | 2)",
        "component.count().where(%resource.method.exists()) + (1 | 2)",
        # or from a part of what has to be looked at
        "(1 | 2) div value.ofType(integer).where(false)",
        "(value.ofType(integer) | 1 | 2) div (value.ofType(integer).where(false) + 1.toInteger())",
    ):
        with pytest.raises(EvaluationError, match="expected a single item but found several"):
            database.evaluate(expression, _OBSERVATION)


@pytest.mark.parametrize(
    ("number", "hint"),
    {
        "2147483648": "2147483648L for a Long, 2147483648.0 for a Decimal",
        "9223372036854775808L": "9223372036854775808.0 for a Decimal",
        "1" + "0" * 26 + ".0": "at most 26 digits",
        "1" + "0" * 26 + " 'mg'": "at most 26 digits",
    }.items(),
)
def test_literals_are_limited(database: Database, number: str, hint: str) -> None:
    digits = number.removesuffix("L").removesuffix(" 'mg'").removesuffix(".0")
    with pytest.raises(InvalidOperation, match=f"the number {digits}[.0]* is too large") as caught:
        database.evaluate(f"1 + {number}", _OBSERVATION)
    assert caught.value.position == len("1 + ")
    assert hint in str(caught.value.hint)


_NUMBERS = st.decimals(min_value=-(10**26) + 1, max_value=10**26 - 1, places=12).filter(lambda n: n != 0)


@settings(max_examples=100, deadline=None)
@given(left=_NUMBERS, right=_NUMBERS | st.decimals(min_value=1, max_value=1000, places=12))
def test_decimals_are_exact(database: Database, left: Decimal, right: Decimal) -> None:
    with localcontext(prec=80):
        unit = Decimal("1e-12")
        exact = (left + right, left - right, left * right, left / right if abs(right) < 10**25 else None)
        rounded = [None if value is None else value.quantize(unit, "ROUND_HALF_UP") for value in exact]
        expected = [value for value in rounded if value is not None and abs(value) < 10**26]
        operations = " , ".join(f"({left:f}) {operator} ({right:f})" for operator in "+-*/").split(" , ")
        found = [value for operation in operations for value in database.evaluate(operation, _OBSERVATION)]
        assert found == expected
