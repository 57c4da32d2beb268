"""Values that are not what FHIR says: an error of the resource that has them, with its key, alike on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import attrs
import pytest

from fhir4ds.database import connect, evaluate
from fhir4ds.dialect.statement import Statement
from fhir4ds.errors import CompileError, EvaluationError, QueryFailed
from fhir4ds.runtime.answer import Answer, encode_json
from fhir4ds.runtime.clock import Clock
from fhir4ds.runtime.result import items
from tests.integration.fhirpath.conftest import MakePair, Pair


def _observation(id: str, **elements: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": id, **elements}


_RESOURCES: list[dict[str, Any]] = [
    _observation("good", valueQuantity={"value": Decimal("1.50"), "unit": "mg"}, component=[{"valueInteger": 3}]),
    _observation("large", valueQuantity={"value": 10**30, "unit": "mg"}, component=[{"valueInteger": 2**63}]),
    _observation("none", valueQuantity={"value": None, "unit": "mg"}, component=[{"valueInteger": None}, {}]),
    _observation("text", valueQuantity={"value": "1.5", "unit": "mg"}, component=[{"valueInteger": "3"}]),
    _observation("truth", valueQuantity={"value": True, "unit": "mg"}, component=[{"valueInteger": Decimal("1.5")}]),
    {"resourceType": "Patient", "id": "good", "active": True, "telecom": [{"rank": 2}, {"rank": 1}]},
    {"resourceType": "Patient", "id": "one", "active": 1, "telecom": [{"rank": 2}, {"rank": {}}]},
    {"resourceType": "Patient", "id": "word", "active": "true", "telecom": [{"rank": 2}, {"rank": "1"}]},
]

_NUMBER = "'value' must be a number of at most 26 digits before its point"
_WHOLE = "'valueInteger' must be a whole number of at most 64 bits"
_RANK = "'rank' must be a whole number of at most 64 bits"
_ACTIVE = "'active' must be true or false"

#: Expressions, their rows, and the resources on which they fail with what each says and where.
_CASES: list[tuple[str, list[Any], list[str], str, int | None]] = [
    ("Observation.value.value + 1", [("good", Decimal("2.5"))], ["large", "text", "truth"], _NUMBER, 12),
    (
        "Observation.value.ofType(Quantity) > 1 'mg'",
        [("good", True)],
        ["large", "text", "truth"],
        _NUMBER,
        12,
    ),
    ("Observation.component.value.ofType(integer)", [("good", 3)], ["large", "text", "truth"], _WHOLE, 22),
    ("Observation.component.select(value + 1)", [("good", 4)], ["large", "text", "truth"], _WHOLE, 29),
    (
        # Of several types it is not known which was meant.
        "Observation.where(component.value = 3).id",
        [("good", "good")],
        ["large", "text", "truth"],
        "the value must be a whole number of at most 64 bits",
        None,
    ),
    (
        "Observation.component.exists(value = 4)",
        [("good", False), ("none", False)],
        ["large", "text", "truth"],
        _WHOLE,
        29,
    ),
    ("Patient.active", [("good", True)], ["one", "word"], _ACTIVE, 8),
    ("Patient.where(active).id", [("good", "good")], ["one", "word"], _ACTIVE, 14),
    ("Patient.telecom.rank", [("good", 2), ("good", 1)], ["one", "word"], _RANK, 16),
    ("Patient.telecom.rank.sum()", [("good", 3)], ["one", "word"], _RANK, 16),
    ("Patient.telecom.sort(rank).rank", [("good", 1), ("good", 2)], ["one", "word"], _RANK, 21),
    ("Patient.telecom.rank.aggregate($total + $this, 0)", [("good", 3)], ["one", "word"], _RANK, 16),
]


@pytest.fixture(scope="module")
def pair(make_pair: MakePair) -> Iterator[Pair]:
    with make_pair(*_RESOURCES) as pair:
        yield pair


@pytest.mark.postgres
@pytest.mark.parametrize(("expression", "rows", "failing", "message", "position"), _CASES, ids=[c[0] for c in _CASES])
def test_the_resource_is_named(
    pair: Pair, expression: str, rows: list[Any], failing: list[str], message: str, position: int | None
) -> None:
    error = pair.error(expression)
    assert isinstance(error, EvaluationError)
    assert (error.message, error.position) == (message, position)
    for database in (pair.duckdb, pair.postgres):
        with pytest.raises(EvaluationError) as caught:
            database.query(expression)
        assert caught.value.key in failing
        assert caught.value.__cause__ is not None


@pytest.mark.postgres
@pytest.mark.parametrize(("expression", "rows", "failing", "message", "position"), _CASES, ids=[c[0] for c in _CASES])
def test_other_resources_are_answered(
    pair: Pair, expression: str, rows: list[Any], failing: list[str], message: str, position: int | None
) -> None:
    for database in (pair.duckdb, pair.postgres):
        result = database.query(expression, on_error="null")
        assert result.rows == rows
        told = [(error.key, error.message, error.position) for error in result.diagnostics]
        assert told == [(key, message, position) for key in failing]
        errors: list[EvaluationError] = []
        batches = list(database.stream(expression, batch_size=1, on_error=errors.append))
        assert [row for batch in batches for row in batch] == rows
        assert [error.key for error in errors] == failing


@pytest.mark.postgres
def test_numbers_of_any_size_are_delivered(pair: Pair) -> None:
    """What is not reckoned with need not fit; but it must be a number."""
    for database in (pair.duckdb, pair.postgres):
        result = database.query("Observation.value.value", on_error="null")
        assert result.rows == [("good", Decimal("1.50")), ("large", Decimal(10**30))]
        told = [(error.key, error.message) for error in result.diagnostics]
        assert told == [("text", "'value' must be a number"), ("truth", "'value' must be a number")]


@pytest.mark.postgres
def test_what_is_out_already_is_followed_by_the_error(pair: Pair) -> None:
    """Delivered numbers are looked at batch by batch, so that an error may come late; it still names the resource."""
    for database in (pair.duckdb, pair.postgres):
        stream = database.stream("Observation.value.value", batch_size=1)
        assert [next(stream), next(stream)] == [[("good", Decimal("1.50"))], [("large", Decimal(10**30))]]
        with pytest.raises(EvaluationError, match="'value' must be a number") as caught:
            next(stream)
        assert caught.value.key == "text"


@pytest.mark.postgres
def test_one_resource_by_itself(pair: Pair) -> None:
    for database in (pair.duckdb, pair.postgres):
        for resource in _RESOURCES:
            text = encode_json(resource)
            expression = "multipleBirth" if resource["resourceType"] == "Patient" else "value.value + 1"
            fails = resource["id"] in ("large", "text", "truth")
            assert database.evaluate(expression, text, on_error="null") == (
                [Decimal("2.5")] if resource["id"] == "good" and "active" not in resource else []
            )
            if fails:
                with pytest.raises(EvaluationError, match="'value' must be a number"):
                    database.evaluate(expression, text)


@pytest.mark.postgres
@pytest.mark.parametrize(
    "expression",
    [
        "iif(active, id)",
        "iif(active, {})",
        "iif(active, active.toDateTime()).exists()",
        "active.toQuantity() <= id.toQuantity('mg')",
        "(0 | multipleBirth.ofType(integer)).where(false)",
        "(0 | multipleBirth.ofType(integer)).where(false).iif(true, 1)",
        "multipleBirth.ofType(integer) > 1 'mg'",
        "iif(active, 0.0) mod (1 - 1)",
        "iif(active, 1.0) div (1 - 1)",
        "iif(deceased.exists(), name.count()) + multipleBirth.ofType(integer)",
        "iif(deceased.exists(), 'a') + iif(active, 'b', 'c')",
        "iif({}, {}) * (0 - iif(active, 2, 3))",
    ],
)
def test_what_the_answer_does_not_need_is_looked_at_all_the_same(pair: Pair, expression: str) -> None:
    """An operand is evaluated, whatever comes of the operation: a database may know that without it."""
    resource = encode_json({"resourceType": "Patient", "active": "5", "multipleBirthInteger": "5"})
    for database in (pair.duckdb, pair.postgres):
        with pytest.raises(EvaluationError, match="must be"):
            database.evaluate(expression, resource)


@pytest.mark.postgres
def test_views_say_what_is_wrong(pair: Pair) -> None:
    view = {
        "resource": "Patient",
        "select": [
            {"column": [{"name": "rank", "path": "telecom.first().rank + 1"}, {"name": "active", "path": "active"}]}
        ],
    }
    for database in (pair.duckdb, pair.postgres):
        query = database.view(view)
        for answer in (query.run, lambda query=query: list(query.stream(batch_size=1))):
            with pytest.raises(EvaluationError, match="must be true or false") as caught:
                answer()
            assert caught.value.key in ("one", "word")


def test_another_failure_stays_what_it_is() -> None:
    """The database's own error, where looking at the values finds nothing wrong."""
    with connect() as database:
        database.load([_RESOURCES[0]])
        assert database.query("Observation.id").values() == ["good"]
        database.execute_query("DROP TABLE resource")
        with pytest.raises(QueryFailed, match="resource") as caught:
            database.query("Observation.id")
        assert not isinstance(caught.value, EvaluationError)
        assert caught.value.__cause__ is not None
        with pytest.raises(QueryFailed, match="resource") as caught:
            list(database.stream("Observation.id"))
        assert not isinstance(caught.value, EvaluationError)


