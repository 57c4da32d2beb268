"""Iterations inside iterations, to any depth, on both databases."""

from __future__ import annotations

import re

import pytest
from fhir4ds_duckdb.syntax import DuckDBSyntax

from fhir4ds.compiler.compiler import compile_expression
from fhir4ds.compiler.options import Options
from fhir4ds.database import Database
from fhir4ds.plan.source import InlineSource

_PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "name": [
        {"use": "official", "family": "F", "given": ["a", "b"], "period": {"start": "2020"}},
        {"use": "old", "family": "G", "given": ["c"]},
    ],
    "contact": [{"name": {"family": "Z", "given": ["q"]}, "telecom": [{"system": "phone"}, {"system": "email"}]}],
}
_QUESTIONNAIRE = {
    "resourceType": "Questionnaire",
    "id": "q1",
    "status": "draft",
    "item": [
        {
            "linkId": "1",
            "type": "group",
            "item": [
                {"linkId": "1.1", "type": "string", "item": [{"linkId": "1.1.1", "type": "display"}]},
                {"linkId": "1.2", "type": "choice"},
            ],
        },
        {"linkId": "2", "type": "display"},
    ],
}


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        # where inside select inside where
        ("name.where(given.select($this & '!').where($this = 'a!').exists()).family", ["F"]),
        (
            "name.where($this.given.where($this in %resource.name.first().given).exists()).select(period.start)",
            ["2020"],
        ),
        # the resource and the outer item are seen from inside
        ("name.select(given.select($this & %resource.contact.name.family.first()))", ["aZ", "bZ", "cZ"]),
        ("name.select(defineVariable('f', family).given.select($this & %f))", ["aF", "bF", "cG"]),
        ("name.select(given.select($this & $index.toString()) | family)", ["a0", "b1", "F", "c0", "G"]),
        # aggregate inside select, where and sort
        ("name.select(given.aggregate($total & $this, family)).where($this.length() > 2)", ["Fab"]),
        ("name.where(given.aggregate($total + 1, 0) > 1).select(given.where($index = 1))", ["b"]),
        ("name.sort(given.aggregate($total & $this, '')).select(given.sort($this desc))", ["b", "a", "c"]),
        ("name.select(iif(given.count() > 1, given.where($index > 0).select($this & '?'), family))", ["b?", "G"]),
        ("name.all(given.all(length() = 1) and given.select(upper()).exists($this = 'A' or $this = 'C'))", [True]),
        # descendants with filters
        ("descendants().where($this is HumanName).where(given.count() > 1).family", ["F"]),
        ("contact.where(telecom.where(system = 'email').exists()).select(name.given.select($this & '.'))", ["q."]),
    ],
)
def test_of_arrays(database: Database, expression: str, items: list[object]) -> None:
    assert database.evaluate(expression, _PATIENT) == items


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        ("item.where(repeat(item).where(type = 'display').exists()).linkId", ["1"]),
        ("repeat(item).where(item.where(type = 'display').exists()).linkId", ["1.1"]),
        ("item.repeat(item.where(linkId.startsWith('1'))).linkId", ["1.1", "1.2", "1.1.1"]),
        (
            "item.select(repeat(item).aggregate($total & linkId & ' ', linkId & ': '))",
            ["1: 1.1 1.2 1.1.1 ", "2: "],
        ),
        ("repeat(item).select(item.aggregate($total + repeat(item).count() + 1, 0))", [3, 0, 1, 0, 0]),
        ("descendants().where(linkId.exists()).where(item.where(item.exists()).exists()).linkId", ["1"]),
    ],
)
def test_of_trees(database: Database, expression: str, items: list[object]) -> None:
    assert database.evaluate(expression, _QUESTIONNAIRE) == items


#: Iterations in one another whose items are unions, which are iterations themselves; how deep lambdas stand in them, and
#: their items.
_UNIONS: dict[str, tuple[int, list[object]]] = {
    "name.where(given.where(($this | 'a').exists()).exists()).family": (4, ["F", "G"]),
    "name.select(given.select(($this | 'q').select($this | 'a')))": (
        5,
        ["a", "q", "a", "b", "a", "q", "a", "c", "a", "q", "a"],
    ),
    "name.given.take(1).select(($this | 'b').select(($this | 'c').select($this | 'd')))": (
        6,
        ["a", "d", "c", "d", "b", "d", "c", "d"],
    ),
    "((@2020 | @2021).combine(@2022)).select(($this | @2023).select($this | @2020).count())": (4, [3, 4, 4]),
    "contact.sort((6 years | {}).where(($this | $this | 8 months).take(1).exists())).name.family": (8, ["Z"]),
    "contact.sort((@T10 | @T11).sort((6 years | {}).where(($this | $this | 1 month).exists())).first()).name.family": (
        9,
        ["Z"],
    ),
    "name.family.repeat((9L).combine(1L).sort((4 '1' | 4 years | 1 'd').repeat((@2020-02-29T10 | @2020).exists())))": (
        9,
        [9, 1],
    ),
}


@pytest.mark.parametrize("expression", _UNIONS)
def test_unions(database: Database, expression: str) -> None:
    assert database.evaluate(expression, _PATIENT) == _UNIONS[expression][1]


@pytest.mark.parametrize("expression", _UNIONS)
def test_lambdas_stand_in_few_others(expression: str) -> None:
    """DuckDB takes twice the time to plan for each level of lambdas; what is one after the other is cheap."""
    statement = compile_expression(expression, DuckDBSyntax(), InlineSource(), Options(context=("Patient",))).statement
    assert _levels(statement.sql) <= _UNIONS[expression][0]


def _levels(sql: str) -> int:
    """How many lambdas stand in one another; the body of one ends where the bracket around it does."""
    depth, deepest, open_lambdas = 0, 0, list[int]()
    for token in re.findall(r"[(\[{]|[)\]}]|LAMBDA ", re.sub(r"'(?:[^']|'')*'", "''", sql)):
        if token == "LAMBDA ":
            open_lambdas.append(depth)
            deepest = max(deepest, len(open_lambdas))
        elif token in "([{":
            depth += 1
        else:
            depth -= 1
            while open_lambdas and open_lambdas[-1] > depth:
                open_lambdas.pop()
    return deepest
