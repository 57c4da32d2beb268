"""Values that are made in place, on both databases."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.errors import (
    CompileError,
    EvaluationError,
    InvalidOperation,
    UnknownElement,
    UnknownType,
    UnsupportedFeature,
)
from fhir4ds.testing.comparison import canonical

_OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
    "valueQuantity": {"value": Decimal("5.50"), "unit": "mg"},
    "note": [{"text": "a"}, {"text": "b"}],
}

_VALUES: dict[str, list[Any]] = {
    "Coding { system: 'http://loinc.org', code: '718-7' }": [{"system": "http://loinc.org", "code": "718-7"}],
    "Coding { system: 'http://loinc.org', code: '718-7' }.code": ["718-7"],
    "code.coding.first() ~ Coding { system: %loinc, code: '718-7', display: 'x' }": [True],
    "code.coding.first() = Coding { system: %loinc, code: '718-7' }": [True],
    "code ~ CodeableConcept { coding: Coding { system: %loinc, code: '718-7' } }": [True],
    "Coding { : }": [{}],
    "Coding { code: {}, display: note.first().author.ofType(string) }": [{}],
    "HumanName { family: 'it\\'s \"x\" \\\\', given: ('a' | 'b') }": [{"family": 'it\'s "x" \\', "given": ["a", "b"]}],
    "HumanName { given: ('a' | 'b') }.given.count()": [2],
    "HumanName { given: note.text }.given": ["a", "b"],
    "Extension { url: 'u', value: 5 }": [{"url": "u", "valueInteger": 5}],
    "Extension { url: 'u', value: 5 }.value is integer": [True],
    "Extension { url: 'u', value: 'x' }": [{"url": "u", "valueString": "x"}],
    "Extension { url: 'u', value: status }": [{"url": "u", "valueCode": "final"}],
    "Extension { url: 'u', value: value.ofType(Quantity) }.value.unit": ["mg"],
    "Extension { url: 'u', value: 5 'mg' }": [{"url": "u", "valueQuantity": {"value": 5, "unit": "mg"}}],
    "Quantity { value: 5.5, unit: 'mg' } = value": [True],
    "FHIR.Quantity { value: value.value, code: 'mg' }": [{"value": Decimal("5.50"), "code": "mg"}],
    "Quantity { value: 5 }.value": [Decimal(5)],
    "Period { start: @2020, end: @2021 }.start < today()": [True],
    "note.select(Annotation { text: text & '!' }).text": ["a!", "b!"],
    "note.where($this = Annotation { text: 'a' }).text": ["a"],
    "Patient { id: 'x', active: true }": [{"resourceType": "Patient", "id": "x", "active": True}],
    "Patient { name: HumanName { family: 'F' } }.name.family": ["F"],
    # a primitive element has its value as an element
    "code { value: 'final' }": ["final"],
    "code { value: 'final' } = status": [True],
    "code { value: 'final' } is code": [True],
    "code { value: {} }": [],
    "code { : }": [],
    "decimal { value: 5 }": [Decimal(5)],
    "date { value: @2020 } + 1 year": ["2021"],
    "Extension { url: 'u', value: code { value: 'abc' } }": [{"url": "u", "valueCode": "abc"}],
}


@pytest.mark.parametrize("expression", _VALUES)
def test_value(database: Database, expression: str) -> None:
    assert canonical(database.evaluate(expression, _OBSERVATION)) == canonical(_VALUES[expression])


def test_numbers_have_their_digits(database: Database) -> None:
    [made] = database.evaluate("Quantity { value: value.value }", _OBSERVATION)
    assert str(made["value"]) == "5.50"


@pytest.mark.parametrize(
    ("expression", "error", "message"),
    [
        ("Coding { cod: 'x' }", UnknownElement, "Coding has no element 'cod'"),
        ("Coding { code: 5 }", InvalidOperation, "Coding.code is code, not System.Integer"),
        ("Coding { code: 'a', code: 'b' }", InvalidOperation, "the element 'code' of Coding is given twice"),
        ("Extension { url: 'u', value: value }", InvalidOperation, "any of 50 types, not items of several types"),
        ("Extension { url: 'u', value: 'a', value: 1 }", InvalidOperation, "'value' of Extension is given twice"),
        ("System.String { value: 'x' }", UnsupportedFeature, "only values of FHIR types are made in place"),
        ("code { value: 'x', id: 'y' }", UnsupportedFeature, "with a value alone, not with 'id'"),
        ("code { valu: 'x' }", UnknownElement, "code has no element 'valu'"),
        ("code { value: 5 }", InvalidOperation, "code.value is code, not System.Integer"),
        ("code { value: 'a', value: 'b' }", InvalidOperation, "the element 'value' of code is given twice"),
        ("Foo { x: 1 }", UnknownType, "there is no type 'Foo'"),
        ("Coding { code: ('a' | 'b') }", EvaluationError, "expected a single item but found several"),
    ],
)
def test_error(database: Database, expression: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        database.evaluate(expression, _OBSERVATION)
    assert not isinstance(caught.value, CompileError) or caught.value.position is not None


def test_without_a_model(untyped: Database) -> None:
    with pytest.raises(CompileError):
        untyped.evaluate("Coding { code: 'x' }", {})
