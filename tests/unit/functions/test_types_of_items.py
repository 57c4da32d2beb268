"""is, as, ofType and type() on items of different types: JSON tells them apart, or a compile error says that it does not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from fhir4ds_duckdb.syntax import DuckDBSyntax
from fhir4ds_postgres.syntax import PostgresSyntax

from fhir4ds.compiler.compiler import compile_expression
from fhir4ds.compiler.options import Options
from fhir4ds.database import Database
from fhir4ds.errors import EvaluationError
from fhir4ds.plan.source import InlineSource

_PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "active": True,
    "multipleBirthInteger": 3,
    "name": [{"family": "F", "given": ["a"]}],
}
_MIXED = "(1 | 2.0 | 'a' | true | 3 'mg')"


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        (f"{_MIXED}.ofType(Integer)", [1]),
        (f"{_MIXED}.ofType(Decimal)", [Decimal("2.0")]),
        (f"{_MIXED}.ofType(String)", ["a"]),
        (f"{_MIXED}.ofType(Boolean)", [True]),
        (f"{_MIXED}.ofType(System.Quantity).unit", ["mg"]),
        (f"{_MIXED}.type().name", ["Integer", "Decimal", "String", "Boolean", "Quantity"]),
        (f"{_MIXED}.select($this is Decimal)", [False, True, False, False, False]),
        ("(1 | 'a').ofType(String).upper()", ["A"]),
        ("(1 | 'a').where($this is Integer).first() + 1", [2]),
        ("('a' | 1).first().as(String)", ["a"]),
        ("('a' | 1).first().as(Integer)", []),
        ("(1 | 2).ofType(Decimal)", []),
        ("(active | name.family).ofType(boolean)", [True]),
        ("(active | name).ofType(HumanName).family", ["F"]),
        ("(name | active).select(iif($this is HumanName, 'name', 'other'))", ["name", "other"]),
        ("(name | active).type().name", ["HumanName", "boolean"]),
        ("children().ofType(boolean)", [True]),
        ("(3.5 'mg').value + 1", [Decimal("4.5")]),
        ("({}.intersect('a')) is Integer", []),
        ("({}.exclude(name.given)).ofType(Integer)", []),
        ("((multipleBirth.ofType(integer).combine(5)).first().iif(true, $this)) is Integer", [False]),
        ("((5 | @2020).first().iif($this.exists(), $this)) is Integer", [True]),
        ("((5 | @2020).last().single() | iif(false, 1 'mg')).ofType(Date)", ["2020"]),
        ("((1 | @2020).last().where(false) | 'b').ofType(Date)", []),
        ("((1 | @2020).last().where(true) | 'b').ofType(Date)", ["2020"]),
        ("(3.5 'mg').unit", ["mg"]),
    ],
)
def test_told_by_their_json(database: Database, expression: str, items: list[object]) -> None:
    assert database.evaluate(expression, _PATIENT) == items


_TEXTS = "('a' | @2020 | @T10:00 | 1)"


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        (f"{_TEXTS}.ofType(String)", ["a"]),
        (f"{_TEXTS}.ofType(Date)", ["2020"]),
        (f"{_TEXTS}.type().name", ["String", "Date", "Time", "Integer"]),
        (f"{_TEXTS}.where($this is Time)", ["10:00"]),
        (f"{_TEXTS}.select($this is Date)", [False, True, False, False]),
        (f"{_TEXTS}[1] is Date", [True]),
        (f"{_TEXTS}.first().ofType(String)", ["a"]),
        (f"{_TEXTS}.last().ofType(Integer) + 1", [2]),
        (f"{_TEXTS}.tail().take(1).ofType(Date)", ["2020"]),
        (f"{_TEXTS}.skip(1).exists($this is String)", [False]),
        ("('a' | @2020 | 'a' | @2020).type().name", ["String", "Date"]),
        ("'a'.combine(@2020).combine('a').ofType(String)", ["a", "a"]),
        ("(name.family | gender).ofType(string)", ["F"]),
        ("(name.family | gender | birthDate).where($this is date)", ["1970-01-02"]),
        (
            "(name.family | gender | 'x').type().select(namespace & '.' & name)",
            ["FHIR.string", "FHIR.code", "System.String"],
        ),
        ("(name.family | birthDate).ofType(date) < @2000", [True]),
        ("(1 | 2 | 'a').type().distinct().select(name)", ["Integer", "String"]),
        # Equal in JSON, and not of the same kind.
        ("('2020' | @2020 | '2020' | @2020T).type().name", ["String", "Date"]),
        ("('10:00' | @T10:00 | 1 | 1.0 | true).count()", [4]),
        ("'1970-01-02' | birthDate | gender", ["1970-01-02", "1970-01-02", "male"]),
        ("('1970-01-02'.combine(birthDate)).isDistinct()", [True]),
        ("(name.family | 'F' | gender).count()", [2]),
        ("1.type() = 2.type() and 1.type() != 'a'.type()", [True]),
        # What is made of each of several items.
        ("(1 | 2).select($this.combine('a').combine(@2020)).ofType(Date)", ["2020", "2020"]),
        ("(1 | 2).select(iif($index = 1, 'a' | @2020, {})).where($this is Date)", ["2020"]),
        ("(name | name).select(family | 'x').where($this is System.String)", ["x"]),
        ("(1 | 2).select('b'.combine(@2020)[$index]).type().name", ["String", "Date"]),
        ("name.select(family | %resource.gender).ofType(code)", ["male"]),
        ("contact.select(children()).ofType(HumanName)", []),
        ("%resource.repeat($this).select(children()).ofType(HumanName).family", ["F"]),
    ],
)
def test_told_by_where_they_come_from(database: Database, expression: str, items: list[object]) -> None:
    """Texts in JSON may be strings, dates or codes; what they were put together from knows."""
    assert database.evaluate(expression, {**_PATIENT, "gender": "male", "birthDate": "1970-01-02"}) == items


@pytest.mark.parametrize(
    ("expression", "items"),
    {
        "(name.family | gender).select($this).ofType(string)": ["F"],
        "(name.family | gender).select($this).select($this).ofType(code)": ["male"],
        "(name.family | gender).where($this != 'x').type().name": ["string", "code"],
        "(name.family | gender).select($this | 'x').type().name": ["string", "String", "code", "String"],
        "(name.family | gender).select(iif($index > 0, $this, 'x')).ofType(code)": ["male"],
    }.items(),
)
def test_kept_by_what_comes_after(database: Database, expression: str, items: list[object]) -> None:
    assert database.evaluate(expression, {**_PATIENT, "gender": "male"}) == items


@pytest.mark.parametrize(
    ("expression", "items"),
    {
        "('1' | @2020).select($this = '1')": [True, False],
        "('1' | @2020).select($this = @2020)": [False, True],
        "('1' | @2020).select($this ~ '1')": [True, False],
        "('1' | @2020).exists($this = '1')": [True],
        "('1' | @2020).all($this = '1' or $this = @2020)": [True],
        "('1' | @2020).repeat($this).where($this = '1')": ["1"],
        "('1' | @2020).aggregate($total | ($this = '1'), {})": [True, False],
        "('1' | @2020).select(iif($this = '1', 'a', 'b'))": ["a", "b"],
        "(name.family | birthDate).where($this = 'F')": ["F"],
        "(name.family | birthDate).where($this = @1970)": [],
        "(name.family | birthDate).where($this = @1970-01-02)": ["1970-01-02"],
        "(@2020-01-01T10:00:00Z | '1').where($this = @2020-01-01T11:00:00+01:00)": ["2020-01-01T10:00:00Z"],
    }.items(),
)
def test_texts_of_several_types_are_compared_by_their_types(
    database: Database, expression: str, items: list[object]
) -> None:
    assert database.evaluate(expression, {**_PATIENT, "birthDate": "1970-01-02"}) == items


@pytest.mark.parametrize(
    ("expression", "items"),
    {
        "repeat(children()).count()": [8],
        "repeat(children()).type().count()": [8],
        "repeat(children()).where($this is string)": ["male", "a", "a"],
        "repeat(children()).ofType(code)": ["male"],
        "repeat(name | family).count()": [4],
        "repeat(name | family).type().count()": [4],
    }.items(),
)
def test_each_is_there_as_often_with_its_type(database: Database, expression: str, items: list[object]) -> None:
    names = [
        {"family": "a", "_family": {"extension": [{"url": "x", "valueCode": "a"}]}},
        {"family": "a"},
        {"text": "male"},
    ]
    assert database.evaluate(expression, {"resourceType": "Patient", "gender": "male", "name": names}) == items


@pytest.mark.parametrize(
    ("expression", "items"),
    {
        "children().where($this = '1970-01-02').type().name": ["id"],
        "children().where($this = @1970-01-02).type().name": ["date"],
        "children().where($this ~ @1970-01-02).type().name": ["date"],
        "children().where($this in (@1970-01-02 | 3)).count()": [2],
        "descendants().where($this = '1970-01-02').count()": [2],
        "descendants().where($this = @1970-01-02).count()": [1],
        "descendants().where($this ~ 'MALE').count()": [1],
        "descendants().where($this = 3).count()": [1],
        "descendants().where($this = '3').count()": [1],
        "repeat(children()).exists($this = @1970-01-02)": [True],
        "children().intersect(@1970-01-02).type().name": ["date"],
    }.items(),
)
def test_elements_of_a_tree_are_compared_by_their_types(
    database: Database, expression: str, items: list[object]
) -> None:
    patient = {**_PATIENT, "id": "1970-01-02", "gender": "male", "birthDate": "1970-01-02"}
    assert database.evaluate(expression, {**patient, "name": [{"family": "1970-01-02", "given": ["3"]}]}) == items


_TREE = {
    "resourceType": "Patient",
    "id": "p1",
    "active": True,
    "birthDate": "1980-05-17",
    "_birthDate": {"extension": [{"url": "time", "valueDateTime": "1980-05-17T10:00:00Z"}]},
    "name": [{"family": "F", "given": ["a"]}],
    "contact": [{"name": {"family": "G"}}],
    "managingOrganization": {"reference": "#o1"},
    "extension": [{"url": "e", "valueCoding": {"code": "c"}}],
    "contained": [{"resourceType": "Organization", "id": "o1", "name": "O", "contact": [{"name": {"family": "H"}}]}],
}


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        ("children().ofType(HumanName).family", ["F"]),
        ("children().where($this is HumanName).family", ["F"]),
        ("children().ofType(Organization).name", ["O"]),
        ("contact.children().ofType(HumanName).family", ["G"]),
        ("name.children().ofType(string)", ["F", "a"]),
        (
            "children().type().name",
            [
                "boolean",
                "date",
                "Patient.contact",
                "Organization",
                "Extension",
                "id",
                "Reference",
                "HumanName",
            ],
        ),
        ("descendants().ofType(HumanName).family", ["F", "G", "H"]),
        ("descendants().where($this is Reference).reference", ["#o1"]),
        ("descendants().ofType(Coding).code", ["c"]),
        ("descendants().ofType(dateTime)", ["1980-05-17T10:00:00Z"]),
        ("descendants().ofType(Extension).url", ["e", "time"]),
        ("descendants().ofType(code)", ["c"]),
        ("descendants().ofType(Quantity)", []),
        ("descendants().exists($this is Coding)", [True]),
        ("descendants().where(is(HumanName)).select(family & '!')", ["F!", "G!", "H!"]),
        ("contained.descendants().ofType(HumanName).family", ["H"]),
    ],
)
def test_told_by_where_they_are_in_the_tree(database: Database, expression: str, items: list[object]) -> None:
    assert sorted(map(repr, database.evaluate(expression, _TREE))) == sorted(map(repr, items))


def test_below_resources_of_any_type(database: Database) -> None:
    bundle = {"resourceType": "Bundle", "id": "b", "type": "collection", "entry": [{"resource": _TREE}]}
    assert database.evaluate("entry.resource.children().ofType(HumanName).family", bundle) == ["F"]
    assert database.evaluate("descendants().ofType(HumanName).family", bundle) == ["F", "G", "H"]


_BUNDLE: dict[str, object] = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {
            "resource": {
                "resourceType": "Patient",
                "id": "p",
                "name": [{"family": "B", "given": ["A"]}],
                "extension": [{"url": "u", "extension": [{"url": "w", "valueQuantity": {"value": 3, "code": "mg"}}]}],
            }
        },
        {"resource": {"resourceType": "Organization", "id": "org", "name": "O"}},
        {
            "resource": {
                "resourceType": "Observation",
                "id": "o",
                "status": "final",
                "code": {"coding": [{"code": "c"}]},
                "valueQuantity": {"value": 5, "code": "mg"},
                "component": [
                    {"code": {"coding": [{"code": "d"}]}, "valueQuantity": {"value": 4, "code": "mg"}},
                    {"code": {"coding": [{"code": "e"}]}, "valueString": "q"},
                ],
            }
        },
    ],
}


@pytest.mark.parametrize(
    ("expression", "items"),
    {
        # Which of them it is, the type of the resource says.
        "entry.resource.name.type().name": ["HumanName", "string"],
        "entry.resource.name.where($this is HumanName).family": ["B"],
        "entry.resource.name.ofType(string)": ["O"],
        "entry.resource.name.where($this = 'O')": ["O"],
        "entry.resource.code.where($this is CodeableConcept).coding.code": ["c"],
        "entry.resource.component.type().name": ["Observation.component", "Observation.component"],
        "entry.resource.component.descendants().where($this is Quantity).value": [4],
        "entry.resource.descendants().id.type().name": [],
        "entry.resource.select(iif($this is Patient, name, component)).where($this is HumanName).family": ["B"],
        "entry.resource.component.select(iif(value is string, value, code)).ofType(string)": ["q"],
        "(entry.resource.component | entry.resource.component.value).value.type().name": [
            "Quantity",
            "string",
            "decimal",
        ],
        # What a projection goes to again and again.
        "entry.resource.repeat(children()).where($this is Quantity).value": [5, 4, 3],
        "entry.resource.repeat(children()).ofType(Coding).code": ["c", "d", "e"],
        "entry.resource.repeatAll(children()).where($this is Quantity).value": [5, 4, 3],
        "entry.resource.select(repeat(children())).where($this is Quantity).value": [3, 5, 4],
        "entry.resource.select(repeatAll(children()).where($this is Coding).count())": [0, 0, 3],
        "entry.resource.component.repeat(value).type().name": ["Quantity", "string", "decimal"],
        "entry.resource.component.repeat(value).where($this is string)": ["q"],
        "repeat(children()).where($this is HumanName).family": ["B"],
        # What is folded into one value.
        "entry.resource.component.value.aggregate(iif($this is Quantity, $total + 1, $total), 0)": [1],
        "entry.resource.children().aggregate(iif($this is CodeableConcept, $total + 1, $total), 0)": [1],
        "entry.resource.descendants().aggregate(iif($this is Quantity, $total + value, $total), 0)": [12],
    }.items(),
)
def test_told_by_what_they_belong_to(database: Database, expression: str, items: list[object]) -> None:
    found = database.evaluate(expression, _BUNDLE)
    assert sorted(map(str, found)) == sorted(map(str, items)) if "children()" in expression else found == items


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        ("name is System.Any", [True]),
        ("1 is System.Any", [True]),
        ("(1 | 'a').ofType(System.Any)", [1, "a"]),
        ("name.ofType(Any).family", ["Lovelace"]),
        ("(name as System.Any).family", ["Lovelace"]),
        ("name is System.Unheard", [False]),
        ("name as System.Unheard", []),
        ("birthDate as System.Any", []),
    ],
)
def test_every_item_is_any(database: Database, expression: str, items: list[object]) -> None:
    """The type from which all others come takes nothing away; one that is not known has no items."""
    assert database.evaluate(expression, {"resourceType": "Patient", "name": [{"family": "Lovelace"}]}) == items


_CASTS = {"resourceType": "Patient", "id": "p", "gender": "male", "active": True, "birthDate": "1980-05-17",
          "name": [{"given": ["x", "y"]}]}  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "expected"),
    {
        # what derives from an abstract type is of that
        "gender.ofType(Element)": ["male"],
        "gender as Element": ["male"],
        "name.given.ofType(Element)": ["x", "y"],
        "gender.ofType(string)": [],
        # FHIR R4, "FHIRPath", section "Types": a primitive element casts to the type of its value, which it is not of
        "name.given[0] as System.String": ["x"],
        "active as System.Boolean": [True],
        "active as System.String": [],
        "active is System.Boolean": [False],
        # and has that as its value
        "birthDate.value": ["1980-05-17"],
        "birthDate.value is System.Date": [True],
        "name.given.value": ["x", "y"],
        "name.where(given.value contains 'y').exists()": [True],
    }.items(),
)
def test_primitive_elements_and_their_values(database: Database, expression: str, expected: list[Any]) -> None:
    assert database.evaluate(expression, _CASTS) == expected


def test_a_single_item_keeps_its_type(database: Database) -> None:
    assert database.evaluate("descendants().where($this is date).single() is date", _CASTS) == [True]
    with pytest.raises(EvaluationError, match="expected a single item but found several"):
        database.evaluate("descendants().as(string)", _CASTS)


@pytest.mark.parametrize(
    ("expression", "expected"),
    {
        "type().baseType": ["FHIR.DomainResource"],
        "'a'.type().baseType": ["System.Any"],
        "gender.type().baseType": ["FHIR.string"],
        "name.given.type().select(name & ':' & baseType)": ["string:FHIR.Element", "string:FHIR.Element"],
        "type()": [{"namespace": "FHIR", "name": "Patient"}],
    }.items(),
)
def test_what_types_are_derived_from(database: Database, expression: str, expected: list[Any]) -> None:
    """FHIRPath N1, section "Reflection"."""
    assert database.evaluate(expression, _CASTS) == expected


_BRANCHES = {
    "resourceType": "Patient",
    "id": "i",
    "active": True,
    "birthDate": "1980-05-17",
    "deceasedDateTime": "2020-01-01",
    "name": [{"family": "F"}],
    "extension": [{"url": "u", "valueString": "2020-01-01"}],
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    {
        "iif(active, name, extension).ofType(HumanName).family": ["F"],
        "iif(active.not(), name, extension).ofType(HumanName).family": [],
        "iif(active, birthDate, deceased) is date": [True],
        "iif(active.not(), birthDate, deceased) is dateTime": [True],
        "iif(active, deceased) is dateTime": [True],
        "iif(active, deceased) > @2019": [True],
        "iif(active, deceased, birthDate) + 1 day": ["2020-01-02"],
        "coalesce(name.family, id).type().name": ["string"],
        "coalesce(name.text, id).type().name": ["id"],
        "iif(active, extension.value, 'x') = '2020-01-01'": [True],
        "iif(active, extension.value, 'x') = @2020-01-01": [False],
        "iif(false, 1, 'a') is String": [True],
        "name.select(iif(family.exists(), family, 1) is string)": [True],
    }.items(),
)
def test_what_is_chosen_keeps_its_type(database: Database, expression: str, expected: list[Any]) -> None:
    assert database.evaluate(expression, _BRANCHES) == expected


_ANSWERS = {
    "resourceType": "QuestionnaireResponse",
    "item": [
        {"linkId": "a", "answer": [{"valueCoding": {"code": "x"}}, {"valueInteger": 4}]},
        {"linkId": "b", "item": [{"linkId": "c", "answer": [{"valueCoding": {"code": "y"}}]}]},
    ],
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    {
        "descendants().answer.value.ofType(Coding).code": ["x", "y"],
        "descendants().where(linkId = 'c').answer.value.ofType(Coding).code": ["y"],
        "descendants().where(linkId = 'a').answer.value.ofType(integer)": [4],
        "descendants().answer.where(value is Coding).value.code": ["x", "y"],
        "descendants().answer.value.code": ["x", "y"],
        "descendants().answer.value.select(iif($this is Coding, 'c', 'i'))": ["c", "i", "c"],
        "repeat(item).answer.value.ofType(Coding).code": ["x", "y"],
    }.items(),
)
def test_elements_below_items_of_many_types(database: Database, expression: str, expected: list[Any]) -> None:
    """Where several ways lead to an element, each says of which type it is."""
    assert database.evaluate(expression, _ANSWERS) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "((multipleBirth.ofType(integer).combine(5)) | 3) is Integer",
        "((multipleBirth.ofType(integer).combine(5)).iif(true, $this)) is Integer",
        "({}.intersect((1 | 2).single())) is Integer",
    ],
)
def test_several_of_them_are_one_error(database: Database, expression: str) -> None:
    with pytest.raises(EvaluationError, match="several"):
        database.evaluate(expression, _PATIENT)


_MEASURED: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "x",
    "status": "final",
    "valueInteger": 5,
    "effectiveDateTime": "2020-01-01",
    "component": [{"valueQuantity": {"value": 3, "code": "mg", "system": "http://unitsofmeasure.org"}}],
}


@pytest.mark.parametrize(
    ("expression", "items"),
    {
        "children().where($this = %context.value).count()": [1],
        "children().where($this ~ %context.value).count()": [1],
        "children().where($this !~ %context.value).count()": [4],
        "children().where($this in %context.value).count()": [1],
        "children().where(%context.value contains $this).count()": [1],
        "children().where($this is integer).select($this = %context.value)": [True],
        "children().exists($this = %context.value)": [True],
        "repeat(children()).where($this = %context.value).count()": [1],
        "children().where($this = iif(true, %context.value)).count()": [1],
        "defineVariable('v', value).children().where($this = %v).count()": [1],
        "children().where($this = %context.effective).count()": [1],
        "descendants().where($this = %context.component.value.first()).count()": [1],
        "children().where($this = %context.component.value.first()).count()": [0],
    }.items(),
)
def test_items_of_any_type_beside_a_choice(database: Database, expression: str, items: list[Any]) -> None:
    """Which type an item has is not told by every item; it is equal to one that has the same value all the same."""
    assert database.evaluate(expression, _MEASURED) == items


#: Unions of choice elements in operations that there are for each of their types, and what they give.
_OF_CHOICES: dict[str, list[Any]] = {
    "(value | component.value).first() > 3": [True],
    "(value | component.value).first() + 1": [6],
    "(value | 1).min()": [1],
    "(value | 7).max()": [7],
    "(value | 7).sum()": [12],
    "children().last() = children().first()": [False],
    "coalesce(value, component.value.first()) > 3": [True],
    "iif(value > 3, value, 1) + 1": [6],
}


@pytest.mark.parametrize("expression", _OF_CHOICES)
def test_unions_of_choice_elements(database: Database, expression: str) -> None:
    assert database.evaluate(expression, _MEASURED) == _OF_CHOICES[expression]


@pytest.mark.parametrize("expression", [expression for expression in _OF_CHOICES if "children" not in expression])
def test_what_each_type_asks_for_is_written_once(expression: str) -> None:
    """Else there were a union for each of eleven types, which a database needs a minute to plan."""
    for syntax in (DuckDBSyntax(), PostgresSyntax()):
        compiled = compile_expression(expression, syntax, InlineSource(), Options(context=("Observation",)))
        # The units of UCUM take most of it.
        assert len(compiled.statement.sql) < 200_000


#: Texts that look alike, of several types, in elements of the same name.
_ALIKE = {
    "resourceType": "Patient",
    "id": "p",
    "birthDate": "2020-01-01",
    "telecom": [{"system": "phone", "value": "2020-01-01"}],
    "contained": [{"resourceType": "Patient", "id": "c"}],
    "extension": [
        {"url": "date", "valueDate": "2020-01-01"},
        {"url": "text", "valueString": "2020-01-01"},
        {"url": "moment", "valueDateTime": "2020-01-01"},
        {"url": "time", "valueTime": "10:00:00"},
        {"url": "clock", "valueString": "10:00:00"},
        {"url": "amount", "valueQuantity": {"value": 5, "unit": "mg"}},
    ],
}


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        ("descendants().where(value = '2020-01-01').url", ["text"]),
        ("descendants().where(value = '2020-01-01').system", ["phone"]),
        ("descendants().where(value = @2020-01-01).url", ["date", "moment"]),
        ("descendants().where(value = @T10:00:00).url", ["time"]),
        ("descendants().where(value = '10:00:00').url", ["clock"]),
        ("descendants().where('10:00:00' = value).url", ["clock"]),
        ("descendants().where(value = 5 'mg').url", ["amount"]),
        ("descendants().where(value = 0.005 'g').url", ["amount"]),
        ("descendants().where(value ~ '2020-01-01').url", ["text"]),
        ("descendants().where(value in ('2020-01-01' | 'x')).url", ["text"]),
        ("descendants().where(url = 'date' or value = '10:00:00').url", ["date", "clock"]),
        ("descendants().exists(value = @T10:00:00)", [True]),
        ("descendants().all(value.empty() or value != '2020-01-01')", [False]),
        ("descendants().select(value = '2020-01-01').where($this).count()", [2]),
        ("descendants().where(value.where($this = '2020-01-01').exists()).url", ["text"]),
        ("children().where(value = '2020-01-01').url", ["text"]),
        ("repeat(children()).where(value = '2020-01-01').url", ["text"]),
        # what is only said to be a resource
        ("children().where($this = %resource.contained.first()).count()", [1]),
        ("children().where($this ~ %resource.contained.first()).count()", [1]),
        ("children().intersect(contained).id", ["c"]),
        ("children() = children()", [True]),
        ("children() ~ children()", [True]),
    ],
)
def test_elements_below_items_of_a_tree_are_of_their_types(
    database: Database, expression: str, items: list[object]
) -> None:
    assert database.evaluate(expression, _ALIKE) == items
