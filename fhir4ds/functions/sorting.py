"""Putting items in order (FHIRPath, current specification, "sort")."""

from __future__ import annotations

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidOperation
from fhir4ds.functions import values
from fhir4ds.functions.declaration import Call, Example, Parameter, ParameterKind, function
from fhir4ds.plan.collection import Collection
from fhir4ds.plan.nodes import Case, Constant, FromJson, Node, Reference, Sort, apply, integer, null

_PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "name": [{"family": "Roe", "given": ["Ada"]}, {"family": "Doe", "given": ["Eve"]}, {"given": ["Joy"]}],
}


def _text(json: Node) -> Node:
    """What orders all that are no numbers; equal numbers are written in several ways, and keep their order."""
    return Case(((values.is_of_json(json, SqlType.DECIMAL), null(SqlType.TEXT)),), FromJson(json, SqlType.TEXT))


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

    Without keys the items themselves are compared. Items without a key are before all others, so that they come first, and
    last with ``desc``; a minus before a key does not move them. Equal items keep their order.
    """
    focus = call.focus
    if not focus.many:
        return focus
    plan = values.walkable(call, focus)
    # Sorting is stable, so sorting by the last key first leaves the items in the order of all keys.
    for number in reversed(range(max(call.count, 1))):
        descending = bool(call.count) and call.descending(number)
        # What is of no known type is in the order of its text, unless it is a number; numbers stand behind all else.
        for part in (_text, _number):
            variable = call.names.fresh()
            item = attrs.evolve(focus, plan=Reference(variable, plan.type), guard=None)
            key = call.body(number, item) if call.count else item
            ordinal = values.single_value(call, key)
            if isinstance(ordinal, Constant):
                break  # it orders nothing; and where a key stands in SQL, a number would be the number of a column
            if ordinal.type is not SqlType.JSON:
                plan = Sort(plan, variable, ordinal, descending)
                break
            if not values.is_dynamic(key, call.model):
                raise call.error(InvalidOperation, f"items cannot be sorted by {key.type}, which has no order")
            plan = Sort(plan, variable, part(ordinal), descending)
        if isinstance(ordinal, Constant):
            continue
        if call.count and call.empty_last(number):
            other = call.names.fresh()
            item = attrs.evolve(focus, plan=Reference(other, plan.type), guard=None)
            missing = apply("is_null", values.single_value(call, call.body(number, item)))
            plan = Sort(plan, other, Case(((missing, integer(1)),), integer(0)), descending=False)
    return attrs.evolve(focus, plan=plan, guard=None, ordered=True)
