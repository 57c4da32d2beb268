"""children() and descendants(): each element is one item, with all that belongs to it, on both databases."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from fhir4ds.database import Database


def _extension(url: str, **value: Any) -> dict[str, Any]:
    return {"url": url, **value}


#: Elements with a value, with something beside it, with both; in a place of an array, beside a value of an extension.
_PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "active": True,
    "birthDate": "1970-03-30",
    "_birthDate": {"id": "b", "extension": [_extension("u", valueString="x")]},
    "_gender": {"extension": [_extension("q", valueCode="y")]},
    "deceasedBoolean": True,
    "_deceasedBoolean": {"extension": [_extension("d", valueString="dd", _valueString={"id": "deep"})]},
    "name": [
        {
            "family": "F",
            "given": ["a", None, "c"],
            "_given": [None, {"id": "x"}, {"extension": [_extension("e", valueDecimal=1)]}],
        }
    ],
}


@pytest.mark.parametrize(
    ("expression", "items"),
    {
        # id, active, birthDate, gender, deceased and name
        "children().count()": [6],
        "children().type().name": ["code", "boolean", "date", "boolean", "id", "HumanName"],
        "children().where($this is date)": ["1970-03-30"],
        "children().where($this is code).count()": [1],
        "children().ofType(code)": [],
        "children().ofType(code).exists()": [True],
        "children().ofType(code).extension.url": ["q"],
        "children().where($this is date).extension.url": ["u"],
        "children().where(hasValue().not() and ($this is HumanName).not()).extension.url": ["q"],
        "children().select(extension.url)": ["q", "u", "d"],
        "children().exists(extension.url = 'q')": [True],
        "children().all($this.exists())": [True],
        "children().first().extension.url": ["q"],
        "children()[1].type().name": ["boolean"],
        "children().tail().take(2).type().name": ["boolean", "date"],
        "children().where(children().exists()).count()": [4],
        "iif(true, children(), {}).count()": [6],
        "children().sort(id).count()": [6],
        "children().skip(1).count()": [5],
        "children().repeatAll(children()).count()": [19],
        # of an array, each place that has anything
        "name.children()": ["F", "a", "c"],
        "name.children().count()": [4],
        "name.children().id": ["x"],
        "name.first().children().id": ["x"],
        "name.children().where(id = 'x').count()": [1],
        "name.children().extension.url": ["e"],
        "name.children().where($this = 'c').extension.url": ["e"],
        "name.children().where($this = 'a').extension": [],
        # of a primitive element
        "birthDate.children()": [_extension("u", valueString="x"), "b"],
        "birthDate.children().count()": [2],
        "gender.children().url": ["q"],
        "deceased.children().url": ["d"],
        "deceased.descendants().id": ["deep"],
        "children().children().count()": [8],
        "children().children().id": ["x"],
        # to the end
        "descendants().count()": [25],
        "descendants().extension.url": ["q", "u", "d", "e"],
        "descendants().extension('e').value": [1],
        "descendants().id": ["b", "x", "deep"],
        "descendants().where(id = 'deep')": ["dd"],
        "descendants().where(id = 'deep') is string": [True],
        "descendants().where(id = 'x').exists()": [True],
        "descendants().ofType(string)": ["F", "a", "c", "x", "dd"],
        "descendants().ofType(string).count()": [6],
        # ids and codes are strings too
        "descendants().where($this is string).count()": [9],
        "descendants().where($this is string).where(extension.exists())": ["c"],
        "descendants().where(extension.exists()).where($this is string)": ["c"],
        "descendants().where(extension.exists() and $this is string)": ["c"],
        "descendants().ofType(Extension).url": ["q", "u", "d", "e"],
        "descendants().type().name.where($this = 'Element')": [],
        "repeatAll(children()).count()": [25],
        "repeat(children()).extension.url": ["q", "u", "d", "e"],
    }.items(),
)
def test_each_element_is_one_item(database: Database, expression: str, items: list[Any]) -> None:
    assert database.evaluate(expression, _PATIENT) == items


@pytest.mark.parametrize(
    ("expression", "items"),
    {
        "children().count()": [3],
        "contact.children()": [],
        "contact.children().id": ["g"],
        "contact.children().type().name": ["code"],
        "name.children().count()": [2],
        "name.children().where(id = 'f').count()": [1],
        "contained.children().type().name": ["code", "string"],
        "contained.children().extension.url": ["in"],
        "contained.descendants().count()": [6],
        "descendants().id": ["g", "s", "f"],
    }.items(),
)
def test_what_has_no_value(database: Database, expression: str, items: list[Any]) -> None:
    """A null that nothing stands beside is no item; all else is one, also in a contained resource."""
    status = {"status": "final", "_status": {"id": "s"}}
    text = {"valueString": "v", "_valueString": {"extension": [_extension("in", valueCode="c")]}}
    patient = {
        "resourceType": "Patient",
        "contact": [{"_gender": {"id": "g"}}],
        "name": [{"family": None, "_family": {"id": "f"}, "given": [None, "a"], "text": None}],
        "contained": [{"resourceType": "Observation", **status, **text}],
    }
    assert database.evaluate(expression, patient) == items


def _elements(value: Any) -> int:
    """The number of elements below a JSON value, as FHIR counts them."""
    if not isinstance(value, dict):
        return 0
    found = 0
    for name in {name.removeprefix("_") for name in value} - {"resourceType"}:
        pairs = [value.get(name), value.get(f"_{name}")]
        arrays = [pair if isinstance(pair, list) else [pair] for pair in pairs]
        size = max(map(len, arrays))
        for own, beside in zip(*(array + [None] * (size - len(array)) for array in arrays), strict=True):
            if own is not None or beside is not None:
                found += 1 + _elements(own) + _elements(beside)
    return found


def test_nothing_is_lost(database: Database) -> None:
    """As many elements as an independent count gives, and the same ids and extensions as by their paths."""
    patient = copy.deepcopy(_PATIENT)
    patient["contact"] = [copy.deepcopy(_PATIENT["name"][0]), {"name": copy.deepcopy(_PATIENT["name"][0])}]
    patient["extension"] = [_extension("o", extension=[_extension("i", valueDate="2020", _valueDate={"id": "v"})])]
    assert database.evaluate("descendants().count()", patient) == [_elements(patient)]
    assert database.evaluate("descendants().where(id = 'v')", patient) == ["2020"]


def test_without_a_model(untyped: Database) -> None:
    """Members are members, whatever they begin with; a null is no item."""
    assert untyped.evaluate("name.children()", _PATIENT) == [
        {"id": "x"},
        {"extension": [_extension("e", valueDecimal=1)]},
        "F",
        "a",
        "c",
    ]
    assert untyped.evaluate("children().count()", _PATIENT) == [8]
    assert untyped.evaluate("descendants().id", _PATIENT) == ["b", "x", "deep"]
    assert untyped.evaluate("children().children().count()", {"a": [None, {"b": None, "c": [None]}]}) == [0]
