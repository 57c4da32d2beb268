"""Values of FHIR types that are made in place (FHIRPath, current specification, "Instance Selector")."""

from __future__ import annotations

import json
from collections.abc import Sequence

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidOperation, UnknownElement, UnsupportedFeature
from fhir4ds.fhir.model import Element
from fhir4ds.functions import quantities, singletons, values
from fhir4ds.functions.declaration import Call
from fhir4ds.plan.collection import DATE, DATETIME, DECIMAL, INTEGER, Collection, TypeName
from fhir4ds.plan.nodes import Array, Case, Cast, Each, Node, Reference, apply, null, text
from fhir4ds.suggestion import did_you_mean

#: What a literal is as the value of a choice element that takes several types of the same value.
_PLAIN = ("boolean", "string", "integer", "integer64", "decimal", "date", "dateTime", "time", "Quantity")


#: What converts implicitly where it is no choice (FHIRPath N1, section 5.5).
_CONVERTS = ((DATE, DATETIME), (INTEGER, DECIMAL))


def instance(call: Call, type: TypeName, elements: Sequence[tuple[Call, str, Collection]]) -> Collection:
    """One item with the given elements, of which those without a value are left out.

    Parameters
    ----------
    call : Call
        Of the whole.
    type : TypeName
        The type, one of FHIR; a primitive one has its value as the element ``value``.
    elements : sequence of (Call, str, Collection)
        For each element where it stands, its name and its value.
    """
    if call.model is None or type.namespace != "FHIR":
        raise call.error(UnsupportedFeature, f"only values of FHIR types are made in place, not of {type}")
    if call.model.is_primitive(type.name):
        return _primitive(call, type, elements)
    parts = [text(f'"resourceType":{json.dumps(type.name)}')] if call.model.is_resource(type.name) else []
    written: dict[str, Node] = {}
    for at, name, value in elements:
        element = call.model.element(type.name, name)
        if element is None:
            close = did_you_mean(name, call.model.elements(type.name))
            raise at.error(UnknownElement, f"{type.name} has no element {name!r}", close)
        member = _member(at, type, element, value)
        if name in written:
            raise at.error(InvalidOperation, f"the element {name!r} of {type.name} is given twice")
        written[name] = _written(at, member, element, value)
    all_parts = Array((*parts, *written.values()), SqlType.TEXT)
    joined = apply("coalesce", apply("text_join", all_parts, text(","), type=SqlType.TEXT), text(""), type=SqlType.TEXT)
    plan = Cast(quantities.joined(text("{"), joined, text("}")), SqlType.JSON)
    return Collection(plan=plan, types=(type,))


def _primitive(call: Call, type: TypeName, elements: Sequence[tuple[Call, str, Collection]]) -> Collection:
    """A primitive element with a value; what else such an element can have stands beside it, where no plan puts anything."""
    found = Collection(plan=null(SqlType.JSON), types=(type,))
    given = False
    for at, name, value in elements:
        if name in ("id", "extension"):
            raise at.error(UnsupportedFeature, f"a {type.name} is made in place with a value alone, not with {name!r}")
        if name != "value":
            raise at.error(UnknownElement, f"{type.name} has no element {name!r}", did_you_mean(name, ["value"]))
        if given:
            raise at.error(InvalidOperation, f"the element 'value' of {type.name} is given twice")
        given = True
        if values.is_empty(value):
            continue
        if value.type is None or not _fits(at, value.type, type):
            raise at.error(InvalidOperation, f"{type.name}.value is {type.name}, not {values.shown(value)[0]}")
        item = values.items(singletons.single(at, value), call.names)
        found = Collection(plan=values.boxed(item, call.names), types=(type,))
    return found


def _member(call: Call, owner: TypeName, element: Element, value: Collection) -> str:
    """The name that an element has in JSON with a value of the type that is given."""
    if values.is_empty(value):
        return element.name
    given = value.type
    fitting = [name for name in element.types if given is not None and _fits(call, given, values.type_name(name))]
    if not fitting:
        shown, _ = values.shown(value, model=call.model)
        wanted = " or ".join(element.types) if len(element.types) < 4 else f"any of {len(element.types)} types"
        raise call.error(InvalidOperation, f"{owner.name}.{element.name} is {wanted}, not {shown}")
    if not element.choice:
        return element.name
    same = given.name if given is not None else ""
    own = values.system_type(given, call.model) if given is not None else None
    exact = [name for name in fitting if values.system_type(values.type_name(name), call.model) == own] or fitting
    chosen = next((name for name in (same, *_PLAIN) if name in exact), exact[0])
    return element.json_name(chosen)


def _fits(call: Call, given: TypeName, wanted: TypeName) -> bool:
    """Whether a value can be that of an element: of its type or a derived one, or of the same System type."""
    model = call.model
    system = values.system_type(wanted, model)
    if system is not None:
        return (values.system_type(given, model), system) in _CONVERTS or values.system_type(given, model) == system
    if quantities.is_quantity(given, model) and quantities.is_quantity(wanted, model):
        return True
    known = model is not None and given.namespace == wanted.namespace == "FHIR"
    return known and model is not None and model.is_subtype(given.name, wanted.name)


def _written(call: Call, member: str, element: Element, value: Collection) -> Node:
    """A member as the text of JSON; NULL if it has no value."""
    name = text(f"{json.dumps(member)}:")
    if values.is_empty(value):
        return null(SqlType.TEXT)
    if not element.many:
        item = values.boxed(values.items(singletons.single(call, value), call.names), call.names)

        def shown(json: Node) -> Node:
            there = apply("is_not_null", json)
            return Case(((there, quantities.joined(name, Cast(json, SqlType.TEXT))),), null(SqlType.TEXT))

        return values.of_parent(item, call.names, shown)
    items = values.as_array(values.boxed(values.items(value, call.names), call.names), call.names)
    each = Reference(call.names.fresh(), SqlType.JSON)
    texts = Each(items, each.name, Cast(each, SqlType.TEXT))
    every = apply("text_join", texts, text(","), type=SqlType.TEXT)
    return quantities.joined(name, text("["), every, text("]"))
