"""Types: is, as and ofType (FHIRPath N1, sections 5.2.4 and 6.3)."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import UnknownType, UnsupportedFeature
from fhir4ds.functions import values
from fhir4ds.functions.declaration import Call, Example, Parameter, ParameterKind, function
from fhir4ds.plan import fusion
from fhir4ds.plan.collection import BOOLEAN, SYSTEM_TYPES, Collection, TypeName
from fhir4ds.plan.nodes import FALSE, TRUE, Array, Case, Each, Node, Reference, apply, both, empty, null, text
from fhir4ds.suggestion import did_you_mean

_GROUP = "Types"
_TYPE = Parameter("type", ParameterKind.TYPE)
_OBSERVATION = {"resourceType": "Observation", "id": "o1", "valueQuantity": {"value": 1, "unit": "kg"}}


def matches(call: Call, type: TypeName, wanted: TypeName) -> bool:
    """Whether a type is the wanted type or derived from it."""
    if type.namespace != wanted.namespace:
        return False
    if type.namespace == "System" or call.model is None:
        return type.name == wanted.name
    return call.model.is_subtype(type.name, wanted.name)


def is_exactly(call: Call, type: TypeName, wanted: TypeName) -> bool:
    """Whether ``as`` and ``ofType`` let a type through as the wanted type.

    A primitive element is cast to its own type only: a code is a string when it is tested with ``is``, but there is no
    string in it to be had. This is how the official test suite reads the specification (testFHIRPathAsFunction11).
    """
    if call.model is not None and type.namespace == "FHIR" and call.model.is_primitive(type.name):
        return type == wanted
    return matches(call, type, wanted)


def narrow(
    call: Call,
    collection: Collection,
    wanted: TypeName,
    passes: Callable[[Call, TypeName, TypeName], bool] = matches,
) -> Collection:
    """The items that are of a type."""
    if collection.choices:
        kept = tuple(choice for choice in collection.choices if passes(call, choice.type, wanted))
        if not kept:
            return nothing(collection)
        return decide(call, attrs.evolve(collection, choices=kept, types=tuple(choice.type for choice in kept)))
    if not collection.types:
        return _narrow_unknown(call, collection, wanted)
    passing = [passes(call, type, wanted) for type in collection.types]
    if all(passing):
        return collection
    if any(passing):
        raise call.error(
            UnsupportedFeature,
            f"which of these items are {wanted.name} is only known when they are met",
            hint="go to them by the names of their elements, or ask before collections are put together",
        )
    if call.model is not None and call.model.is_resource(wanted.name) and _may_be(call, collection, wanted):
        return _narrow_resource(call, collection, wanted)
    return nothing(collection)


def nothing(collection: Collection) -> Collection:
    """The empty collection, with the types that it would have had."""
    plan = empty(collection.plan.type, many=collection.many)
    return attrs.evolve(collection, plan=plan, choices=(), guard=None)


def decide(call: Call, collection: Collection) -> Collection:
    """Turn a choice element of which one type is left into an ordinary element."""
    if len(collection.choices) != 1:
        return collection
    choice = collection.choices[0]
    plan = fusion.extract(collection.plan, Step(choice.member), call.names)
    return attrs.evolve(collection, plan=plan, choices=(), types=(choice.type,))


def _may_be(call: Call, collection: Collection, wanted: TypeName) -> bool:
    """Whether items of a more general type, such as Resource, can be of the wanted one."""
    return any(matches(call, wanted, type) for type in collection.types)


def _narrow_resource(call: Call, collection: Collection, wanted: TypeName) -> Collection:
    if not collection.many:
        condition = _is_resource(call, collection.plan, wanted)
        return attrs.evolve(collection, guard=both(collection.guard, condition), types=(wanted,))
    walk = values.iterate(call, collection)
    item = Reference(walk.variable, SqlType.JSON)
    kept = Each(walk.source, walk.variable, item, where=_is_resource(call, item, wanted))
    return attrs.evolve(collection, plan=kept, guard=None, types=(wanted,))


def _is_resource(call: Call, item: Node, wanted: TypeName) -> Node:
    found = fusion.read(fusion.extract(item, Step("resourceType"), call.names), SqlType.TEXT, call.names)
    names = [wanted.name]
    if call.model is not None and call.model.type(wanted.name) is not None:
        names = [name for name in call.model.resource_types if call.model.is_subtype(name, wanted.name)]
    if len(names) == 1:
        return apply("equal", found, text(names[0]))
    return apply("array_contains", Array(tuple(map(text, names)), SqlType.TEXT), found)


def _narrow_unknown(call: Call, collection: Collection, wanted: TypeName) -> Collection:
    if call.model is None or not call.model.is_resource(wanted.name):
        raise call.error(
            UnsupportedFeature,
            f"whether an item is a {wanted} cannot be told without a FHIR model",
            hint='give a model, such as model="R4"',
        )
    return _narrow_resource(call, collection, wanted)


@function(
    "ofType",
    _TYPE,
    group="Filtering and projection",
    returns="the items of the type",
    examples=(
        Example(expression="value.ofType(Quantity).unit", resource=_OBSERVATION, result=("kg",)),
        Example(expression="value.ofType(string)", resource=_OBSERVATION, result=()),
    ),
)
def of_type(call: Call) -> Collection:
    """Keep the items of a type or of a type derived from it."""
    return narrow(call, call.focus, call.named_type(0), is_exactly)


@function(
    "as",
    _TYPE,
    group=_GROUP,
    returns="the item if it is of the type",
    examples=(Example(expression="value.as(Quantity).unit", resource=_OBSERVATION, result=("kg",)),),
)
def as_type(call: Call) -> Collection:
    """The single item if it is of the type, otherwise empty; an error if there are several."""
    return narrow(call, values.single(call, call.focus), call.named_type(0), is_exactly)


@function(
    "is",
    _TYPE,
    group=_GROUP,
    returns="Boolean",
    examples=(
        Example(expression="value.is(Quantity)", resource=_OBSERVATION, result=(True,)),
        Example(expression="value.is(string)", resource=_OBSERVATION, result=(False,)),
        Example(expression="method.is(CodeableConcept)", resource=_OBSERVATION, result=()),
    ),
)
def is_type(call: Call) -> Collection:
    """Whether the single item is of the type; empty if there is none; an error if there are several."""
    focus = values.single(call, call.focus)
    found = values.present(call, narrow(call, focus, call.named_type(0)))
    answer = Case(((found, TRUE), (values.present(call, focus), FALSE)), null(SqlType.BOOLEAN))
    return values.system(answer, BOOLEAN)


def resolve_type(call: Call, namespace: str | None, name: str) -> TypeName:
    """Find the type that a type specifier names; without a namespace, FHIR comes before System.

    FHIR R4, "FHIRPath", section "Types".
    """
    if namespace in (None, "FHIR") and call.model is not None and call.model.type(name) is not None:
        return TypeName("FHIR", name)
    if namespace in (None, "System") and name in (*SYSTEM_TYPES, "Any"):
        return TypeName("System", name)
    if namespace == "System":
        # The namespace is known; a name that is not in it is a type that nothing is of.
        return TypeName("System", name)
    shown = name if namespace is None else f"{namespace}.{name}"
    candidates = [*SYSTEM_TYPES, *(call.model.types if call.model is not None else ())]
    close = did_you_mean(name, candidates)
    raise call.error(UnknownType, f"there is no type {shown!r}", hint=close)


@function(
    "type",
    group=_GROUP,
    returns="the type of each item",
    examples=(
        Example(expression="1.type().name", result=("Integer",)),
        Example(expression="value.type().name", resource=_OBSERVATION, result=("Quantity",)),
        Example(expression="status.type().namespace", resource={**_OBSERVATION, "status": "final"}, result=("FHIR",)),
    ),
)
def type_of(call: Call) -> Collection:
    """Namespace and name of the type of each item."""
    focus = call.focus
    if values.is_empty(focus):
        return nothing(focus)
    if not focus.many:
        return Collection(plan=_type_info(call, focus))
    walk = values.iterate(call, focus)
    return Collection(plan=Each(walk.source, walk.variable, _type_info(call, walk.item)))


def _type_info(call: Call, item: Collection) -> Node:
    if item.choices:
        branches = []
        for choice in item.choices:
            one = decide(call, attrs.evolve(item, choices=(choice,), types=(choice.type,)))
            branches.append((values.present(call, one), _info(choice.type)))
        return Case(tuple(branches), null(SqlType.JSON))
    if item.type is None:
        raise call.error(UnsupportedFeature, "the type of items that can be of several types is only known at run time")
    return Case(((values.present(call, item), _info(item.type)),), null(SqlType.JSON))


def _info(type: TypeName) -> Node:
    parts = (text("namespace"), text(type.namespace), text("name"), text(type.name))
    return apply("json_object", *parts, type=SqlType.JSON)
