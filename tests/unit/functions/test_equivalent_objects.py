"""Equivalence of objects: their members are, in any order and at any depth (FHIRPath N1, section 6.1.2); on both databases."""

from __future__ import annotations

import itertools
import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir4ds.database import Database

_DEEP = {"url": "u", "extension": [{"url": "v", "extension": [{"url": "w", "valueDecimal": Decimal("1.0")}]}]}
_OBSERVATION = {
    "resourceType": "Observation",
    "id": "o",
    "component": [
        {
            "code": {
                "text": "a",
                "coding": [{"system": "s", "code": "c", "display": "D", "version": "1"}, {"system": "t", "code": "d"}],
            },
            "valueCodeableConcept": {"coding": [{"code": "x", "system": "s"}]},
        },
        {
            "code": {"text": "b", "coding": [{"system": "s", "code": "C", "userSelected": True}]},
            "valueCodeableConcept": {"coding": [{"code": "X", "system": "s", "display": "y"}]},
        },
        {"code": {"text": "a"}},
        {"id": "n", "code": {"text": "A "}},
        {"code": {"coding": [{"system": "s", "code": "e"}]}},
        {"code": {"coding": [{"system": "t", "code": "e"}, {"system": "s", "code": "f", "display": "e"}]}},
    ],
    "extension": [
        {"url": "a", "valueCoding": {"system": "s", "code": "c", "display": "D"}},
        {"url": "A", "valueCoding": {"code": "c", "system": "s", "display": "E"}},
        {"url": "a", "valueCoding": {"code": "d", "system": "s"}},
        {"url": "a", "valuePeriod": {"start": "2020-01-01T10:00:00Z"}},
        {"url": "a", "valuePeriod": {"start": "2020-01-01T11:00:00.0+01:00"}},
        {"url": "a", "valueReference": {"display": "p"}},
        {"url": "a", "valueReference": {"display": "q"}},
        {"url": "a", "valueRange": {"low": {"value": 5, "unit": "mg"}, "high": {"value": 1, "unit": "g"}}},
        {
            "url": "a",
            "valueRange": {"high": {"value": 1000, "unit": "mg"}, "low": {"value": Decimal("0.005"), "unit": "g"}},
        },
    ],
    "contained": [
        {
            "resourceType": "Patient",
            "id": "1",
            "meta": {"tag": [{"system": "s", "code": "1", "display": "x"}, {"system": "s", "code": "2"}]},
            "contact": [{"name": {"given": ["a", "b"], "extension": [_DEEP]}}],
        },
        {
            "resourceType": "Patient",
            "id": "2",
            "meta": {"tag": [{"code": "2", "system": "s", "display": "q"}, {"system": "s", "code": "1"}]},
            "contact": [{"name": {"given": ["B", "a"], "extension": [{**_DEEP, "url": "U"}]}}],
        },
        {"resourceType": "Patient", "id": "3", "contact": [{"name": {"given": ["a", "c"]}}]},
    ],
}


@pytest.mark.parametrize(
    ("expression", "item"),
    [
        # CodeableConcepts have one Coding in common, or else are compared by their members
        ("component[0] ~ component[1]", True),
        ("component[0] ~ component[2]", False),
        ("component[0] ~ component[4]", False),
        ("component[2] ~ component[3]", True),
        ("component[4] ~ component[5]", False),
        ("component.take(2) ~ component.skip(0).take(2)", True),
        ("component.take(2) ~ component.skip(1).take(2)", False),
        # of Codings system and code count, and only of Codings
        ("extension[0] ~ extension[1]", True),
        ("extension[0] ~ extension[2]", False),
        ("extension[5] ~ extension[6]", False),
        ("contained[0].meta ~ contained[1].meta", True),
        # date-times and quantities
        ("extension[3] ~ extension[4]", True),
        ("extension[7] ~ extension[8]", True),
        ("extension[7] ~ extension[3]", False),
        # whole resources, and several levels
        ("contained[0] ~ contained[1]", True),
        ("contained[0] ~ contained[2]", False),
        ("contained[0].contact ~ contained[1].contact", True),
        ("(component[0] | contained[0]) ~ (contained[1] | component[1])", True),
        ("children() ~ children()", True),
        ("$this ~ %resource", True),
    ],
)
def test_what_objects_consist_of(database: Database, expression: str, item: bool) -> None:
    assert database.evaluate(expression, _OBSERVATION) == [item]


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ({"x": [[1, 2], [3]], "n": None, "t": True}, {"t": True, "x": [[3], [2, Decimal("1.0")]], "n": None}, True),
        ({"x": [[1, 2], [3]]}, {"x": [1, 2, 3]}, False),
        ({"x": {}}, {"x": []}, False),
        ({"x": "true"}, {"x": True}, False),
        ({"x": "1"}, {"x": 1}, False),
        ({'u"{,}[]:': '{"v":1,[}'}, {'u"{,}[]:': '{"V":1,[}'}, True),
        ({"a": "x,b", "c": "d"}, {"a": "x", "b,c": "d"}, False),
        ({"u": "s\u0001t"}, {"u": "S\u0001t"}, True),
        ({"U": "x"}, {"u": "x"}, False),
        ({"u": "x"}, {"u": ["x"]}, True),
        ({"u": [10, 20]}, {"u": [Decimal("20.1"), Decimal("9.6")]}, True),
        ({"u": [{"v": 9}, {"v": 10}]}, {"u": [{"v": Decimal("10.0")}, {"v": Decimal("9.0")}]}, True),
        ({"u": [{"v": -9}, {"v": 10}]}, {"u": [{"v": Decimal("10.0")}, {"v": Decimal("9.0")}]}, False),
        ({"u": "x", "id": {"a": [1, 2]}}, {"u": "x"}, True),
        ({"id": 1}, {}, True),
        ({"u": "  \u00a0X \n y"}, {"u": "x Y"}, True),
        ({"u": "\u00e4\u4e2d\U0001f600"}, {"u": "\u00c4\u4e2d\U0001f600"}, True),
        ({"coding": [{"display": "a", "code": "c"}]}, {"coding": [{"display": "b", "code": "c"}]}, False),
        ({"v": {"display": "a", "code": "c"}}, {"v": {"display": "b", "code": "c"}}, False),
    ],
)
def test_what_json_may_look_like(untyped: Database, left: Any, right: Any, same: bool) -> None:
    resource = {"left": left, "right": right}
    assert untyped.evaluate("left ~ right", resource) == [same]
    assert untyped.evaluate("left ~ left", resource) == [True]


