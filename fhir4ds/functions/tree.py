"""Walking the tree of elements (FHIRPath N1, sections 5.2.3 and 5.8)."""

from __future__ import annotations

import functools
from collections.abc import Callable

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidOperation, UnknownElement
from fhir4ds.fhir.model import Model
from fhir4ds.functions import carrying, presence, tags, values, walking
from fhir4ds.functions.declaration import Call, Example, Parameter, ParameterKind, function
from fhir4ds.functions.holders import may_hold_resources
from fhir4ds.plan import elements
from fhir4ds.plan.collection import QUANTITY, Choice, Collection, TypeName
from fhir4ds.plan.nodes import (
    Case,
    Each,
    Node,
    Raise,
    Reference,
    Repeat,
    apply,
    bind,
    empty,
    integer,
    json_object,
    length,
)

_GROUP = "Tree navigation"
_QUESTIONNAIRE = {
    "resourceType": "Questionnaire",
    "id": "q1",
    "item": [{"linkId": "1", "item": [{"linkId": "1.1"}, {"linkId": "1.2"}]}, {"linkId": "2"}],
}
_PROJECTION = Parameter("projection", ParameterKind.EXPRESSION)

#: More than resources are nested in practice. Without a limit, a projection that never ends would run until the deadline.
_MOST_LEVELS = 100

#: More than a level has in practice. A projection that gives several items for each would soon have more than fit anywhere.
_MOST_ITEMS = 100_000

#: What the id and the extensions beside a primitive value belong to.
_ELEMENT = TypeName("FHIR", "Element")

_ANY_RESOURCE = (TypeName("FHIR", "Resource"), TypeName("FHIR", "DomainResource"))


def _repeated(
    call: Call,
    focus: Collection,
    project: Callable[[Collection], Collection],
    *,
    distinct: bool,
    most: int | None = None,
) -> Collection:
    """What a projection of a collection gives over and over again, level by level, each of at most so many items."""
    types = _reachable(call, focus, project)
    variable = call.names.fresh()
    known = tuple(dict.fromkeys((*focus.types, *types)))
    # What a reference points to can be of another resource, which then goes along with each item.
    carries = call.resolves and may_hold_resources(call)
    item = carrying.carried_item(call.names, variable) if carries else Reference(variable, SqlType.JSON)
    beside = call.looks_beside and not carries
    projected = _projected_wholes(call, project, elements.value_of(item), known) if beside else None
    wholes = projected is not None
    if projected is None:
        found = project(Collection(plan=item, types=known))
        projected = values.boxed(values.items(found, call.names), call.names)
    start = _start(call, focus, wholes=wholes)
    plan = _all_levels(call, start, variable, projected, carries=carries, distinct=distinct, most=most)
    if wholes:
        plan = walking.values_of(plan, call.names.fresh())
    found = Collection(plan=plan, types=types, ordered=False)
    entries = tags.tags_of(call, focus) if len(types) > 1 else None
    if entries is None:
        return found
    # The same with the types of items, which what the projection goes to depends on.
    told = tags.tags_of(call, project(tags.as_tagged(Collection(plan=item, types=known), item)))
    if told is None:
        return found
    tagged = _all_levels(call, entries, variable, told, carries=carries, distinct=distinct, most=most)
    return tags.tagged(found, tags.once(call, tagged, wholes=wholes) if distinct else tagged)


def _all_levels(
    call: Call, start: Node, variable: str, projected: Node, *, carries: bool, distinct: bool, most: int | None
) -> Node:
    """What a projection of an item that a variable names gives of all items, and of all that it gave."""
    if carries:
        start, projected = (carrying.walk(call).carried(plan) for plan in (start, projected))
    level = Reference(call.names.fresh(), SqlType.JSON, many=True)
    body: Node = Each(level, variable, projected)
    if most is not None:
        many = Raise(f"gives more than {most} items of one level", call.position, SqlType.JSON, many=True)
        body = Case(((apply("less", integer(most), length(level)), many),), body)
    plan = Repeat(start, level.name, body, distinct, _MOST_LEVELS, _overflow(call))
    if not carries:
        return plan
    return carrying.items_of(carrying.once(plan, call.names) if distinct else plan, call.names)


def _start(call: Call, focus: Collection, *, wholes: bool) -> Node:
    """The items where a projection begins, as JSON or as whole elements."""
    if wholes:
        return presence.wholes(call, focus)
    return values.boxed(values.as_array(values.items(focus, call.names), call.names), call.names)


