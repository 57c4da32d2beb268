"""Walking the tree of elements (FHIRPath N1, sections 5.2.3 and 5.8)."""

from __future__ import annotations

import functools
from collections.abc import Callable

import attrs

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidOperation, UnknownElement
from fhir4ds.fhir.model import Model
from fhir4ds.functions import carrying, tags, values
from fhir4ds.functions.declaration import Call, Example, Parameter, ParameterKind, function
from fhir4ds.functions.holders import may_hold_resources
from fhir4ds.plan import elements
from fhir4ds.plan.collection import QUANTITY, Collection, TypeName
from fhir4ds.plan.nodes import (
    Array,
    Case,
    Each,
    Extract,
    Node,
    Raise,
    Reference,
    Repeat,
    apply,
    empty,
    integer,
    length,
    text,
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

#: Members of a resource that are no elements.
_NO_ELEMENTS = ("resourceType",)

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
    start = values.boxed(values.as_array(values.items(focus, call.names), call.names), call.names)
    level = Reference(call.names.fresh(), SqlType.JSON, many=True)
    variable = call.names.fresh()
    known = tuple(dict.fromkeys((*focus.types, *types)))
    # What a reference points to can be of another resource, which then goes along with each item.
    carries = call.resolves and may_hold_resources(call)
    own = carrying.carried_item(call.names, variable) if carries else Reference(variable, SqlType.JSON)
    projected = values.boxed(values.items(project(Collection(plan=own, types=known)), call.names), call.names)
    if carries:
        start, projected = (carrying.walk(call).carried(plan) for plan in (start, projected))
    overflow = Raise(f"still gives items after {_MOST_LEVELS} levels", call.position, SqlType.JSON, many=True)
    body: Node = Each(level, variable, projected)
    if most is not None:
        many = Raise(f"gives more than {most} items of one level", call.position, SqlType.JSON, many=True)
        body = Case(((apply("less", integer(most), length(level)), many),), body)
    plan: Node = Repeat(start, level.name, body, distinct, _MOST_LEVELS, overflow)
    if carries:
        plan = carrying.items_of(carrying.once(plan, call.names) if distinct else plan, call.names)
    return Collection(plan=plan, types=types, ordered=False)


def _reachable(call: Call, focus: Collection, project: Callable[[Collection], Collection]) -> tuple[TypeName, ...]:
    """The types that a projection can give in the end, if it is applied to its own results."""
    if not focus.types:
        return ()
    found: tuple[TypeName, ...] = ()
    while True:
        variable = call.names.fresh()
        known = tuple(dict.fromkeys((*focus.types, *found)))
        projected = _projected(call, project, Reference(variable, SqlType.JSON), known)
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


def _children(call: Call, collection: Collection) -> Collection:
    plan = values.items(collection, call.names)
    types = () if call.model is None else _child_types(call.model, collection.types)
    if not plan.many:
        return Collection(plan=_members(call, plan), types=types, ordered=False)
    variable = call.names.fresh()
    members = _members(call, Reference(variable, SqlType.JSON))
    return Collection(plan=Each(plan, variable, members), types=types, ordered=False)


def _tagged_children(call: Call, types: tuple[TypeName, ...], item: Node) -> Node | None:
    if call.model is None:
        return None
    return tags.children_of(call, call.model, types, item, left_out=_left_out())


def _holders(call: Call) -> Collection:
    """What has the elements of the focus as members: its items, or what stands beside the values of primitive ones."""
    focus = call.focus
    if focus.plan.type is not SqlType.JSON or values.is_empty(focus):
        return Collection(plan=empty(SqlType.JSON, many=True), types=(_ELEMENT,))  # a computed value has no elements
    primitive = [values.system_type(type, call.model) not in (None, QUANTITY) for type in focus.types]
    if not primitive or focus.choices or not all(primitive):
        return focus
    plan = elements.all_beside(values.items(focus, call.names), call.names)
    if plan is None:
        raise call.error(InvalidOperation, "the elements of a primitive element cannot be reached from here")
    return Collection(plan=plan, types=(_ELEMENT,))


def _members(call: Call, item: Node) -> Node:
    member = call.names.fresh()
    held = apply("json_members", item, _left_out(), type=SqlType.JSON, many=True)
    value = Extract(Reference(member, SqlType.JSON), (Step("value"),), SqlType.JSON)
    return Each(held, member, apply("json_items", value, type=SqlType.JSON, many=True))


def _left_out() -> Node:
    return Array(tuple(map(text, _NO_ELEMENTS)), SqlType.TEXT)


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


@function(
    "children",
    group=_GROUP,
    returns="the elements of each item",
    examples=(Example(expression="children().linkId", resource=_QUESTIONNAIRE, result=("1", "2")),),
)
def children(call: Call) -> Collection:
    """The elements directly below each item, by name; those of a primitive element are its id and its extensions."""
    focus = _holders(call)
    found, start = _children(call, focus), tags.tags_of(call, focus)
    variable = call.names.fresh()
    below = _tagged_children(call, focus.types, Reference(variable, SqlType.JSON))
    return found if start is None or below is None else tags.tagged(found, Each(start, variable, below))


@function(
    "descendants",
    group=_GROUP,
    returns="all elements below each item",
    examples=(Example(expression="descendants().linkId", resource=_QUESTIONNAIRE, result=("1", "2", "1.1", "1.2")),),
)
def descendants(call: Call) -> Collection:
    """The elements at any depth below each item, level by level."""
    focus = _holders(call)
    found = _repeated(call, focus, lambda item: _children(call, item), distinct=False)
    start = tags.tags_of(call, focus)
    level, variable = Reference(call.names.fresh(), SqlType.JSON, many=True), call.names.fresh()
    below = _tagged_children(call, focus.types, Reference(variable, SqlType.JSON))
    if start is None or below is None or not isinstance(found.plan, Repeat):
        return found
    body = Each(level, variable, below)
    return tags.tagged(found, attrs.evolve(found.plan, initial=start, variable=level.name, body=body))
