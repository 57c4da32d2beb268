"""One step down a tree: the elements of an object, of which primitive ones stand in two members.

JSON has the value of a primitive element in a member, and its id and extensions in one of the same name behind an underscore;
of arrays, what belongs to an item is in the same place of the other one, and a null fills each place that has nothing (FHIR R4,
"JSON Representation of Resources", section "Primitive Elements"). An element is one item of the tree all the same. So a walk
goes over elements as a whole (`fhir4ds.plan.elements`), of which those with nothing beside their value have just that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.plan import elements
from fhir4ds.plan.elements import BESIDE, VALUE
from fhir4ds.plan.fusion import Names
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
    null,
    text,
)

#: Makes a whole element of its name and of the members of it that there are.
Made = Callable[[Node, Mapping[str, Node]], Node]

#: Members of a resource that are no elements.
_NO_ELEMENTS = Array((text("resourceType"),), SqlType.TEXT)

#: What a member of what stands beside a value begins with.
_MARK = "_"

_NULL = Constant("null", SqlType.JSON)

#: Name and value of a member.
_NAME, _HELD = "key", "value"


def members(owner: Node) -> Node:
    """The members of an object, in the order of their names."""
    return apply("json_members", owner, _NO_ELEMENTS, type=SqlType.JSON, many=True)


def held(member: Node) -> Extract:
    """The items of a member that is an array, or its value; a null is no item."""
    return Extract(member, (Step(_HELD, each=None),), SqlType.JSON)


def values_of(wholes: Node, variable: str) -> Each:
    """The values of whole elements; `elements.wholes` of them are these again."""
    return Each(wholes, variable, Extract(Reference(variable, SqlType.JSON), (VALUE,), SqlType.JSON))


def owner(whole: Node) -> Node:
    """What has the elements of an element as its members: an object, or what stands beside the value of a primitive one."""
    value, beside = (Extract(whole, (step,), SqlType.JSON) for step in (VALUE, BESIDE))
    return apply("coalesce", beside, value, type=SqlType.JSON)


def owners_of(wholes: Node, variable: str) -> Node:
    """What has the elements of whole elements as its members."""
    if wholes.many:
        return Each(wholes, variable, owner(Reference(variable, SqlType.JSON)))
    return bind(variable, wholes, owner)


def owners(plan: Node, names: Names) -> Node:
    """What has the elements of items, some of which are primitive, as its members."""
    wholes = elements.wholes(plan, names)
    return plan if wholes is None else owners_of(wholes, names.fresh())


def below(names: Names, owner: Node, made: Made, where: Callable[[Node], Node] | None = None) -> Node:
    """The elements of an object as a whole.

    Parameters
    ----------
    names : Names
        Source of variable names.
    owner : Node
        The object.
    made : callable
        Makes a whole element of its name and of the members of it that there are.
    where : callable, optional
        Whether elements of a name are wanted.

    Returns
    -------
    Node
        Whole elements, in the order of the names of members. Where anything stands beside a value that is not there, the
        name begins with an underscore.
    """
    plain = names.fresh()
    alone = Each(
        members(owner), plain, _alone(names, plain, made), where=None if where is None else where(_name(plain))
    )
    may_have_marks = apply("json_mentions", owner, text(f'"{_MARK}'))
    return Case(((may_have_marks, _with_marks(names, owner, made, where)),), alone)


def _alone(names: Names, member: str, made: Made) -> Node:
    item = names.fresh()
    value = Reference(item, SqlType.JSON)
    return Each(held(Reference(member, SqlType.JSON)), item, made(_name(member), {VALUE.name: value}))


def _with_marks(names: Names, owner: Node, made: Made, where: Callable[[Node], Node] | None) -> Node:
    member = names.fresh()
    name = _name(member)
    is_marked = apply("equal", apply("left", name, integer(len(_MARK)), type=SqlType.TEXT), text(_MARK))
    plain = apply("regexp_remove", name, text(f"^{_MARK}"), type=SqlType.TEXT)
    other = apply("concat", text(_MARK), name, type=SqlType.TEXT)
    # What stands beside a value comes with it, and by itself where there is no value.
    with_value = apply("is_not_null", apply("look_up", owner, plain, type=SqlType.TEXT))
    taken = apply("not", apply("and", is_marked, with_value))
    found = Case(
        (
            (is_marked, _beside_nothing(names, member, plain, made)),
            (apply("json_has", owner, other), _paired(names, member, _member(owner, other), made)),
        ),
        _alone(names, member, made),
    )
    return Each(members(owner), member, found, where=taken if where is None else apply("and", taken, where(plain)))


def _beside_nothing(names: Names, member: str, name: Node, made: Made) -> Node:
    item = names.fresh()
    beside = Reference(item, SqlType.JSON)
    return Each(
        held(Reference(member, SqlType.JSON)), item, made(name, {VALUE.name: null(SqlType.JSON), BESIDE.name: beside})
    )


def _paired(names: Names, member: str, others: Node, made: Made) -> Node:
    item, place, array = names.fresh(), names.fresh(), names.fresh()
    value, all_others = Reference(item, SqlType.JSON), Reference(array, SqlType.JSON, many=True)
    beside = apply("array_at", all_others, Reference(place, SqlType.INTEGER), type=SqlType.JSON)
    there = apply("not", apply("and", _is_null(value), _is_null(beside)))
    alone = made(_name(member), {VALUE.name: value})
    element = Case(((_is_null(beside), alone),), made(_name(member), {VALUE.name: value, BESIDE.name: beside}))
    values = _every(Extract(Reference(member, SqlType.JSON), (Step(_HELD),), SqlType.JSON))
    return Bind(array, _every(others), Each(values, item, element, there, place))


def _member(owner: Node, name: Node) -> Node:
    """A member that is an object or an array."""
    return Cast(apply("look_up", owner, name, type=SqlType.TEXT), SqlType.JSON)


def _every(value: Node) -> Node:
    """The items of an array with the nulls in it, or the value."""
    return apply("json_items", value, type=SqlType.JSON, many=True)


def _is_null(item: Node) -> Node:
    return apply("equal", apply("coalesce", item, _NULL, type=SqlType.JSON), _NULL)


def _name(member: str) -> Node:
    return Extract(Reference(member, SqlType.JSON), (Step(_NAME),), SqlType.TEXT)
