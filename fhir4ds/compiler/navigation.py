"""Going from a collection to an element by name: what the FHIR model says about it, and the plan of the step."""

from __future__ import annotations

import json
from collections.abc import Callable

import attrs

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import CompileError, InvalidOperation, UnknownElement
from fhir4ds.fhir.model import Element, Model
from fhir4ds.functions import tags, walking
from fhir4ds.functions.declaration import Call
from fhir4ds.functions.values import as_array, is_path, items, system_type, type_name
from fhir4ds.plan import elements, exactness, fusion
from fhir4ds.plan.collection import DECIMAL, QUANTITY, STRING, TYPE_INFO, Choice, Collection, TypeName
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import (
    RESOURCE,
    Apply,
    Array,
    Bind,
    Case,
    Constant,
    Each,
    Extract,
    Node,
    Reference,
    bind,
    null,
    text,
)
from fhir4ds.suggestion import did_you_mean

#: Elements of a primitive that do not stand in its value but in the member of the same name with an underscore
#: (FHIR R4, "JSON Representation of Resources", section "Primitive Elements").
BESIDE_VALUE = ("id", "extension")

#: The member by which JSON says what a resource is.
_TYPE_IN_JSON = "resourceType"

_BASE_TYPE = "baseType"

#: The element of a primitive element that is its value.
_VALUE = "value"

#: The elements of System types (FHIRPath N1, sections "Quantity" and "Reflection").
_OF_SYSTEM = {
    QUANTITY: {"value": DECIMAL, "unit": STRING},
    TYPE_INFO: {"namespace": STRING, "name": STRING},
}


def member(call: Call, collection: Collection, name: str) -> Collection:
    """Navigate from every item of a collection to an element.

    Parameters
    ----------
    call : Call
        Of the step: the model that says which elements there are, if there is one, and where errors point.
    collection : Collection
        Where to start.
    name : str
        The element; of a choice element, its name without a type.

    Returns
    -------
    Collection

    Raises
    ------
    UnknownElement
        If no type that the items can have has the element.
    InvalidOperation
        If the items are computed values, which have no elements.
    """
    type = _OF_SYSTEM.get(collection.type, {}).get(name) if collection.type is not None else None
    if type is not None:
        # A quantity was put together as a text, which no document is made ready for.
        made = _each_ready(collection.plan, call.names) if type == DECIMAL else collection.plan
        return attrs.evolve(collection, plan=fusion.extract(made, Step(name), call.names), types=(type,))
    if collection.type == TYPE_INFO and name == _BASE_TYPE:
        return _base_types(call, collection)
    model = call.model
    if model is None or not collection.types:
        return _untyped(call, collection, name)
    if collection.choices:
        return _through_choice(call, model, collection, name)
    if name == _VALUE and all(type.namespace == "FHIR" and model.is_primitive(type.name) for type in collection.types):
        # FHIR R4, "FHIRPath", section "Types": what a primitive element has as its value is of a System type.
        systems = (system_type(type, model) for type in collection.types)
        types = tuple(dict.fromkeys(system for system in systems if system is not None))
        return attrs.evolve(collection, plan=_those_there(collection.plan, call.names), types=types)
    found = _elements(collection.types, name, model)
    if not found:
        raise _unknown(call, model, collection, name)
    choices = tuple(element for element in found if element.choice)
    others = tuple(element for element in found if not element.choice)
    if not choices or not others:
        return _arrive(call, model, collection, found)

    def by_both(parent: Collection) -> list[Collection]:
        chosen, plain = (_arrive(call, model, parent, part) for part in (choices, others))
        return [plain, chosen]

    return _by_several_ways(call, collection, by_both)


def _those_there(plan: Node, names: Names) -> Node:
    """The values of elements, of which some may have none: in an array of JSON there is a null in the place of such."""
    if plan.many:
        item = Reference(names.fresh(), plan.type)
        return Each(plan, item.name, item, where=_is_there(item))
    if isinstance(plan, Extract) or plan.type is not SqlType.JSON:
        return plan
    return bind(names.fresh(), plan, lambda item: Case(((_is_there(item), item),), null(SqlType.JSON)))


def _is_there(item: Node) -> Node:
    if item.type is not SqlType.JSON:
        return Apply("is_not_null", (item,), SqlType.BOOLEAN)
    return Apply("unequal", (Apply("json_kind", (item,), SqlType.TEXT), text("null")), SqlType.BOOLEAN)


def _each_ready(plan: Node, names: Names) -> Node:
    """JSON items whose numbers keep the digits that they were written with."""
    if not plan.many:
        return exactness.ready(plan)
    item = Reference(names.fresh(), SqlType.JSON)
    return Each(plan, item.name, exactness.ready(item))


