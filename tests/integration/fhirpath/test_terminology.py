"""memberOf(): value sets that are loaded as resources, alike on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.errors import EvaluationError, InvalidArguments, InvalidOperation
from tests.integration.fhirpath.conftest import MakePair, Pair

pytestmark = pytest.mark.postgres

_VS = "http://x.org/vs"


def _listed(system: str, *codes: str) -> dict[str, Any]:
    return {"system": system, "concept": [{"code": code} for code in codes]}


def _value_set(name: str, **content: Any) -> dict[str, Any]:
    return {"resourceType": "ValueSet", "id": name, "url": f"{_VS}/{name}", "status": "active", **content}


def _composed(name: str, *include: dict[str, Any], exclude: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    compose = {"include": list(include), **({"exclude": list(exclude)} if exclude else {})}
    return _value_set(name, compose=compose)


def _of(*names: str, **more: str) -> dict[str, Any]:
    return {"valueSet": [f"{_VS}/{name}" for name in names], **more}


_A, _B = "http://s.org/a", "http://s.org/b"

_RESOURCES: list[dict[str, Any]] = [
    _composed("list", _listed(_A, "1", "2")),
    _composed("two-systems", _listed(_A, "1", "2"), _listed(_B, "3"), exclude=(_listed(_A, "2"),)),
    _composed("whole", {"system": _B}),
    _composed("nested", _of("list"), _of("whole")),
    _composed("both", _of("list", "two-systems")),
    _composed("some-of", _of("nested", system=_B)),
    _composed("some-listed", {**_listed(_A, "2", "7"), **_of("list")}),
    _composed("without-nested", _listed(_A, "1", "2", "9"), exclude=(_of("list"),)),
    _composed("filtered", _listed(_A, "1"), {"system": _A, "filter": [{"property": "p", "op": "is-a", "value": "v"}]}),
    _composed("not-filtered", _listed(_A, "1"), exclude=({"system": _A, "filter": [{"property": "p"}]},)),
    _composed("unknown-system", _listed(_A, "1"), {"system": "http://snomed.info/sct"}),
    _composed("fragment-system", {"system": "http://s.org/fragment"}),
    _composed("unknown-part", _listed(_A, "1"), _of("nowhere")),
    _composed("round", _listed(_A, "1"), _of("round")),
    _composed("empty"),
    {**_composed("old", _listed(_A, "1")), "id": "old-1", "version": "1"},
    {**_composed("old", _listed(_A, "2")), "id": "old-2", "version": "2"},
    _value_set(
        "expanded",
        compose={"include": [_listed(_A, "1")]},
        expansion={
            "contains": [
                {"system": _A, "code": "top", "abstract": True, "contains": [{"system": _A, "code": "2"}]},
                {"display": "a heading", "contains": [{"system": _A, "code": "3"}]},
            ]
        },
    ),
    {
        "resourceType": "CodeSystem",
        "id": "b",
        "url": _B,
        "status": "active",
        "content": "complete",
        "concept": [{"code": "3", "concept": [{"code": "31", "concept": [{"code": "311"}]}]}],
    },
    {
        "resourceType": "CodeSystem",
        "id": "f",
        "url": "http://s.org/fragment",
        "status": "active",
        "content": "fragment",
        "concept": [{"code": "1"}],
    },
    {
        "resourceType": "Condition",
        "id": "c",
        "code": {"coding": [{"system": "http://other.org", "code": "1"}, {"system": _A, "code": "1"}]},
        "severity": {"coding": [{"system": _A, "code": "2"}]},
        "bodySite": [{"coding": [{"system": _B, "code": "311"}]}, {"text": "in words"}],
        "stage": [{"summary": {"coding": [{"code": "1"}]}}],
        "evidence": [{"code": [{"coding": [{"system": _A, "code": "top"}]}]}],
        "subject": {"reference": "Patient/p"},
        "recordedDate": "2020-01-01",
    },
]

_IN_VALUE_SETS: dict[tuple[str, str], bool] = {
    ("code", "list"): True,
    ("severity", "list"): True,
    ("bodySite[0]", "list"): False,
    ("bodySite[1]", "list"): False,
    # without a system, a Coding is not the code of any
    ("stage.summary", "list"): False,
    ("code.coding[0]", "list"): False,
    ("code.coding[1]", "list"): True,
    # a code is of the system that its element is bound to
    ("code.coding[0].code", "list"): True,
    ("code.coding[0].code", "two-systems"): True,
    ("code.coding[0].code.toString()", "list"): True,
    ("code.coding[0].display | 'no'", "list"): False,
    ("code", "two-systems"): True,
    ("severity", "two-systems"): False,
    ("bodySite[0]", "whole"): True,
    ("code", "whole"): False,
    ("bodySite[0]", "nested"): True,
    ("code", "nested"): True,
    ("code", "both"): True,
    ("severity", "both"): False,
    ("bodySite[0]", "both"): False,
    ("bodySite[0]", "some-of"): True,
    ("code", "some-of"): False,
    ("severity", "some-listed"): True,
    ("code", "some-listed"): False,
    ("code", "without-nested"): False,
    ("code", "filtered"): True,
    ("code", "unknown-system"): True,
    ("code", "unknown-part"): True,
    ("code", "round"): True,
    ("code", "empty"): False,
    ("code", "old"): False,
    ("severity", "old"): True,
    ("code", "old|1"): True,
    ("severity", "old|1"): False,
    ("code", "expanded"): False,
    ("severity", "expanded"): True,
    ("evidence.code", "expanded"): False,
}

_FAILURES: dict[tuple[str, str], str] = {
    ("severity", "filtered"): "value set http://x.org/vs/filtered includes a filter, which is not evaluated",
    ("code", "not-filtered"): "value set http://x.org/vs/not-filtered includes a filter, which is not evaluated",
    ("severity", "unknown-system"): "all codes of a code system that is not loaded completely",
    ("severity", "fragment-system"): "all codes of a code system that is not loaded completely",
    ("severity", "unknown-part"): "a value set that is not loaded",
    ("severity", "round"): "value sets that include others on too many levels",
    ("code", "nowhere"): "value set http://x.org/vs/nowhere is not loaded",
    ("code", "old|3"): r"value set http://x.org/vs/old\|3 is not loaded",
    ("code.coding[0].code.toString()", "two-systems"): "has codes of several systems",
    ("bodySite", "list"): "expected a single item",
}


@pytest.fixture(scope="module")
def pair(make_pair: MakePair) -> Iterator[Pair]:
    with make_pair(*_RESOURCES) as pair:
        yield pair


def _ask(path: str, name: str) -> str:
    return f"Condition.select(({path}).memberOf('{_VS}/{name}'))"


@pytest.mark.parametrize(("question", "expected"), _IN_VALUE_SETS.items(), ids=map(" in ".join, _IN_VALUE_SETS))
def test_membership(pair: Pair, question: tuple[str, str], expected: bool) -> None:
    assert pair.rows(_ask(*question)) == [("c", expected)]


@pytest.mark.parametrize(("question", "message"), _FAILURES.items(), ids=map(" in ".join, _FAILURES))
def test_what_cannot_be_told_is_an_error(pair: Pair, question: tuple[str, str], message: str) -> None:
    error = pair.error(_ask(*question))
    assert isinstance(error, EvaluationError)
    with pytest.raises(EvaluationError, match=message):
        raise error


def test_inside_iterations(pair: Pair) -> None:
    in_list, in_whole = (f"memberOf('{_VS}/{name}')" for name in ("list", "whole"))
    assert pair.rows(f"Condition.code.coding.where({in_list}).system") == [("c", _A)]
    assert pair.rows(f"Condition.bodySite.select({in_whole})") == [("c", True), ("c", False)]
    assert pair.rows(f"Condition.code.coding.where({in_list} or {in_whole}).count()") == [("c", 1)]
    assert pair.rows(f"Condition.where(code.{in_list} and severity.{in_list}).id") == [("c", "c")]


def test_nothing_is_in_no_value_set(pair: Pair) -> None:
    assert pair.rows(f"Condition.onset.ofType(string).memberOf('{_VS}/list')") == []
    assert pair.rows("Condition.code.memberOf({})") == []


def test_the_url_may_be_a_variable(pair: Pair) -> None:
    assert pair.rows("Condition.code.memberOf(%url)", url=f"{_VS}/list") == [("c", True)]
    assert "%`vs-x`" not in pair.error("Condition.code.memberOf(%`vs-x`)").message
    assert isinstance(pair.error("Condition.code.memberOf(id)"), InvalidArguments)
    assert isinstance(pair.error("Condition.code.memberOf(1)"), InvalidArguments)


def test_only_what_is_coded_can_be_a_member(pair: Pair) -> None:
    assert isinstance(pair.error(f"Condition.subject.memberOf('{_VS}/list')"), InvalidOperation)


def test_r5_answers_nothing_where_r4_fails(pair: Pair) -> None:
    """Since R5, nothing is what an unknown value set, several items, and a string without a system give."""
    for database in (pair.duckdb, pair.postgres):
        later = Database(database.dispatcher, table=database.table, model="R5")
        for path, name in (
            ("code", "nowhere"),
            ("bodySite", "list"),
            ("code.coding[0].code.toString()", "two-systems"),
        ):
            assert later.query(_ask(path, name)).rows == []
        assert later.query(_ask("code", "list")).values() == [True]


def test_one_resource_that_is_evaluated_has_no_value_sets(pair: Pair) -> None:
    for database in (pair.duckdb, pair.postgres):
        with pytest.raises(EvaluationError, match="is not loaded"):
            database.evaluate(f"code.memberOf('{_VS}/list')", _RESOURCES[-1])


def test_errors_can_be_told_beside_the_answers(pair: Pair) -> None:
    for database in (pair.duckdb, pair.postgres):
        result = database.query(_ask("severity", "filtered"), on_error="null")
        assert result.rows == []


def test_without_a_model(pair: Pair) -> None:
    for database in (pair.duckdb, pair.postgres):
        untyped = Database(database.dispatcher, table=database.table, model=None)
        for path, expected in (("code", True), ("code.coding[0]", False), ("code.coding[0].code", True)):
            assert untyped.query(f"Condition.{path}.memberOf('{_VS}/list')").values() == [expected]
