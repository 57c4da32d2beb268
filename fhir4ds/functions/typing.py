"""Types: is, as and ofType (FHIRPath N1, sections 5.2.4 and 6.3)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import attrs

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import UnknownType, UnsupportedFeature
from fhir4ds.functions import iteration, kinds, presence, singletons, tags, values
from fhir4ds.functions.declaration import Call, Example, Parameter, ParameterKind, function
from fhir4ds.plan import fusion
from fhir4ds.plan.collection import BOOLEAN, DECIMAL, INTEGER, STRING, SYSTEM_TYPES, TYPE_INFO, Collection, TypeName
from fhir4ds.plan.nodes import (
    FALSE,
    TRUE,
    Array,
    Case,
    Each,
    Node,
    Raise,
    Reference,
    apply,
    both,
    empty,
    integer,
    json_object,
    length,
    null,
    text,
)
from fhir4ds.suggestion import did_you_mean

_GROUP = "Types"
_TYPE = Parameter("type", ParameterKind.TYPE)
#: What every item is (FHIRPath, section "Types").
_ANY = TypeName("System", "Any")
#: What JSON says of itself: a number with a point is a Decimal, one without is an Integer.
_BY_JSON = (BOOLEAN, INTEGER, DECIMAL, STRING)
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
    if call.model is not None and all(
        each.namespace == "FHIR" and call.model.is_primitive(each.name) for each in (type, wanted)
    ):
        return type == wanted
    return matches(call, type, wanted)


def is_castable(call: Call, type: TypeName, wanted: TypeName) -> bool:
    """Whether ``as`` lets a type through: also the System type of the value (FHIR R4, "FHIRPath", section "Types")."""
    return is_exactly(call, type, wanted) or values.system_type(type, call.model) == wanted


def narrow(
    call: Call,
    collection: Collection,
    wanted: TypeName,
    passes: Callable[[Call, TypeName, TypeName], bool] = matches,
) -> Collection:
    """The items that are of a type."""
    if wanted == _ANY:
        return collection
    if collection.choices:
        kept = tuple(choice for choice in collection.choices if passes(call, choice.type, wanted))
        if not kept:
            return nothing(collection)
        return decide(call, attrs.evolve(collection, choices=kept, types=tuple(choice.type for choice in kept)))
    if values.is_empty(collection):
        return collection
    if not collection.types:
        return _narrow_unknown(call, collection, wanted)
    passing = [passes(call, type, wanted) for type in collection.types]
    if all(passing):
        return collection
    if any(passing) and _is_told_by_resources(call, wanted):
        return _narrow_resource(call, collection, wanted)
    if any(passing):
        these = tuple(type for type, passes in zip(collection.types, passing, strict=True) if passes)
        return _narrow_by_kind(call, collection, wanted, these)
    if _is_told_by_resources(call, wanted) and _may_be(call, collection, wanted):
        return _narrow_resource(call, collection, wanted)
    return nothing(collection)


def of_types(call: Call, collection: Collection, these: tuple[TypeName, ...]) -> Collection:
    """The items that are of some of the types that they can have."""
    if not collection.choices:
        return _narrow_by_kind(call, collection, these[0], these)
    kept = tuple(choice for choice in collection.choices if choice.type in these)
    return decide(call, attrs.evolve(collection, choices=kept, types=these))


def _narrow_by_kind(call: Call, collection: Collection, wanted: TypeName, these: tuple[TypeName, ...]) -> Collection:
    """The items whose JSON says that they are of one of some types."""
    if collection.tagged is not None:
        return _narrow_by_tags(call, collection, collection.tagged, these)
    told = kinds.telling(call, these, [type for type in collection.types if type not in these])
    if told is None or collection.plan.type is not SqlType.JSON:
        raise call.error(
            UnsupportedFeature,
            f"which of these items are {wanted.name} is only known when they are met",
            hint="go to them by the names of their elements, or ask before collections are put together",
        )
    return _kept(call, collection, these, lambda item: kinds.is_of(item, told))


def _narrow_by_tags(call: Call, collection: Collection, tagged: Node, types: tuple[TypeName, ...]) -> Collection:
    if not tagged.many:
        return attrs.evolve(collection, guard=both(collection.guard, tags.is_of(call, tagged, types)), types=types)
    variable = call.names.fresh()
    item = Reference(variable, SqlType.JSON)
    kept = Each(tagged, variable, tags.item_of(item), where=tags.is_of(call, item, types))
    return attrs.evolve(collection, plan=kept, guard=None, types=types, tags=None)


def _kept(
    call: Call, collection: Collection, types: tuple[TypeName, ...], condition: Callable[[Node], Node]
) -> Collection:
    """The JSON items for which a condition holds, which are of some types then."""
    if not collection.many:
        guard = both(collection.guard, condition(collection.plan))
        return attrs.evolve(collection, guard=guard, types=types)
    walk = iteration.iterate(call, collection)
    item = walk.item.plan
    kept = Each(walk.source, walk.variable, item, where=condition(item))
    return attrs.evolve(collection, plan=kept, guard=None, types=types)


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


def _is_told_by_resources(call: Call, wanted: TypeName) -> bool:
    """Whether items say themselves that they are of a type: a resource does, and nothing else has a resourceType."""
    return wanted.namespace == "FHIR" and _is_resource_type(call, wanted.name)


def _is_resource_type(call: Call, name: str) -> bool:
    return call.model is not None and call.model.is_resource(name)


def _may_be(call: Call, collection: Collection, wanted: TypeName) -> bool:
    """Whether items of a more general type, such as Resource, can be of the wanted one."""
    return any(matches(call, wanted, type) for type in collection.types)


def _narrow_resource(call: Call, collection: Collection, wanted: TypeName) -> Collection:
    return _kept(call, collection, (wanted,), lambda item: _is_resource(call, item, wanted))


def _is_resource(call: Call, item: Node, wanted: TypeName) -> Node:
    found = _resource_type(call, item)
    names = [wanted.name]
    if call.model is not None and call.model.type(wanted.name) is not None:
        names = [name for name in call.model.resource_types if call.model.is_subtype(name, wanted.name)]
    if len(names) == 1:
        return apply("equal", found, text(names[0]))
    return apply("array_contains", Array(tuple(map(text, names)), SqlType.TEXT), found)


def _resource_type(call: Call, item: Node) -> Node:
    return fusion.read(fusion.extract(item, Step("resourceType"), call.names), SqlType.TEXT, call.names)


def _narrow_unknown(call: Call, collection: Collection, wanted: TypeName) -> Collection:
    if wanted in _BY_JSON:
        told = kinds.kinds_of(call, wanted)
        return _kept(call, collection, (wanted,), lambda item: kinds.is_of(item, told))
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
    wanted = call.named_type(0)
    found = narrow(call, singletons.single(call, call.focus), wanted, is_castable)
    if not values.is_empty(found) or not call.focus.many:
        return found
    # None of them can be of the type, but several are an error all the same.
    several = apply("less", integer(1), length(presence.walkable(call, call.focus)))
    error = Raise("expected a single item but found several", call.position, SqlType.JSON)
    is_known = wanted.namespace != "System" or wanted.name in SYSTEM_TYPES
    types = (wanted,) if is_known else found.types
    return attrs.evolve(found, plan=Case(((several, error),), null(SqlType.JSON)), types=types)


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

    def answer(item: Collection) -> Node:
        found = presence.present(call, narrow(call, item, call.named_type(0)))
        return Case(((found, TRUE), (presence.present(call, item), FALSE)), null(SqlType.BOOLEAN))

    return values.system(singletons.once(call, singletons.single(call, call.focus), answer), BOOLEAN)


def resolve_type(call: Call, namespace: str | None, name: str) -> TypeName:
    """Find the type that a type specifier names; without a namespace, FHIR comes before System.

    FHIR R4, "FHIRPath", section "Types".
    """
    if namespace in (None, "FHIR") and call.model is not None and call.model.type(name) is not None:
        return TypeName("FHIR", name)
    if namespace in (None, "System") and name in (*SYSTEM_TYPES, _ANY.name):
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
    """Namespace and name of the type of each item; ``baseType`` of these is what the type is derived from."""
    focus = call.focus
    if values.is_empty(focus):
        return nothing(focus)
    if not focus.many:
        return values.system(singletons.once(call, focus, partial(_type_info, call)), TYPE_INFO)
    walk = iteration.iterate(call, focus)
    return values.system(Each(walk.source, walk.variable, _type_info(call, walk.item)), TYPE_INFO)


def _type_info(call: Call, item: Collection) -> Node:
    if item.choices:
        branches = []
        for choice in item.choices:
            one = decide(call, attrs.evolve(item, choices=(choice,), types=(choice.type,)))
            branches.append((presence.present(call, one), _info(choice.type.namespace, text(choice.type.name))))
        return Case(tuple(branches), null(SqlType.JSON))
    if item.types and all(type.namespace == "FHIR" and _is_resource_type(call, type.name) for type in item.types):
        name = _resource_type(call, item.plan)
        return Case(((presence.present(call, item), _info("FHIR", name)),), null(SqlType.JSON))
    if values.is_untyped(item) and item.tagged is None:
        return _info_by_json(call, item)
    if item.type is None:
        return _info_by_kind(call, item)
    info = _info(item.type.namespace, text(item.type.name))
    return Case(((presence.present(call, item), info),), null(SqlType.JSON))


def _info_by_kind(call: Call, item: Collection) -> Node:
    if item.tagged is not None:
        namespace, name = tags.type_name(item.tagged)
        return json_object({"namespace": namespace, "name": name})
    branches = []
    for type in item.types:
        told = kinds.telling(call, [type], [other for other in item.types if other != type])
        if told is None or item.plan.type is not SqlType.JSON:
            raise call.error(UnsupportedFeature, "of which of several possible types an item is cannot be told here")
        branches.append((kinds.is_of(item.plan, told), _info(type.namespace, text(type.name))))
    return Case(tuple(branches), null(SqlType.JSON))


def _info_by_json(call: Call, item: Collection) -> Node:
    """The type that JSON says an item has; it says nothing of those with members."""

    def told(json: Node) -> Node:
        branches = [
            (kinds.is_of(json, kinds.kinds_of(call, type)), _info(type.namespace, text(type.name))) for type in _BY_JSON
        ]
        error = Raise(
            "the type of an item with members cannot be told without a FHIR model", call.position, SqlType.JSON
        )
        return Case((*branches, (apply("is_not_null", json), error)), null(SqlType.JSON))

    return values.of_parent(values.items(item, call.names), call.names, told)


def _info(namespace: str, name: Node) -> Node:
    return json_object({"namespace": text(namespace), "name": name})
