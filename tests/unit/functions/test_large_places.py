"""Places and numbers of items at the limits of what databases count with."""

from __future__ import annotations

import pytest

from fhir4ds.database import Database

_LARGEST = 2**31 - 1
_FORM = {
    "resourceType": "Questionnaire",
    "item": [{"linkId": "a", "maxLength": _LARGEST}, {"linkId": "b", "maxLength": _LARGEST}],
}
_OF_DATA = "%resource.item.maxLength.first()"
_NONE = "%resource.item.maxLength.where(false).first()"


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        *((f"item.linkId.skip({number})", []) for number in (_LARGEST, _OF_DATA, _NONE)),
        *((f"item.linkId[{number}]", []) for number in (_LARGEST, _OF_DATA, _NONE)),
        *((f"item.linkId.take({number})", ["a", "b"]) for number in (_LARGEST, _OF_DATA)),
        (f"item.linkId.take({_NONE})", []),
        ("item.linkId.take(-2147483648)", []),
        ("item.linkId.skip(-2147483648)", ["a", "b"]),
        (f"item.linkId[{_OF_DATA} - {_LARGEST - 1}]", ["b"]),
        (f"item.skip({_OF_DATA}).linkId", []),
        (f"'abc'.substring(1, {_OF_DATA})", ["bc"]),
        (f"1.5.round({_OF_DATA}) = 1.5", [True]),
    ],
)
def test_no_item_is_there(database: Database, expression: str, items: list[object]) -> None:
    assert database.evaluate(expression, _FORM) == items


@pytest.mark.parametrize(
    ("expression", "items"),
    {
        "i.skip(%resource.n)": [],
        "i.take(%resource.n)": ["a", "b"],
        "i[%resource.n]": [],
        "1.5.round(%resource.n) = 1.5": [True],
    }.items(),
)
def test_without_a_model_numbers_can_be_larger(untyped: Database, expression: str, items: list[object]) -> None:
    assert untyped.evaluate(expression, {"i": ["a", "b"], "n": 2**63 - 1}) == items
