"""Equality of complex values, whose elements stand in JSON in any order; on both databases."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fhir4ds.database import Database

#: The first two names are equal; in the third one an array has another order, in the last one members other values.
_PATIENT = {
    "resourceType": "Patient",
    "id": "n",
    "name": [
        {"family": "f", "given": ["a", "b"], "period": {"start": "2020", "end": "2021"}},
        {"period": {"end": "2021", "start": "2020"}, "given": ["a", "b"], "family": "f"},
        {"period": {"end": "2021", "start": "2020"}, "given": ["b", "a"], "family": "f"},
        {"period": {"end": "2020", "start": "2021"}, "given": ["a", "b"], "family": "f"},
    ],
    "contact": [
        {"name": {"family": "x", "extension": [{"url": "u", "valueDecimal": 1.5}]}},
        {"name": {"extension": [{"valueDecimal": 1.5, "url": "u"}], "family": "x"}},
        {"name": {"extension": [{"valueString": "1.5", "url": "u"}], "family": "x"}},
    ],
}


@pytest.mark.parametrize(
    ("expression", "item"),
    [
        ("name[0] = name[1]", True),
        ("name[0] != name[1]", False),
        ("name[0] ~ name[1]", True),
        ("name[0] = name[2]", False),
        ("name[0] = name[3]", False),
        ("contact[0] = contact[1]", True),
        ("contact[1] = contact[2]", False),
        ("name.distinct().count()", 3),
        ("(contact.name | contact.name).count()", 2),
        ("name.isDistinct()", False),
        ("name[1] in name.first()", True),
        ("name.exclude(name[1]).count()", 2),
    ],
)
def test_members_have_no_order(database: Database, expression: str, item: object) -> None:
    """Complex values are equal if their elements are (FHIRPath N1, section 6.1.1), and JSON objects have no order."""
    assert database.evaluate(expression, _PATIENT) == [item]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"a": "x", "b": {"c": "y"}}, {"a": "y", "b": {"c": "x"}}),
        ({"a": ["x"], "b": 1}, {"b": 1, "a~1": "x"}),
        ({"a": {}, "b": "c"}, {"b": {}, "a": "c"}),
        ({"a": {}, "b": 1}, {"c": {}, "b": 1}),
        ({"a/b": "xxxx"}, {"a": {"b": "x"}}),
        ({"a": [["x"], []]}, {"a": [[], ["x"]]}),
        ({"a": [1, 22], "b": 0}, {"b": 0, "a": [12, 2]}),
        ({"a": ["b:", "{"], "c": {"d": "["}}, {"c": {"d": "{"}, "a": ["b:", "["]}),
        ({"a:": "x", "b": ['"']}, {"b": ["x"], "a:": '"'}),
    ],
)
def test_what_only_looks_alike_differs(untyped: Database, left: object, right: object) -> None:
    resource = {"left": left, "right": right, "again": left}
    assert untyped.evaluate("left = right", resource) == [False]
    assert untyped.evaluate("left = again", resource) == [True]


def _range(low: str, text: str = "x: 1.0,") -> dict[str, object]:
    return {"low": {"value": Decimal(low), "unit": "g"}, "text": text}


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("1", "1.0", True),
        ("1.50", "1.5", True),
        ("100", "100.00", True),
        ("0.10", "0.1", True),
        ("1.5", "1.51", False),
        ("10", "1.0", False),
    ],
)
def test_zeros_at_the_end_of_numbers_do_not_count(database: Database, left: str, right: str, same: bool) -> None:
    """A number is its value, also within complex values (FHIRPath N1, section 6.1.1)."""
    resource = {"resourceType": "Observation", "referenceRange": [_range(left), _range(right)]}
    assert database.evaluate("referenceRange[0] = referenceRange[1]", resource) == [same]
    assert database.evaluate("referenceRange.distinct().count()", resource) == [1 if same else 2]
    assert database.evaluate("(referenceRange[0] | referenceRange[1]).low.value.first()", resource) == [Decimal(left)]


def test_what_looks_like_a_number_in_a_text_is_text(database: Database) -> None:
    ranges = [_range("1.50", text) for text in ('"low":1.0,', '"low":1,')]
    resource = {"resourceType": "Observation", "referenceRange": ranges}
    assert database.evaluate("referenceRange[0] = referenceRange[1]", resource) == [False]
    assert database.evaluate("referenceRange.text", resource) == ['"low":1.0,', '"low":1,']


#: Names without a value, of which two differ in the order of what stands beside them, and one in what that is.
_BESIDE = {
    "resourceType": "Patient",
    "name": [
        {"given": [None, "a"], "_given": [{"id": "x", "extension": [{"url": "u", "valueDecimal": 1.5}]}, None]},
        {"given": [None, "a"], "_given": [{"extension": [{"valueDecimal": 1.5, "url": "u"}], "id": "x"}, None]},
        {"given": [None, "a"], "_given": [{"extension": [{"valueDecimal": 2.5, "url": "u"}], "id": "x"}, None]},
    ],
    "extension": [
        {"url": "a", "_valueString": {"id": "q", "extension": [{"url": "k", "valueInteger": 1}]}},
        {"url": "a", "_valueString": {"extension": [{"valueInteger": 1, "url": "k"}], "id": "q"}},
    ],
}


@pytest.mark.parametrize(
    ("expression", "item"),
    [
        ("name[0].given = name[1].given", True),
        ("name[0].given = name[2].given", False),
        ("name[0].given ~ name[1].given", True),
        ("name[0].given ~ name[2].given", False),
        ("name.given.distinct().count()", 3),
        ("name[0].given.union(name[1].given).count()", 2),
        ("name[0].given.intersect(name[1].given).count()", 2),
        ("name[0].given.exclude(name[1].given).count()", 0),
        ("name[0].given.subsetOf(name[1].given)", True),
        ("name[0].given.subsetOf(name[2].given)", False),
        ("name[1].given[0] in name[0].given", True),
        ("extension.value.distinct().count()", 1),
        ("name[0].given = ('x' | 'a')", False),
        ("'a' in name[0].given", True),
    ],
)
def test_members_beside_elements_without_a_value_have_no_order(
    database: Database, expression: str, item: object
) -> None:
    assert database.evaluate(expression, _BESIDE) == [item]
