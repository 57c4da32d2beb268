"""Primitive elements as a whole: the value, and the id and extensions that JSON has in a member beside it.

A plan of primitive elements gives their values alone, which is what nearly every expression wants. Where what stands beside
them is wanted and cannot be found from the path, the same plan is made to give objects with both.
"""

from __future__ import annotations

from functools import singledispatchmethod

import attrs

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.plan import fusion
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import (
    Apply,
    Array,
    Bind,
    Case,
    Each,
    Extract,
    Node,
    Raise,
    Reference,
    Sort,
    apply,
    both,
    integer,
    json_object,
    length,
    null,
)
from fhir4ds.plan.rewriting import rewrite

#: Members of a whole element. No FHIR element is called so.
VALUE, BESIDE = Step("v"), Step("_v")

#: Primitives that pick items of an array, which is their first argument.
_PICKING = ("array_at", "array_slice")
#: Primitives that give items of each of their arguments.
_JOINING = ("array_concat", "coalesce")


def value_of(whole: Node) -> Extract:
    """The value of one whole element."""
    return Extract(whole, (VALUE,), SqlType.JSON)


def are_of_wholes(plan: Node) -> bool:
    """Whether a plan gives the values of whole elements."""
    body = plan.body if isinstance(plan, Each) else plan
    return isinstance(body, Extract) and body.steps[-1] == VALUE


def beside(plan: Extract) -> Extract:
    """What stands beside the values at the end of a path."""
    *parents, last = plan.steps
    return attrs.evolve(plan, steps=(*parents, Step("_" + last.name, last.each)))


def all_beside(plan: Node, names: Names) -> Node | None:
    """What stands beside the values that a plan gives; None if the plan does not say where they come from."""
    if isinstance(plan, Extract):
        return beside(plan)
    whole = wholes(plan, names)
    return None if whole is None else fusion.extract(whole, BESIDE, names)


def wholes(plan: Node, names: Names) -> Node | None:
    """The elements whose values a plan gives, in the same order.

    Parameters
    ----------
    plan : Node
        JSON values of primitive elements.
    names : Names
        Source of variable names.

    Returns
    -------
    Node or None
        One object for each element that has a value or anything beside it; None if the plan does not say where its
        values come from.

    Examples
    --------
    >>> from fhir4ds.plan.nodes import RESOURCE
    >>> whole = wholes(Extract(RESOURCE, (Step("birthDate"),), SqlType.JSON), Names())
    >>> [member.arguments[0].steps[-1].name for _, object in whole.branches for member in object.arguments[1::2]]
    ['birthDate', '_birthDate']
    """
    return _Wholes(names, frozenset()).of(plan)


@attrs.frozen
class _Wholes:
    """Makes plans of whole elements; ``bound`` are the variables that hold such already."""

    names: Names
    bound: frozenset[str]

    @singledispatchmethod
    def of(self, plan: Node) -> Node | None:
        """The whole elements of a node; None if it does not say where its values come from."""
        # Nothing is nothing, whatever it would have been.
        return plan if getattr(plan, "value", plan) is None else None

    @of.register
    def _(self, plan: Raise) -> Node | None:
        return plan

    @of.register
    def _(self, plan: Array) -> Node | None:
        return None if plan.items else plan

    @of.register
    def _(self, plan: Extract) -> Node | None:
        return self._of_path(plan) if plan.type is SqlType.JSON else None

    @of.register
    def _(self, plan: Reference) -> Node | None:
        return plan if plan.name in self.bound else None

    @of.register
    def _(self, plan: Sort) -> Node | None:
        source = self.of(plan.source)
        if source is None:
            return None
        return attrs.evolve(plan, source=source, key=_with_values(plan.key, plan.variable))

    @of.register
    def _(self, plan: Apply) -> Node | None:
        array, *places = plan.arguments
        if plan.primitive in _PICKING:
            source = self.of(array)
            return None if source is None else attrs.evolve(plan, arguments=(source, *places))
        if plan.primitive not in _JOINING:
            return None
        parts = [self.of(part) for part in plan.arguments]
        found = tuple(part for part in parts if part is not None)
        return attrs.evolve(plan, arguments=found) if len(found) == len(parts) else None

    def _of_path(self, plan: Extract) -> Node:
        if plan.steps[-1] == VALUE:
            *parents, _ = plan.steps
            return attrs.evolve(plan, steps=tuple(parents)) if parents else plan.base
        *parents, last = plan.steps
        parent: Node = attrs.evolve(plan, steps=tuple(parents)) if parents else plan.base
        if not parent.many:
            return self._of_member(parent, last)
        variable = self.names.fresh()
        return Each(parent, variable, self._of_member(Reference(variable, SqlType.JSON), last))

    def _of_member(self, parent: Node, last: Step) -> Node:
        values = Extract(parent, (last,), SqlType.JSON)
        others = beside(values)
        if last.each is False:
            there = apply("or", apply("is_not_null", values), apply("is_not_null", others))
            return Case(((there, _whole(values, others)),), null(SqlType.JSON))
        # Both arrays, if there are both, are of the same length (FHIR R4, "JSON Representation of Resources", section
        # "Primitive Elements"), so that a place in one is the same place in the other.
        value, other, place, array = (self.names.fresh() for _ in range(4))
        all_others = Reference(array, SqlType.JSON, many=True)
        its_other = apply("array_at", all_others, Reference(place, SqlType.INTEGER), type=SqlType.JSON)
        paired = Each(values, value, _whole(Reference(value, SqlType.JSON), its_other), index=place)
        alone = Each(others, other, _whole(null(SqlType.JSON), Reference(other, SqlType.JSON)))
        there = apply("less", integer(0), length(values))
        return Case(((there, Bind(array, others, paired)),), alone)

    @of.register
    def _(self, plan: Each) -> Node | None:
        if isinstance(plan.body, Reference) and plan.body.name == plan.variable:
            source = self.of(plan.source)
            if source is None:
                return None
            where = None if plan.where is None else _with_values(plan.where, plan.variable)
            return attrs.evolve(plan, source=source, where=where)
        body = self.of(plan.body)
        if body is None:
            return None
        if body.many or plan.body.many:
            return attrs.evolve(plan, body=body)
        there = apply("is_not_null", body)
        return attrs.evolve(plan, body=body, where=plan.where if are_of_wholes(plan) else both(plan.where, there))

    @of.register
    def _(self, plan: Bind) -> Node | None:
        body = self.of(plan.body)
        if body is not None:
            # The elements do not come from the variable, or it holds whole ones already.
            return attrs.evolve(plan, body=body)
        value = self.of(plan.value)
        if value is None:
            return None
        body = attrs.evolve(self, bound=self.bound | {plan.variable}).of(plan.body)
        return None if body is None else attrs.evolve(plan, value=value, body=body)

    @of.register
    def _(self, plan: Case) -> Node | None:
        values = [self.of(value) for _, value in plan.branches]
        otherwise = self.of(plan.otherwise)
        if otherwise is None or any(value is None for value in values):
            return None
        branches = zip((condition for condition, _ in plan.branches), values, strict=True)
        return Case(tuple((condition, value) for condition, value in branches if value is not None), otherwise)


def _whole(value: Node, other: Node) -> Apply:
    return json_object({VALUE.name: value, BESIDE.name: other})


def _with_values(plan: Node, variable: str) -> Node:
    """A plan in terms of values, in terms of the whole elements that a variable names."""
    return rewrite(plan, lambda part: value_of(part) if isinstance(part, Reference) and part.name == variable else None)
