"""Primitive elements as a whole: the value, and the id and extensions that JSON has in a member beside it.

A plan of primitive elements gives their values alone, which is what nearly every expression wants. Where what stands beside
them is wanted and cannot be found from the path, the same plan is made to give objects with both.
"""

from __future__ import annotations

from functools import partial, singledispatchmethod

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
    Cast,
    Constant,
    Each,
    Extract,
    FromJson,
    Front,
    Node,
    Raise,
    Reference,
    Sort,
    Valued,
    apply,
    both,
    integer,
    json_object,
    length,
    null,
)
from fhir4ds.plan.parts import refers
from fhir4ds.plan.rewriting import rewrite

#: Members of a whole element. No FHIR element is called so.
VALUE, BESIDE = Step("v"), Step("_v")

#: Primitives that pick items of an array, which is their first argument.
PICKING = ("array_at", "array_slice")
#: Primitives that give items of each of their arguments.
JOINING = ("array_concat", "coalesce")
#: Primitives that only write their argument in another way.
WRITING = ("to_json", "json_boolean")

#: What stands in the place of an element without a value, as it does in arrays of JSON.
_NO_VALUE = Constant("null", SqlType.JSON)


def value_of(whole: Node, type: SqlType = SqlType.JSON) -> Extract:
    """The value of one whole element."""
    return Extract(whole, (VALUE,), type)


def beside_of(whole: Node) -> Extract:
    """What stands beside the value of one whole element."""
    return Extract(whole, (BESIDE,), SqlType.JSON)


def are_of_wholes(plan: Node) -> bool:
    """Whether a plan gives the values of whole elements."""
    body = plan.body if isinstance(plan, Each) else plan
    return isinstance(body, Extract) and body.steps[-1] == VALUE


def in_places(whole: Node, names: Names, type: SqlType) -> Each:
    """The values of an array of whole elements, NULL for one that has none."""
    variable = names.fresh()
    value = value_of(Reference(variable, SqlType.JSON), type)
    if type is SqlType.JSON:
        return Each(whole, variable, apply("coalesce", value, _NO_VALUE, type=SqlType.JSON))
    return Each(whole, variable, value, keeps_places=True)


def wholes_in_places(plan: Node) -> Node | None:
    """The whole elements whose values a plan has in their places; None for any other plan."""
    match plan:
        case Each(body=Apply("coalesce", (Extract(Reference(name), (step,)), no_value))) if no_value == _NO_VALUE:
            return plan.source if name == plan.variable and step == VALUE else None
        case Each(body=Extract(Reference(name), (step,))) if plan.keeps_places:
            return plan.source if name == plan.variable and step == VALUE else None
    return None


def is_filter(plan: Each) -> bool:
    """Whether an iteration gives some of its items as they are."""
    return isinstance(plan.body, Reference) and plan.body.name == plan.variable


def are_there(plan: Each) -> bool:
    """Whether an iteration gives those of single items that there are, as an array."""
    match plan:
        case Each(source=Array(), where=Apply("is_not_null", (Reference(name),))):
            return is_filter(plan) and name == plan.variable
    return False


def beside(plan: Extract) -> Extract:
    """What stands beside the values at the end of a path."""
    *parents, last = plan.steps
    return attrs.evolve(plan, steps=(*parents, Step("_" + last.name, last.each)))


def all_beside(plan: Node, names: Names) -> Node | None:
    """What stands beside the values that a plan gives; None if the plan does not say where they come from."""
    if isinstance(plan, Extract):
        return beside(attrs.evolve(plan, type=SqlType.JSON))
    whole = wholes(plan, names)
    return None if whole is None else fusion.extract(whole, BESIDE, names)


