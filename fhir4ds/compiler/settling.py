"""Large operands are evaluated once.

A lowering that uses its operand twice writes it twice, so that a chain of such functions would double the statement with
each link. What is small is better written twice, and what is read from a resource must stay a path; a large computed value
becomes a variable before it is used.
"""

from __future__ import annotations

import attrs

from fhir4ds.functions import values
from fhir4ds.plan.collection import Collection, Tags
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import Bind, Case, Node, Reference, empty
from fhir4ds.plan.parts import refers
from fhir4ds.plan.size import Sizes

#: Nodes of a plan that is large: more than people's expressions have at any of their operators.
_LARGE = 100


@attrs.frozen
class Settled:
    """An operand, and the variable that stands for it if it is large."""

    collection: Collection
    variable: str | None = None
    value: Node | None = None

    def within(self, result: Collection) -> Collection:
        """A result in terms of the operand, where the variable has its value."""
        if self.variable is None or self.value is None:
            return result
        plan, guard, tags = result.plan, result.guard, result.tags
        if guard is not None and refers(guard, [self.variable]):
            plan, guard = Case(((guard, plan),), empty(plan.type, many=plan.many)), None
        if refers(plan, [self.variable]):
            plan = Bind(self.variable, self.value, plan)
        if plan is result.plan:
            return result
        if tags is not None:
            tags = Tags(plan, Bind(self.variable, self.value, tags.tagged)) if tags.plan is result.plan else None
        return attrs.evolve(result, plan=plan, guard=guard, tags=tags)


def settle(operand: Collection, sizes: Sizes, names: Names) -> Settled:
    """Make a variable of an operand that is large.

    Elements stay as they are: where they come from is asked by what resolves references.
    """
    are_computed = bool(operand.types) and all(type.namespace == "System" for type in operand.types)
    if not are_computed or operand.tags is not None or operand.choices or sizes.of(operand.plan) < _LARGE:
        return Settled(operand)
    value = values.items(operand, names)
    variable = names.fresh()
    plan = Reference(variable, value.type, value.many)
    return Settled(attrs.evolve(operand, plan=plan, guard=None), variable, value)
