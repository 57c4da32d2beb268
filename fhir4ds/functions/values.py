"""The plans of collections: their items and the values of these, as their types say."""

from __future__ import annotations

from collections.abc import Callable

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.fhir.model import Model
from fhir4ds.functions import decimals
from fhir4ds.functions.declaration import Call
from fhir4ds.plan import fusion
from fhir4ds.plan.collection import DATE, DATETIME, SYSTEM_TYPES, Collection, TypeName
from fhir4ds.plan.nodes import (
    Apply,
    Array,
    Case,
    Cast,
    Constant,
    Each,
    Extract,
    FromJson,
    Node,
    Raise,
    Reference,
    apply,
    bind,
    empty,
    null,
    text,
)

#: What JSON calls the values of each SQL type.
_JSON_KINDS = {
    SqlType.BOOLEAN: "boolean",
    SqlType.INTEGER: "number",
    SqlType.DECIMAL: "number",
    SqlType.TEXT: "string",
}


def system_type(type: TypeName | None, model: Model | None) -> TypeName | None:
    """The System type that values of a type convert to; None for complex and unknown types.

    FHIR R4, "FHIRPath", section "Types": a FHIR primitive converts implicitly to the System type of its value.
    """
    if type is None or type.namespace == "System":
        return type
    name = model.primitives.get(type.name) if model is not None else None
    return TypeName("System", name) if name is not None else None


def system_of(collection: Collection, model: Model | None) -> TypeName | None:
    """The System type that values of all items convert to; None where there are several, or one has none."""
    systems = {system_type(type, model) for type in collection.types}
    return systems.pop() if len(systems) == 1 else None


def compared_as(collection: Collection, model: Model | None) -> TypeName | None:
    """The System type that values of all items are compared as: a Date among DateTimes as a DateTime."""
    systems = {system_type(type, model) for type in collection.types}
    return DATETIME if systems == {DATE, DATETIME} else system_of(collection, model)


def type_name(name: str) -> TypeName:
    """The type that the FHIR model calls by a name."""
    namespace, _, system = name.partition("System.")
    return TypeName("System", system) if not namespace and system else TypeName("FHIR", name)


def sql_type(collection: Collection, model: Model | None) -> SqlType:
    """How the values of a collection stand in SQL."""
    if collection.plan.type is not SqlType.JSON:
        return collection.plan.type
    systems = [system_type(type, model) for type in collection.types]
    kinds = {SqlType.JSON if system is None else SYSTEM_TYPES[system.name] for system in systems}
    return kinds.pop() if len(kinds) == 1 else SqlType.JSON


def is_untyped(collection: Collection) -> bool:
    """Whether nothing is known of the types of items, which are JSON: there is no model that would say."""
    return not collection.types and collection.plan.type is SqlType.JSON and not is_empty(collection)


def is_dynamic(collection: Collection, model: Model | None) -> bool:
    """Whether items are JSON whose type is only known when they are met."""
    if collection.plan.type is not SqlType.JSON or is_empty(collection):
        return False
    return not collection.types or (
        collection.type is None
        and sql_type(collection, model) is SqlType.JSON
        and any(system_type(type, model) is not None for type in collection.types)
    )


def shown(*operands: Collection, model: Model | None = None) -> tuple[str, str | None]:
    """The types of operands, for a message that says that they cannot be used, and a hint where it is of use."""
    unknown = ["items of several types" if operand.types else "items of no known type" for operand in operands]
    types = [system_of(operand, model) or operand.type for operand in operands]
    hint = "say which type is meant, such as value.ofType(integer)" if None in types else None
    return " and ".join(str(type or other) for type, other in zip(types, unknown, strict=True)), hint


def read_dynamic(item: Node, type: SqlType) -> Node:
    """The value of one JSON item of unknown type, if it is of ``type``; NULL otherwise."""
    if item.type is not SqlType.JSON:
        return item
    return Case(((is_of_json(item, type), FromJson(item, type)),), null(type))


