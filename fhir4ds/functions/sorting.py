"""Putting items in order (FHIRPath, current specification, "sort")."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidOperation
from fhir4ds.functions import carrying, iteration, measures, quantities, singletons, tags, values
from fhir4ds.functions.declaration import Call, Example, Parameter, ParameterKind, function
from fhir4ds.functions.quantities import Form
from fhir4ds.functions.undecided import groups_of, is_mixed, kind_of
from fhir4ds.plan.collection import Collection
from fhir4ds.plan.nodes import (
    Case,
    Constant,
    Each,
    Exists,
    FromJson,
    Node,
    Raise,
    Reference,
    Sort,
    apply,
    bind,
    bind_all,
    integer,
    length,
    null,
    text,
)

_PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "name": [{"family": "Roe", "given": ["Ada"]}, {"family": "Doe", "given": ["Eve"]}, {"given": ["Joy"]}],
}


def _text(call: Call, json: Node) -> Node:
    """What orders all that are neither numbers nor quantities; equal ones are written in several ways, and keep their order."""
    kind = apply("json_kind", json, type=SqlType.TEXT)
    unordered = Raise("items with elements have no order", call.position, SqlType.TEXT)
    return Case(
        (
            (values.is_of_json(json, SqlType.DECIMAL), null(SqlType.TEXT)),
            (measures.is_quantity(json, call.model), null(SqlType.TEXT)),
            (apply("equal", kind, text("object")), unordered),
        ),
        FromJson(json, SqlType.TEXT),
    )


def _number(json: Node) -> Node:
    return values.read_dynamic(json, SqlType.DECIMAL)


@function(
    "sort",
    Parameter("key", ParameterKind.EXPRESSION, optional=True, repeated=True),
    group="Filtering and projection",
    returns="the items in order",
    examples=(
        Example(expression="name.given.sort($this desc)", resource=_PATIENT, result=("Joy", "Eve", "Ada")),
        Example(expression="name.sort(family).given", resource=_PATIENT, result=("Joy", "Eve", "Ada")),
        Example(expression="name.sort(family desc).given", resource=_PATIENT, result=("Ada", "Eve", "Joy")),
        Example(expression="(3 | 1 | 2).sort()", result=(1, 2, 3)),
    ),
)
def sort(call: Call) -> Collection:
    """The items ordered by the keys, the first key first; each key ascending unless it says ``desc``.

    Without keys the items themselves are compared; keys of several types are an error. Items without a key are before all others, so that they come first, and
    last with ``desc``; a minus before a key does not move them. Equal items keep their order.
    """
    focus = call.focus
    if not focus.many:
        return focus
    walk = iteration.iterate(call, focus)
    plan, before = walk.source, dict[str, Node]()
    apart: list[Node] = []
    # Sorting is stable, so sorting by the last key first leaves the items in the order of all keys.
    for number in reversed(range(max(call.count, 1))):
        key = _key(call, number, walk)
        if values.is_dynamic(key, call.model) or (not call.count and is_mixed(call, key)):
            kinds = Reference(call.names.fresh(), SqlType.TEXT, many=True)
            before[kinds.name] = _kinds(call, number)
            apart.append(_are_several(call, kinds))
        for ordinal, descending in _ordinals(call, number, key, before):
            item = Reference(call.names.fresh(), plan.type)
            plan = Sort(plan, item.name, carrying.in_terms(ordinal, walk.variable, item), descending)
    if apart:
        error = Raise("items of several types have no order", call.position, plan.type, many=True)
        plan = Case(tuple((several, error) for several in apart), plan)
    plan = bind_all(tuple(before.items()), plan)
    found = attrs.evolve(focus, plan=plan, guard=None, ordered=True)
    if walk.item.plan == Reference(walk.variable, plan.type):
        return found
    tagged = walk.item.tagged
    found = attrs.evolve(found, plan=Each(plan, walk.variable, walk.item.plan))
    return tags.tagged(found, None if tagged is None else Each(plan, walk.variable, tagged))


def _key(call: Call, number: int, walk: iteration.Iteration) -> Collection:
    return call.body(number, walk.item) if call.count else walk.item


def _ordinals(call: Call, number: int, key: Collection, before: dict[str, Node]) -> Iterator[tuple[Node, bool]]:
    """What a key puts items in order by, and whether descending; what matters most comes last.

    What is to be computed once, by the name of its variable, is put into ``before``.
    """
    value = singletons.single_value(call, key)
    if isinstance(value, Constant):
        return  # it orders nothing; and where a key stands in SQL, a number would be the number of a column
    descending = bool(call.count) and call.descending(number)
    if value.type is not SqlType.JSON:
        yield value, descending
    elif (form := quantities.form(call, key)) in (Form.SYSTEM, Form.FHIR):
        every = Reference(call.names.fresh(), SqlType.JSON, many=True)
        before[every.name] = _every(call, number)
        yield _rank(call, every, value, form or Form.SYSTEM), descending
    elif values.is_dynamic(key, call.model):
        # What is of no known type is in the order of its text, unless all of it are numbers, or quantities.
        yield _text(call, value), descending
        yield _number(value), descending
        if form is Form.OPEN and call.model is not None:
            every = Reference(call.names.fresh(), SqlType.JSON, many=True)
            before[every.name] = _quantities(call, _every(call, number))
            own = Case(((measures.is_quantity(value, call.model), value),), null(SqlType.JSON))
            yield _rank(call, every, own, Form.FHIR), descending
    else:
        raise call.error(InvalidOperation, f"items cannot be sorted by {key.type}, which has no order")
    if call.count and call.empty_last(number):
        yield Case(((apply("is_null", value), integer(1)),), integer(0)), False


def _kinds(call: Call, number: int) -> Node:
    """Of what kind the key of each item is that has one; keys of several kinds do not compare."""
    tagged = None if call.count else tags.tags_of(call, call.focus)
    if tagged is not None:
        item = Reference(call.names.fresh(), SqlType.JSON)
        kinds = enumerate(groups_of(call, call.focus, kind_of))
        branches = tuple((tags.is_of(call, item, types), text(str(number))) for number, types in kinds)
        return Each(tagged, item.name, Case(branches, null(SqlType.TEXT)))
    walk = iteration.iterate(call, call.focus)
    key = _key(call, number, walk)
    kind = apply("json_kind", singletons.single_value(call, key), type=SqlType.TEXT)
    return Each(walk.source, walk.variable, apply("null_if", kind, text("null"), type=SqlType.TEXT))


def _are_several(call: Call, kinds: Node) -> Node:
    """Whether there are several kinds."""
    kind = Reference(call.names.fresh(), SqlType.TEXT)
    first = apply("array_at", kinds, integer(1), type=SqlType.TEXT)
    return Exists(kinds, kind.name, apply("unequal", kind, first))


def _every(call: Call, number: int) -> Node:
    """The keys of all items."""
    walk = iteration.iterate(call, call.focus)
    return Each(walk.source, walk.variable, singletons.single_value(call, _key(call, number, walk)))


def _quantities(call: Call, keys: Node) -> Node:
    """Those of the keys that are quantities."""
    key = Reference(call.names.fresh(), SqlType.JSON)
    return Each(keys, key.name, key, where=measures.is_quantity(key, call.model))


def _rank(call: Call, every: Node, key: Node, form: Form) -> Node:
    """How many of all keys are less than a quantity; an error where units are not commensurable."""
    other = Reference(call.names.fresh(), SqlType.JSON)
    error = Raise("the quantities cannot be compared for order", call.position, SqlType.BOOLEAN)

    def is_less(own: Node) -> Node:
        found = quantities.is_less(call.names, other, own, form)
        return bind(call.names.fresh(), found, lambda known: Case(((apply("is_null", known), error),), known))

    def counted(own: Node) -> Node:
        less = length(Each(every, other.name, other, where=is_less(own)))
        return Case(((apply("is_null", own), null(SqlType.INTEGER)),), less)

    return bind(call.names.fresh(), key, counted)
