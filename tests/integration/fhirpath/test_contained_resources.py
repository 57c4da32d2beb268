"""``#id`` means what the resource that has it contains, whatever leads to it in a Bundle or in Parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.errors import EvaluationError
from tests.integration.fhirpath.conftest import MakePair, Pair

pytestmark = pytest.mark.postgres


def _observation(id: str, gender: str, **elements: Any) -> dict[str, Any]:
    patient = {"resourceType": "Patient", "id": "p", "gender": gender}
    subject = {"reference": "#p"}
    return {"resourceType": "Observation", "id": id, "contained": [patient], "subject": subject, **elements}


def _request(id: str, name: str) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": id,
        "contained": [
            {"resourceType": "Medication", "id": "med", "manufacturer": {"reference": "#org"}},
            {"resourceType": "Organization", "id": "org", "name": name, "partOf": {"reference": "#"}},
        ],
        "medicationReference": {"reference": "#med"},
    }


_BUNDLE: dict[str, Any] = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"resource": _observation("o1", "female", performer=[{"reference": "#p"}])},
        {"resource": _observation("o2", "male")},
    ],
}
_REQUESTS: dict[str, Any] = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [{"resource": _request("m1", "O1")}, {"resource": _request("m2", "O2")}],
}
_PARAMETERS: dict[str, Any] = {
    "resourceType": "Parameters",
    "parameter": [
        {"name": "a", "resource": _observation("o1", "female")},
        {"name": "b", "part": [{"name": "c", "resource": _observation("o2", "male")}]},
    ],
}

_BOTH = ["female", "male"]
_IN_BUNDLE: dict[str, list[Any]] = {
    # items by their places
    "entry.resource.ofType(Observation).subject.first().resolve().gender": ["female"],
    "entry.resource.ofType(Observation).subject.last().resolve().gender": ["male"],
    "entry[1].resource.subject.resolve().gender": ["male"],
    "entry.resource[1].subject.resolve().gender": ["male"],
    "entry.resource.subject[1].resolve().gender": ["male"],
    "entry.last().resource.subject.resolve().gender": ["male"],
    "entry.resource.skip(1).subject.resolve().gender": ["male"],
    "entry.resource.subject.tail().resolve().gender": ["male"],
    "entry.resource.subject.take(1).resolve().gender": ["female"],
    "entry.resource.where(id = 'o2').subject.single().resolve().gender": ["male"],
    "entry.resource.subject.where($index = 1).resolve().gender": ["male"],
    "entry.resource.subject.reference.last().resolve().gender": ["male"],
    "entry.resource.subject.reference.last().toString().resolve().gender": ["male"],
    # collections put together: of equal references the first one stays
    "entry.resource.subject.distinct().resolve().gender": ["female"],
    "(entry[0].resource.subject | entry[1].resource.performer).resolve().gender": ["female"],
    "entry[0].resource.subject.combine(entry[1].resource.subject).resolve().gender": _BOTH,
    "entry.resource.subject.intersect(entry.resource.performer).resolve().gender": ["female"],
    "entry.resource.subject.exclude(entry.resource.encounter).resolve().gender": _BOTH,
    "entry.resource.select((subject | performer).resolve().gender)": _BOTH,
    "entry.resource.select(subject.combine(performer).last().resolve().gender)": _BOTH,
    # in order
    "entry.resource.subject.sort(reference).resolve().gender": _BOTH,
    "entry.resource.sort(subject.resolve().gender desc).id": ["o2", "o1"],
    "entry.resource.subject.sort(resolve().gender desc).resolve().gender": ["male", "female"],
    # within iterations
    "entry.resource.select(subject.resolve().gender)": _BOTH,
    "entry.resource.subject.select(resolve()).gender": _BOTH,
    "entry.resource.subject.select(iif($index = 1, resolve().gender, 'x'))": ["x", "male"],
    "entry.resource.subject.last().where(resolve() is Patient).resolve().gender": ["male"],
    "entry.resource.subject.reference.where(resolve().exists()).resolve().gender": _BOTH,
    "entry.resource.subject.skip(1).all(resolve().gender = 'male')": [True],
    "entry.resource.subject.exists(resolve().gender = 'male')": [True],
    "entry.resource.subject.aggregate($total | $this.resolve().gender, {})": _BOTH,
    "entry.resource.performer.select(%resource.entry.last().resource.subject.resolve().gender)": ["male"],
    # one collection or another
    "iif(true, entry.resource.subject).resolve().gender": _BOTH,
    "coalesce({}, entry.resource.subject.last()).resolve().gender": ["male"],
    "entry.resource.select(iif(performer.exists(), performer, subject).where(resolve().exists()).resolve().gender)": _BOTH,
    "defineVariable('s', entry.resource.subject).select(%s.resolve().gender)": _BOTH,
    "defineVariable('s', entry.resource.subject.last()).select(%s.resolve().gender)": ["male"],
    # trees
    "entry.resource.children().ofType(Reference).resolve().gender": ["female", "female", "male"],
    "entry.resource.descendants().where($this is Reference).resolve().gender": ["female", "female", "male"],
    "entry.descendants().ofType(Reference).resolve().gender": ["female", "female", "male"],
    "descendants().ofType(Reference).resolve().gender": ["female", "female", "male"],
    "descendants().where($this is Reference).where(resolve().gender = 'male').count()": [1],
    "entry.resource.repeat(subject).resolve().gender": ["female"],
    "entry.resource.repeatAll(subject).resolve().gender": _BOTH,
    "entry.resource.repeat(subject.resolve() | performer.resolve()).gender": _BOTH,
}
_IN_REQUESTS: dict[str, list[Any]] = {
    # What is contained points to what is beside it.
    "entry.resource.medication.resolve().manufacturer.resolve().name": ["O1", "O2"],
    "entry.resource.medication.last().resolve().manufacturer.resolve().name": ["O2"],
    "entry.resource.medication.resolve().ofType(Medication).last().manufacturer.resolve().name": ["O2"],
    "entry.resource.medication.resolve().select(manufacturer.resolve().name)": ["O1", "O2"],
    "entry.resource.medication.resolve().where(manufacturer.resolve().name = 'O2').manufacturer.resolve().name": ["O2"],
    "entry.resource.contained.ofType(Medication).last().manufacturer.resolve().name": ["O2"],
    "entry.resource.contained.where(manufacturer.resolve().name = 'O2').id": ["med"],
    "entry.resource.contained.ofType(Organization).last().partOf.resolve().id": ["m2"],
    "descendants().ofType(Medication).manufacturer.resolve().name": ["O1", "O2"],
}
_IN_PARAMETERS: dict[str, list[Any]] = {
    "parameter.resource.ofType(Observation).subject.resolve().gender": ["female"],
    "parameter.part.resource.ofType(Observation).subject.first().resolve().gender": ["male"],
    "(parameter | parameter.part).resource.ofType(Observation).subject.resolve().gender": _BOTH,
    "descendants().ofType(Reference).resolve().gender": _BOTH,
}
_CASES = [
    pytest.param(document, expression, expected, id=expression)
    for document, answers in ((_BUNDLE, _IN_BUNDLE), (_REQUESTS, _IN_REQUESTS), (_PARAMETERS, _IN_PARAMETERS))
    for expression, expected in answers.items()
]


@pytest.fixture(scope="module")
def pair(make_pair: MakePair) -> Iterator[Pair]:
    with make_pair(_PARAMETERS | {"id": "p"}) as pair:
        yield pair


@pytest.mark.parametrize(("document", "expression", "expected"), _CASES)
def test_the_resource_that_has_the_reference(
    pair: Pair, document: dict[str, Any], expression: str, expected: list[Any]
) -> None:
    for database in (pair.duckdb, pair.postgres):
        assert database.evaluate(expression, document) == expected


def test_without_a_model(pair: Pair) -> None:
    for database in (pair.duckdb, pair.postgres):
        untyped = Database(database.dispatcher, table=database.table, model=None)
        assert untyped.evaluate("entry[1].resource.subject.resolve().gender", _BUNDLE) == ["male"]
        assert untyped.evaluate("entry.resource.subject.last().resolve().gender", _BUNDLE) == ["male"]


def test_what_is_stored_contains_its_own(make_pair: MakePair) -> None:
    """Also what a reference points to in the table has references to what it contains."""
    organization = {
        "resourceType": "Organization",
        "id": "x",
        "contained": [{"resourceType": "Organization", "id": "in", "name": "Inner"}],
        "partOf": {"reference": "#in"},
    }
    observation = {"resourceType": "Observation", "id": "o", "performer": [{"reference": "Organization/x"}] * 2}
    with make_pair(organization, observation) as pair:
        for way in ("resolve().first()", "resolve().distinct()", "resolve().last()", "first().resolve()"):
            expression = f"Observation.performer.{way}.ofType(Organization).partOf.resolve().name"
            assert pair.rows(expression) == [("o", "Inner")]


@pytest.mark.parametrize(
    "expression",
    [
        "(entry.resource.subject.reference.first() & '').resolve()",
        "entry.resource.subject.aggregate(iif($total.empty(), $this, $total)).resolve()",
    ],
)
def test_where_the_resource_is_not_known(pair: Pair, expression: str) -> None:
    """A reference to a contained resource is an error then, and any other one is resolved."""
    other = {"reference": "Observation/o2"}
    document = {
        **_BUNDLE,
        "entry": [{"resource": _observation("o1", "female") | {"subject": other}}, _BUNDLE["entry"][1]],
    }
    for database in (pair.duckdb, pair.postgres):
        with pytest.raises(EvaluationError, match="which resource has this reference") as caught:
            database.evaluate(expression, _BUNDLE)
        assert caught.value.position == expression.rindex("resolve")
        assert database.evaluate(f"{expression}.id", document) == ["o2"]


_EVERY = "(parameter | parameter.part).resource.ofType(Observation)"


@pytest.mark.parametrize(
    ("items", "path", "expected"),
    [
        (_EVERY, "subject.resolve().gender", _BOTH),
        (f"{_EVERY}.subject", "resolve().gender", _BOTH),
        (f"{_EVERY}.subject.skip(1)", "resolve().gender", ["male"]),
        (f"{_EVERY}.subject.last()", "resolve().gender", ["male"]),
        ("parameter.part.resource.ofType(Observation).subject.first()", "resolve().gender", ["male"]),
    ],
)
def test_in_a_view(pair: Pair, items: str, path: str, expected: list[str]) -> None:
    column = {"name": "gender", "path": path}
    view = {"resource": "Parameters", "status": "active", "select": [{"forEach": items, "column": [column]}]}
    for database in (pair.duckdb, pair.postgres):
        assert [row["gender"] for row in database.view(view).run().to_dicts()] == expected