def insisted(call: Call, item: Node, type: SqlType, error: Raise) -> Node:
    """The value of one JSON item that must be of a type, if there is one."""

    def read(json: Node) -> Node:
        kind = apply("json_kind", json, type=SqlType.TEXT)
        missing = apply("equal", apply("coalesce", kind, text("null"), type=SqlType.TEXT), text("null"))
        return Case(((is_of_json(json, type), FromJson(json, type)), (missing, null(type))), error)

    return of_parent(item, call.names, read)


def is_of_json(item: Node, type: SqlType) -> Node:
    """Whether JSON calls an item what it calls values of a type."""
    return apply("equal", apply("json_kind", item, type=SqlType.TEXT), text(_JSON_KINDS[type]))


def read_all(call: Call, collection: Collection, type: SqlType, named: str) -> Node:
    """An array of the values of JSON items of no known type; an item of another type is an error, which names them."""
    variable = call.names.fresh()
    item = Reference(variable, SqlType.JSON)
    error = Raise(f"the items must be {named}", call.position, type)
    read = Case(((is_of_json(item, type), FromJson(item, type)),), error)
    return Each(as_array(items(collection, call.names), call.names), variable, read)


def boxed(plan: Node, names: fusion.Names) -> Node:
    """The items as JSON, so that items of different types can stand in one collection."""
    if plan.type is SqlType.JSON:
        return plan
    if not plan.many:
        if plan.type is SqlType.DECIMAL:
            return Cast(decimals.written(names, plan), SqlType.JSON)
        primitive = "json_boolean" if plan.type is SqlType.BOOLEAN else "to_json"
        return apply(primitive, Cast(plan, plan.type), type=SqlType.JSON)
    variable = names.fresh()
    return Each(plan, variable, boxed(Reference(variable, plan.type), names))


def as_array(plan: Node, names: fusion.Names) -> Node:
    """An array of the values that are there."""
    if plan.many:
        return plan
    if isinstance(plan, Constant):
        return empty(plan.type, many=True) if plan.value is None else Array((plan,), plan.type)
    variable = names.fresh()
    item = Reference(variable, plan.type)
    return Each(Array((plan,), plan.type), variable, item, where=apply("is_not_null", item))


def items(collection: Collection, names: fusion.Names) -> Node:
    """The plan of a collection with its choices and its guard worked in."""
    plan = collection.plan
    if collection.choices:
        plan = _each_parent(plan, names, lambda parent: _first_choice(parent, collection, names))
    if collection.guard is not None:
        plan = Case(((collection.guard, plan),), empty(plan.type, many=plan.many))
    return plan


def _each_parent(parents: Node, names: fusion.Names, body: Callable[[Node], Node]) -> Node:
    if not parents.many:
        return body(parents)
    variable = names.fresh()
    return Each(parents, variable, body(Reference(variable, parents.type)))


def _first_choice(parent: Node, collection: Collection, names: fusion.Names) -> Node:
    def chosen(parent: Node) -> Node:
        members = [fusion.extract(parent, Step(choice.member), names) for choice in collection.choices]
        return members[0] if len(members) == 1 else Apply("coalesce", tuple(members), SqlType.JSON)

    return of_parent(parent, names, chosen)


def of_parent(parent: Node, names: fusion.Names, body: Callable[[Node], Node]) -> Node:
    """What is made of a parent that is used once for each of many choices: computed once, unless it is just a path."""
    return body(parent) if is_path(parent) else bind(names.fresh(), parent, body)


def is_path(plan: Node) -> bool:
    """Whether a plan just goes to a value, so that it costs little to use it more than once."""
    return isinstance(plan, Reference) or (isinstance(plan, Extract) and isinstance(plan.base, Reference))


def value(collection: Collection, model: Model | None, names: fusion.Names) -> Node:
    """The items of a collection as native SQL values where they are primitive, as JSON where they are not."""
    return fusion.read(items(collection, names), sql_type(collection, model), names)


def is_empty(collection: Collection) -> bool:
    """Whether a collection is known to be empty before anything runs."""
    plan = collection.plan
    return (isinstance(plan, Constant) and plan.value is None) or getattr(plan, "items", None) == ()


def system(plan: Node, type: TypeName) -> Collection:
    """A collection of computed values of a System type."""
    return Collection(plan=plan, types=(type,))