def _projected_wholes(
    call: Call, project: Callable[[Collection], Collection], item: Node, known: tuple[TypeName, ...]
) -> Node | None:
    """What a projection gives of an item as whole elements, if it walks a tree of them or can begin with primitive ones."""
    plan = values.items(project(Collection(plan=item, types=known)), call.names)
    if elements.are_of_wholes(plan):
        return elements.wholes(plan, call.names)
    are_primitive = any(_is_primitive(call, type) for type in known)
    return elements.wholes(plan, call.names, computed=True) if are_primitive else None


def _reachable(call: Call, focus: Collection, project: Callable[[Collection], Collection]) -> tuple[TypeName, ...]:
    """The types that a projection can give in the end, if it is applied to its own results."""
    if not focus.types:
        return ()
    found: tuple[TypeName, ...] = ()
    while True:
        item = Reference(call.names.fresh(), SqlType.JSON)
        known = tuple(dict.fromkeys((*focus.types, *found)))
        projected = _projected(call, project, elements.value_of(item) if call.looks_beside else item, known)
        more = tuple(dict.fromkeys((*found, *projected.types)))
        if more == found:
            return found
        found = more


def _projected(
    call: Call, project: Callable[[Collection], Collection], item: Node, known: tuple[TypeName, ...]
) -> Collection:
    """A projection of an item of types of which only those below may have the elements that it goes to."""
    try:
        return project(Collection(plan=item, types=known))
    except UnknownElement:
        below = known if call.model is None else tuple(dict.fromkeys((*known, *_child_types(call.model, known))))
        if below == known:
            raise
        try:
            return project(Collection(plan=item, types=below))
        except UnknownElement:
            pass  # and what is said of the item itself says more
        raise


@function(
    "repeat",
    _PROJECTION,
    group="Filtering and projection",
    returns="all items that the projection reaches, each once",
    examples=(
        Example(expression="repeat(item).linkId", resource=_QUESTIONNAIRE, result=("1", "2", "1.1", "1.2")),
        Example(expression="repeat('a')", resource=_QUESTIONNAIRE, result=("a",)),
    ),
)
def repeat(call: Call) -> Collection:
    """Apply the projection to the focus, then to what it gave, and so on; equal items appear once."""
    return _repeated(call, call.focus, lambda item: call.body(0, item), distinct=True)


@function(
    "repeatAll",
    _PROJECTION,
    group="Filtering and projection",
    returns="all items that the projection reaches",
    examples=(Example(expression="repeatAll(item).count()", resource=_QUESTIONNAIRE, result=(4,)),),
)
def repeat_all(call: Call) -> Collection:
    """Apply the projection to the focus, then to what it gave, and so on, without looking for equal items.

    What has no end is an error, as it is for ``repeat``: after 100 levels, or with more than 100,000 items of one level.
    """
    return _repeated(call, call.focus, lambda item: call.body(0, item), distinct=False, most=_MOST_ITEMS)


def _members_below(call: Call, owners: Node) -> Node:
    """The items of every member of objects, where no model says which of them are elements."""
    member = Reference(call.names.fresh(), SqlType.JSON)
    return _each(call, owners, lambda owner: Each(walking.members(owner), member.name, walking.held(member)))


def _wholes_below(call: Call, owners: Node) -> Node:
    """The elements of objects, as a whole."""
    return _each(call, owners, lambda owner: walking.below(call.names, owner, lambda _, parts: json_object(parts)))


def _each(call: Call, owners: Node, below: Callable[[Node], Node]) -> Node:
    variable = call.names.fresh()
    if owners.many:
        return Each(owners, variable, below(Reference(variable, SqlType.JSON)))
    return bind(variable, owners, below)


def _tagged_below(call: Call, model: Model, types: tuple[TypeName, ...], items: Node) -> Node:
    item = Reference(call.names.fresh(), SqlType.JSON)
    return Each(items, item.name, tags.children_of(call, model, types, item))


def _levels(call: Call, start: Node, below: Callable[[Node], Node]) -> Node:
    """What is below items, what is below that, and so on."""
    level = Reference(call.names.fresh(), SqlType.JSON, many=True)
    return Repeat(start, level.name, below(level), False, _MOST_LEVELS, _overflow(call))


