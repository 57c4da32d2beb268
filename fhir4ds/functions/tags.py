"""Items of a tree together with their types, which JSON does not say.

Below an item whose type is known, the FHIR model gives every element its type by its name. Where an expression asks for the
types of items that ``children`` or ``descendants`` gave, the same walk is made once more with the type beside each item.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import attrs

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.fhir.model import Model
from fhir4ds.functions import keys, presence, values, walking
from fhir4ds.functions.declaration import THIS, Call
from fhir4ds.plan import elements, fusion
from fhir4ds.plan.collection import DATE, DATETIME, QUANTITY, SYSTEM_TYPES, TAGGED, Choice, Collection, Tags, TypeName
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
    bind,
    integer,
    json_object,
    null,
    text,
)

#: The name of the type of a tagged item.
_TYPE = Step("t")

#: The name of a text that was made of a tagged item.
_TEXT = Step("c")

#: What every element has, primitive ones too, is an id and extensions.
_ELEMENT = "Element"
_ANY_RESOURCE = ("Resource", "DomainResource")


def tagged(collection: Collection, tags: Node | None) -> Collection:
    """The collection with its items and their types as another plan."""
    return attrs.evolve(collection, tags=None if tags is None else Tags(collection.plan, tags))


def tags_of(call: Call, collection: Collection) -> Node | None:
    """An array of the items of a collection with their types; None if not all of them are known."""
    if collection.tagged is not None:
        kept = values.items(attrs.evolve(collection, plan=collection.tagged), call.names)
        return values.as_array(kept, call.names)
    if collection.choices:
        return _tags_of_choices(call, collection)
    if not collection.types:
        return None
    are_resources = all(_is_resource(call, type) for type in collection.types)
    if len(collection.types) > 1 and not are_resources:
        return None
    own = text(_name(collection.types[0]))
    return _each_of_type(call, collection, _resource_type if are_resources else lambda _: own)


def _each_of_type(call: Call, collection: Collection, type: Callable[[Node], Node]) -> Node:
    """The items with their types, given what an item says of its own."""
    item = Reference(call.names.fresh(), SqlType.JSON)
    plan = values.items(collection, call.names)
    whole = elements.wholes(plan, call.names) if presence.holds_primitives(call, collection) else None
    if whole is not None:
        value, beside = elements.value_of(item), elements.beside_of(item)
        tagged = json_object({_TYPE.name: type(value), TAGGED.name: value, elements.BESIDE.name: beside})
        return Each(values.as_array(whole, call.names), item.name, tagged)
    plan = values.as_array(values.boxed(plan, call.names), call.names)
    return Each(plan, item.name, json_object({_TYPE.name: type(item), TAGGED.name: item}))


def members_of(call: Call, model: Model, owners: Collection, found: Collection, step: Step) -> Node | None:
    """The elements that a step finds with their types, which those of their owners say.

    Parameters
    ----------
    call : Call
        Of the step.
    model : Model
        What says of which type an element is.
    owners : Collection
        Where the step starts.
    found : Collection
        Where it ends: elements of several types that are no choice elements.
    step : Step
        The name of the elements.

    Returns
    -------
    Node or None
        Tagged items as in the plan of ``found``; None if the types of the owners are not known.
    """
    entries = tags_of(call, owners)
    if entries is None:
        return None
    entry = Reference(call.names.fresh(), SqlType.JSON)
    table = Constant(_types_of_member(model, owners.types, step.name), SqlType.JSON)
    stated = apply("look_up", table, Extract(entry, (_TYPE,), SqlType.TEXT), type=SqlType.TEXT)
    owner = walking.owner(entry) if presence.holds_primitives(call, owners) else item_of(entry)
    members = attrs.evolve(found, plan=fusion.extract(owner, step, call.names), guard=None, tags=None)
    of_resources = any(type.name in _ANY_RESOURCE for type in found.types)
    each = _each_of_type(call, members, partial(_told, stated) if of_resources else lambda _: stated)
    return like(found.plan, Each(entries, entry.name, each))


def _told(stated: Node, item: Node) -> Node:
    """The type that an element is of: what is only said to be a resource says itself which."""
    return Case(((apply("equal", stated, text(_ANY_RESOURCE[0])), _resource_type(item)),), stated)


def like(plan: Node, entries: Node) -> Node:
    """An array of tagged items as many as a plan has: one where that is a single item."""
    return entries if plan.many else apply("array_at", entries, integer(1), type=SqlType.JSON)


def _tags_of_choices(call: Call, collection: Collection) -> Node:
    """The items of a choice element, whose types the names of its members say."""
    parents = values.as_array(presence.walkable(call, collection), call.names)
    parent = Reference(call.names.fresh(), SqlType.JSON)

    def branch(choice: Choice, member: str, step: Step) -> tuple[Node, Node]:
        found = Extract(parent, (Step(member),), SqlType.JSON)
        return apply("is_not_null", found), json_object({_TYPE.name: text(_name(choice.type)), step.name: found})

    with_value = tuple(branch(choice, choice.member, TAGGED) for choice in collection.choices)
    without = tuple(
        branch(choice, f"_{choice.member}", elements.BESIDE)
        for choice in collection.choices
        if values.system_type(choice.type, call.model) not in (None, QUANTITY)
    )
    nothing = null(SqlType.JSON)
    # What is there has a value, as good as always.
    item = (
        apply("coalesce", Case(with_value, nothing), Case(without, nothing), type=SqlType.JSON)
        if without
        else Case(with_value, nothing)
    )
    return Each(parents, parent.name, item)


def _is_resource(call: Call, type: TypeName) -> bool:
    return call.model is not None and type.namespace == "FHIR" and call.model.is_resource(type.name)


def children_of(call: Call, model: Model, types: Sequence[TypeName], item: Node) -> Node:
    """The elements of one tagged item, tagged; ``types`` are those that the walk began with."""
    table = Constant(_table(model, tuple(map(_name, types))), SqlType.JSON)
    own = Reference(call.names.fresh(), SqlType.TEXT)
    owner = Reference(call.names.fresh(), SqlType.JSON)

    def type_of(name: Node) -> Node:
        return apply("look_up", Cast(own, SqlType.JSON), name, type=SqlType.TEXT)

    def made(name: Node, members: Mapping[str, Node]) -> Node:
        type, value = type_of(name), members[elements.VALUE.name]
        return json_object({_TYPE.name: _told(type, value), **members})

    every = walking.below(call.names, owner, made, where=lambda name: apply("is_not_null", type_of(name)))
    # Of primitive elements the table says nothing: what they have is what every element has.
    known = apply("look_up", table, Extract(item, (_TYPE,), SqlType.TEXT), type=SqlType.TEXT)
    of_any = apply("look_up", table, text(_ELEMENT), type=SqlType.TEXT)
    return Bind(
        own.name, apply("coalesce", known, of_any, type=SqlType.TEXT), Bind(owner.name, walking.owner(item), every)
    )


def once(call: Call, entries: Node, *, wholes: bool) -> Node:
    """Tagged items, of those that are the same the first one: by their values, or by what stands beside these too."""
    every = Reference(call.names.fresh(), SqlType.JSON, many=True)

    def whole(entry: Node) -> Node:
        return json_object({TAGGED.name: item_of(entry), elements.BESIDE.name: elements.beside_of(entry)})

    own = keys.keys_of(call.names, every, whole if wholes else item_of)
    return Bind(every.name, entries, bind(call.names.fresh(), own, partial(keys.firsts, call.names, every)))


def are_needed(call: Call, collection: Collection) -> bool:
    """Whether a call has to know of which type each item is.

    So where it asks for types, and where items or their elements are compared: a Date and a String are never equal, and both
    are texts in JSON.
    """
    if len(collection.types) < 2 or call.asks_types:
        return len(collection.types) > 1
    if call.model is not None and any(_may_be_texts_of_several_types(call.model, name) for name in call.compared):
        return True
    systems = {values.system_type(type, call.model) for type in collection.types}
    texts = [type for type in systems if type is not None and SYSTEM_TYPES[type.name] is SqlType.TEXT]
    # Of texts alone nothing else is known.
    return len(texts) > 1 and (THIS in call.compared or len(texts) == len(systems))


@functools.lru_cache(maxsize=1024)
def _may_be_texts_of_several_types(model: Model, name: str) -> bool:
    """Whether elements of a name are texts of types that never compare, where only their owners say which they are of.

    Examples
    --------
    >>> from fhir4ds.fhir.model import load_model
    >>> [_may_be_texts_of_several_types(load_model("R4"), name) for name in ("value", "date", "onset")]
    [True, False, False]
    """
    found = (model.element(type, name) for type in model.types)
    types = {type for element in found if element is not None and not element.choice for type in element.types}
    systems = {DATETIME.name if system == DATE.name else system for system in map(model.primitives.get, types)}
    return len([system for system in systems if system is not None and SYSTEM_TYPES[system] is SqlType.TEXT]) > 1


def is_of(call: Call, tagged_item: Node, types: Sequence[TypeName]) -> Node:
    """Whether a tagged item is of one of some types; what is only said to be a resource says itself which it is."""
    names = dict.fromkeys(map(_name, types))
    if call.model is not None and not names.keys().isdisjoint(_ANY_RESOURCE):
        names |= dict.fromkeys(call.model.resource_types)
    known = Array(tuple(map(text, names)), SqlType.TEXT)
    return apply("array_contains", known, Extract(tagged_item, (_TYPE,), SqlType.TEXT))


def item_of(tagged_item: Node) -> Node:
    """The item itself."""
    return Extract(tagged_item, (TAGGED,), SqlType.JSON)


def with_text(tagged_item: Node, text: Node) -> Node:
    """A tagged item with a text that was made of it."""
    return extended(tagged_item, {_TEXT.name: text})


def extended(tagged_item: Node, members: Mapping[str, Node]) -> Node:
    """A tagged item with other things that were made of it."""
    type, beside = Extract(tagged_item, (_TYPE,), SqlType.TEXT), elements.beside_of(tagged_item)
    return json_object({_TYPE.name: type, TAGGED.name: item_of(tagged_item), elements.BESIDE.name: beside, **members})


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


def held(call: Call, collection: Collection) -> tuple[Collection, list[tuple[str, Node]]]:
    """Many items that are used several times, in a variable if they have their types with them; and what that is bound to."""
    if collection.tagged is None or not collection.many or collection.guard is not None:
        return collection, []
    every = Reference(call.names.fresh(), SqlType.JSON, many=True)
    entry = Reference(call.names.fresh(), SqlType.JSON)
    items = attrs.evolve(collection, plan=Each(every, entry.name, item_of(entry)), choices=())
    return tagged(items, every), [(every.name, collection.tagged)]


def type_name(tagged_item: Node) -> tuple[Node, Node]:
    """Namespace and name of the type of a tagged item."""
    whole = Extract(tagged_item, (_TYPE,), SqlType.TEXT)
    of_system = apply("regexp_matches", whole, text("^System[.]"))
    namespace = Case(((of_system, text("System")),), text("FHIR"))
    return namespace, apply("regexp_remove", whole, text("^System[.]"), type=SqlType.TEXT)


def _resource_type(item: Node) -> Node:
    return Extract(item, (Step("resourceType"),), SqlType.TEXT)


def _name(type: TypeName) -> str:
    return type.name if type.namespace == "FHIR" else f"{type.namespace}.{type.name}"


@functools.lru_cache(maxsize=64)
def _table(model: Model, types: tuple[str, ...]) -> str:
    """The type of each member of each type that can be below some types, as JSON."""
    table: dict[str, dict[str, str]] = {}
    waiting = [_ELEMENT, *types]
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
                if not model.is_primitive(type):
                    waiting.append(type)
    return json.dumps({name: members for name, members in table.items() if members}, separators=(",", ":"))


@functools.lru_cache(maxsize=256)
def _types_of_member(model: Model, owners: tuple[TypeName, ...], name: str) -> str:
    """The type of an element in each type that can have it, as JSON."""
    found: dict[str, str] = {}
    for owner in owners:
        for type in (owner.name, *(model.resource_types if owner.name in _ANY_RESOURCE else ())):
            element = model.element(type, name) if owner.namespace == "FHIR" else None
            if element is not None:
                found[type] = element.types[0]
    return json.dumps(found, separators=(",", ":"))
