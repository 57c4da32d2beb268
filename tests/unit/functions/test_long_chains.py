"""Chains of any length: what is evaluated once means what it meant, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from fhir4ds.database import Database

_EXTENSION = {"url": "u", "valueString": "w"}
_PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "active": True,
    "birthDate": "2000-01-01",
    "_birthDate": {"extension": [_EXTENSION]},
    "name": [
        {"family": "f", "given": ["a", None], "_given": [None, {"id": "g", "extension": [_EXTENSION]}]},
        {"given": ["c"]},
    ],
}
_SUM = " + ".join(["1"] * 40)


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        ("active" + ".all($this = true)" * 14, [True]),
        ("name.given" + ".isDistinct()" * 14, [True]),
        ("name.first().family" + ".convertsToQuantity()" * 14, [True]),
        ("gender" + ".hasValue()" * 14, [True]),
        ("'a'" + ".encode('hex').decode('hex')" * 10, ["a"]),
        ("1" + ".select($this + 1)" * 30, [31]),
        # what stands beside values is still found
        ("name.given" + ".where(true or $this.exists())" * 20, ["a", "c"]),
        ("name.given" + ".where(true or $this.exists())" * 20 + ".count()", [3]),
        ("name.given" + ".where(true or $this.exists())" * 20 + ".extension.value", ["w"]),
        ("birthDate" + ".where($this.exists())" * 20 + ".extension('u').value", ["w"]),
        ("birthDate" + ".where($this.exists())" * 20 + ".children().ofType(Extension).value", ["w"]),
        # so are types, and variables beyond the call that defines them
        ("name" + ".where(given.exists())" * 20 + ".children().ofType(HumanName)", []),
        ("name" + ".where(given.exists())" * 20 + ".children().where($this is string)", ["f", "a", "c"]),
        (f"({_SUM}).defineVariable('a', $this + 1).select($this + 1).select(%a + $this)", [82]),
        (f"iif(active, {_SUM}).defineVariable('a').where(%a = $this).select(%a)", [40]),
    ],
)
def test_value(database: Database, expression: str, items: list[Any]) -> None:
    assert database.evaluate(expression, _PATIENT) == items