def _base_types(call: Call, collection: Collection) -> Collection:
    """The types that types are derived from (FHIRPath N1, section "Reflection"), which what `type` gives need not hold."""
    definitions = {} if call.model is None else call.model.types
    table = {name: f"FHIR.{type.base}" for name, type in definitions.items() if type.base is not None}
    known = Constant(json.dumps(table, separators=(",", ":")), SqlType.JSON)

    def base(info: Node) -> Node:
        namespace, name = (Extract(info, (Step(part),), SqlType.TEXT) for part in ("namespace", "name"))
        of_fhir = Apply("look_up", (known, name), SqlType.TEXT)
        return Case(((Apply("equal", (namespace, text("System")), SqlType.BOOLEAN), text("System.Any")),), of_fhir)

    plan = collection.plan
    if plan.many:
        info = Reference(call.names.fresh(), SqlType.JSON)
        return attrs.evolve(collection, plan=Each(plan, info.name, base(info)), types=(STRING,))
    return attrs.evolve(collection, plan=bind(call.names.fresh(), plan, base), types=(STRING,))


def type_or_member(name: str, names: Names) -> Collection:
    """What a name means at the start of a path where no model says whether it is that of a type: what the resource says.

    FHIRPath N1, section "Path Selection": a name that is not that of the type of the context is an element of it.
    """
    own = Extract(RESOURCE, (Step(_TYPE_IN_JSON),), SqlType.TEXT)
    is_type = Apply("equal", (own, text(name)), SqlType.BOOLEAN)
    element = fusion.extract(RESOURCE, Step(name, each=None), names)
    return Collection(plan=Case(((is_type, Array((RESOURCE,), SqlType.JSON)),), element))


def _untyped(call: Call, collection: Collection, name: str) -> Collection:
    if collection.plan.type is not SqlType.JSON:
        raise call.error(InvalidOperation, f"a computed value has no element {name!r}")
    # Whether the member is an array is only known when it is met.
    return attrs.evolve(collection, plan=fusion.extract(collection.plan, Step(name, each=None), call.names), types=())


def _elements(types: tuple[TypeName, ...], name: str, model: Model) -> tuple[Element, ...]:
    """The definitions of an element in some types, of which those without it have none."""
    found: list[Element | None] = []
    for type in types:
        own = _element(type, name, model)
        # Contained resources and entries can be of any type, and have what that type has.
        any_of = model.resource_types if own is None and _is_any_resource(type) else ()
        found += [own, *(model.element(resource, name) for resource in any_of)]
    return tuple(dict.fromkeys(element for element in found if element is not None))


def _element(type: TypeName, name: str, model: Model) -> Element | None:
    if type.namespace != "FHIR" or (name == _VALUE and model.is_primitive(type.name)):
        return None  # the value of a primitive element is no member of it
    return model.element(type.name, name)


def _is_any_resource(type: TypeName) -> bool:
    return type in (TypeName("FHIR", "Resource"), TypeName("FHIR", "DomainResource"))


def _arrive(call: Call, model: Model, start: Collection, elements: tuple[Element, ...]) -> Collection:
    """The collection at the end of a step to one of several definitions of an element."""
    types = tuple(dict.fromkeys(type_name(type) for element in elements for type in element.types))
    first = elements[0]
    owners = attrs.evolve(start, plan=_beside(call, model, start, first.name), targets=_targets(elements))
    if first.choice:
        choices = {
            element.json_name(type): Choice(type_name(type), element.json_name(type))
            for element in elements
            for type in element.types
        }
        return attrs.evolve(owners, types=types, choices=tuple(choices.values()), tags=None)
    cardinalities = {element.many for element in elements}
    step = Step(first.name, first.many if len(cardinalities) == 1 else None)
    found = attrs.evolve(owners, plan=fusion.extract(owners.plan, step, call.names), types=types)
    return tags.tagged(found, tags.members_of(call, model, start, found, step)) if len(types) > 1 else found


def _targets(elements: tuple[Element, ...]) -> tuple[str, ...]:
    """The resource types that references among the elements may point to; none where any of them may point anywhere."""
    references = [element.targets for element in elements if "Reference" in element.types]
    return tuple(dict.fromkeys(target for targets in references for target in targets)) if all(references) else ()


def _beside(call: Call, model: Model, collection: Collection, name: str) -> Node:
    """The plan from which a step starts: for id and extension of primitives, what stands beside their values."""
    plan = collection.plan
    primitive = [type.namespace == "System" or model.is_primitive(type.name) for type in collection.types]
    if not any(primitive):
        return plan
    if not all(primitive):
        return walking.owners(plan, call.names) if name in BESIDE_VALUE else plan
    if name not in BESIDE_VALUE:
        raise _unknown(call, model, collection, name)
    shadow = elements.all_beside(plan, call.names)
    if shadow is None and plan.type is not SqlType.JSON:
        raise _unknown(call, model, collection, name)
    if shadow is None:
        raise call.error(InvalidOperation, f"{name!r} of a primitive element cannot be reached from here")
    return shadow