def test_what_becomes_too_large_to_be_looked_at_keeps_its_error() -> None:
    """The look makes a statement longer; where it would be too long, the database's own error stays."""

    def too_large() -> Statement:
        raise CompileError("the expression becomes too large for a statement", position=0)

    with connect() as database:
        database.load(_RESOURCES)
        query = attrs.evolve(
            database._query("Patient.active", database._table(), None, None, "raise", {}), checked=too_large
        )
        with pytest.raises(QueryFailed) as caught:
            query.run(items, None)
        assert not isinstance(caught.value, EvaluationError)
        assert caught.value.__cause__ is not None


def test_both_looks_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one has what the first one left."""

    class Clocked(Clock):
        def __init__(self) -> None:
            self.now = 0.0

        def monotonic(self) -> float:
            self.now += 2
            return self.now

    given: list[float | None] = []
    with connect() as database:
        database.load(_RESOURCES)
        query = database._query("Patient.active", database._table(), None, None, "raise", {})
        run = database.dispatcher.query

        def ask(statement: Statement, *, timeout: float | None = None) -> Answer:
            given.append(timeout)
            return run(statement, timeout=None)

        monkeypatch.setattr(database.dispatcher, "query", ask)
        for timeout in (5, 1):
            with pytest.raises(EvaluationError):
                attrs.evolve(query, clock=Clocked()).run(items, timeout)
    assert given == [5, 3, 1, 0.001]


def test_embedded() -> None:
    with pytest.raises(EvaluationError, match="'active' must be true or false"):
        evaluate("active", {"resourceType": "Patient", "active": "yes"})
