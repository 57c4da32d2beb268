"""Items of a tree together with their types, which JSON does not say.

Below an item whose type is known, the FHIR model gives every element its type by its name. Where an expression asks for the
types of items that ``children`` or ``descendants`` gave, the same walk is made once more with the type beside each item.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence

import attrs

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.fhir.model import Model
from fhir4ds.functions import values
from fhir4ds.functions.declaration import Call
from fhir4ds.plan.collection import TAGGED, Collection, Tags, TypeName
from fhir4ds.plan.nodes import (
    Array,
    Bind,
    Case,
    Cast,
    Constant,
    Each,
    Extract,
    Node,
    Reference,
    apply,
    json_object,
    null,
    text,
)

#: The name of the type of a tagged item.
_TYPE = Step("t")

#: The name of a text that was made of a tagged item.
_TEXT = Step("c")

#: What stands beside the value of a primitive element has an id and extensions, as every element.
_BESIDE = "Element"
_ANY_RESOURCE = ("Resource", "DomainResource")


def tagged(collection: Collection, tags: Node | None) -> Collection:
    """The collection with its items and their types as another plan."""
    return attrs.evolve(collection, tags=None if tags is None else Tags(collection.plan, tags))


def tags_of(call: Call, collection: Collection) -> Node | None:
    """The items of a collection with their types; None if not all of them are known."""
    if collection.tagged is not None:
        return collection.tagged
    if collection.choices:
        return _tags_of_choices(call, collection)
    if not collection.types:
        return None
    are_resources = all(_is_resource(call, type) for type in collection.types)
    if len(collection.types) > 1 and not are_resources:
        return None
    plan = values.as_array(values.boxed(values.items(collection, call.names), call.names), call.names)
    variable = call.names.fresh()
    item = Reference(variable, SqlType.JSON)
    type = _resource_type(item) if are_resources else text(_name(collection.types[0]))
    return Each(plan, variable, _tagged_item(type, item))


def _tags_of_choices(call: Call, collection: Collection) -> Node:
    """The items of a choice element, whose types the names of its members say."""
    parents = values.as_array(values.walkable(call, collection), call.names)
    parent = Reference(call.names.fresh(), SqlType.JSON)
    found = ((choice.type, Extract(parent, (Step(choice.member),), SqlType.JSON)) for choice in collection.choices)
    branches = tuple((apply("is_not_null", item), _tagged_item(text(_name(type)), item)) for type, item in found)
    return Each(parents, parent.name, Case(branches, null(SqlType.JSON)))


def _is_resource(call: Call, type: TypeName) -> bool:
    return call.model is not None and type.namespace == "FHIR" and call.model.is_resource(type.name)


def children_of(call: Call, model: Model, types: Sequence[TypeName], item: Node, *, left_out: Node) -> Node:
    """The elements of one tagged item, tagged; ``types`` are those that the walk began with."""
    table = Constant(_table(model, tuple(map(_name, types))), SqlType.JSON)
    members, element, value = (call.names.fresh() for _ in range(3))
    entry = Reference(element, SqlType.JSON)
    own = Reference(members, SqlType.TEXT)
    type = apply("look_up", Cast(own, SqlType.JSON), Extract(entry, (Step("key"),), SqlType.TEXT), type=SqlType.TEXT)
    found = Reference(value, SqlType.JSON)
    stated = Case(((apply("equal", type, text(_ANY_RESOURCE[0])), _resource_type(found)),), type)
    items = apply("json_items", Extract(entry, (Step("value"),), SqlType.JSON), type=SqlType.JSON, many=True)
    held = apply("json_members", item_of(item), left_out, type=SqlType.JSON, many=True)
    every = Each(held, element, Each(items, value, _tagged_item(stated, found)), where=apply("is_not_null", type))
    known = apply("look_up", table, Extract(item, (_TYPE,), SqlType.TEXT), type=SqlType.TEXT)
    nothing = apply("coalesce", known, text("{}"), type=SqlType.TEXT)
    return Bind(members, nothing, every)


def is_of(tagged_item: Node, types: Sequence[TypeName]) -> Node:
    """Whether a tagged item is of one of some types."""
    names = Array(tuple(text(_name(type)) for type in types), SqlType.TEXT)
    return apply("array_contains", names, Extract(tagged_item, (_TYPE,), SqlType.TEXT))


def item_of(tagged_item: Node) -> Node:
    """The item itself."""
    return Extract(tagged_item, (TAGGED,), SqlType.JSON)


def with_text(tagged_item: Node, text: Node) -> Node:
    """A tagged item with a text that was made of it."""
    return json_object(
        {_TYPE.name: Extract(tagged_item, (_TYPE,), SqlType.TEXT), TAGGED.name: item_of(tagged_item), _TEXT.name: text}
    )


def text_of(tagged_item: Node) -> Node:
    """The text that was made of a tagged item."""
    return Extract(tagged_item, (_TEXT,), SqlType.TEXT)


def of_both(call: Call, left: Collection, right: Collection) -> tuple[Node, Node] | None:
    """The items of two collections with their types; None if not all of them are known."""
    a, b = tags_of(call, left), tags_of(call, right)
    return None if a is None or b is None else (a, b)


def as_tagged(collection: Collection, tagged_item: Node) -> Collection:
    """An item of a collection, with its type."""
    own = item_of(tagged_item)
    return attrs.evolve(collection, plan=own, choices=(), guard=None, tags=Tags(own, tagged_item))


def type_name(tagged_item: Node) -> tuple[Node, Node]:
    """Namespace and name of the type of a tagged item."""
    whole = Extract(tagged_item, (_TYPE,), SqlType.TEXT)
    of_system = apply("regexp_matches", whole, text("^System[.]"))
    namespace = Case(((of_system, text("System")),), text("FHIR"))
    return namespace, apply("regexp_remove", whole, text("^System[.]"), type=SqlType.TEXT)


def _tagged_item(type: Node, item: Node) -> Node:
    return json_object({_TYPE.name: type, TAGGED.name: item})


def _resource_type(item: Node) -> Node:
    return Extract(item, (Step("resourceType"),), SqlType.TEXT)


def _name(type: TypeName) -> str:
    return type.name if type.namespace == "FHIR" else f"{type.namespace}.{type.name}"


@functools.lru_cache(maxsize=64)
def _table(model: Model, types: tuple[str, ...]) -> str:
    """The type of each member of each type that can be below some types, as JSON."""
    table: dict[str, dict[str, str]] = {}
    waiting = [_BESIDE, *types]
    while waiting:
        name = waiting.pop()
        if name in table:
            continue
        if name in _ANY_RESOURCE:
            waiting += model.resource_types
            continue
        table[name] = members = {}
        for element in model.elements(name).values():
            for type in element.types:
                member = element.json_name(type) if element.choice else element.name
                members[member] = type
                if model.is_primitive(type):
                    members[f"_{member}"] = _BESIDE
                else:
                    waiting.append(type)
    return json.dumps({name: members for name, members in table.items() if members}, separators=(",", ":"))
