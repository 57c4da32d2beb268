"""Putting collections together, and membership in them (FHIRPath N1, sections 5.3, 5.4, 6.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidArguments
from fhir4ds.functions import tags, values
from fhir4ds.functions.comparison import equal_items
from fhir4ds.functions.declaration import Call, Example, Parameter, function
from fhir4ds.functions.operators import operator
from fhir4ds.plan.collection import BOOLEAN, Collection, TypeName
from fhir4ds.plan.nodes import (
    FALSE,
    TRUE,
    Case,
    Constant,
    Each,
    Exists,
    Node,
    Reference,
    apply,
    bind,
    empty,
    integer,
    length,
    null,
)

_PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "name": [{"given": ["Ada", "Eve"]}, {"given": ["Eve", "Joy"]}],
}
_OTHER = Parameter("other")


def aligned(call: Call, left: Collection, right: Collection) -> tuple[Node, Node]:
    """Both collections as arrays whose items stand alike, so that they can stand in one."""
    if values.is_empty(left) and values.is_empty(right):
        return empty(SqlType.JSON, many=True), empty(SqlType.JSON, many=True)
    a, b = values.value(left, call.model, call.names), values.value(right, call.model, call.names)
    if a.type is not b.type:
        if values.is_empty(left):
            a = empty(b.type, many=True)
        elif values.is_empty(right):
            b = empty(a.type, many=True)
        else:
            a, b = values.boxed(a, call.names), values.boxed(b, call.names)
    return values.as_array(a, call.names), values.as_array(b, call.names)


def types_of_both(left: Collection, right: Collection) -> tuple[TypeName, ...]:
    """The types that an item of either collection can have; none where those of one of them cannot be known."""
    sides = [side for side in (left, right) if not values.is_empty(side)]
    if not all(side.types for side in sides):
        return ()
    return tuple(dict.fromkeys((*left.types, *right.types)))


def combined(call: Call, left: Collection, right: Collection) -> Collection:
    """The items of both, duplicates included."""
    a, b = aligned(call, left, right)
    types = types_of_both(left, right)
    found = Collection(plan=_both(a, b), types=types, ordered=False)
    return tags.tagged(found, _tags_of_both(call, left, right)) if len(types) > 1 else found


def _both(a: Node, b: Node) -> Node:
    return apply("array_concat", a, b, type=a.type, many=True)


def _tags_of_both(call: Call, left: Collection, right: Collection) -> Node | None:
    """The items of both with their types, of which JSON does not say whether they are a String or a Date."""
    if values.is_empty(left) or values.is_empty(right):
        return tags.tags_of(call, right if values.is_empty(left) else left)
    a, b = tags.tags_of(call, left), tags.tags_of(call, right)
    return None if a is None or b is None else _both(a, b)


def distinct_items(call: Call, collection: Collection) -> Collection:
    """Each item once, in the order of its first occurrence."""
    if not collection.many:
        return collection
    kinds = tags.kinds_of_texts(call, collection.types)
    kept: Node | None = None
    if collection.tagged is not None:
        keep = partial(_first_only, call, collection, own=tags.item_of, kinds=kinds)
        kept = bind(call.names.fresh(), collection.tagged, keep)
    if kept is not None and len(set(kinds.values())) > 1:
        # Without their types, texts of several kinds, such as Strings and Dates, are not told apart.
        variable = call.names.fresh()
        plan: Node = Each(kept, variable, tags.item_of(Reference(variable, SqlType.JSON)))
    else:
        keep = partial(_first_only, call, collection, own=lambda entry: entry, kinds={})
        plan = bind(call.names.fresh(), values.value(collection, call.model, call.names), keep)
    return tags.tagged(attrs.evolve(collection, plan=plan, choices=(), guard=None), kept)


def _first_only(
    call: Call,
    collection: Collection,
    array: Node,
    *,
    own: Callable[[Node], Node],
    kinds: Mapping[TypeName, TypeName],
) -> Node:
    """The entries of an array whose item, which ``own`` finds in it, is equal to none before it that is of its kind."""
    variable, index, other = (call.names.fresh() for _ in range(3))
    entry, position = Reference(variable, array.type), Reference(index, SqlType.INTEGER)
    end = apply("subtract", position, integer(1), type=SqlType.INTEGER)
    before = apply("array_slice", array, integer(1), end, type=array.type, many=True)
    earlier = Reference(other, array.type)
    this, that = (attrs.evolve(collection, plan=own(each), choices=(), guard=None) for each in (entry, earlier))
    same = equal_items(call, that, this)
    if len(set(kinds.values())) > 1:
        same = apply("and", tags.of_one_kind(earlier, entry, kinds), same)
    return Each(array, variable, entry, where=apply("not", Exists(before, other, same)), index=index)


def _contains(call: Call, array: Node, collection: Collection, item: Node, origin: Collection) -> Node:
    """Whether an array of the items of a collection has an item, which is of the kind of its origin."""
    variable = call.names.fresh()
    other = attrs.evolve(collection, plan=Reference(variable, array.type), choices=(), guard=None)
    this = attrs.evolve(origin, plan=item, choices=(), guard=None)
    return Exists(array, variable, equal_items(call, other, this))


@operator(
    "|",
    group="Collections",
    examples=(
        Example(expression="(1 | 2 | 2).count()", result=(2,)),
        Example(expression="name[0].given | name[1].given", resource=_PATIENT, result=("Ada", "Eve", "Joy")),
    ),
)
def union_operator(call: Call, left: Collection, right: Collection) -> Collection:
    """The items of both collections, each once."""
    return distinct_items(call, combined(call, left, right))


@function(
    "union",
    _OTHER,
    group="Combining",
    returns="the items of both, each once",
    examples=(Example(expression="name[0].given.union(name[1].given).count()", resource=_PATIENT, result=(3,)),),
)
def union(call: Call) -> Collection:
    """The items of both collections, each once; the same as ``|``."""
    return distinct_items(call, combined(call, call.focus, call.value(0)))


@function(
    "combine",
    _OTHER,
    Parameter("preserveOrder", optional=True),
    group="Combining",
    returns="the items of both",
    examples=(
        Example(expression="name[0].given.combine(name[1].given).count()", resource=_PATIENT, result=(4,)),
        Example(expression="name[0].given.combine(name[1].given, true).last()", resource=_PATIENT, result=("Joy",)),
    ),
)
def combine(call: Call) -> Collection:
    """The items of both collections, duplicates included; those of the other one come last.

    The strict rules rely on that order only if it is asked for with ``true``.
    """
    other = call.value(0)
    ordered = call.count > 1 and _flag(call, call.value(1)) and call.focus.ordered and other.ordered
    return attrs.evolve(combined(call, call.focus, other), ordered=ordered)


def _flag(call: Call, given: Collection) -> bool:
    """A Boolean on which types and rules depend, so that it must be known before anything runs."""
    if values.is_empty(given):
        return False
    if given.type != BOOLEAN or not isinstance(given.plan, Constant):
        raise call.error(InvalidArguments, "preserveOrder must be true or false")
    return given.plan.value is True


@function(
    "distinct",
    group="Existence",
    returns="each item once",
    examples=(Example(expression="name.given.distinct()", resource=_PATIENT, result=("Ada", "Eve", "Joy")),),
)
def distinct(call: Call) -> Collection:
    """Each item once, in the order of its first occurrence."""
    return distinct_items(call, call.focus)


@function(
    "isDistinct",
    group="Existence",
    returns="Boolean",
    examples=(Example(expression="name.given.isDistinct()", resource=_PATIENT, result=(False,)),),
)
def is_distinct(call: Call) -> Collection:
    """Whether no two items are equal."""
    once = values.count(call, distinct_items(call, call.focus))
    return values.system(apply("equal", values.count(call, call.focus), once), BOOLEAN)


def _selected(call: Call, *, present: bool) -> Collection:
    focus, other = call.focus, call.value(0)
    a, b = aligned(call, focus, other)
    kept = attrs.evolve(focus, plan=a, choices=(), guard=None)
    variable = call.names.fresh()
    item = Reference(variable, a.type)
    found = _contains(call, b, other, item, focus)
    condition = found if present else apply("not", found)
    return attrs.evolve(kept, plan=Each(a, variable, item, where=condition))


@function(
    "intersect",
    _OTHER,
    group="Subsetting",
    returns="the items that are in both, each once",
    examples=(Example(expression="name[0].given.intersect(name[1].given)", resource=_PATIENT, result=("Eve",)),),
)
def intersect(call: Call) -> Collection:
    """The items that are also in the other collection, each once."""
    return distinct_items(call, _selected(call, present=True))


@function(
    "exclude",
    _OTHER,
    group="Subsetting",
    returns="the items that are not in the other",
    examples=(Example(expression="name[0].given.exclude(name[1].given)", resource=_PATIENT, result=("Ada",)),),
)
def exclude(call: Call) -> Collection:
    """The items that are not in the other collection; duplicates stay."""
    return _selected(call, present=False)


def _subset(call: Call, small: Collection, large: Collection) -> Collection:
    a, b = aligned(call, small, large)
    variable = call.names.fresh()
    found = _contains(call, b, large, Reference(variable, a.type), small)
    return values.system(apply("not", Exists(a, variable, apply("not", found))), BOOLEAN)


@function(
    "subsetOf",
    _OTHER,
    group="Existence",
    returns="Boolean",
    examples=(Example(expression="name[0].given.subsetOf(name.given)", resource=_PATIENT, result=(True,)),),
)
def subset_of(call: Call) -> Collection:
    """Whether every item is also in the other collection."""
    return _subset(call, call.focus, call.value(0))


@function(
    "supersetOf",
    _OTHER,
    group="Existence",
    returns="Boolean",
    examples=(Example(expression="name[0].given.supersetOf(name.given)", resource=_PATIENT, result=(False,)),),
)
def superset_of(call: Call) -> Collection:
    """Whether every item of the other collection is also in this one."""
    return _subset(call, call.value(0), call.focus)


def _member(call: Call, item: Collection, collection: Collection) -> Collection:
    if values.is_empty(item):
        return values.system(null(SqlType.BOOLEAN), BOOLEAN)
    one = values.single(call, item)
    a, b = aligned(call, one, collection)
    found = _contains(call, b, collection, apply("array_at", a, integer(1), type=a.type), one)
    nothing = apply("equal", length(a), integer(0))
    answer = Case(((nothing, null(SqlType.BOOLEAN)), (found, TRUE)), FALSE)
    return values.system(answer, BOOLEAN)


@operator(
    "in",
    group="Collections",
    examples=(
        Example(expression="'Ada' in name.given", resource=_PATIENT, result=(True,)),
        Example(expression="{} in name.given", resource=_PATIENT, result=()),
    ),
)
def is_in(call: Call, left: Collection, right: Collection) -> Collection:
    """Whether the single item on the left is in the collection on the right."""
    return _member(call, left, right)


@operator(
    "contains",
    group="Collections",
    examples=(Example(expression="name.given contains 'Zoe'", resource=_PATIENT, result=(False,)),),
)
def contains(call: Call, left: Collection, right: Collection) -> Collection:
    """Whether the collection on the left has the single item on the right."""
    return _member(call, right, left)
