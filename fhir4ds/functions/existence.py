"""Existence: is there anything, and how much of it (FHIRPath N1, section 5.1)."""

from __future__ import annotations

from fhir4ds.functions import iteration, presence, singletons, values
from fhir4ds.functions.declaration import Call, Example, Parameter, ParameterKind, function
from fhir4ds.plan.collection import BOOLEAN, INTEGER, Collection
from fhir4ds.plan.nodes import FALSE, Exists, Node, apply, both, integer
from fhir4ds.plan.parts import refers

_GROUP = "Existence"
_PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "active": True,
    "name": [{"use": "official", "given": ["Ada", "Eve"]}, {"use": "nickname", "given": ["Addy"]}],
}
_CRITERIA = Parameter("criteria", ParameterKind.EXPRESSION)
_OPTIONAL_CRITERIA = Parameter("criteria", ParameterKind.EXPRESSION, optional=True)


def _any(call: Call, condition_of: int | None) -> Node:
    """Whether the criteria hold for any item of the focus."""
    focus = call.focus
    if condition_of is None:
        return presence.present(call, focus)
    if not focus.many:
        found = presence.present(call, focus)
        return apply(
            "is_true", both(found, singletons.boolean(call, call.body(condition_of, focus, index=integer(0)))) or found
        )
    walk, index = iteration.iterate(call, focus), call.names.fresh()
    condition = singletons.boolean(call, call.body(condition_of, walk.item, index=iteration.zero_based(index)))
    place = index if refers(condition, [index]) else None
    return Exists(walk.where(condition, place), walk.variable, condition, place)


@function(
    "exists",
    _OPTIONAL_CRITERIA,
    group=_GROUP,
    returns="Boolean",
    examples=(
        Example(expression="name.exists()", resource=_PATIENT, result=(True,)),
        Example(expression="name.exists(use = 'old')", resource=_PATIENT, result=(False,)),
        Example(expression="(3 | 1 | 2).exists($this = $index)", result=(True,)),
    ),
)
def exists(call: Call) -> Collection:
    """True if the collection has any item, or any for which the criteria hold; false otherwise."""
    return values.system(_any(call, 0 if call.count else None), BOOLEAN)


@function(
    "empty",
    group=_GROUP,
    returns="Boolean",
    examples=(
        Example(expression="birthDate.empty()", resource=_PATIENT, result=(True,)),
        Example(expression="name.empty()", resource=_PATIENT, result=(False,)),
    ),
)
def is_empty(call: Call) -> Collection:
    """True if the collection has no items; false otherwise."""
    return values.system(apply("not", presence.present(call, call.focus)), BOOLEAN)


@function(
    "all",
    _CRITERIA,
    group=_GROUP,
    returns="Boolean",
    examples=(
        Example(expression="name.all(given.exists())", resource=_PATIENT, result=(True,)),
        Example(expression="name.all(use = 'official')", resource=_PATIENT, result=(False,)),
        Example(expression="telecom.all(use = 'home')", resource=_PATIENT, result=(True,)),
        Example(expression="(1 | 2 | 3).all($this = $index + 1)", result=(True,)),
    ),
)
def all_items(call: Call) -> Collection:
    """True if the criteria hold for every item; also for the empty collection."""
    focus = call.focus
    if not focus.many:
        failed = both(
            presence.present(call, focus), _fails(singletons.boolean(call, call.body(0, focus, index=integer(0))))
        )
        return values.system(apply("not", failed or FALSE), BOOLEAN)
    walk, index = iteration.iterate(call, focus), call.names.fresh()
    failed = _fails(singletons.boolean(call, call.body(0, walk.item, index=iteration.zero_based(index))))
    any_fails = Exists(walk.source, walk.variable, failed, index if refers(failed, [index]) else None)
    return values.system(apply("not", any_fails), BOOLEAN)


def _fails(condition: Node) -> Node:
    return apply("not", apply("is_true", condition))


@function(
    "count",
    group=_GROUP,
    returns="Integer",
    examples=(
        Example(expression="name.given.count()", resource=_PATIENT, result=(3,)),
        Example(expression="telecom.count()", resource=_PATIENT, result=(0,)),
    ),
)
def count(call: Call) -> Collection:
    """The number of items."""
    return values.system(presence.count(call, call.focus), INTEGER)


@function(
    "not",
    group="Boolean logic",
    returns="Boolean",
    examples=(
        Example(expression="active.not()", resource=_PATIENT, result=(False,)),
        Example(expression="{}.not()", result=()),
    ),
)
def negation(call: Call) -> Collection:
    """True if the single item is false, false if it is true, empty if there is none."""
    return values.system(apply("not", singletons.boolean(call, call.focus)), BOOLEAN)
