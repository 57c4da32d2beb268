"""Cutting documents into the texts of their resources."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir4ds.store.document import resources_in


def cut(text: str) -> list[str]:
    found = list(resources_in(text))
    assert [text[place : place + len(resource)] for place, resource in found] == [resource for _, resource in found]
    return [resource for _, resource in found]


@pytest.mark.parametrize(
    ("text", "resources"),
    [
        ("", []),
        (" \n\t\r ", []),
        ('{"id": 1.50}', ['{"id": 1.50}']),
        ('\n { "id" : 1e2 } \n', ['{ "id" : 1e2 }']),
        ("[]", []),
        ("[ ]", []),
        ('[{"a": [1, {"b": 2}]} , "x", 3.10 ,null, [1]]', ['{"a": [1, {"b": 2}]}', '"x"', "3.10", "null", "[1]"]),
        ('{"a": 1}\n{"a": 2} [{"a": 3}]', ['{"a": 1}', '{"a": 2}', '{"a": 3}']),
        ('{"a": ' + "9" * 5000 + "}", ['{"a": ' + "9" * 5000 + "}"]),
    ],
)
def test_documents_and_arrays(text: str, resources: list[str]) -> None:
    assert cut(text) == resources


@pytest.mark.parametrize(
    ("text", "resources"),
    [
        ('{"resourceType": "Bundle"}', []),
        ('{"resourceType": "Bundle", "entry": []}', []),
        ('{"resourceType": "Bundle", "entry": null}', []),
        ('{"resourceType": "Bundle", "entry": [{"resource": {"v": 1.50}}]}', ['{"v": 1.50}']),
        ('{"entry": [{"resource": {"a": 1}}, {"resource": {"a": 2}}], "resourceType": "Bundle"}', ['{"a": 1}', '{"a": 2}']),
        ('{"id": "b", "resourceType" : "Bundle" , "entry" : [ { "fullUrl": "u", "resource" : 7 , "x": {} } ]}', ["7"]),
        ('{"resourceType": "Bundle", "entry": [{"request": {}}, {"resource": null}, null, 1, {}]}', []),
        ('{"resource\\u0054ype": "Bundle", "\\u0065ntry": [{"resource": {}}]}', ["{}"]),
        # only the outermost is opened
        ('{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Bundle", "entry": []}}]}',
         ['{"resourceType": "Bundle", "entry": []}']),
        # not Bundles
        ('{"resourceType": "List", "entry": [{"resource": 1}]}', ['{"resourceType": "List", "entry": [{"resource": 1}]}']),
        ('{"entry": [{"resource": 1}]}', ['{"entry": [{"resource": 1}]}']),
        ('{"a": {"resourceType": "Bundle"}, "entry": [1]}', ['{"a": {"resourceType": "Bundle"}, "entry": [1]}']),
        # Bundles in an array
        ('[{"resourceType": "Bundle", "entry": [{"resource": 1}]}, {"a": 2}]', ["1", '{"a": 2}']),
    ],
)  # fmt: skip
def test_a_bundle_stands_for_what_it_holds(text: str, resources: list[str]) -> None:
    assert cut(text) == resources


@pytest.mark.parametrize(
    ("text", "before", "place"),
    [
        ('[{"a": 1}, {"a": 2', ['{"a": 1}'], 18),
        ('[{"a": 1} {"a": 2}]', ['{"a": 1}'], 10),
        ('[{"a": 1},]', ['{"a": 1}'], 10),
        ("[", [], 1),
        ("]", [], 0),
        ('{"a": 1}, {"a": 2}', ['{"a": 1}'], 8),
        ('{"resourceType": "Bundle", "entry": [{"resource": {"a": 1}}, {"resource": {"a" 2}}]}', ['{"a": 1}'], 79),
        ('{"resourceType": "Bundle", "entry": [{"resource": {"a": 1}}', ['{"a": 1}'], 59),
        ('{"resourceType": "Bundle", "entry": [{1: 2}]}', [], 38),
        ('{"resourceType": "Bundle", "entry" []}', [], 35),
        ("{resourceType: 1}", [], 1),
        ("\ufeff{}", [], 0),
    ],
)
def test_what_comes_before_an_error_is_found(text: str, before: list[str], place: int) -> None:
    found = []
    with pytest.raises(json.JSONDecodeError) as error:
        for _, resource in resources_in(text):
            found.append(resource)
    assert (found, error.value.pos) == (before, place)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(VALUES), st.sampled_from([None, 0, 3]), st.booleans())
def test_every_value_is_found_and_nothing_else(values: list[Any], indent: int | None, in_bundle: bool) -> None:
    if in_bundle:
        values = [value for value in values if value is not None]
        document: Any = {"type": "x", "entry": [{"resource": value} for value in values], "resourceType": "Bundle"}
    else:
        document = values
    texts = cut(json.dumps(document, indent=indent))
    assert list(map(json.loads, texts)) == values


@given(st.text(alphabet='[]{}",: 1a\\\n'))
def test_any_text_ends_in_resources_or_an_error(text: str) -> None:
    try:
        texts = cut(text)
    except json.JSONDecodeError:
        return
    for found in texts:
        json.loads(found, strict=False)
