"""What documents need before plans read them."""

from __future__ import annotations

import pytest

from fhir4ds.compiler.compiler import compile_expression
from fhir4ds.compiler.options import Options
from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.elements import beside_of
from fhir4ds.plan.exactness import Readiness, numeral, readiness
from fhir4ds.plan.nodes import RESOURCE, FromJson, Node, Reference, apply, integer
from fhir4ds.plan.source import TableSource
from fhir4ds.registry import registry

_BESIDE = apply("json_equal", beside_of(Reference("v1", SqlType.JSON)), beside_of(Reference("v2", SqlType.JSON)))


@pytest.mark.parametrize(
    ("plans", "expected"),
    [
        ([integer(1), None], None),
        ([_BESIDE], Readiness("json_precise", '"_')),
        ([_BESIDE, apply("json_equal", RESOURCE, RESOURCE)], Readiness("json_precise")),
        ([_BESIDE, FromJson(RESOURCE, SqlType.DECIMAL)], Readiness("json_precise")),
        ([_BESIDE, numeral(RESOURCE)], Readiness("json_exact")),
    ],
)
def test_readiness(plans: list[Node | None], expected: Readiness | None) -> None:
    assert readiness(*plans) == expected


def test_only_documents_with_members_beside_values_are_made_ready_for_these() -> None:
    """A look for the beginning of such a member comes first; where nothing is made ready, there is none."""
    sql = {}
    for name in ("duckdb", "postgres"):
        compiled = compile_expression(
            "Patient.name.given.distinct().count()", registry.get(name).syntax, TableSource(), Options()
        )
        sql[name] = compiled.statement.sql
    assert 'WHEN CONTAINS(CAST("resource" AS VARCHAR), \'"_\') THEN CASE WHEN REGEXP_MATCHES(' in sql["duckdb"]
    assert 'SELECT "id" AS key, "resource" AS resource FROM' in sql["postgres"].replace("\n", " ")
