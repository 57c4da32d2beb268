"""What is accepted as a resource, and why the rest is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir4ds.store import resource as module
from fhir4ds.store.resource import NotAResource, Resource, ResourceReader


def read(text: str) -> Resource:
    return ResourceReader().read(text)


def refused(text: str) -> tuple[str, str | None]:
    with pytest.raises(NotAResource) as error:
        read(text)
    return error.value.reason, error.value.type


def patient(members: str) -> str:
    return '{"resourceType": "Patient", "id": "p", ' + members + "}"


@pytest.mark.parametrize(
    "text",
    [
        '{"resourceType":"Patient","id":"p"}',
        '{ "id" : "p" ,\t"resourceType" : "Patient" }',
        patient('"a": [1.50, 1e2, 1E+2, -0.0, 0.10, 123456789012345678901234567890, 3.141592653589793238462643383279]'),
        patient('"a": {"id": 7, "resourceType": ["x"]}, "contained": [{"resourceType": "Patient", "id": "inner"}]'),
        patient('"a": "\\ud83d\\ude00 \\uD83D\\uDE00 \\\\u0000 \\\\\\\\u0000 \\\\ud83d \\u0001 \u0085\u2028"'),
        patient('"a": null, "b": true, "c": {}, "d": [], "e": [[[]]]'),
        patient('"a": "a: b, \\":{[ \\": ", "\\": ": {"": 1}'),
    ],
)
def test_the_text_is_kept_to_the_last_character(text: str) -> None:
    assert read(text) == Resource("Patient", "p", text)


@pytest.mark.parametrize(
    ("text", "reason", "type"),
    [
        ("", "not JSON: Expecting value at column 1", None),
        ("{", "not JSON: Expecting property name enclosed in double quotes at column 2", None),
        ('{"resourceType": "Patient"', "not JSON: Expecting ',' delimiter at column 27", None),
        (patient('"a": 1') + " {}", "not JSON: Extra data at column 48", None),
        (patient('"a": 01'), "not JSON: Expecting ',' delimiter at column 46", None),
        (patient('"a": "tab\tinside"'), "not JSON: Invalid control character at column 49", None),
        (patient('"a": NaN'), "not JSON: NaN", None),
        (patient('"a": -Infinity'), "not JSON: -Infinity", None),
        ("null", "null instead of a JSON object", None),
        ("true", "a boolean instead of a JSON object", None),
        ("1.5", "a number instead of a JSON object", None),
        ('"x"', "a string instead of a JSON object", None),
        ('[{"resourceType": "Patient", "id": "p"}]', "an array instead of a JSON object", None),
        ("{}", "no resourceType", None),
        ('{"resourceType": null, "id": "p"}', "resourceType is null instead of a string", None),
        ('{"resourceType": {"a": 1}, "id": "p"}', "resourceType is an object instead of a string", None),
        ('{"resourceType": "", "id": "p"}', "resourceType is not 1 to 255 printable characters", None),
        ('{"resourceType": "Patient"}', "no id", "Patient"),
        ('{"resourceType": "Patient", "id": 7}', "id is a number instead of a string", "Patient"),
        ('{"resourceType": "Patient", "id": 7.0}', "id is a number instead of a string", "Patient"),
        ('{"resourceType": "Patient", "id": true}', "id is a boolean instead of a string", "Patient"),
        ('{"resourceType": "Patient", "id": ["p"]}', "id is an array instead of a string", "Patient"),
        ('{"resourceType": "Patient", "id": ""}', "id is not 1 to 255 printable characters", "Patient"),
        ('{"resourceType": "Patient", "id": "a\\nb"}', "id is not 1 to 255 printable characters", "Patient"),
        ('{"resourceType": "Patient", "id": "\\ud800"}', "id is not 1 to 255 printable characters", "Patient"),
        (
            '{"resourceType": "Patient", "id": "' + "x" * 256 + '"}',
            "id is not 1 to 255 printable characters",
            "Patient",
        ),
        (patient('"id": "q"'), 'duplicate key "id": databases differ in which of the two they keep', None),
        (
            patient('"a": [{"b": {"c": 1, "\\u0063": 2}}]'),
            'duplicate key "c": databases differ in which of the two they keep',
            None,
        ),
        (patient('"a": "\\u0000"'), "the character \\u0000, which PostgreSQL cannot store", "Patient"),
        (patient('"a\\\\\\u0000": 1'), "the character \\u0000, which PostgreSQL cannot store", "Patient"),
        (patient('"a": "\\ud800"'), "half of a surrogate pair, which is no character", "Patient"),
        (patient('"a": "\\uDE00\\uD83D"'), "half of a surrogate pair, which is no character", "Patient"),
        (patient('"a": "\\ud83d\\\\ude00"'), "half of a surrogate pair, which is no character", "Patient"),
        (patient('"a": 1e1001'), "a number with more than 1000 digits or powers of ten", None),
        (patient('"a": 1E-99999999999999999999'), "a number with more than 1000 digits or powers of ten", None),
        (patient(f'"a": {"1" * 1001}'), "a number with more than 1000 digits or powers of ten", None),
        (patient(f'"a": 0.{"1" * 1001}'), "a number with more than 1000 digits or powers of ten", None),
        (patient(f'"a": 1e{"0" * 5000}'), "a number with more than 1000 digits or powers of ten", None),
        (patient(f'"a": {"[" * 500}{"]" * 500}'), "nested more than 500 levels deep", "Patient"),
        (patient(f'"a": {"[" * 99_999}{"]" * 99_999}'), "nested more than 500 levels deep", None),
    ],
)
def test_what_is_refused_is_told_why(text: str, reason: str, type: str | None) -> None:
    assert refused(text) == (reason, type)


def test_limits_are_as_far_as_they_say() -> None:
    members = (
        f'"a": {"1" * 1000}, "b": 1e1000, "c": 1e-1000, "d": {"[" * 499}{"]" * 499}, "e": [{"{},".join([""] * 600)}1]'
    )
    assert read(patient(members)).id == "p"
    assert read('{"resourceType": "Patient", "id": "' + "x" * 255 + '"}').id == "x" * 255


def test_brackets_in_strings_are_not_nesting() -> None:
    text = patient('"a": "' + "[{" * 300 + '\\"' + "[" * 300 + '"')
    assert read(text).text == text


def test_a_text_too_long_for_jsonb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    text = patient('"a": "\u00e9\u00e9\u00e9"')
    monkeypatch.setattr(module, "LONGEST", len(text.encode()))
    assert read(text).text == text
    monkeypatch.setattr(module, "LONGEST", len(text.encode()) - 1)
    assert refused(text) == ("longer than 0 MiB, which PostgreSQL cannot store", None)


def test_a_resource_on_several_lines_is_put_on_one() -> None:
    text = '{\r\n  "resourceType": "Patient",\n\n  "id": "p",\n  "a": [ 1.50,\n\t"x\\n  y" ]\n}'
    assert read(text).text == '{"resourceType": "Patient","id": "p","a": [ 1.50,"x\\n  y" ]}'


def test_reasons_hold_no_content() -> None:
    secret = "Sensitive"
    for members in (f'"{secret}" 1', f'"a": "{secret}", "a": 1', f'"a": "{secret}\\u0000"', f'"a": {secret}'):
        assert secret not in refused(patient(members))[0]


def test_a_reader_goes_on_after_a_refusal() -> None:
    reader = ResourceReader()
    with pytest.raises(NotAResource):
        reader.read('{"resourceType": "Patient", "id": "p", "a": {"b": 1')
    assert reader.read('{"resourceType": "Device", "id": "d"}') == Resource(
        "Device", "d", '{"resourceType": "Device", "id": "d"}'
    )
    with pytest.raises(NotAResource, match="no resourceType"):
        reader.read("{}")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), VALUES, max_size=5), st.booleans(), st.sampled_from([None, 2]))
def test_any_json_object_with_type_and_id_is_a_resource(
    members: dict[str, Any], escaped: bool, indent: int | None
) -> None:
    resource = {**members, "resourceType": "Patient", "id": "p"}
    text = json.dumps(resource, ensure_ascii=escaped, indent=indent)
    if "\\u0000" in json.dumps(resource) and "\0" in str(_strings(resource)):
        assert refused(text)[0].startswith("the character")
        return
    type, id, stored = read(text)
    assert (type, id, json.loads(stored)) == ("Patient", "p", resource)
    assert "\n" not in stored


def _strings(value: Any) -> str:
    match value:
        case dict():
            return "".join(_strings(key) + _strings(member) for key, member in value.items())
        case list():
            return "".join(map(_strings, value))
        case str():
            return value
        case _:
            return ""
