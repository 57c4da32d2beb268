"""What lowerings do with collections: decide choices, read values, insist on single items, iterate."""

from __future__ import annotations

import functools
from collections.abc import Callable

import attrs

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidOperation
from fhir4ds.fhir.model import Model
from fhir4ds.functions import carrying, decimals
from fhir4ds.functions.declaration import Call
from fhir4ds.plan import elements, fusion, places
from fhir4ds.plan.collection import BOOLEAN, QUANTITY, SYSTEM_TYPES, TAGGED, Collection, Tags, TypeName
from fhir4ds.plan.nodes import (
    FALSE,
    TRUE,
    Apply,
    Array,
    Case,
    Cast,
    Constant,
    Each,
    Exists,
    Extract,
    FromJson,
    Node,
    Parameter,
    Raise,
    Reference,
    apply,
    bind,
    both,
    empty,
    integer,
    length,
    null,
    text,
)
from fhir4ds.plan.rewriting import rewrite
from fhir4ds.plan.strictness import never_holds

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


def single(call: Call, collection: Collection) -> Collection:
    """Insist on at most one item: the database raises where there are several.

    FHIRPath N1, "Singleton Evaluation of Collections".
    """
    if not collection.many:
        return collection
    plan, tagged = walkable(call, collection), collection.tagged

    def only(array: Node) -> Node:
        several = apply("less", integer(1), length(array))
        error = Raise("expected a single item but found several", call.position, array.type)
        return Case(((several, error),), apply("array_at", array, integer(1), type=array.type))

    one = bind(call.names.fresh(), plan, only)
    tags = None if tagged is None else Tags(one, bind(call.names.fresh(), tagged, only))
    return attrs.evolve(collection, plan=one, guard=None, tags=tags)


def single_value(call: Call, collection: Collection) -> Node:
    """The native value of at most one item."""
    return value(single(call, collection), call.model, call.names)


def boolean(call: Call, collection: Collection) -> Node:
    """The truth of a collection: NULL for empty; a single item that is no Boolean counts as true.

    FHIRPath N1, "Singleton Evaluation of Collections".
    """
    if is_empty(collection):
        return null(SqlType.BOOLEAN)
    if is_boolean(call, collection):
        return single_value(call, collection)
    if collection.many and collection.types and is_constant(collection.plan):
        # A single value would be true whatever it is, and several can never be; nobody means either.
        raise call.error(InvalidOperation, f"a Boolean is needed here, not a collection of {collection.types[0]}")
    item = single(call, collection)
    if is_untyped(collection):
        return of_parent(items(item, call.names), call.names, _truth_of_json)
    there = Case(((present(call, item), TRUE),), null(SqlType.BOOLEAN))
    if collection.plan.type is SqlType.JSON and BOOLEAN in [system_type(type, call.model) for type in collection.types]:
        own = of_parent(items(item, call.names), call.names, lambda json: read_dynamic(json, SqlType.BOOLEAN))
        return apply("coalesce", own, there)
    return there


def _truth_of_json(item: Node) -> Node:
    """The value of a JSON item that is a Boolean; any other item counts as true."""
    is_boolean = is_of_json(item, SqlType.BOOLEAN)
    own = FromJson(item, SqlType.BOOLEAN)
    return Case(((is_boolean, own), (apply("is_not_null", item), TRUE)), null(SqlType.BOOLEAN))


def is_boolean(call: Call, collection: Collection) -> bool:
    """Whether every item is known to be a Boolean."""
    return system_of(collection, call.model) == BOOLEAN


def present(call: Call, collection: Collection) -> Node:
    """Whether a collection has any item; a primitive element that has only extensions is one."""
    # A condition that is neither true nor false holds no item.
    guard = None if collection.guard is None else apply("is_true", collection.guard)
    if collection.choices and not collection.many:
        found = of_parent(collection.plan, call.names, lambda parent: _chosen(call, collection, parent))
        return both(guard, found) or FALSE
    plan = collection.plan if not collection.choices else items(attrs.evolve(collection, guard=None), call.names)
    if elements.are_of_wholes(plan):
        plan = elements.wholes(plan, call.names) or plan
        return both(guard, Exists(plan, call.names.fresh()) if plan.many else apply("is_not_null", plan)) or FALSE
    if plan.many:
        return both(guard, _any(call, attrs.evolve(collection, plan=plan, choices=()))) or FALSE
    if isinstance(plan, Extract) and system_of(collection, call.model) is not None:
        *parents, last = plan.steps
        parent = Extract(plan.base, tuple(parents), SqlType.JSON) if parents else plan.base
        return both(guard, _member_present(call, parent, last.name, collection.types[0])) or FALSE
    there = apply("is_not_null", plan)
    if holds_primitives(call, collection):
        lack = places.lacking(plan, call.names)
        whole = None if lack is None else elements.wholes(plan, call.names, computed=True)
        if lack is not None and whole is not None:
            there = apply("or", there, apply("and", lack, apply("is_not_null", whole)))
    return both(guard, there) or FALSE


def _chosen(call: Call, collection: Collection, parent: Node) -> Node:
    """Whether a parent has the choice element, of any type that it can have."""
    found = [_member_present(call, parent, choice.member, choice.type) for choice in collection.choices]
    return functools.reduce(lambda some, one: apply("or", some, one), found) if found else FALSE


def _member_present(call: Call, parent: Node, member: str, type: TypeName | None) -> Node:
    found = apply("is_not_null", fusion.extract(parent, Step(member), call.names))
    if system_type(type, call.model) is None:
        return found
    return apply("or", found, apply("is_not_null", fusion.extract(parent, Step("_" + member), call.names)))


