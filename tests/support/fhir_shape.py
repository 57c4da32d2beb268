"""Compares resources with the FHIR model: which of their members the model does not foresee."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhir4ds.fhir.model import Element, Model

_JSON_TYPES: dict[str, type | tuple[type, ...]] = {
    "Boolean": bool,
    "Integer": int,
    "Long": str,
    "Decimal": (int, float),
}


def differences(model: Model, resource: Any, path: str = "") -> Iterator[str]:
    """Describe every place where a resource is not shaped as the model says.

    An element that repeats is an array and no other is; ``_name`` stands beside primitives only; nulls stand in arrays
    only; complex items are objects and primitive ones are of the JSON type of their value.
    """
    type_name = resource.get("resourceType")
    if type_name not in model.resource_types:
        yield f"{path or 'resource'}: not a resource type: {type_name!r}"
    else:
        members = {key: value for key, value in resource.items() if key != "resourceType"}
        yield from _object(model, type_name, members, path or type_name)


def _object(model: Model, type_name: str, members: dict[str, Any], path: str) -> Iterator[str]:
    for key, value in members.items():
        here = f"{path}.{key}"
        found = _find(model, type_name, key.removeprefix("_"))
        if found is None:
            yield f"{here}: no such element"
            continue
        element, used = found
        if key.startswith("_"):
            if not model.is_primitive(used):
                yield f"{here}: {used} is no primitive"
            used = "Element"
        if element.many is not isinstance(value, list):
            yield f"{here}: {'no array' if element.many else 'an array'}"
            continue
        for item in value if element.many else [value]:
            if item is not None or not element.many:
                yield from _item(model, used, item, here)


def _item(model: Model, type_name: str, item: Any, path: str) -> Iterator[str]:
    if model.is_resource(type_name):
        yield from differences(model, item, path)
    elif model.is_primitive(type_name) or type_name.startswith("System."):
        system = model.primitives.get(type_name, type_name.removeprefix("System."))
        expected = _JSON_TYPES.get(system, str)
        if not isinstance(item, expected) or (isinstance(item, bool) and expected is not bool):
            yield f"{path}: not the JSON of {type_name}: {item!r}"
    elif isinstance(item, dict):
        yield from _object(model, type_name, item, path)
    else:
        yield f"{path}: not the JSON of {type_name}: {item!r}"


def _find(model: Model, type_name: str, key: str) -> tuple[Element, str] | None:
    element = model.element(type_name, key)
    if element is not None and not element.choice:
        return element, element.types[0]
    return model.choice(type_name, key)