@pytest.mark.parametrize("levels", [1, 5, 30, 80])
def test_as_deep_as_there_is_anything(untyped: Database, levels: int) -> None:
    left: Any = {"u": ["a", "b"]}
    right: Any = {"u": ["B", "a"]}
    for _ in range(levels):
        left, right = {"x": left}, {"x": right}
    # What is deeper than any resource is the same if its JSON is.
    assert untyped.evaluate("left ~ right", {"left": left, "right": right}) == [levels < 40]
    assert untyped.evaluate("left ~ left", {"left": left}) == [True]


def test_a_reference_is_no_coding_where_an_element_may_be_either(database: Database) -> None:
    """An element called profile is a Coding in one type, and a Reference in others."""
    own, other = ({"type": {"text": "t"}, "profile": {"display": name}} for name in "ab")
    resource = {"resourceType": "MessageDefinition", "focus": [own, other]}
    both = [{"profile": {"system": "s", "display": name}, "code": "x"} for name in "ab"]
    assert database.evaluate("focus[0] ~ focus[1]", resource) == [False]
    assert database.evaluate("focus[0] ~ focus[1]", {**resource, "focus": both}) == [True]


@pytest.mark.parametrize("members", list(itertools.permutations(["display", "version", "code"])))
def test_members_of_a_coding_have_no_order(database: Database, members: tuple[str, ...]) -> None:
    own = {"class": {"code": "c", "userSelected": True}, "period": {"start": "2020"}}
    other = {"class": {name: name[0] for name in members}, "period": {"start": "2020"}}
    resource = {"resourceType": "Encounter", "classHistory": [own, other]}
    assert database.evaluate("classHistory[0] ~ classHistory[1]", resource) == [True]


def _quantity(value: str, unit: str) -> dict[str, Any]:
    return {"value": Decimal(value), "unit": unit}


def _observation(*sides: list[dict[str, Any]]) -> dict[str, Any]:
    return {"resourceType": "Observation", "component": [{"referenceRange": side} for side in sides]}


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ((("5", "mg"), ("1", "g")), (("0.005", "g"), ("1000", "mg")), True),
        ((("5", "mg"), ("1", "g")), (("0.005", "g"), ("2000", "mg")), False),
        ((("9", "mg"), ("10", "mg")), (("10", "mg"), ("9", "mg")), True),
        ((("10", "mg"), ("20", "mg")), (("20.1", "mg"), ("9.6", "mg")), True),
        ((("-5", "Cel"), ("5", "Cel")), (("41.00", "[degF]"), ("23.0", "[degF]")), True),
        ((("-1", "m"), ("-2", "m"), ("0.5", "m")), (("-200", "cm"), ("50", "cm"), ("-100", "cm")), True),
        ((("-1", "m"), ("-2", "m"), ("0.5", "m")), (("-200", "cm"), ("50", "cm"), ("100", "cm")), False),
        ((("1", "year"), ("1", "d")), (("24", "h"), ("1", "a")), True),
        ((("5", "furlong"), ("50", "#")), (("50", "#"), ("5", "furlong")), True),
        ((("5", "mm [Hg]"), ("50", "#/x #y")), (("50", "#/x #z"), ("5", "mm [Hg]")), False),
        ((("1e25", "g"), ("9e25", "g"), ("-9e25", "g")), (("-9e25", "g"), ("9e25", "g"), ("1e25", "g")), True),
    ],
)
def test_items_that_differ_in_quantities_alone_are_paired_by_their_values(
    database: Database, left: tuple[tuple[str, str], ...], right: tuple[tuple[str, str], ...], same: bool
) -> None:
    sides = ([{"low": _quantity(*each)} for each in side] for side in (left, right))
    assert database.evaluate("component[0] ~ component[1]", _observation(*sides)) == [same]


