"""Places of primitive elements: where their number or order matters, those without a value count too.

A plan of primitive elements gives their values alone. An element that has an id or extensions and no value is an item all
the same (FHIR R4, "FHIRPath": primitives have a value "and possibly an id and extensions"), though hardly any document has
one. So a plan in which places matter first takes a cheap look whether anything of the kind is there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatchmethod

import attrs

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.plan import elements
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import (
    FALSE,
    Apply,
    Array,
    Bind,
    Case,
    Cast,
    Each,
    Exists,
    Extract,
    FromJson,
    Node,
    Reference,
    Sort,
    Valued,
    apply,
    both,
    integer,
    text,
)
from fhir4ds.plan.parts import refers

#: The primitive that looks whether a document has a name anywhere.
MENTIONS = "json_mentions"


def placed(plan: Node, names: Names) -> Node:
    """A plan that has something in the place of each element, also of those that have no value.

    Parameters
    ----------
    plan : Node
        Values of primitive elements.
    names : Names
        Source of variable names.

    Returns
    -------
    Node
        The same values, and NULL or a null of JSON for each element without one; the plan itself where that is so already.
    """
    if not plan.many or _are_placed(plan):
        return plan
    if isinstance(plan, Each) and elements.are_of_wholes(plan):
        # They are at hand, which is as cheap as a look whether any of them has no value.
        return elements.in_places(elements.wholes(plan, names) or plan.source, names, plan.type)
    lack = lacking(plan, names)
    whole = None if lack is None else elements.wholes(plan, names, computed=True)
    return plan if lack is None or whole is None else Case(((lack, elements.in_places(whole, names, plan.type)),), plan)


def with_values(plan: Node) -> Node:
    """The items of a plan that have a value, if what has none is only in its place in it."""
    match plan:
        case Case(branches=((_, Each() as first),)) if elements.wholes_in_places(first) is not None:
            return plan.otherwise
    return plan


def first(plan: Node, names: Names) -> Node | None:
    """The value of the first element of a plan, NULL if it has none; None if the plan does not say what has the elements.

    It is in the first of the owners of such elements, and among those of one owner nulls hold the places.
    """
    if isinstance(plan, Each) and elements.are_of_wholes(plan):
        whole = elements.wholes(plan, names)
        return whole and elements.value_of(_first_item(whole), plan.type)
    match plan:
        case Extract(base, (*parents, last)) if plan.many and all(step.each is not None for step in plan.steps):
            owners = Extract(base, tuple(parents), SqlType.JSON) if parents else base
            variable, where = names.fresh(), None
        case Each(owners, variable, Extract(Reference(name), (last,)), where, None) if name == variable:
            pass
        case _:
            return None
    now = _first_item(plan)
    if not owners.many:
        return now
    lack = lacking(plan, names)
    if last.each is None or lack is None:
        return None
    one = Reference(variable, SqlType.JSON)
    own, beside = (
        apply("is_not_null", Extract(one, (Step(name),), SqlType.JSON)) for name in (last.name, f"_{last.name}")
    )
    owner = _first_item(Each(owners, variable, one, where=both(where, apply("or", own, beside))))
    value = Extract(owner, (last,), SqlType.JSON)
    return Case(((lack, _first_item(value) if value.many else value),), now)


def _first_item(plan: Node) -> Node:
    return apply("array_at", plan, integer(1), type=plan.type)


def picked(plan: Node, pick: Callable[[Node], Node]) -> Node:
    """One item of a plan, picked from each of its forms, so that the way without places stays as short as it is."""
    match plan:
        case Case(branches=((lack, Each() as first),)) if elements.wholes_in_places(first) is not None:
            return Case(((lack, pick(first)),), pick(plan.otherwise))
    return pick(plan)


def _are_placed(plan: Node) -> bool:
    """Whether nothing lacks in a plan since all that its items are taken from is in places."""
    match plan:
        case Case(branches=((_, Each() as first),)) if elements.wholes_in_places(first) is not None:
            return True
        case Case():
            return all(map(_are_placed, (*(value for _, value in plan.branches), plan.otherwise)))
        case Extract() | Valued():
            return not plan.many
        case Each() if elements.wholes_in_places(plan) is not None:
            return True
        case Each():
            return elements.is_filter(plan) and not elements.are_there(plan) and _are_placed(plan.source)
        case Sort():
            return _are_placed(plan.source)
        case Bind():
            return _are_placed(plan.value) and _are_placed(plan.body)
        case Apply() if plan.primitive in elements.PICKING:
            return _are_placed(plan.arguments[0])
        case Apply():
            return plan.primitive in elements.JOINING and all(map(_are_placed, plan.arguments))
    return True


def lacking(plan: Node, names: Names) -> Node | None:
    """A condition that holds where any of the elements that a plan goes to may have no value; it costs little.

    None if the plan goes to no elements.
    """
    return any_of(*map(_may_lack, _Origins(names, {}).of(plan)))


def any_of(*conditions: Node | None) -> Node | None:
    """Whether any condition holds of those that there are; None if there are none."""
    found: Node | None = None
    for condition in conditions:
        if condition is not None and condition != found:
            found = condition if found is None else apply("or", found, condition)
    return found


def _may_lack(origin: Node) -> Node | None:
    """Whether there is anything beside elements at a path; another origin is such a condition itself."""
    if not isinstance(origin, Extract):
        return origin
    *parents, last = origin.steps
    if last.here or last.name.startswith("_"):
        return None
    others = Extract(origin.base, (*parents, Step("_" + last.name)), SqlType.JSON)
    there = Exists(others, "beside") if others.many else apply("is_not_null", others)
    if not isinstance(origin.base, Reference):
        return there
    return Case(((apply(MENTIONS, origin.base, text(f'"_{last.name}"')), there),), FALSE)


@attrs.frozen
class _Origins:
    """Finds the paths that a plan's items come from, or more; ``bound`` has those of variables."""

    names: Names
    bound: dict[str, tuple[Node, ...]]

    @singledispatchmethod
    def of(self, plan: Node) -> tuple[Node, ...]:
        """Paths from what the plan itself does not bind, and conditions where there are no such paths."""
        return ()

    @of.register
    def _(self, plan: Valued) -> tuple[Node, ...]:
        return (plan.lacking,)

    @of.register
    def _(self, plan: Reference) -> tuple[Node, ...]:
        return self.bound.get(plan.name, ())

    @of.register
    def _(self, plan: Sort) -> tuple[Node, ...]:
        return self.of(plan.source)

    @of.register
    def _(self, plan: Cast | FromJson) -> tuple[Node, ...]:
        return self.of(plan.operand)

    @of.register
    def _(self, plan: Case) -> tuple[Node, ...]:
        return self._of_all(*(value for _, value in plan.branches), plan.otherwise)

    @of.register
    def _(self, plan: Apply) -> tuple[Node, ...]:
        if plan.primitive in (*elements.PICKING, *elements.WRITING):
            return self.of(plan.arguments[0])
        return self._of_all(*plan.arguments) if plan.primitive in elements.JOINING else ()

    @of.register
    def _(self, plan: Array) -> tuple[Node, ...]:
        return self._of_all(*plan.items)

    def _of_all(self, *plans: Node) -> tuple[Node, ...]:
        return tuple(dict.fromkeys(origin for plan in plans for origin in self.of(plan)))

    @of.register
    def _(self, plan: Extract) -> tuple[Node, ...]:
        parents = self.of(plan.base)
        if parents and all(isinstance(parent, Extract) for parent in parents):
            paths = (parent for parent in parents if isinstance(parent, Extract))
            return tuple(Extract(path.base, (*path.steps, *plan.steps), SqlType.JSON) for path in paths)
        return (plan,)

    @of.register
    def _(self, plan: Each) -> tuple[Node, ...]:
        if elements.are_of_wholes(plan):
            return (Exists(plan.source, plan.variable, apply("is_null", plan.body)),)
        found = self._within(plan.variable, plan.source, plan.body)
        local = [name for name in (plan.variable, plan.index) if name is not None]
        if not any(refers(origin, local) for origin in found):
            return found
        condition = any_of(*map(_may_lack, found))
        return () if condition is None else (Exists(plan.source, plan.variable, condition, plan.index),)

    @of.register
    def _(self, plan: Bind) -> tuple[Node, ...]:
        found = self._within(plan.variable, plan.value, plan.body)
        if not any(refers(origin, [plan.variable]) for origin in found):
            return found
        condition = any_of(*map(_may_lack, found))
        return () if condition is None else (Bind(plan.variable, plan.value, condition),)

    def _within(self, variable: str, value: Node, body: Node) -> tuple[Node, ...]:
        return attrs.evolve(self, bound={**self.bound, variable: self.of(value)}).of(body)
