"""Variables of the environment and of the user in every position, and the functions that define, trace and choose."""

from __future__ import annotations

from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.errors import (
    CompileError,
    EvaluationError,
    InvalidArguments,
    InvalidOperation,
    UnknownElement,
    UnknownVariable,
    UnsupportedFeature,
)
from fhir4ds.functions.left_out import LEFT_OUT, VARIABLES_LEFT_OUT
from fhir4ds.testing.comparison import canonical

_PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "active": True,
    "birthDate": "1980-01-01",
    "gender": "female",
    "deceasedBoolean": False,
    "name": [
        {"use": "official", "family": "Ada", "given": ["A", "B"]},
        {"use": "usual", "family": "Zed", "given": ["C"]},
    ],
    "contained": [{"resourceType": "Organization", "id": "c1", "name": "Inner"}],
    "managingOrganization": {"reference": "#c1"},
}
_VARIABLES = {"use": "official", "n": 2, "odd name": "x"}

_VALUES: dict[str, list[Any]] = {
    # the resource stays what it is wherever it is asked for
    "%resource.id & %context.id & %rootResource.id": ["p1p1p1"],
    "name.select(%resource.id)": ["p1", "p1"],
    "name.select(given.select(%context.id & $this))": ["p1A", "p1B", "p1C"],
    "name.where(%resource.gender = 'female').family": ["Ada", "Zed"],
    "name.given.where($this = %resource.name.first().given.first())": ["A"],
    "name.given.take(%resource.name.count() - 1)": ["A"],
    "%context.name.where(use = %context.name.last().use).family": ["Zed"],
    "name.exists(%resource.active) and name.all(%rootResource.active)": [True],
    "name.aggregate($total & %resource.id, '')": ["p1p1"],
    "name.sort(%resource.id, family desc).family": ["Zed", "Ada"],
    "iif(%resource.active, %resource.id, 'no')": ["p1"],
    "%resource is Patient": [True],
    # "the resource that contains the original node that is in %context": going to a contained one does not change it
    "%resource.contained.ofType(Organization).name": ["Inner"],
    "contained.select(%resource.id | %rootResource.id)": ["p1"],
    "contained.where(%rootResource.id = 'p1').id": ["c1"],
    # urls of systems, value sets and extensions
    "%ucum | %sct | %loinc": ["http://unitsofmeasure.org", "http://snomed.info/sct", "http://loinc.org"],
    "%`vs-administrative-gender`": ["http://hl7.org/fhir/ValueSet/administrative-gender"],
    "%'vs-anything'": ["http://hl7.org/fhir/ValueSet/anything"],
    "%`ext-patient-birthPlace`": ["http://hl7.org/fhir/StructureDefinition/patient-birthPlace"],
    "name.select(%`vs-x` & %loinc).first()": ["http://hl7.org/fhir/ValueSet/xhttp://loinc.org"],
    "extension(%`ext-x`)": [],
    # variables of the user
    "name.where(use = %use).family": ["Ada"],
    "name.select(given.where(%n = 2))": ["A", "B", "C"],
    "name.given.take(%n)": ["A", "B"],
    "name.given[%n]": ["C"],
    "'abc'.substring(0, %n) & %use & %n.toString()": ["abofficial2"],
    "%`odd name`": ["x"],
    "(1 | 2).select($this + %n)": [3, 4],
    # defineVariable
    "defineVariable('a', 1).select(defineVariable('b', %a + 1).select(%b))": [2],
    "name.defineVariable('all').select(%all.count())": [2, 2],
    "name.defineVariable('n1', $this.count()).select(%n1)": [2, 2],
    "name.select(defineVariable('me').given.select(%me.family & $this))": ["AdaA", "AdaB", "ZedC"],
    "name.select(defineVariable('f', family).select(%f & %f))": ["AdaAda", "ZedZed"],
    "name.first().defineVariable('x').select(%x.family)": ["Ada"],
    "defineVariable('x', 1).where(%x = 1).id": ["p1"],
    "defineVariable('x', name.given).select(%x.first())": ["A"],
    "defineVariable('x', 1).id & defineVariable('x', 2).id": ["p1p1"],
    "defineVariable('x', {}).select(%x.count())": [0],
    # trace, coalesce, iif
    "name.trace('n').family": ["Ada", "Zed"],
    "name.trace('n', given.first()).family": ["Ada", "Zed"],
    "name.trace(%use).count()": [2],
    "coalesce(name.where(use = 'none').family, name.family)": ["Ada", "Zed"],
    "coalesce({}, {}, 5)": [5],
    "coalesce({}, {})": [],
    "coalesce(name.given, (1 | 2).single())": ["A", "B", "C"],
    "name.select(coalesce(period.start, use))": ["official", "usual"],
    "iif(false, (1 | 2).single(), 5)": [5],
    "iif(true, 5, (1 | 2).single())": [5],
    "iif({}, (1 | 2).single(), 5)": [5],
    "name.select(iif(given.count() = 1, given.single(), 'many'))": ["many", "C"],
    "iif(false and (1 | 2).single() = 1, 1, 2)": [2],
    # reflection
    "1.type()": [{"namespace": "System", "name": "Integer"}],
    "(1 | 2).type().name": ["Integer", "Integer"],
    "@2020.type().name & @2020T.type().name & @T10.type().name": ["DateDateTimeTime"],
    "(1 'mg').type().name & 1.5.type().name & true.type().name": ["QuantityDecimalBoolean"],
    "Patient.type()": [{"namespace": "FHIR", "name": "Patient"}],
    "gender.type().name & birthDate.type().name & id.type().namespace": ["codedateFHIR"],
    "deceased.type().name": ["boolean"],
    "contained.type().name": ["Organization"],
    "contained.first().type().namespace": ["FHIR"],
    "managingOrganization.resolve().type().name": ["Organization"],
    "{}.type()": [],
    "multipleBirth.type()": [],
}

