"""Boolean logic with three values (FHIRPath N1, section 6.5)."""

from __future__ import annotations

from fhir4ds.functions import singletons, values
from fhir4ds.functions.declaration import Call, Example
from fhir4ds.functions.operators import operator
from fhir4ds.plan.collection import BOOLEAN, Collection
from fhir4ds.plan.nodes import apply

_GROUP = "Boolean logic"


@operator(
    "and",
    group=_GROUP,
    decides=True,
    examples=(
        Example(expression="true and false", result=(False,)),
        Example(expression="false and {}", result=(False,)),
        Example(expression="true and {}", result=()),
    ),
)
def conjunction(call: Call, left: Collection, right: Collection) -> Collection:
    """True if both are true, false if either is false, otherwise empty."""
    return values.system(apply("and", singletons.boolean(call, left), singletons.boolean(call, right)), BOOLEAN)


@operator(
    "or",
    group=_GROUP,
    decides=True,
    examples=(Example(expression="true or {}", result=(True,)), Example(expression="false or {}", result=())),
)
def disjunction(call: Call, left: Collection, right: Collection) -> Collection:
    """True if either is true, false if both are false, otherwise empty."""
    return values.system(apply("or", singletons.boolean(call, left), singletons.boolean(call, right)), BOOLEAN)


@operator(
    "xor",
    group=_GROUP,
    examples=(Example(expression="true xor false", result=(True,)), Example(expression="true xor {}", result=())),
)
def exclusive(call: Call, left: Collection, right: Collection) -> Collection:
    """True if exactly one is true; empty if either is."""
    return values.system(apply("unequal", singletons.boolean(call, left), singletons.boolean(call, right)), BOOLEAN)


@operator(
    "implies",
    group=_GROUP,
    decides=True,
    examples=(
        Example(expression="false implies {}", result=(True,)),
        Example(expression="{} implies true", result=(True,)),
        Example(expression="true implies {}", result=()),
    ),
)
def implication(call: Call, left: Collection, right: Collection) -> Collection:
    """True if the left side is false or the right side is true; false if it is true and the right side is false."""
    denied = apply("not", singletons.boolean(call, left))
    return values.system(apply("or", denied, singletons.boolean(call, right)), BOOLEAN)
