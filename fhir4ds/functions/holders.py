"""Which resource has the items of a plan.

A reference to a contained resource means one that the resource around it contains. Resources of their own stand in a Bundle
and in Parameters, and are what references point to; everything below one of them is of that resource.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from functools import singledispatchmethod
from typing import TYPE_CHECKING

import attrs

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.functions.declaration import Call
from fhir4ds.plan.elements import JOINING, PICKING, VALUE
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import (
    RESOURCE,
    Apply,
    Array,
    Bind,
    Case,
    Cast,
    Constant,
    Each,
    Extract,
    Find,
    FromJson,
    Front,
    Node,
    Raise,
    Reference,
    Repeat,
    Sort,
    Valued,
    apply,
    text,
)
from fhir4ds.plan.parts import everything, refers

if TYPE_CHECKING:
    from typing_extensions import Self

#: Where an item that is carried together with its resource, and that resource, are. No FHIR element is called so.
ITEM, HOLDER = Step("o"), Step("h")

#: Elements that hold a resource of its own, and not one that is contained in the resource around it.
_OWN_RESOURCES = ("resource", "outcome")

#: Resources that may hold others which are not contained in them.
_HOLDING = ("Bundle", "Parameters", "Resource")

#: Primitives that give what is in their first argument, or the same in another form.
TURNING = ("json_items", "to_json")

#: In the place of a resource that cannot be known.
UNKNOWN = Constant("false", SqlType.JSON)


class Kind(Enum):
    """Whose items are that are not all of one resource which has a name."""

    #: Each is a resource itself.
    OWN = "own"
    #: They are of several resources, or the plan has no name for it.
    SEVERAL = "several"


@attrs.frozen
class Carried:
    """What is known of a variable whose items another one has, together with their resources."""

    variable: Reference


def may_hold_resources(call: Call) -> bool:
    """Whether the resource that is evaluated may have others in it that are not contained."""
    return not call.root.types or any(type.name in _HOLDING for type in call.root.types)


def is_own(step: Step) -> bool:
    """Whether a step goes to a resource of its own; what is called so elsewhere is an array."""
    return step.name in _OWN_RESOURCES and step.each is not True


def holder_of(carried: Node) -> Node:
    """The resource of a carried item; the one that is evaluated is not carried, as it can be large."""
    return Apply("coalesce", (Extract(carried, (HOLDER,), SqlType.JSON), RESOURCE), SqlType.JSON)


@attrs.frozen
class Holders:
    """What is known of the resources that have items.

    Parameters
    ----------
    names : Names
        Source of variable names, which knows the resources of the variables around a plan.
    unknown : Node
        What is taken for the resource of an item of which it cannot be known.
    bound : Mapping
        The resources of the variables that the plan binds.
    leniently : bool
        Whether what the resource that is evaluated contains may be taken for resources of their own; it is looked into in any
        case for what these do not contain.
    """

    names: Names
    unknown: Node
    bound: Mapping[str, Node | Kind | Carried] = attrs.field(factory=dict)
    leniently: bool = False

    @singledispatchmethod
    def kind(self, plan: Node) -> Node | Kind:
        """The resource that has all items of a plan, in terms of what is known around it."""
        return self._of_computed(plan)

    def _of_computed(self, plan: Node) -> Node | Kind:
        """The resource that a value is computed from."""
        found: dict[Node, None] = {}
        for part in everything(plan):
            if isinstance(part, Find) or (isinstance(part, Extract) and any(map(is_own, part.steps))):
                return Kind.SEVERAL
            if isinstance(part, Reference) and (part.name in self.bound or part.name in self.names.holders):
                known = self.known(part.name)
                if isinstance(known, Kind | Carried):
                    return Kind.SEVERAL
                found[known] = None
        found.pop(RESOURCE, None)
        return Kind.SEVERAL if len(found) > 1 else next(iter(found), RESOURCE)

    @kind.register
    def _(self, plan: Reference) -> Node | Kind:
        known = self.known(plan.name)
        return Kind.SEVERAL if isinstance(known, Carried) else known

    @kind.register
    def _(self, plan: Find) -> Node | Kind:
        return Kind.OWN

    @kind.register
    def _(self, plan: Extract) -> Node | Kind:
        *parents, last = plan.steps
        if is_own(last) or last == HOLDER:
            return Kind.OWN
        kind = self.kind(plan.base)
        return Kind.SEVERAL if kind is Kind.OWN or any(map(is_own, parents)) else kind

    @kind.register
    def _(self, plan: Each) -> Node | Kind:
        return _beyond(self.of_item(plan, self.kind_for(plan.variable, plan.source)).kind(plan.body), plan)

    @kind.register
    def _(self, plan: Bind) -> Node | Kind:
        return _beyond(self.of_value(plan, self.kind_for(plan.variable, plan.value)).kind(plan.body), plan)

    @kind.register
    def _(self, plan: Front) -> Node | Kind:
        return self.kind(plan.path)

    @kind.register
    def _(self, plan: Valued) -> Node | Kind:
        return self.kind(plan.values)

    @kind.register
    def _(self, plan: Sort) -> Node | Kind:
        return self.kind(plan.source)

    @kind.register
    def _(self, plan: Case) -> Node | Kind:
        return self._of_all([*(value for _, value in plan.branches), plan.otherwise])

    @kind.register
    def _(self, plan: Array) -> Node | Kind:
        return self._of_all(plan.items)

    @kind.register(Cast)
    @kind.register(FromJson)
    def _(self, plan: Cast | FromJson) -> Node | Kind:
        return self.kind(plan.operand)

    @kind.register
    def _(self, plan: Repeat) -> Node | Kind:
        kind = self.kind(plan.initial)
        return kind if not isinstance(kind, Kind) and self.stays(plan, kind) else Kind.SEVERAL

    @kind.register
    def _(self, plan: Apply) -> Node | Kind:
        first = plan.arguments[0] if plan.arguments else plan
        if isinstance(first, Extract) and plan == holder_of(first.base):
            return plan
        if plan.primitive in (*PICKING, *TURNING, "json_members", "json_member"):
            return self.kind(first)
        if plan.primitive == "json_object":
            names, members = plan.arguments[::2], plan.arguments[1::2]
            # What an entry has beside an item is made of that, or of what it is compared with.
            item = [member for name, member in zip(names, members, strict=True) if name == text(VALUE.name)]
            return self._of_all(item or [member for member in members if member.type is SqlType.JSON])
        if plan.primitive not in JOINING:
            return self._of_computed(plan)
        kind = self._of_all(plan.arguments)
        if plan.primitive != "coalesce" or kind is not Kind.SEVERAL:
            return kind
        return self.kind(first)  # what is not contained there is looked for in the resource that is evaluated

    def _of_all(self, plans: Sequence[Node]) -> Node | Kind:
        plans = [plan for plan in plans if not is_nothing(plan)]
        kinds = [self.kind(plan) for plan in plans]
        if all(kind == kinds[0] for kind in kinds):
            return kinds[0] if kinds else RESOURCE
        others = RESOURCE if self.leniently else Kind.OWN
        are_own = all(kind in (Kind.OWN, plan, others) for plan, kind in zip(plans, kinds, strict=True))
        return Kind.OWN if are_own else Kind.SEVERAL

    def kind_for(self, variable: str, plan: Node) -> Node | Kind:
        """The resource that has what is bound to a variable; it is not looked for if the variable says it."""
        return Kind.SEVERAL if variable in self.names.holders else self.kind(plan)

    def known(self, name: str) -> Node | Kind | Carried:
        """What is known of a variable."""
        if name == RESOURCE.name:
            return RESOURCE
        return self.bound.get(name) or self.names.holders.get(name) or self.unknown

    def is_carried(self, variable: str) -> bool:
        """Whether a variable has carried items."""
        return self.names.holders.get(variable) == holder_of(Reference(variable, SqlType.JSON))

    def within(self, variable: str, known: Node | Kind | Carried) -> Self:
        """What is known where a variable is bound; of some, more is known than the plan says."""
        return attrs.evolve(self, bound={**self.bound, variable: self.names.holders.get(variable) or known})

    def of_item(self, plan: Each, kind: Node | Kind) -> Self:
        """What is known in an iteration over items of a kind."""
        own = kind is Kind.OWN
        return self.within(plan.variable, Reference(plan.variable, SqlType.JSON) if own else self._member(plan, kind))

    def of_value(self, plan: Bind, kind: Node | Kind) -> Self:
        """What is known where a value of a kind has a name."""
        own = kind is Kind.OWN and not plan.value.many
        return self.within(plan.variable, Reference(plan.variable, SqlType.JSON) if own else kind)

    def stays(self, plan: Repeat, holder: Node) -> bool:
        """Whether what is below items of a resource is of the same one."""
        return self.within(plan.variable, holder).kind(plan.body) == holder

    def _member(self, plan: Each, kind: Node | Kind) -> Node | Kind:
        """The resource of an item of an iteration; a member of a Bundle or of Parameters can be one of its own.

        Only one that contains others matters here, so only that one is carried with all that is below it.
        """
        members = isinstance(plan.source, Apply) and plan.source.primitive == "json_members"
        if isinstance(kind, Kind) or not members or self.unknown == RESOURCE or not may_be_evaluated(kind):
            return kind
        value = Extract(Reference(plan.variable, SqlType.JSON), (Step("value"),), SqlType.JSON)
        name = Extract(Reference(plan.variable, SqlType.JSON), (Step("key"),), SqlType.TEXT)
        own = apply("array_contains", Array(tuple(map(text, _OWN_RESOURCES)), SqlType.TEXT), name)
        contains = apply("is_not_null", Extract(value, (Step("contained"),), SqlType.JSON))
        return Case(((apply("and", own, contains), value),), kind)


def may_be_evaluated(holder: Node) -> bool:
    """Whether a resource may be the one that is evaluated."""
    return holder == RESOURCE or not isinstance(holder, Reference)


def is_nothing(plan: Node) -> bool:
    """Whether a plan has no items whatever it is evaluated on."""
    return isinstance(plan, Raise) or getattr(plan, "value", plan) is None or getattr(plan, "items", None) == ()


def _beyond(kind: Node | Kind, binder: Each | Bind) -> Node | Kind:
    """Whose items are, where a variable is not known any more."""
    if isinstance(kind, Kind) or not refers(kind, [binder.variable]):
        return kind
    return Kind.OWN if kind == binder.body else Kind.SEVERAL
