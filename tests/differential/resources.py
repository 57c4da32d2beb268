"""Resources made from the FHIR model: valid by it, with choices, primitive extensions, null-padded arrays and nesting."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import attrs
from hypothesis import strategies as st

from fhir4ds.fhir.model import Element, Model, load_model

MODEL = load_model("R4")

#: Types of resources that are made: flat ones, one that nests, one that holds others, one with every kind of number.
TYPES = ("Patient", "Observation", "Questionnaire", "Bundle", "Encounter", "MedicationRequest", "Condition")

#: Types that a contained resource or an entry of a Bundle has.
_INNER_TYPES = ("Patient", "Observation", "Group")

#: Levels of objects below the resource, beside those that are required.
_LEVELS = 4

#: Beyond ASCII only characters without case, as databases differ in the case of others (documented limit), and no more
#: than a few, so that equal strings are met often.
_LETTERS = "abcXYZ019 -_.,'\"\\/\u5b57\U0001f525"

_words = st.sampled_from(["a", "Ada", "Eve", "official", "usual", "m", "abc", "ABC", "12", "1.5", "2020-02", "true"])
_text = st.one_of(_words, st.text(_LETTERS, min_size=1, max_size=6).filter(lambda text: bool(text.strip())))
_days = st.sampled_from(["2019", "2020-02", "2020-02-29", "1999-12-31", "2020-03-01", "2000-01"])
_clocks = st.sampled_from(["10:30:00", "10:30:00.5", "23:59:59.999", "00:00:00"])
_zones = st.sampled_from(["Z", "+00:00", "-05:00", "+05:45"])
_moments = st.builds("{}T{}{}".format, st.sampled_from(["2020-02-29", "1999-12-31"]), _clocks, _zones)
_uris = st.sampled_from(["http://example.org/a", "http://example.org/b", "http://unitsofmeasure.org", "urn:oid:1.2.3"])
_integers = st.one_of(st.integers(-3, 12), st.sampled_from([-(2**31), 2**31 - 1]))


def decimals(digits: int = 4) -> st.SearchStrategy[Decimal]:
    """Decimals with zeros at their end and with more digits than a binary fraction has, none smaller than databases hold."""
    numbers = st.builds(Decimal.scaleb, st.integers(-9999, 9999).map(Decimal), st.integers(-digits, 0))
    long = st.sampled_from(["12345678901234567.25", "0.123456789012", "100.000000", "0.00001", "-0.100"]).map(Decimal)
    return st.one_of(numbers, long).map(lambda number: abs(number) if number == 0 else Decimal(f"{number:f}"))


#: A value for each primitive type; `test_every_primitive_type_has_a_strategy` says which are missing.
PRIMITIVES: Mapping[str, st.SearchStrategy[Any]] = {
    "base64Binary": st.sampled_from(["dGVzdA==", "YQ==", "AAECAw=="]),
    "boolean": st.booleans(),
    "canonical": st.builds("{}{}".format, _uris, st.sampled_from(["", "|1.0"])),
    "code": st.sampled_from(["official", "usual", "home", "final", "a", "m", "male", "[lb_av]", "kg", "mg", "g"]),
    "date": _days,
    "dateTime": st.one_of(_days, _moments),
    "decimal": decimals(),
    "id": st.sampled_from(["a", "b", "p1", "A-1.x"]),
    "instant": _moments,
    "integer": _integers,
    "markdown": _text,
    "oid": st.sampled_from(["urn:oid:1.2.3", "urn:oid:2.16.840.1"]),
    "positiveInt": st.integers(1, 9),
    "string": _text,
    "time": _clocks,
    "unsignedInt": st.integers(0, 9),
    "uri": _uris,
    "url": _uris,
    "uuid": st.just("urn:uuid:c757873d-ec9a-4326-a141-556f43239520"),
    "xhtml": st.just('<div xmlns="http://www.w3.org/1999/xhtml"><p>a &amp; b</p></div>'),
}

#: Choices have fifty types in an extension: these are enough to meet each kind of JSON value.
_VALUE_TYPES = ("string", "boolean", "integer", "decimal", "date", "dateTime", "time", "code", "Quantity", "Coding")


@st.composite
def resources(draw: st.DrawFn, types: tuple[str, ...] = TYPES) -> dict[str, Any]:
    """A resource that the model allows, its members in the order of the definition."""
    return _resource(draw, draw(st.sampled_from(types)), _LEVELS)


def _resource(draw: st.DrawFn, type_name: str, levels: int) -> dict[str, Any]:
    # A value set or codes that are required are as good as any other code here: only the model is asked.
    return {"resourceType": type_name, "id": draw(PRIMITIVES["id"]), **_members(draw, type_name, levels, {"id"})}


def _members(draw: st.DrawFn, type_name: str, levels: int, without: set[str]) -> dict[str, Any]:
    elements = [element for name, element in MODEL.elements(type_name).items() if name not in without]
    optional = [element.name for element in elements if not element.required and _fits(element, levels)]
    most = 5 if levels >= _LEVELS else 3
    chosen = draw(st.sets(st.sampled_from(optional), max_size=most)) if optional else set()
    members: dict[str, Any] = {}
    for element in elements:
        if element.required or element.name in chosen:
            _add(draw, members, element, levels)
    return members


def _fits(element: Element, levels: int) -> bool:
    return levels > 0 or any(MODEL.is_primitive(name) for name in element.types)


def _add(draw: st.DrawFn, members: dict[str, Any], element: Element, levels: int) -> None:
    type_name = draw(st.sampled_from(_types(element, levels)))
    name = element.json_name(type_name)
    if not MODEL.is_primitive(type_name) and not type_name.startswith("System."):
        count = draw(st.integers(1, 2)) if element.many else 1
        values = [_complex(draw, type_name, levels - 1) for _ in range(count)]
        members[name] = values if element.many else values[0]
        return
    value = PRIMITIVES[type_name.removeprefix("System.").lower() if "." in type_name else type_name]
    count = draw(st.integers(1, 3)) if element.many else 1
    values = draw(st.lists(value, min_size=count, max_size=count))
    beside: list[Any] = [None] * count
    if "." not in type_name and draw(st.integers(0, 5)) == 0:
        place = draw(st.integers(0, count - 1))
        beside[place] = {"extension": [_extension(draw)]}
        if not element.required and draw(st.booleans()):
            values[place] = None  # an element that has nothing but an extension
    if any(item is not None for item in values):
        members[name] = values if element.many else values[0]
    if any(item is not None for item in beside):
        members[f"_{name}"] = beside if element.many else beside[0]


def _types(element: Element, levels: int) -> list[str]:
    types = [name for name in element.types if name in _VALUE_TYPES] if len(element.types) > 12 else element.types
    primitive = [name for name in types if MODEL.is_primitive(name)]
    return primitive if levels <= 0 and primitive else list(types)


def _complex(draw: st.DrawFn, type_name: str, levels: int) -> dict[str, Any]:
    if type_name == "Extension":
        return _extension(draw)
    if MODEL.is_resource(type_name):
        return _resource(draw, draw(st.sampled_from(_INNER_TYPES)), min(levels, 1))
    if type_name == "Reference":
        kind = draw(st.sampled_from(["Patient/a", "Patient/p1", "Group/b", "#a", "http://example.org/Patient/a"]))
        return {"reference": kind, **_members(draw, type_name, 0, {"id", "extension", "reference", "identifier"})}
    if type_name == "Quantity":
        unit = draw(st.sampled_from(["mg", "g", "kg", "cm", "[in_i]", "wk", "d"]))
        value = {"value": draw(PRIMITIVES["decimal"])}
        return {**value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
    return _members(draw, type_name, levels, {"id"}) or {"extension": [_extension(draw)]}


def _extension(draw: st.DrawFn) -> dict[str, Any]:
    type_name = draw(st.sampled_from([name for name in _VALUE_TYPES if MODEL.is_primitive(name)]))
    return {"url": draw(_uris), f"value{type_name[0].upper()}{type_name[1:]}": draw(PRIMITIVES[type_name])}


# --- what paths a resource has ----------------------------------------------------------------------------------------


@attrs.frozen
class Path:
    """A path from an object, and the type of what it leads to."""

    text: str
    type: str


def paths_of(resource: Mapping[str, Any], model: Model = MODEL) -> dict[str, tuple[Path, ...]]:
    """The paths that lead somewhere, by the type of the object from which they start."""
    found: dict[str, dict[Path, None]] = {}
    for start, item in _objects(resource, str(resource["resourceType"]), model):
        table = found.setdefault(start, {})
        table.update(dict.fromkeys(_paths(item, start, model, 3)))
    return {name: tuple(table) for name, table in found.items()}


def _objects(item: Mapping[str, Any], type_name: str, model: Model) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield type_name, item
    for _, below, value in _steps(item, type_name, model):
        if isinstance(value, Mapping):
            yield from _objects(value, below, model)


def _paths(item: Mapping[str, Any], type_name: str, model: Model, steps: int) -> Iterator[Path]:
    for text, below, value in _steps(item, type_name, model):
        yield Path(text, below)
        if isinstance(value, Mapping) and steps > 1:
            for path in _paths(value, below, model, steps - 1):
                yield Path(f"{text}.{path.text}", path.type)


def _steps(item: Mapping[str, Any], type_name: str, model: Model) -> Iterator[tuple[str, str, Any]]:
    for name, value in item.items():
        plain = name.removeprefix("_")
        element = model.element(type_name, plain)
        below = element.types[0] if element is not None else ""
        text = plain
        if element is None:
            choice = model.choice(type_name, plain)
            if choice is None:
                continue
            text, below = choice[0].name, choice[1]
            text = f"{text}.ofType({below})"
        for one in value if isinstance(value, list) else [value]:
            if one is None or (name.startswith("_") and not isinstance(one, Mapping)):
                continue
            if model.is_resource(below) and isinstance(one, Mapping):
                below = str(one.get("resourceType", below))
            yield text, below, None if name.startswith("_") else one


@functools.cache
def system_kind(type_name: str) -> str:
    """The System type that a FHIR type converts to; its own name for any other."""
    if type_name in ("Age", "Duration", "Count", "Distance", "SimpleQuantity"):
        return "Quantity"
    return MODEL.primitives.get(type_name, type_name.removeprefix("System."))