def _through_choice(call: Call, model: Model, collection: Collection, name: str) -> Collection:
    """Go on from a choice element whose type is not decided: through each type that has the next element."""
    reached = []
    for choice in collection.choices:
        element = _element(choice.type, name, model)
        if element is not None and (name in BESIDE_VALUE or not model.is_primitive(choice.type.name)):
            one = attrs.evolve(collection, choices=(), types=(choice.type,))
            step = Step(choice.member)
            reached.append((one, step))
    if not reached and name == _VALUE:
        # Without a type that has such an element, what is meant is the value of those that are primitive.
        primitive = (choice for choice in collection.choices if model.is_primitive(choice.type.name))
        reached = [
            (attrs.evolve(collection, choices=(), types=(choice.type,)), Step(choice.member)) for choice in primitive
        ]
    if not reached:
        raise _unknown(call, model, collection, name)
    if len(reached) == 1:
        one, step = reached[0]
        return member(call, attrs.evolve(one, plan=fusion.extract(one.plan, step, call.names)), name)

    def through_each(parent: Collection) -> list[Collection]:
        at_choices = (
            attrs.evolve(one, plan=fusion.extract(parent.plan, step, call.names), guard=None) for one, step in reached
        )
        return [member(call, at_choice, name) for at_choice in at_choices]

    return _by_several_ways(call, collection, through_each)


def _by_several_ways(call: Call, start: Collection, ways: Callable[[Collection], list[Collection]]) -> Collection:
    """Where several ways lead from each item, of which at most one has anything at its end."""
    if not start.many and is_path(start.plan):
        return attrs.evolve(_merge(call, ways(attrs.evolve(start, guard=None))), guard=start.guard)
    variable = call.names.fresh()
    merged = _merge(call, ways(attrs.evolve(start, plan=Reference(variable, SqlType.JSON), guard=None)))
    plan: Node = Each(start.plan, variable, merged.plan) if start.many else Bind(variable, start.plan, merged.plan)
    found = attrs.evolve(merged, plan=plan, guard=start.guard)
    told, entries = merged.tagged, start.plan
    if start.tagged is not None:
        # Where items say of which type each is, so does what they have.
        told, entries = (
            _merge(call, ways(tags.as_tagged(start, Reference(variable, SqlType.JSON)))).tagged,
            start.tagged,
        )
    if told is None:
        return found
    return tags.tagged(found, Each(entries, variable, told) if entries.many else Bind(variable, entries, told))


def _merge(call: Call, ways: list[Collection]) -> Collection:
    """One collection out of several of which at most one has items."""
    types = tuple(dict.fromkeys(type for way in ways for type in way.types))
    known = [tags.tags_of(call, way) for way in ways] if len(types) > 1 else []
    ways = [attrs.evolve(way, plan=items(way, call.names), choices=(), guard=None) for way in ways]
    plan: Node
    if any(way.many for way in ways):
        plan = _concatenated([way.plan if way.many else as_array(way.plan, call.names) for way in ways])
    else:
        plan = Apply("coalesce", tuple(way.plan for way in ways), SqlType.JSON)
    told = [entries for entries in known if entries is not None]
    merged = attrs.evolve(ways[0], plan=plan, types=types, tags=None)
    if not told or len(told) < len(ways):
        return merged
    return tags.tagged(merged, tags.like(plan, _concatenated(told)))


def _concatenated(arrays: list[Node]) -> Node:
    plan = arrays[0]
    for other in arrays[1:]:
        plan = Apply("array_concat", (plan, other), plan.type, many=True)
    return plan


def _unknown(call: Call, model: Model, collection: Collection, name: str) -> CompileError:
    shown = " or ".join(dict.fromkeys(type.name for type in collection.types))
    if len(collection.types) > 3:
        shown = f"any of the {len(collection.types)} types possible here"
    for type in collection.types:
        chosen = model.choice(type.name, name) if type.namespace == "FHIR" else None
        if chosen is not None:
            element, chosen_type = chosen
            hint = f"write {element.name}.ofType({chosen_type})"
            return call.error(
                UnknownElement, f"{shown} has no element {name!r}: it is a type of the element {element.name!r}", hint
            )
    if name == _TYPE_IN_JSON and all(model.is_resource(type.name) for type in collection.types):
        return call.error(
            UnknownElement,
            f"{name!r} is of JSON and no element of {shown}",
            "ask for a type, such as ofType(Patient) or where($this is Patient)",
        )
    known = [element for type in collection.types if type.namespace == "FHIR" for element in model.elements(type.name)]
    close = did_you_mean(name, known)
    return call.error(UnknownElement, f"{shown} has no element {name!r}", close)
