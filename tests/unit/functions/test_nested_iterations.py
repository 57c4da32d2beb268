"""Iterations inside iterations, to any depth, on both databases."""

from __future__ import annotations

import pytest

from fhir4ds.database import Database

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
