"""Large operands are evaluated once.

A lowering that uses its operand twice writes it twice, so that a chain of such functions would double the statement with
each link. What is small is better written twice, and what is read from a resource must stay a path; a large computed value
becomes a variable before it is used.
"""

from __future__ import annotations

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.fhir.model import Model
from fhir4ds.functions import values
from fhir4ds.plan import elements
from fhir4ds.plan.collection import Collection, Tags
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import Bind, Case, Each, Node, Reference, empty
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
        if guard is not None and values.mentions(guard, self.variable):
            plan, guard = Case(((guard, plan),), empty(plan.type, many=plan.many)), None
        if values.mentions(plan, self.variable):
            plan = Bind(self.variable, self.value, plan)
        if plan is result.plan:
            return result
        if tags is not None:
            tags = Tags(plan, Bind(self.variable, self.value, tags.tagged)) if tags.plan is result.plan else None
        return attrs.evolve(result, plan=plan, guard=guard, tags=tags)


def settle(operand: Collection, model: Model | None, sizes: Sizes, names: Names) -> Settled:
    """Make a variable of an operand that is large; of a choice element of its parents, as ever."""
    if sizes.of(operand.plan) < _LARGE or operand.tags is not None or _are_resources(operand, model):
        return Settled(operand)
    value: Node | None = operand.plan if operand.choices else values.items(operand, names)
    has_beside = operand.plan.type is SqlType.JSON and not operand.choices and _has_primitives(operand, model)
    if has_beside and value is not None:
        value = elements.wholes(value, names)
    if value is None or (operand.choices and operand.guard is not None):
        return Settled(operand)
    variable = names.fresh()
    plan: Node = Reference(variable, value.type, value.many)
    if has_beside:
        plan = _values_of(plan, names)
    return Settled(attrs.evolve(operand, plan=plan, guard=None), variable, value)


def _values_of(wholes: Node, names: Names) -> Node:
    """The values of primitive elements, which still say what stands beside them."""
    if not wholes.many:
        return elements.value_of(wholes)
    item = names.fresh()
    return Each(wholes, item, elements.value_of(Reference(item, SqlType.JSON)))


def _has_primitives(operand: Collection, model: Model | None) -> bool:
    """Whether some items are elements that can have something beside their value."""
    return any(type.namespace != "System" and values.system_type(type, model) is not None for type in operand.types)


def _are_resources(operand: Collection, model: Model | None) -> bool:
    # Where a resource comes from says whether it is contained in another one.
    return model is not None and any(
        type.namespace == "FHIR" and model.is_resource(type.name) for type in operand.types
    )
