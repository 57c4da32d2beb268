"""A live PostgreSQL gives the rows that DuckDB gives: every row, by value and type, in the same order.

For most expressions the answer itself is stated too, so that both databases cannot be wrong alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import attrs
import pytest

from fhir4ds.database import Database
from fhir4ds.errors import EvaluationError, UnknownElement
from fhir4ds.runtime.answer import decode_json
from fhir4ds.testing.comparison import canonical, canonical_rows
from tests.compliance.fhirpath.path_navigation import PATH_NAVIGATION, PATIENTS, Case, expected_rows, patients
from tests.fixtures.fhir.generate import FOLDER
from tests.integration.fhirpath.conftest import MakePair, Pair

pytestmark = pytest.mark.postgres

#: Resources with a number that has a fraction and more than seventeen digits, or more than 26 before the point.
_BEYOND = ("number-17", "number-18", "number-20")

#: A resource with null in the place of an array and of an object, which FHIR does not allow.
_NULLS = "nulls"

_EXAMPLE = "http://example.org/fhir/"
_ABSENT = "'http://example.org/fhir/absent'"


@pytest.fixture(scope="module")
def ordinary(make_pair: MakePair) -> Iterator[Pair]:
    """The hundred ordinary patients."""
    with make_pair(PATIENTS) as pair:
        yield pair


def _resources() -> list[dict[str, Any]]:
    """The hard cases that every database can hold exactly, and that FHIR allows."""
    resources = (FOLDER / "hard-cases.ndjson").read_text("utf-8").strip().split("\n")
    parsed: list[dict[str, Any]] = [decode_json(resource) for resource in resources]
    return [resource for resource in parsed if resource["id"] not in (*_BEYOND, _NULLS)]


@pytest.fixture(scope="module")
def hard(make_pair: MakePair) -> Iterator[Pair]:
    """The hard cases."""
    with make_pair(*_resources()) as pair:
        yield pair


@pytest.fixture(scope="module")
def beyond(make_pair: MakePair) -> Iterator[Pair]:
    """The hard cases with all their numbers, as they stand in the file."""
    with make_pair(FOLDER / "hard-cases.ndjson") as pair:
        yield pair


@pytest.mark.parametrize("case", PATH_NAVIGATION, ids=lambda case: case.expression)
def test_path_navigation(ordinary: Pair, case: Case) -> None:
    """The ten expressions give every row that the fixture has."""
    assert canonical_rows(ordinary.rows(case.expression)) == canonical_rows(expected_rows(case, patients()))


#: Expressions over the hard cases, and some of their rows: the values by the id of the resource.
NAVIGATION: dict[str, dict[str, list[Any]]] = {
    "Patient.id": {"007": ["007"], "1e3": ["1e3"], "x" * 64: ["x" * 64]},
    "Patient.name": {
        "empty-objects": [{}, {"family": "Afterempty"}],
        "only-id": [],
        "empty-arrays": [],
        "null-items": [{"family": "Afternull", "given": [None, "Second", None]}],
    },
    "Patient.name.family": {"empty-string": [""], "string-quotes": ["O'Quote \"double\" `back` ''twice'' \u2018curly\u2019"]},
    "Patient.name.given": {
        "null-items": ["Second"],
        "extended-last": ["One"],
        "extended-without-values": [],
        "name-without-given": ["Given"],
        "empty-string": [""],
    },
    "Patient.birthDate": {"born-1971": ["1971"], "born-9999-12-31": ["9999-12-31"], "extension-only": []},
    "Patient.active": {"false-and-zero": [False], "no-name": [True], "extension-only": []},
    "Patient.gender": {"no-name": ["other"]},
    "Patient.address": {"empty-arrays": [{"line": [], "city": "Emptytown"}]},
    "Patient.address.city": {"empty-arrays": ["Emptytown"]},
    "Patient.multipleBirth": {"false-and-zero": [0]},
    "Patient.multipleBirth.ofType(integer)": {"false-and-zero": [0]},
    "Patient.deceased": {"false-and-zero": [False], "died-1": ["2015"], "died-4": ["2015-02-07T13:28:17.239+02:00"]},
    "Patient.deceased.ofType(boolean)": {"false-and-zero": [False], "died-1": []},
    "Patient.maritalStatus": {"empty-objects": [{}]},
    "Patient.managingOrganization.reference": {"container": ["#org"]},
    "Patient.contained": {"only-id": []},
    "Patient.contained.id": {"container": ["org", "doc", "container"]},
    "Patient.contained.ofType(Organization).name": {"container": ["Contained"]},
    "Patient.contained.ofType(Organization).alias": {"container": ["One", "Two"]},
    "Patient.contained.ofType(Patient).name.family": {"container": ["Inner"]},
    "Patient.contained.name": {
        "container": ["Contained", {"family": "Contained", "given": ["Given"]}, {"family": "Inner"}]
    },
    "Parameters.parameter.resource": {
        "parameters": [{"resourceType": "Patient", "id": "parameter", "name": [{"family": "Parameter"}]}]
    },
    "Parameters.parameter.part.part.name": {"parameters": ["c"]},
    "Parameters.parameter.part.value": {"parameters": [True]},
    "Encounter.class.code": {"reserved": ["AMB"]},
    "Encounter.period.start": {"reserved": ["2015-02-07T13:00:00Z"]},
    "Task.for.reference": {"reserved": ["Patient/007"]},
    "Task.input.value": {"reserved": [1]},
    "Coverage.class.value": {"reserved": ["select"]},
    "Coverage.order": {"reserved": [1]},
    "Questionnaire.item.item.item.text": {"nested": ["Beside 2"]},
    "QuestionnaireResponse.item.answer.item.answer.value": {"nested": [2]},
    "QuestionnaireResponse.item.answer.item.answer.item.linkId": {"nested": ["3"]},
}  # fmt: skip

SUBSETS: dict[str, dict[str, list[Any]]] = {
    "Patient.name[0]": {"empty-objects": [{}], "only-id": []},
    "Patient.name[1].family": {"empty-objects": ["Afterempty"], "null-items": ["Afternull"]},
    "Patient.name.given[0]": {"extended-first": ["One"], "only-id": []},
    "Patient.name[0].given[1]": {"extended-first": ["Two"], "extended-long": []},
    "Patient.name.given[99]": {"extended-first": []},
    "Patient.generalPractitioner[0].reference": {"container": ["#doc"]},
    "Patient.name.first().given.first()": {"empty-string": [""], "extended-short": ["One"]},
    "Patient.name.last().family": {"empty-objects": ["Afterempty"]},
    "Patient.name.tail().family": {"empty-objects": ["Afterempty"]},
    "Patient.name.skip(1).take(1)": {"name-without-given": [{"given": ["Given"]}]},
    "Patient.name.given.skip(1)": {"extended-short": ["Two", "Three"]},
}

FILTERS: dict[str, dict[str, list[Any]]] = {
    "Patient.name.where(given.exists()).given": {"name-without-given": ["Given"]},
    "Patient.name.where(family = 'Outer')": {"container": [{"family": "Outer"}]},
    "Patient.where(name.family = '\\'; DROP TABLE resource; -- /* comment */').id": {
        "string-statement": ["string-statement"]
    },
    "Patient.where(active = false).id": {"false-and-zero": ["false-and-zero"], "no-name": []},
    "Patient.where(name.empty()).id": {"only-id": ["only-id"], "no-name": ["no-name"], "container": []},
    "Patient.name.exists()": {"only-id": [False], "empty-objects": [True], "container": [True]},
    "Patient.name.given.exists()": {"extended-first": [True], "only-id": [False]},
    "Patient.name.given.count()": {"extended-short": [3], "only-id": [0], "empty-arrays": [0]},
    "Patient.birthDate.exists()": {"extension-only": [True], "extended": [True], "only-id": [False]},
    "Patient.birthDate.hasValue()": {"extension-only": [False], "extended": [True], "only-id": [False]},
    "Patient.active.exists()": {"false-and-zero": [True], "extension-only": [True], "only-id": [False]},
    "Patient.active.not()": {"false-and-zero": [True], "no-name": [False], "only-id": []},
    "Patient.name.exists(family = 'B') or Patient.active": {"B": [True], "b": [], "false-and-zero": [False]},
    "Patient.gender = 'other' and Patient.birthDate.exists()": {"no-name": [True], "only-id": [False], "born-1971": []},
    "Patient.name.family.first() in ('A1' | 'a1')": {"A1": [True], "a1": [True], "a-1": [False], "only-id": []},
    "Patient.name.select(family | given)": {"name-without-given": ["Family", "Given"], "only-id": []},
    "Patient.name.given.distinct()": {"string-astral": ["\U0001f600 \U00020000 \U0001d54f \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1f3\U0001f1fa"]},
    "Observation.component.where(value.exists()).code.text": {},
    "Observation.where(value = 'text').id": {"choice-valueString": ["choice-valueString"]},
}  # fmt: skip

COMPARISONS: dict[str, dict[str, list[Any]]] = {
    "Patient.birthDate < @1980-01-01": {"born-1971": [True], "no-name": [False], "only-id": []},
    "Patient.birthDate > @1971-02": {"born-1971": [], "born-1971-02": [False], "born-1971-02-03": [], "no-name": [True]},
    "Patient.birthDate = @1971": {"born-1971": [True], "born-1971-02": [], "no-name": [False]},
    "Patient.birthDate >= @1971-02-03": {"born-1971-02-03": [True], "born-1971-02": [], "born-0001-01-01": [False]},
    "Patient.birthDate != @1971-02": {"born-1971-02": [False], "born-1971": [], "born-2000-02-29": [True]},
    "Patient.birthDate <= @2000-02-29": {"born-2000-02-29": [True], "born-9999-12-31": [False]},
    "Patient.deceased.ofType(dateTime) = @2015-02": {"died-2": [True], "died-1": [], "died-3": []},
    "Patient.deceased.ofType(dateTime) < @2015-02-07T13:00:00Z": {"died-3": [False], "died-4": [True], "died-1": []},
    "Patient.deceased.ofType(dateTime) >= @2015-02-07T11:28:17.239Z": {"died-3": [True], "died-4": [True]},
    "Patient.deceased.ofType(dateTime) > @2016-12-31": {"died-3": [False], "died-5": [True]},
    "Observation.issued > @2015-02-07T13:28:17Z": {"instant": [True]},
    "Observation.value.ofType(time) < @T10:30:01": {"choice-valueTime": [True]},
    "Observation.value.ofType(time) = @T10:30": {"choice-valueTime": []},
    "Observation.value.ofType(Quantity).value = 1.5": {"number-08": [True], "number-07": [False]},
    "Observation.value.ofType(Quantity).value > 1": {"number-04": [False], "number-08": [True], "number-12": [False]},
    "Observation.value.ofType(Quantity).value <= 100": {"number-09": [True], "number-10": [True], "number-13": [True]},
    "Observation.where(value.ofType(Quantity).value = 100).id": {"number-09": ["number-09"], "number-08": []},
    "Observation.value.ofType(integer) < 8": {"007": [True], "number-integer": [False]},
    # FHIRPath N1, section 6.6: an overflow is empty, and -2147483648 has no counterpart among Integers.
    "-Observation.value.ofType(integer)": {"007": [-7], "choice-valueInteger": []},
    "Patient.name.family.first() = '007'": {"007": [True], "7": [False]},
    "Patient.name.family.first() < 'a'": {"B": [True], "b": [False], "A1": [True], "a1": [False]},
    "Patient.id = '7'": {"7": [True], "007": [False]},
}  # fmt: skip

CHOICES_AND_EXTENSIONS: dict[str, dict[str, list[Any]]] = {
    "Observation.value": {
        "choice-valueBoolean": [False],
        "choice-valueInteger": [-2147483648],
        "choice-valueString": ["text"],
        "choice-valueRatio": [{"numerator": {"value": 1}, "denominator": {"value": 128}}],
        "choice-absent": [],
        "choice-extension-only": [],
        "number-08": [{"value": Decimal("1.5"), "unit": "1.50"}],
        "number-09": [{"value": 100, "unit": "1e2"}],
    },
    "Observation.value.ofType(Quantity).value": {
        "number-01": [Decimal(0)],
        "number-08": [Decimal("1.5")],
        "number-09": [Decimal(100)],
        "number-11": [Decimal("1.5e-7")],
        "number-14": [Decimal(9007199254740993)],
        "number-16": [Decimal(18446744073709551616)],
    },
    "Observation.value.ofType(Quantity).unit": {"choice-valueQuantity": ["kg"]},
    "Observation.value.unit": {"choice-valueQuantity": ["kg"]},
    "Observation.value.ofType(string)": {"choice-valueString": ["text"], "choice-valueInteger": []},
    "Observation.value.ofType(boolean)": {"choice-valueBoolean": [False]},
    "Observation.value.ofType(integer)": {"007": [7], "number-integer": [2147483647]},
    "Observation.value.ofType(time)": {"choice-valueTime": ["10:30:00.500"]},
    "Observation.value.ofType(dateTime)": {"choice-valueDateTime": ["2015-02-07T13:28:17.239+02:00"]},
    "Observation.value.ofType(Period).start": {"choice-valuePeriod": ["2015-02-07"]},
    "Observation.value.ofType(Range).low.value": {"choice-valueRange": [Decimal(1)]},
    "Observation.value.ofType(CodeableConcept).coding.code": {"choice-valueCodeableConcept": ["c1"]},
    "(Observation.value as Quantity).unit": {"choice-valueQuantity": ["kg"], "choice-valueString": []},
    "Observation.value is string": {"choice-valueString": [True], "choice-valueTime": [False], "choice-absent": []},
    "Observation.value.exists()": {"choice-valueBoolean": [True], "choice-extension-only": [True], "choice-absent": [False]},
    "Observation.component.value": {},
    "Observation.component.value.ofType(Quantity).value": {"choice-in-components": [Decimal("72.5")]},
    f"Patient.extension('{_EXAMPLE}repeated').value": {
        "extension-types": [
            Decimal("1.5"),
            "urn:example:a",
            "AAEC/w==",
            {"value": 30, "system": "http://unitsofmeasure.org", "code": "a"},
            {"reference": "Patient/only-id"},
        ]
    },
    f"Patient.extension('{_EXAMPLE}repeated').value.ofType(decimal)": {"extension-types": [Decimal("1.5")]},
    f"Patient.birthDate.extension('{_EXAMPLE}time-of-birth').value": {"extended": ["1974-12-25T14:35:45-05:00"]},
    "Patient.birthDate.extension.url": {"extension-only": [f"{_EXAMPLE}absent"], "only-id": []},
    "Patient.birthDate.id": {"extended": ["born"]},
    f"Patient.name.given.extension({_ABSENT}).value": {"extended-first": ["unknown"], "extended-last": ["unknown"]},
    "Patient.name.family.extension.value": {"extension-of-extension": ["1974-12-25T14:35:45-05:00"]},
    "Patient.extension.extension.extension.value": {"extension-of-extension": [3]},
    "Patient.modifierExtension.value": {"extension-of-extension": [True]},
}  # fmt: skip

_ALL = {**NAVIGATION, **SUBSETS, **FILTERS, **COMPARISONS, **CHOICES_AND_EXTENSIONS}

#: Expressions that have no rows at all over the hard cases.
_EMPTY = {"Patient.name.given[99]", "Observation.value.ofType(time) = @T10:30"}


def test_there_are_sixty_and_more() -> None:
    """The table is as large as it claims to be."""
    assert len(_ALL) >= 60


@pytest.mark.parametrize(("expression", "some"), _ALL.items(), ids=_ALL)
def test_hard_cases(hard: Pair, expression: str, some: dict[str, list[Any]]) -> None:
    """Identical rows, none of them without a value, and the right ones where they are stated."""
    rows = hard.rows(expression)
    assert bool(rows) is (expression not in _EMPTY)
    assert [id for id, value in rows if value is None] == []
    found = {id: [canonical(value) for key, value in rows if key == id] for id in some}
    assert found == {id: [canonical(value) for value in values] for id, values in some.items()}


@pytest.mark.parametrize(
    ("expression", "variables", "ids"),
    [
        ("Patient.where(name.family = %text).id", {"text": "'; DROP TABLE resource; -- /* comment */"}, ["string-statement"]),
        ("Patient.where(active = %flag).id", {"flag": False}, ["false-and-zero"]),
        ("Patient.where(birthDate = %born).id", {"born": date(2000, 2, 29)}, ["born-2000-02-29"]),
        ("Observation.where(value.ofType(integer) = %number).id", {"number": 7}, ["007"]),
        ("Observation.where(value.ofType(Quantity).value = %number).id", {"number": Decimal("1.50")}, ["number-08"]),
        ("Patient.name.given[%place]", {"place": 2}, ["extended-short"]),
        ("Patient.where(id = %`odd name`).id", {"odd name": "007"}, ["007"]),
        ("Patient.where(id in %ids).id", {"ids": ["007", "'; --", "extended-short"]}, ["007", "extended-short"]),
        ("Patient.where(birthDate in %born).id", {"born": (date(2000, 2, 29),)}, ["born-2000-02-29"]),
        ("Patient.where(active in %flags and %none.empty()).id", {"flags": [False], "none": None}, ["false-and-zero"]),
        ("Observation.where(value.ofType(Quantity).value in %n).id", {"n": [Decimal("1.50"), 77777]}, ["number-08"]),
        ("Patient.where(id in %ids).id", {"ids": []}, []),
    ],
)  # fmt: skip
def test_bound_values(hard: Pair, expression: str, variables: dict[str, Any], ids: list[str]) -> None:
    """Values of variables mean the same on both databases, whatever their type."""
    assert [id for id, _ in hard.rows(expression, **variables)] == ids


@pytest.mark.parametrize(
    ("expression", "position"),
    [("Patient.name.single()", 8), ("Patient.name.given.single() = 'x'", None)],
)
def test_errors_of_an_expression(hard: Pair, expression: str, position: int | None) -> None:
    """What is an error on one database is the same error on the other, for the same kind of resource."""
    error = hard.error(expression)
    assert isinstance(error, EvaluationError)
    assert error.message == "expected a single item but found several"
    assert error.expression == expression
    assert position is None or error.position is not None


def test_numbers_have_the_digits_that_they_were_written_with(beyond: Pair) -> None:
    """Zeros at the end and any number of digits are delivered, and counted; what has an exponent is written out."""
    values = "Observation.value.ofType(Quantity).value"
    left, right = (dict(database.query(values).rows) for database in (beyond.duckdb, beyond.postgres))
    assert left == right
    written = {id: str(value) for id, value in left.items()}
    assert written["number-05"] == "0.10" and written["number-07"] == "1.0" and written["number-12"] == "-1.50"
    assert written["number-17"] == "3.141592653589793238462643383279"
    assert written["number-18"] == "123456789012345.678901234567890"
    assert left["number-19"] == Decimal("1E-30")
    assert written["number-02"] == "0.0" and written["number-09"] == written["number-10"] == "100"
    assert {id: str(value) for id, value in right.items()} == written


def test_digits_are_counted_as_they_were_written(hard: Pair) -> None:
    """What depends on the precision of a number is the same on both databases, also within iterations."""
    quantity = "Observation.where(id = 'number-08' or id = 'number-12').value.ofType(Quantity)"
    for expression, values in {
        f"{quantity}.value.precision()": [2, 2],
        f"{quantity}.select(value.lowBoundary())": [Decimal("1.495"), Decimal("-1.505")],
        f"{quantity}.value": [Decimal("1.50"), Decimal("-1.50")],
    }.items():
        assert [str(value) for _, value in hard.rows(expression)] == [str(value) for value in values]


def test_numbers_beyond_those_of_databases(beyond: Pair) -> None:
    """Both compute with 26 digits before the point, and say so where there are more."""
    for database in (beyond.duckdb, beyond.postgres):
        with pytest.raises(EvaluationError, match="'value' must be a number of at most 26 digits before its point"):
            database.query("Observation.value.ofType(Quantity).value > 1")


@pytest.mark.parametrize(
    "expression", [*(case.expression for case in PATH_NAVIGATION), "Patient.name[0]", "Patient.name.first()"]
)
def test_null_in_the_place_of_an_element_gives_no_row(beyond: Pair, expression: str) -> None:
    """Navigation finds nothing where JSON says null, and never a row without a value."""
    rows = beyond.rows(expression)
    assert [row for row in rows if row[1] is None] == []
    found = [value for id, value in rows if id == _NULLS]
    assert found == ([{"line": None, "city": None}] if expression == "Patient.address" else [])


@pytest.mark.parametrize(("expression", "value"), [("Patient.name.exists()", False), ("Patient.name.count()", 0)])
def test_null_in_the_place_of_an_array_is_no_item(beyond: Pair, expression: str, value: object) -> None:
    """What looks at the items of an array finds none where JSON says null."""
    assert dict(beyond.rows(expression))[_NULLS] == value


def test_static_errors_need_no_database(hard: Pair) -> None:
    """The compiler refuses what cannot be right, for both alike."""
    assert isinstance(hard.error("Patient.brthDate"), UnknownElement)


def test_resources_of_all_types_come_in_one_order(hard: Pair) -> None:
    """Where keys alone do not decide, the resource type does; two types may share an id."""
    rows = hard.rows("Resource.id")
    assert len(rows) == len(_resources())
    assert [id for id, _ in rows].count("007") == 2


@pytest.mark.parametrize(
    "expression",
    [case.expression for case in PATH_NAVIGATION]
    + ["Patient.name.where(family.exists()).given", "Patient.contained.name"],
)
def test_untyped_navigation(hard: Pair, expression: str) -> None:
    """Without a model JSON is navigated as it is, alike on both databases, and typed navigation finds no more."""
    rows = _untyped(hard).rows(expression, resource_type="Patient")
    assert [id for id, _ in rows] == [id for id, _ in hard.rows(expression)]


def test_elements_without_a_value_need_a_model(hard: Pair) -> None:
    """That _given belongs to given is a rule of FHIR; any JSON has no such members."""
    expression = "Patient.name.where(given.exists()).family"
    typed = {id for id, _ in hard.rows(expression)}
    untyped = {id for id, _ in _untyped(hard).rows(expression, resource_type="Patient")}
    assert typed - untyped == {"extended-without-values"}
    assert untyped < typed


def _untyped(pair: Pair) -> Pair:
    duckdb, postgres = (
        Database(database.dispatcher, table=database.table, model=None) for database in (pair.duckdb, pair.postgres)
    )
    return attrs.evolve(pair, duckdb=duckdb, postgres=postgres)