def wholes(plan: Node, names: Names, *, computed: bool = False) -> Node | None:
    """The elements whose values a plan gives, in the same order.

    Parameters
    ----------
    plan : Node
        Values of primitive elements.
    names : Names
        Source of variable names.
    computed : bool
        Whether values that come from nowhere that the plan says are taken for elements that have nothing beside them.

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
    return _Wholes(names, computed, {}).of(plan)


def alone(plan: Node, names: Names) -> Node:
    """Values that have nothing beside them, as whole elements."""
    if plan.many:
        item = Reference(names.fresh(), plan.type)
        return Each(plan, item.name, json_object({VALUE.name: item}))
    return Case(((apply("is_not_null", plan), json_object({VALUE.name: plan})),), null(SqlType.JSON))


@attrs.frozen
class _Wholes:
    """Makes plans of whole elements; ``bound`` has the variables that hold those whose values others hold."""

    names: Names
    computed: bool
    bound: dict[str, str]

    def of(self, plan: Node) -> Node | None:
        """The whole elements of a node; None if it does not say where its values come from."""
        found = self._of(plan)
        return alone(plan, self.names) if found is None and self.computed else found

    @singledispatchmethod
    def _of(self, plan: Node) -> Node | None:
        # Nothing is nothing, whatever it would have been.
        return null(SqlType.JSON) if getattr(plan, "value", plan) is None else None

    @_of.register
    def _(self, plan: Raise) -> Node | None:
        return attrs.evolve(plan, type=SqlType.JSON)

    @_of.register
    def _(self, plan: Array) -> Node | None:
        return None if plan.items else Array((), SqlType.JSON)

    @_of.register
    def _(self, plan: Extract) -> Node | None:
        return self._of_path(plan)

    @_of.register
    def _(self, plan: Front) -> Node | None:
        values = attrs.evolve(plan.path, type=SqlType.JSON)
        return _if_there(Front(values), Front(beside(values)))

    @_of.register
    def _(self, plan: Valued) -> Node | None:
        return plan.wholes

    @_of.register
    def _(self, plan: Cast | FromJson) -> Node | None:
        return self._of(plan.operand)

    @_of.register
    def _(self, plan: Reference) -> Node | None:
        own = self.bound.get(plan.name)
        return None if own is None else Reference(own, SqlType.JSON, plan.many)

    @_of.register
    def _(self, plan: Sort) -> Node | None:
        source = self.of(plan.source)
        if source is None:
            return None
        return attrs.evolve(plan, source=source, key=_with_values(plan.key, plan.variable, plan.variable))

    @_of.register
    def _(self, plan: Apply) -> Node | None:
        if plan.primitive in PICKING:
            array, *places = plan.arguments
            source = self.of(array)
            return None if source is None else attrs.evolve(plan, arguments=(source, *places), type=SqlType.JSON)
        if plan.primitive in WRITING:
            return self._of(plan.arguments[0])
        if plan.primitive not in JOINING:
            return None
        parts = [self.of(part) for part in plan.arguments]
        found = tuple(part for part in parts if part is not None)
        return attrs.evolve(plan, arguments=found, type=SqlType.JSON) if len(found) == len(parts) else None

    def _of_path(self, plan: Extract) -> Node:
        if plan.steps[-1] == VALUE:
            *parents, _ = plan.steps
            return Extract(plan.base, tuple(parents), SqlType.JSON) if parents else plan.base
        *parents, last = plan.steps
        parent = Extract(plan.base, tuple(parents), SqlType.JSON) if parents else plan.base
        if not parent.many:
            return self._of_member(parent, last)
        variable = self.names.fresh()
        return Each(parent, variable, self._of_member(Reference(variable, SqlType.JSON), last))

    def _of_member(self, parent: Node, last: Step) -> Node:
        values = Extract(parent, (last,), SqlType.JSON)
        others = beside(values)
        if last.each is False:
            return _if_there(values, others)
        # Both arrays, if there are both, are of the same length (FHIR R4, "JSON Representation of Resources", section
        # "Primitive Elements"), so that a place in one is the same place in the other.
        value, other, place = (self.names.fresh() for _ in range(3))
        its_other = apply("array_at", others, Reference(place, SqlType.INTEGER), type=SqlType.JSON)
        paired = Each(values, value, _whole(Reference(value, SqlType.JSON), its_other), index=place)
        alone = Each(others, other, _whole(null(SqlType.JSON), Reference(other, SqlType.JSON)))
        there = apply("less", integer(0), length(values))
        return Case(((there, paired),), alone)

    @_of.register
    def _(self, plan: Each) -> Node | None:
        found = wholes_in_places(plan)
        if found is not None:
            return found
        if are_there(plan) and isinstance(plan.source, Array):
            return self._of_those_there(plan, plan.source)
        if is_filter(plan):
            source = self.of(plan.source)
            if source is None:
                return None
            where = None if plan.where is None else _with_values(plan.where, plan.variable, plan.variable)
            return attrs.evolve(plan, source=source, body=Reference(plan.variable, SqlType.JSON), where=where)
        return self._of_projection(plan)

    def _of_those_there(self, plan: Each, array: Array) -> Node | None:
        items = tuple(item for each in array.items if (item := self.of(each)) is not None)
        if len(items) < len(array.items):
            return None
        whole = Reference(plan.variable, SqlType.JSON)
        return Each(Array(items, SqlType.JSON), whole.name, whole, where=apply("is_not_null", whole))

    def _of_projection(self, plan: Each) -> Node | None:
        own = self.names.fresh()
        body = attrs.evolve(self, bound={**self.bound, plan.variable: own}).of(plan.body)
        if body is None:
            return None
        found = attrs.evolve(plan, body=body, keeps_places=False)
        if refers(body, [own]):
            source = self.of(plan.source)
            if source is None:
                return None
            of_values = partial(_with_values, variable=plan.variable, whole=own)
            where = None if plan.where is None else of_values(plan.where)
            found = attrs.evolve(found, source=source, variable=own, body=of_values(body), where=where)
        if body.many or plan.body.many or are_of_wholes(plan):
            return found
        return attrs.evolve(found, where=both(found.where, apply("is_not_null", found.body)))

    @_of.register
    def _(self, plan: Bind) -> Node | None:
        own = self.names.fresh()
        body = attrs.evolve(self, bound={**self.bound, plan.variable: own}).of(plan.body)
        if body is None or not refers(body, [own]):
            return body and attrs.evolve(plan, body=body)
        value = self.of(plan.value)
        return value and attrs.evolve(plan, body=Bind(own, value, body))

    @_of.register
    def _(self, plan: Case) -> Node | None:
        for _, value in plan.branches:
            found = wholes_in_places(value)
            if found is not None:
                return found
        values = [self.of(value) for _, value in plan.branches]
        otherwise = self.of(plan.otherwise)
        if otherwise is None or any(value is None for value in values):
            return None
        branches = zip((condition for condition, _ in plan.branches), values, strict=True)
        return Case(tuple((condition, value) for condition, value in branches if value is not None), otherwise)


def _if_there(value: Node, other: Node) -> Case:
    there = apply("or", apply("is_not_null", value), apply("is_not_null", other))
    return Case(((there, _whole(value, other)),), null(SqlType.JSON))


def _whole(value: Node, other: Node) -> Apply:
    return json_object({VALUE.name: value, BESIDE.name: other})


def _with_values(plan: Node, variable: str, whole: str) -> Node:
    """A plan in terms of a variable's value, in terms of the whole element that another variable names."""

    def change(part: Node) -> Node | None:
        if not isinstance(part, Reference) or part.name != variable:
            return None
        return value_of(Reference(whole, SqlType.JSON), part.type)

    return rewrite(plan, change)