@pytest.mark.parametrize(
    ("high", "same"),
    [({"low": ("5", "mg"), "high": ("2", "g")}, True), ({"low": ("5", "mg"), "high": ("3", "g")}, False)],
)
def test_where_one_quantity_is_the_same_the_next_one_decides(
    database: Database, high: dict[str, tuple[str, str]], same: bool
) -> None:
    left = [{"low": ("5", "mg"), "high": ("1000", "mg")}, high]
    right = [{"high": ("2000", "mg"), "low": ("0.005", "g")}, {"high": ("1", "g"), "low": ("5.0", "mg")}]
    sides = ([{name: _quantity(*each) for name, each in item.items()} for item in side] for side in (left, right))
    assert database.evaluate("component[0] ~ component[1]", _observation(*sides)) == [same]


def test_what_stands_behind_a_number_orders_items_before_it_does(database: Database) -> None:
    left = [{"low": _quantity("5", "mg"), "text": "x"}, {"low": _quantity("5.0", "mg"), "text": "y"}]
    right = [{"low": _quantity("0.005", "g"), "text": "y"}, {"low": _quantity("6", "mg"), "text": "X"}]
    assert database.evaluate("component[0] ~ component[1]", _observation(left, right)) == [False]
    right[1]["low"]["value"] = Decimal("5.00")
    assert database.evaluate("component[0] ~ component[1]", _observation(left, right)) == [True]


def _concept(codes: str) -> dict[str, Any]:
    return {"coding": [{"code": code, "display": code * 2} for code in codes]} if codes.islower() else {"text": codes}


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (("ax", "b"), ("bc", "x"), True),
        (("ax", "b"), ("bc", "b"), False),
        (("x", "b"), ("b", "x", "x"), False),
        (("x", "x", "b"), ("b", "x", "b"), False),
        (("x", "x", "b"), ("bd", "ax", "cx"), True),
        (("ax", "b", "T"), ("T ", "bc", "x"), True),
        (("ax", "b", "T"), ("U", "bc", "x"), False),
        (("ax", "b"), ("T", "x"), False),
        (("ax",), ("xb",), True),
        # The first of the left is like both of the right, and the first of these like both of the left.
        (("ax", "a"), ("a", "x"), True),
    ],
)
def test_concepts_of_an_array_are_paired_by_what_they_have_in_common(
    database: Database, left: tuple[str, ...], right: tuple[str, ...], same: bool
) -> None:
    sides = ([{"appliesTo": list(map(_concept, side)), "text": "t"}] for side in (left, right))
    resource = _observation(*sides)
    assert database.evaluate("component[0] ~ component[1]", resource) == [same]
    assert database.evaluate("component[1] ~ component[0]", resource) == [same]
    assert database.evaluate(
        "component.referenceRange.first().appliesTo ~ component.referenceRange.last().appliesTo", resource
    ) == [same]


_JSON = st.recursive(
    st.sampled_from(["a", "b", "A c", 1, 2, True]),
    lambda inner: st.lists(inner, min_size=2, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, min_size=1),
    max_leaves=8,
)


def _shuffled(item: Any, seed: int) -> Any:
    source = random.Random(seed)
    if isinstance(item, list):
        return source.sample([_shuffled(each, seed) for each in item], len(item))
    if isinstance(item, dict):
        return {name: _shuffled(item[name], seed) for name in source.sample(list(item), len(item))}
    return item.upper() if isinstance(item, str) else item


def _multiset(item: Any) -> Any:
    """What is equal for equivalent items."""
    if isinstance(item, list):
        return ("several", tuple(sorted(map(_multiset, item), key=repr)))
    if isinstance(item, dict):
        return ("object", tuple(sorted((name, _multiset(value)) for name, value in item.items())))
    return (type(item).__name__, str(item).lower())


@settings(max_examples=60, deadline=None)
@given(left=_JSON, right=_JSON, seed=st.integers(0, 99))
def test_the_order_at_no_level_counts(untyped: Database, left: Any, right: Any, seed: int) -> None:
    resource = {"left": {"x": left}, "other": {"x": _shuffled(left, seed)}, "right": {"x": right}}
    assert untyped.evaluate("left ~ other", resource) == [True]
    assert untyped.evaluate("left ~ right", resource) == [_multiset(left) == _multiset(right)]