_REFUSED: dict[str, type[CompileError]] = {
    "%unknown": UnknownVariable,
    "%resource.foo": UnknownElement,
    "defineVariable('a', 1).defineVariable('a', 2)": InvalidArguments,
    "defineVariable('context', 1)": InvalidArguments,
    "defineVariable('vs-x', 1)": InvalidArguments,
    "defineVariable('ext-x', 1)": InvalidArguments,
    "defineVariable('use', 1)": InvalidArguments,
    "defineVariable(id, 1)": InvalidArguments,
    "name.defineVariable('i', $index)": InvalidOperation,
    # a name ends with the expression that it is given in
    "name.select(defineVariable('x', 1)) | %x": UnknownVariable,
    "name.where(defineVariable('x', 1).exists()).select(%x)": UnknownVariable,
    "iif(true, defineVariable('x', 1).select(%x), %x)": UnknownVariable,
    "name.trace(1)": InvalidArguments,
    "name.trace('n', nosuch)": UnknownElement,
}


@pytest.mark.parametrize(("expression", "expected"), _VALUES.items(), ids=_VALUES)
def test_value(database: Database, expression: str, expected: list[Any]) -> None:
    answer = database.evaluate(expression, _PATIENT, variables=_VARIABLES)
    assert list(map(canonical, answer)) == list(map(canonical, expected))


@pytest.mark.parametrize(("expression", "kind"), _REFUSED.items(), ids=_REFUSED)
def test_what_is_refused(database: Database, expression: str, kind: type[CompileError]) -> None:
    with pytest.raises(kind):
        database.evaluate(expression, _PATIENT, variables=_VARIABLES)


@pytest.mark.parametrize(
    "expression",
    [
        "name.iif(true, 1, 2)",
        "iif(true | false, 1, 2)",
        "iif(true, name.single())",
        # an operand on the left is looked at, whatever the right one says
        "name implies true",
        "name or true",
        "name and false",
        # and so are several items of a type of which nothing would come
        "name.given.yearOf()",
        "(1 | 2).timeOf()",
    ],
)
def test_what_fails(database: Database, expression: str) -> None:
    """What is asked of a single item, and what is in the branch that is taken."""
    with pytest.raises(EvaluationError, match="several"):
        database.evaluate(expression, _PATIENT)


@pytest.mark.parametrize("name", LEFT_OUT)
def test_functions_that_are_left_out_say_why(database: Database, name: str) -> None:
    with pytest.raises(UnsupportedFeature, match=f"the function '{name}' is not supported: it ") as caught:
        database.evaluate(f"name.{name}('x')", _PATIENT)
    assert caught.value.message.endswith(LEFT_OUT[name])


@pytest.mark.parametrize("name", VARIABLES_LEFT_OUT)
def test_variables_that_are_left_out_say_why(database: Database, name: str) -> None:
    with pytest.raises(UnsupportedFeature, match=f"the variable %{name} is not supported: it ") as caught:
        database.evaluate(f"%{name}.lookup('x')", _PATIENT)
    assert caught.value.message.endswith(VARIABLES_LEFT_OUT[name])
