"""Walking the tree of elements (FHIRPath N1, sections 5.2.3 and 5.8)."""

from __future__ import annotations

from collections.abc import Callable

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidOperation
from fhir4ds.functions import values
from fhir4ds.functions.declaration import Call, Example, Parameter, ParameterKind, function
from fhir4ds.plan.collection import Collection, TypeName
from fhir4ds.plan.nodes import Array, Each, Node, Raise, Reference, Repeat, apply, text

_GROUP = "Tree navigation"
_QUESTIONNAIRE = {
    "resourceType": "Questionnaire",
    "id": "q1",
    "item": [{"linkId": "1", "item": [{"linkId": "1.1"}, {"linkId": "1.2"}]}, {"linkId": "2"}],
}
_PROJECTION = Parameter("projection", ParameterKind.EXPRESSION)

#: More than resources are nested in practice. Without a limit, a projection that never ends would run until the deadline.
_MOST_LEVELS = 100

#: Members of a resource that are no elements.
_NO_ELEMENTS = ("resourceType",)


def _repeated(call: Call, project: Callable[[Collection], Collection], *, distinct: bool) -> Collection:
    """What a projection gives over and over again, level by level."""
    focus = call.focus
    types = _reachable(call, focus, project)
    start = values.boxed(values.as_array(values.items(focus, call.names), call.names), call.names)
    level = Reference(call.names.fresh(), SqlType.JSON, many=True)
    variable = call.names.fresh()
    item = Collection(plan=Reference(variable, SqlType.JSON), types=tuple(dict.fromkeys((*focus.types, *types))))
    projected = values.boxed(values.items(project(item), call.names), call.names)
    overflow = Raise(f"still gives items after {_MOST_LEVELS} levels", call.position, SqlType.JSON, many=True)
    plan = Repeat(start, level.name, Each(level, variable, projected), distinct, _MOST_LEVELS, overflow)
    return Collection(plan=plan, types=types, ordered=False)


def _reachable(call: Call, focus: Collection, project: Callable[[Collection], Collection]) -> tuple[TypeName, ...]:
    """The types that a projection can give in the end, if it is applied to its own results."""
    if not focus.types:
        return ()
    found: tuple[TypeName, ...] = ()
    while True:
        variable = call.names.fresh()
        known = tuple(dict.fromkeys((*focus.types, *found)))
        projected = project(Collection(plan=Reference(variable, SqlType.JSON), types=known))
        more = tuple(dict.fromkeys((*found, *projected.types)))
        if more == found:
            return found
        found = more


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
    return _repeated(call, lambda item: call.body(0, item), distinct=True)


@function(
    "repeatAll",
    _PROJECTION,
    group="Filtering and projection",
    returns="all items that the projection reaches",
    examples=(Example(expression="repeatAll(item).count()", resource=_QUESTIONNAIRE, result=(4,)),),
)
def repeat_all(call: Call) -> Collection:
    """Apply the projection to the focus, then to what it gave, and so on, without looking for equal items."""
    return _repeated(call, lambda item: call.body(0, item), distinct=False)


def _children(call: Call, collection: Collection) -> Collection:
    if collection.plan.type is not SqlType.JSON:
        raise call.error(InvalidOperation, "a computed value has no elements")
    plan = values.items(collection, call.names)
    types = _child_types(call, collection)
    if not plan.many:
        return Collection(plan=_members(call, plan), types=types, ordered=False)
    variable = call.names.fresh()
    members = _members(call, Reference(variable, SqlType.JSON))
    return Collection(plan=Each(plan, variable, members), types=types, ordered=False)


def _members(call: Call, item: Node) -> Node:
    names = Array(tuple(map(text, _NO_ELEMENTS)), SqlType.TEXT)
    member = call.names.fresh()
    held = apply("json_members", item, names, type=SqlType.JSON, many=True)
    items = apply("json_items", Reference(member, SqlType.JSON), type=SqlType.JSON, many=True)
    return Each(held, member, items)


def _child_types(call: Call, collection: Collection) -> tuple[TypeName, ...]:
    if call.model is None:
        return ()
    elements = (
        type
        for owner in collection.types
        if owner.namespace == "FHIR"
        for element in call.model.elements(owner.name).values()
        for type in element.types
    )
    return tuple(dict.fromkeys(values.type_name(name) for name in elements))


@function(
    "children",
    group=_GROUP,
    returns="the elements of each item",
    examples=(Example(expression="children().linkId", resource=_QUESTIONNAIRE, result=("1", "2")),),
)
def children(call: Call) -> Collection:
    """The elements directly below each item, by name."""
    return _children(call, call.focus)


@function(
    "descendants",
    group=_GROUP,
    returns="all elements below each item",
    examples=(Example(expression="descendants().linkId", resource=_QUESTIONNAIRE, result=("1", "2", "1.1", "1.2")),),
)
def descendants(call: Call) -> Collection:
    """The elements at any depth below each item, level by level."""
    return _repeated(call, lambda item: _children(call, item), distinct=False)
