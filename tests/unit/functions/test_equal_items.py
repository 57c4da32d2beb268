"""Items that are equal are one, however their JSON is written (FHIRPath N1, sections 5.2.3 and 6.1.1); on both databases."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir4ds.database import Database

_PATIENT = {
    "resourceType": "Patient",
    "extension": [
        {"url": "a", "valueDecimal": Decimal("1.5")},
        {"valueDecimal": Decimal("1.50"), "url": "a"},
        {"url": "a", "valueDecimal": 2},
        {"valueDecimal": Decimal("2.00"), "url": "a"},
        {"url": "b", "valueDecimal": Decimal("1.5")},
        {"url": "b", "extension": [{"url": "c", "valueCode": "x"}, {"valueCode": "x", "url": "c"}]},
        {"extension": [{"url": "c", "valueCode": "x"}, {"valueCode": "x", "url": "c"}], "url": "b"},
        {"extension": [{"url": "x", "valueCode": "c"}, {"valueCode": "x", "url": "c"}], "url": "b"},
    ],
    "identifier": [{"value": "x", "type": {"text": "t"}}, {"type": {"text": "t"}, "value": "x"}, {"value": "t"}],
}


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        ("repeat(extension.value)", [Decimal("1.5"), 2]),
        ("repeat(extension.value).where($this = 1.5)", [Decimal("1.5")]),
        ("children().repeat(value).where($this is decimal)", [Decimal("1.5"), 2]),
        ("repeat(extension).url", ["a", "a", "b", "b", "b", "c", "x"]),
        ("extension.distinct().url", ["a", "a", "b", "b", "b"]),
        ("extension.isDistinct()", [False]),
        ("extension[5].isDistinct() and extension[7].extension.isDistinct()", [True]),
        ("(extension | extension[1]).count()", [5]),
        ("repeat(identifier).value", ["x", "t"]),
        ("identifier.distinct().value", ["x", "t"]),
        ("repeat(identifier.type).text", ["t"]),
        ("identifier.type.distinct().text", ["t"]),
    ],
)
def test_equal_items_are_one(database: Database, expression: str, items: list[Any]) -> None:
    assert database.evaluate(expression, _PATIENT) == items


_ITEM = st.recursive(
    st.sampled_from(["a", "1", 1, Decimal("1.0"), Decimal("1.50"), Decimal("1.5"), True]),
    lambda inner: st.dictionaries(st.sampled_from("xyz"), inner, min_size=1),
    max_leaves=4,
)


def _reversed(item: Any) -> Any:
    return {name: _reversed(item[name]) for name in reversed(item)} if isinstance(item, dict) else item


def _key(item: Any) -> Any:
    """What is the same for equal items."""
    if isinstance(item, dict):
        return ("object", tuple(sorted((name, _key(value)) for name, value in item.items())))
    return (isinstance(item, str), isinstance(item, bool), item)


@settings(max_examples=60, deadline=None)
@given(items=st.lists(_ITEM, max_size=6))
def test_the_first_of_equal_items_stays(untyped: Database, items: list[Any]) -> None:
    every = [*items, *map(_reversed, items)]
    firsts = list(dict.fromkeys(map(_key, every)))
    for call in ("u.distinct()", "repeat(u)"):
        found = untyped.evaluate(call, {"u": every})
        assert list(map(_key, found)) == firsts
