"""Equality of objects in which something may be written in several ways: quantities and date-times; on both databases.

Members are equal recursively (FHIRPath N1, section 6.1.1), and quantities and date-times are by what they mean.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir4ds.database import Database
from fhir4ds.errors import EvaluationError

_PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "name": [
        {"family": "F", "period": {"start": "2020-01-01T10:00:00Z", "end": "2021"}},
        {"period": {"end": "2021", "start": "2020-01-01T11:00:00.000+01:00"}, "family": "F"},
        {"family": "F", "period": {"start": "2020-01-01T10:00:01Z", "end": "2021"}},
        {"family": "F", "period": {"start": "2020-13-01T10:00:00Z", "end": "2021"}},
        {"family": "2020-01-01T10:00:00Z"},
        {"family": "2020-01-01T11:00:00+01:00"},
    ],
    "extension": [
        {"url": "a", "valueQuantity": {"value": 5, "unit": "mg"}},
        {"url": "a", "valueQuantity": {"unit": "g", "value": 0.005}},
        {"url": "a", "valueString": "2020-01-01T10:00:00Z"},
        {"url": "a", "valueString": "2020-01-01T11:00:00+01:00"},
        {"url": "a", "valueInstant": "2020-01-01T10:00:00Z"},
        {"url": "a", "valueInstant": "2020-01-01T09:30:00-00:30"},
        {
            "url": "a",
            "extension": [{"url": "b", "extension": [{"url": "c", "valueDuration": {"value": 2, "code": "h"}}]}],
        },
        {
            "url": "a",
            "extension": [{"url": "b", "extension": [{"url": "c", "valueDuration": {"value": 120, "code": "min"}}]}],
        },
    ],
}


@pytest.mark.parametrize(
    ("expression", "item"),
    [
        ("name[0] = name[1]", True),
        ("name[0] != name[1]", False),
        ("name[0] = name[2]", False),
        ("name[0] = name[3]", False),
        ("name[3] = name[3]", True),
        ("name[4] = name[5]", False),
        ("name.period[0] = name.period[1]", True),
        ("name.distinct().count()", 5),
        ("name.isDistinct()", False),
        ("extension[0] = extension[1]", True),
        ("extension[2] = extension[3]", False),
        ("extension[4] = extension[5]", True),
        ("extension[6] = extension[7]", True),
        ("extension[0] = extension[4]", False),
        ("extension.distinct().count()", 5),
        ("extension[1] in extension.take(1)", True),
        ("extension.take(2) contains extension[6]", False),
        ("extension.take(1).intersect(extension[1]).value.value", 5),
        ("extension.exclude(extension[1]).count()", 6),
        ("extension[1].subsetOf(extension[0])", True),
        ("(extension[0] | extension[1]).value.unit", "mg"),
        ("extension.take(1).combine(name.first()) = extension[1].combine(name[1])", True),
        ("children().where($this = %context.extension[1]).count()", 2),
        ("children().distinct().count() = children().count() - 4", True),
        ("(name | extension).count()", 10),
        ("$this = %resource", True),
    ],
)
def test_quantities_and_date_times_are_what_they_mean(database: Database, expression: str, item: object) -> None:
    assert database.evaluate(expression, _PATIENT) == [item]


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ({"value": 5, "unit": "mg"}, {"value": Decimal("5.00"), "unit": "mg"}, True),
        ({"value": 37, "code": "Cel"}, {"value": Decimal("98.6"), "code": "[degF]"}, True),
        ({"value": 0, "code": "Cel"}, {"value": 0, "code": "K"}, False),
        ({"value": 1, "unit": "year"}, {"value": 12, "unit": "months"}, True),
        ({"value": 1, "unit": "year"}, {"value": 1, "code": "a"}, False),
        ({"value": 7, "code": "d"}, {"value": 1, "unit": "week"}, True),
        ({"value": 3, "unit": "a few"}, {"value": 3, "unit": "a few", "system": "urn:x"}, True),
        ({"value": 3, "unit": "a few"}, {"value": 3, "unit": "a lot"}, False),
        ({"value": 3, "unit": "{score}"}, {"value": 3}, True),
        ({"value": 5, "unit": "mg", "comparator": "<"}, {"value": Decimal("0.005"), "unit": "g"}, False),
        ({"value": 5, "unit": "mg", "comparator": "<"}, {"value": 5, "unit": "mg", "comparator": "<"}, True),
        ({"value": "5", "unit": "mg"}, {"value": Decimal("0.005"), "unit": "g"}, False),
        ({"value": "5", "unit": "mg"}, {"unit": "mg", "value": "5"}, True),
        ({"value": 10**25, "unit": "kg"}, {"value": 10**25, "unit": "g"}, False),
        ({"value": 10**25, "unit": "kg"}, {"unit": "kg", "value": 10**25}, True),
        ({"value": 5, "unit": 'm"}{g', "code": "mg"}, {"value": Decimal("0.005"), "unit": "g"}, True),
    ],
)
def test_quantities_within_objects(database: Database, left: dict[str, Any], right: dict[str, Any], same: bool) -> None:
    texts = '{"value": 1}', "}"
    resource = {
        "resourceType": "Observation",
        "referenceRange": [
            {"low": left, "text": texts[0]},
            {"text": texts[0], "low": right},
            {"low": left, "text": "}"},
        ],
    }
    assert database.evaluate("referenceRange[0] = referenceRange[1]", resource) == [same]
    assert database.evaluate("referenceRange[2] = referenceRange[1]", resource) == [False]
    assert database.evaluate("referenceRange.distinct().count()", resource) == [2 if same else 3]


def test_numbers_too_large_to_reckon_with_are_errors_where_they_are_reckoned_with(database: Database) -> None:
    own = {"low": {"value": 10**30, "unit": "g"}, "text": "a"}
    same = {"text": "a", "low": {"unit": "g", "value": 10**30}}
    other = {"low": {"value": 10**33, "unit": "mg"}, "text": "a"}
    resource = {"resourceType": "Observation", "referenceRange": [own, same, other]}
    assert database.evaluate("referenceRange[0] = referenceRange[1]", resource) == [True]
    for expression in ("referenceRange[0] = referenceRange[2]", "referenceRange.distinct()"):
        with pytest.raises(EvaluationError, match="at most 26 digits"):
            database.evaluate(expression, resource)


_QUANTITIES = st.sampled_from(
    [
        ("5", "mg"),
        ("0.005", "g"),
        ("5.0", "g"),
        ("1", "m"),
        ("100", "cm"),
        ("1", "h"),
        ("60", "min"),
        ("1", "a"),
        ("1", "years"),
        ("12", "months"),
        ("12", "mo"),
        ("1", "1"),
        ("100", "%"),
        ("1", ""),
    ]
).map(lambda parts: {"value": Decimal(parts[0]), **({"unit": parts[1]} if parts[1] else {})})
_RANGES = st.tuples(_QUANTITIES, _QUANTITIES, st.booleans()).map(
    lambda parts: dict([("low", parts[0]), ("high", parts[1])][:: -1 if parts[2] else 1])
)


@settings(max_examples=60, deadline=None)
@given(left=_RANGES, right=_RANGES)
def test_objects_are_equal_if_their_quantities_are(database: Database, left: object, right: object) -> None:
    resource = {"resourceType": "Observation", "referenceRange": [left, right]}
    both = "(referenceRange[0].low = referenceRange[1].low) and (referenceRange[0].high = referenceRange[1].high)"
    whole = database.evaluate("referenceRange[0] = referenceRange[1]", resource)
    assert whole == [database.evaluate(both, resource) == [True]]


def test_what_is_no_quantity_is_compared_as_it_is(untyped: Database) -> None:
    resource = {"a": {"q": {"value": 5, "unit": "mg"}}, "b": {"q": {"value": Decimal("0.005"), "unit": "g"}}}
    assert untyped.evaluate("a = b", resource) == [False]