def _overflow(call: Call) -> Raise:
    return Raise(f"still gives items after {_MOST_LEVELS} levels", call.position, SqlType.JSON, many=True)


def _owners(call: Call) -> Collection:
    """What has the elements of the focus as members: its items, or what stands beside the values of primitive ones."""
    focus = call.focus
    if focus.plan.type is not SqlType.JSON or values.is_empty(focus):
        return Collection(plan=empty(SqlType.JSON, many=True), types=(_ELEMENT,))  # a computed value has no elements
    if focus.choices:
        return _chosen_owners(call, focus)
    primitive = [_is_primitive(call, type) for type in focus.types]
    if not any(primitive):
        return focus
    items = values.items(focus, call.names)
    if not all(primitive):
        owners = walking.owners(items, call.names)
        return tags.tagged(attrs.evolve(focus, plan=owners, guard=None), tags.tags_of(call, focus))
    plan = elements.all_beside(items, call.names)
    if plan is None:
        raise call.error(InvalidOperation, "the elements of a primitive element cannot be reached from here")
    return Collection(plan=plan, types=(_ELEMENT,))


def _chosen_owners(call: Call, focus: Collection) -> Collection:
    choices = tuple(
        Choice(_ELEMENT, f"_{choice.member}") if _is_primitive(call, choice.type) else choice
        for choice in focus.choices
    )
    return attrs.evolve(focus, choices=choices, types=tuple(dict.fromkeys(choice.type for choice in choices)))


def _is_primitive(call: Call, type: TypeName) -> bool:
    return values.system_type(type, call.model) not in (None, QUANTITY)


@functools.lru_cache(maxsize=256)
def _child_types(model: Model, owners: tuple[TypeName, ...]) -> tuple[TypeName, ...]:
    """The types that elements below items of some types can have."""
    found: dict[TypeName, None] = {}
    for owner in owners:
        # What is only known to be a resource can be any.
        names = model.resource_types if owner in _ANY_RESOURCE else (owner.name,)
        members = (element for name in names for element in model.elements(name).values())
        if owner.namespace == "FHIR":
            found.update(dict.fromkeys(values.type_name(type) for element in members for type in element.types))
    return tuple(found)


def _descendant_types(model: Model, owners: tuple[TypeName, ...]) -> tuple[TypeName, ...]:
    """The types that elements at any depth below items of some types can have."""
    found: tuple[TypeName, ...] = ()
    while True:
        more = tuple(dict.fromkeys((*found, *_child_types(model, (*owners, *found)))))
        if more == found:
            return found
        found = more


@function(
    "children",
    group=_GROUP,
    returns="the elements of each item",
    examples=(Example(expression="children().linkId", resource=_QUESTIONNAIRE, result=("1", "2")),),
)
def children(call: Call) -> Collection:
    """The elements directly below each item, by name; those of a primitive element are its id and its extensions."""
    focus, names, model = _owners(call), call.names, call.model
    owners = values.items(focus, names)
    if model is None:
        return Collection(plan=_members_below(call, owners), ordered=False)
    plan = walking.values_of(_wholes_below(call, owners), names.fresh())
    found = Collection(plan=plan, types=_child_types(model, focus.types), ordered=False)
    start = tags.tags_of(call, focus)
    if start is None:
        return found
    return tags.tagged(found, _tagged_below(call, model, focus.types, start))


@function(
    "descendants",
    group=_GROUP,
    returns="all elements below each item",
    examples=(Example(expression="descendants().linkId", resource=_QUESTIONNAIRE, result=("1", "2", "1.1", "1.2")),),
)
def descendants(call: Call) -> Collection:
    """The elements at any depth below each item, level by level."""
    focus, names, model = _owners(call), call.names, call.model
    owners = values.as_array(values.items(focus, names), names)
    if model is None:
        return Collection(plan=_levels(call, owners, lambda level: _members_below(call, level)), ordered=False)
    wholes = _levels(
        call,
        elements.alone(owners, names),
        lambda level: _wholes_below(call, walking.owners_of(level, names.fresh())),
    )
    plan = walking.values_of(wholes, names.fresh())
    found = Collection(plan=plan, types=_descendant_types(model, focus.types), ordered=False)
    start = tags.tags_of(call, focus)
    if start is None:
        return found
    return tags.tagged(found, _levels(call, start, lambda level: _tagged_below(call, model, focus.types, level)))