def _any(call: Call, collection: Collection) -> Node:
    """Whether there are any items; elements without a value count too."""
    plan, variable = collection.plan, call.names.fresh()
    if not holds_primitives(call, collection):
        return Exists(plan, variable)
    if isinstance(plan, Extract):
        return apply("or", Exists(plan, variable), Exists(elements.beside(plan), call.names.fresh()))
    return Exists(places.placed(plan, call.names), variable)


def lacking(call: Call, *collections: Collection) -> Node | None:
    """A condition that holds where any item may have no value; None if none of them is a primitive element."""
    primitive = (side for side in collections if holds_primitives(call, side))
    return places.any_of(*(places.lacking(items(side, call.names), call.names) for side in primitive))


def wholes(call: Call, collection: Collection) -> Node:
    """An array of the items as whole elements; those that are no elements have nothing beside them."""
    plan = items(collection, call.names)
    return as_array(elements.wholes(plan, call.names, computed=True) or plan, call.names)


def placed_value(call: Call, collection: Collection) -> Node:
    """The native values of items as `value`, with NULL in the place of an element that has none."""
    plan = value(collection, call.model, call.names)
    return places.placed(plan, call.names) if holds_primitives(call, collection) else plan


def holds_primitives(call: Call, collection: Collection) -> bool:
    """Whether items are known to be values of primitive elements, beside which something can stand."""
    systems = [system_type(type, call.model) for type in collection.types]
    return call.model is not None and any(system not in (None, QUANTITY) for system in systems)


def count(call: Call, collection: Collection) -> Node:
    """Number of items."""
    if collection.many:
        walked = walkable(call, attrs.evolve(collection, guard=None))
        plan = length(elements.wholes_in_places(walked) or walked)
        return plan if collection.guard is None else Case(((collection.guard, plan),), integer(0))
    return Case(((present(call, collection), integer(1)),), integer(0))


def walkable(call: Call, collection: Collection) -> Node:
    """What an iteration over a collection walks: its items, or the parents that have the choice element.

    Elements without a value are in their places.
    """
    plan = collection.plan
    if not collection.choices and holds_primitives(call, collection):
        plan = places.placed(plan, call.names)
    if collection.choices and plan.many:
        variable = call.names.fresh()
        parent = Reference(variable, plan.type)
        plan = Each(plan, variable, parent, where=present(call, attrs.evolve(collection, plan=parent, guard=None)))
    if collection.guard is not None:
        plan = Case(((collection.guard, plan),), empty(plan.type, many=plan.many))
    return plan


@attrs.frozen
class Iteration:
    """The items of a collection one at a time.

    Parameters
    ----------
    source : Node
        Array that is walked: the items, or the parents of a choice element.
    variable : str
        Name of what is walked.
    item : Collection
        One item, in terms of the variable.
    """

    source: Node
    variable: str
    item: Collection

    def where(self, condition: Node, index: str | None) -> Node:
        """What is walked where a condition is to hold: without items that have no value, if it never holds for such."""
        only_values = index is None and never_holds(condition, self.variable)
        return places.with_values(self.source) if only_values else self.source


def iterate(call: Call, collection: Collection, *, resolves: bool = False) -> Iteration:
    """Walk a collection of many items.

    Primitive elements are walked as a whole where the call looks beside their values, and items of several resources together
    with these where it resolves references, or is said to.
    """
    walk = _iteration(call, collection, several=False)
    source, item = carrying.iterated(call, walk.source, walk.variable, resolves=resolves)
    if source is walk.source:
        return walk
    # Whatever is known of an item has to be known of what carries it.
    walk = _iteration(call, collection, several=True)
    source, item = carrying.iterated(call, walk.source, walk.variable, resolves=resolves)
    plan = carrying.in_terms(walk.item.plan, walk.variable, item)
    tagged = walk.item.tagged and carrying.in_terms(walk.item.tagged, walk.variable, item)
    tags = None if tagged is None else Tags(plan, tagged)
    return Iteration(source, walk.variable, attrs.evolve(walk.item, plan=plan, tags=tags))


def _iteration(call: Call, collection: Collection, *, several: bool) -> Iteration:
    variable = call.names.fresh()
    if (several or call.asks_types) and collection.tagged is not None:
        tagged = Reference(variable, SqlType.JSON)
        own = Extract(tagged, (TAGGED,), SqlType.JSON)
        item = attrs.evolve(collection, plan=own, guard=None, tags=Tags(own, tagged))
        return Iteration(collection.tagged, variable, item)
    are_primitive = not collection.choices and system_of(collection, call.model) is not None
    if ((several or call.looks_beside) and are_primitive) or elements.are_of_wholes(collection.plan):
        source = elements.wholes(walkable(call, collection), call.names)
        if source is not None:
            value = elements.value_of(Reference(variable, SqlType.JSON))
            return Iteration(source, variable, attrs.evolve(collection, plan=value, guard=None))
    reference = Reference(variable, collection.plan.type)
    item = attrs.evolve(collection, plan=reference, guard=None)
    return Iteration(walkable(call, collection), variable, item)


def zero_based(index: str) -> Node:
    """``$index``, which counts from 0 where SQL counts from 1."""
    return apply("subtract", Reference(index, SqlType.INTEGER), integer(1), type=SqlType.INTEGER)


def is_constant(plan: Node) -> bool:
    """Whether a plan has the same value for every resource and item."""
    read: set[str] = set()
    bound: set[str] = set()

    def note(part: Node) -> None:
        if isinstance(part, Reference | Parameter):
            read.add(part.name)
        for binds in ("variable", "index", "accumulator"):
            bound.add(getattr(part, binds, None) or "")

    rewrite(plan, note)
    return read <= bound
