"""Going through the items of a plan with the resources that have them.

Where a plan goes into resources, each gets a name while what is below it is gone through. Where items of several resources are
in one array that is picked from, sorted or put together with another one, each is carried together with its resource: the same
plan is made to give objects of both.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, singledispatchmethod
from typing import TypeAlias

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.functions import keys
from fhir4ds.functions.declaration import Call
from fhir4ds.functions.holders import (
    HOLDER,
    ITEM,
    TURNING,
    UNKNOWN,
    Carried,
    Holders,
    Kind,
    holder_of,
    is_nothing,
    is_own,
    may_hold_resources,
)
from fhir4ds.plan.elements import JOINING, PICKING
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import (
    RESOURCE,
    Apply,
    Array,
    Bind,
    Case,
    Cast,
    Each,
    Extract,
    FromJson,
    Front,
    Node,
    Raise,
    Reference,
    Repeat,
    Sort,
    Valued,
    apply,
    bind,
    empty,
    json_object,
    null,
)
from fhir4ds.plan.rewriting import rewrite

#: What becomes of one item, given the resource that has it.
Then: TypeAlias = Callable[[Node, Node], Node]


def walk(call: Call) -> Walk:
    """A walk over plans of an expression."""
    return Walk(call.names, UNKNOWN if may_hold_resources(call) else RESOURCE)


def iterated(call: Call, source: Node, variable: str, *, resolves: bool = False) -> tuple[Node, Node]:
    """What an iteration goes through so that the resource of each item is known where references are resolved.

    Parameters
    ----------
    call : Call
        The call that iterates.
    source : Node
        The items.
    variable : str
        Name of what is gone through.
    resolves : bool
        Whether references are resolved though no argument of the call says so.

    Returns
    -------
    tuple
        The items, carried together with their resources where these are several; and one of them, by the variable.
    """
    item = Reference(variable, source.type)
    # Nothing else than JSON and texts points anywhere.
    if not (resolves or call.resolves) or source.type not in (SqlType.JSON, SqlType.TEXT):
        return source, item
    walking = walk(call)
    # Where only what is looked up elsewhere is not of the resource that is evaluated, carrying it would be all the work.
    kind = attrs.evolve(walking, leniently=not may_hold_resources(call)).kind(source)
    if kind is Kind.SEVERAL:
        return walking.carried(source), carried_item(call.names, variable, source.type)
    call.names.holders[variable] = item if isinstance(kind, Kind) else kind
    return source, item


def carried_item(names: Names, variable: str, type: SqlType = SqlType.JSON) -> Extract:
    """One item that a variable carries together with its resource."""
    pair = Reference(variable, SqlType.JSON)
    names.holders[variable] = holder_of(pair)
    return Extract(pair, (ITEM,), type)


def items_of(carried: Node, names: Names, type: SqlType = SqlType.JSON) -> Node:
    """The items alone that are carried together with their resources."""
    if not carried.many:
        return Extract(carried, (ITEM,), type)
    variable = names.fresh()
    return Each(carried, variable, carried_item(names, variable, type))


def once(carried: Node, names: Names) -> Node:
    """Carried items, of those that are the same the first one."""
    pairs = _carrier(names, many=True)
    items = keys.keys_of(names, pairs, lambda pair: Extract(pair, (ITEM,), SqlType.JSON))
    return Bind(pairs.name, carried, bind(names.fresh(), items, partial(keys.firsts, names, pairs)))


def _carrier(names: Names, *, many: bool) -> Reference:
    """A variable for carried items as they are; what goes through them has the variables that tell items apart."""
    variable = Reference(names.fresh(), SqlType.JSON, many)
    names.holders[variable.name] = UNKNOWN
    return variable


def in_terms(plan: Node, variable: str, item: Node) -> Node:
    """A plan of the items that a variable names, in terms of another name for them."""

    def change(part: Node) -> Node | None:
        if isinstance(part, Reference) and part.name == variable:
            return item
        if isinstance(part, Extract) and isinstance(item, Extract) and change(part.base) is item:
            return attrs.evolve(item, steps=(*item.steps, *part.steps), type=part.type)
        return None

    return rewrite(plan, change)


@attrs.frozen
class Walk(Holders):
    """Goes through plans."""

    def of(self, plan: Node, then: Then) -> Node:
        """What ``then`` makes of the items of a plan, given the resource that has them.

        Parameters
        ----------
        plan : Node
            JSON items, or texts.
        then : callable
            The plan for one item and its resource.

        Returns
        -------
        Node
            An array where ``plan`` is one.
        """
        if isinstance(plan, Each):
            return self._of_each(plan, then)
        if isinstance(plan, Bind) and plan.variable in self.names.holders:
            return attrs.evolve(plan, body=self.of(plan.body, then))
        if isinstance(plan, Case) and plan.many:
            branches = tuple((condition, self.of(value, then)) for condition, value in plan.branches)
            return Case(branches, self.of(plan.otherwise, then))
        kind = self.kind(plan)
        if kind is Kind.OWN:
            return self._each_resource(plan, lambda resource: then(resource, resource))
        if kind is Kind.SEVERAL:
            return self._of_several(plan, then)
        return self._each(plan, lambda item: then(item, kind))

    @singledispatchmethod
    def _of_several(self, plan: Node, then: Then) -> Node:
        return self._each(plan, lambda item: then(item, self.unknown))

    @_of_several.register
    def _(self, plan: Reference, then: Then) -> Node:
        known = self.known(plan.name)
        if isinstance(known, Carried):
            return self._apart(known.variable, plan.type, then)
        return self._each(plan, lambda item: then(item, self.unknown))

    @_of_several.register
    def _(self, plan: Extract, then: Then) -> Node:
        places = [number for number, step in enumerate(plan.steps[:-1], 1) if is_own(step)]

        def onward(path: Extract, holder: Node) -> Node:
            return self._each(path, lambda item: then(item, holder))

        if not places:
            return self.of(plan.base, lambda base, holder: onward(attrs.evolve(plan, base=base), holder))
        head, tail = plan.steps[: places[-1]], plan.steps[places[-1] :]
        resources = Extract(plan.base, head, SqlType.JSON)
        return self._each_resource(
            resources, lambda resource: onward(attrs.evolve(plan, base=resource, steps=tail), resource)
        )

    @_of_several.register
    def _(self, plan: Bind, then: Then) -> Node:
        kind = self.kind(plan.value)
        inner = self.of_value(plan, kind)
        if isinstance(plan.body, Case) and plan.value.type is SqlType.TEXT and inner.is_told(plan.body):
            return inner.of_choice(plan, plan.body, lambda holder: attrs.evolve(plan, body=holder), then)
        if kind is not Kind.SEVERAL:
            return attrs.evolve(plan, body=inner.of(plan.body, then))
        pairs = _carrier(self.names, many=plan.value.many)
        body = self.within(plan.variable, Carried(pairs)).of(plan.body, then)
        items = items_of(pairs, self.names, plan.value.type)
        return Bind(pairs.name, self.carried(plan.value), Bind(plan.variable, items, body))

    @_of_several.register
    def _(self, plan: Case, then: Then) -> Node:
        if self.is_told(plan):
            return self.of_choice(plan, plan, lambda holder: holder, then)
        if is_nothing(plan.otherwise) and len(plan.branches) == 1:
            ((condition, value),) = plan.branches
            body = self.of(value, then)
            return Case(((condition, body),), empty(body.type, many=body.many))
        branches = tuple((condition, self.carried(value)) for condition, value in plan.branches)
        return self._apart(Case(branches, self.carried(plan.otherwise)), plan.type, then)

    def is_told(self, plan: Case) -> bool:
        """Whether the branch that is taken says which resource has the one item."""
        values = (plan.otherwise, *(value for _, value in plan.branches))
        return not plan.many and all(self.kind(value) is not Kind.SEVERAL for value in values)

    def of_choice(self, plan: Node, choice: Case, within: Callable[[Node], Node], then: Then) -> Node:
        """Go to one item, of a resource that depends on which one it is; not inside, as less is nested then."""
        variable = self.names.fresh()

        def chosen(item: Node) -> Node:
            def one(value: Node) -> Node:
                kind = self.kind(value)
                return item if isinstance(kind, Kind) else kind

            branches = tuple((condition, one(value)) for condition, value in choice.branches)
            holder = within(Case(branches, one(choice.otherwise)))
            return self._each_resource(holder, lambda resource: of_item(item, resource))

        def of_item(item: Node, resource: Node) -> Node:
            self.names.holders[variable] = resource
            return then(item, resource)

        return bind(variable, plan, chosen)

    @_of_several.register
    def _(self, plan: Valued, then: Then) -> Node:
        return self.of(plan.values, then)

    @_of_several.register(Cast)
    @_of_several.register(FromJson)
    def _(self, plan: Cast | FromJson, then: Then) -> Node:
        return self.of(plan.operand, lambda item, holder: then(attrs.evolve(plan, operand=item), holder))

    @_of_several.register(Sort)
    @_of_several.register(Array)
    def _(self, plan: Sort | Array, then: Then) -> Node:
        return self._apart(self.carried(plan), plan.type, then)

    @_of_several.register
    def _(self, plan: Apply, then: Then) -> Node:
        if plan.primitive in TURNING:
            return self.of(
                plan.arguments[0],
                lambda whole, holder: self._each(
                    attrs.evolve(plan, arguments=(whole,)), lambda item: then(item, holder)
                ),
            )
        if plan.primitive in (*PICKING, *JOINING):
            return self._apart(self.carried(plan), plan.type, then)
        return self._each(plan, lambda item: then(item, self.unknown))

    @_of_several.register
    def _(self, plan: Repeat, then: Then) -> Node:
        kind = self.kind(plan.initial)
        if plan.distinct or not isinstance(kind, Kind):
            return self._apart(self.carried(plan), plan.type, then)

        def below(item: Node, holder: Node) -> Node:
            if self.stays(plan, holder):
                one = attrs.evolve(plan, initial=Array((item,), SqlType.JSON))
                return self._each(one, lambda found: then(found, holder))
            pairs = self._tree(plan, Array((_together(item, holder, self.names),), SqlType.JSON))
            return self._apart(pairs, plan.type, then)

        return self.of(plan.initial, below)

    def _of_each(self, plan: Each, then: Then) -> Node:
        """Go through the bodies of an iteration, each in the resource of its item."""
        kind = self.kind_for(plan.variable, plan.source)
        told = plan.variable in self.names.holders
        several = kind is Kind.SEVERAL and not told
        if several and plan.index is not None:
            variable = self.names.fresh()
            item = carried_item(self.names, variable, plan.source.type)
            body = self.of(in_terms(plan.body, plan.variable, item), then)
            where = None if plan.where is None else in_terms(plan.where, plan.variable, item)
            return Each(self.carried(plan.source), variable, body, where, plan.index)
        direct = plan.index is not None or not isinstance(plan.source, Case | Each) or self.is_carried(plan.variable)
        if direct and not several:
            return attrs.evolve(plan, body=self.of_item(plan, kind).of(plan.body, then))

        def step(found: Node, holder: Node) -> Node:
            # What the variable says is said in terms of it, so it stays.
            item = found if isinstance(found, Reference) and not told else Reference(plan.variable, plan.source.type)
            body = self.within(item.name, holder).of(in_terms(plan.body, plan.variable, item), then)
            if plan.where is not None:
                kept = in_terms(plan.where, plan.variable, item)
                body = Case(((kept, body),), empty(body.type, many=body.many))
            return body if item is found else Bind(plan.variable, found, body)

        return self.of(plan.source, step)

    @singledispatchmethod
    def carried(self, plan: Node) -> Node:
        """The items of a plan, each as an object of itself and the resource that has it."""
        return self._one_by_one(plan)

    def _one_by_one(self, plan: Node) -> Node:
        if is_nothing(plan):
            return empty(SqlType.JSON, many=plan.many)
        return self.of(plan, lambda item, holder: _together(item, holder, self.names))

    @carried.register
    def _(self, plan: Reference) -> Node:
        known = self.known(plan.name)
        return known.variable if isinstance(known, Carried) else self._one_by_one(plan)

    @carried.register
    def _(self, plan: Valued) -> Node:
        return self.carried(plan.values)

    @carried.register
    def _(self, plan: Front) -> Node:
        # What is in front is the first of all, too, which is carried.
        return null(SqlType.JSON)

    @carried.register
    def _(self, plan: Raise) -> Node:
        return attrs.evolve(plan, type=SqlType.JSON)

    @carried.register
    def _(self, plan: Array) -> Node:
        return Array(tuple(map(self.carried, plan.items)), SqlType.JSON)

    @carried.register
    def _(self, plan: Sort) -> Node:
        variable = self.names.fresh()
        key = in_terms(plan.key, plan.variable, carried_item(self.names, variable, plan.type))
        return Sort(self.carried(plan.source), variable, key, plan.descending)

    @carried.register
    def _(self, plan: Apply) -> Node:
        first, *others = plan.arguments or (plan,)
        if plan.primitive in PICKING:
            return attrs.evolve(plan, arguments=(self.carried(first), *others), type=SqlType.JSON)
        if plan.primitive in JOINING:
            return attrs.evolve(plan, arguments=tuple(map(self.carried, plan.arguments)), type=SqlType.JSON)
        return self._one_by_one(plan)

    @carried.register
    def _(self, plan: Repeat) -> Node:
        if not plan.distinct and isinstance(self.kind(plan.initial), Kind):
            return self._one_by_one(plan)
        found = self._tree(plan, self.carried(plan.initial))
        return once(found, self.names) if plan.distinct else found

    def _tree(self, plan: Repeat, initial: Node) -> Repeat:
        """A tree of carried items."""
        level = _carrier(self.names, many=True)
        below = self.within(plan.variable, Carried(level)).carried(plan.body)
        body = Bind(plan.variable, items_of(level, self.names), below)
        return attrs.evolve(plan, initial=initial, variable=level.name, body=body)

    def _apart(self, carried: Node, type: SqlType, then: Then) -> Node:
        """Go through carried items."""
        variable = self.names.fresh()
        item = carried_item(self.names, variable, type)
        body = then(item, self.names.holders[variable])
        return Each(carried, variable, body) if carried.many else Bind(variable, carried, body)

    def _each(self, plan: Node, body: Callable[[Node], Node]) -> Node:
        if not plan.many:
            return body(plan)
        variable = self.names.fresh()
        return Each(plan, variable, body(Reference(variable, plan.type)))

    def _each_resource(self, plan: Node, body: Callable[[Node], Node]) -> Node:
        variable = self.names.fresh()
        resource = Reference(variable, SqlType.JSON)
        self.names.holders[variable] = resource
        return Each(plan, variable, body(resource)) if plan.many else bind(variable, plan, body)


def _together(item: Node, holder: Node, names: Names) -> Node:
    """One item with its resource, if it is there."""

    def pair(item: Node) -> Node:
        both = json_object({ITEM.name: item, HOLDER.name: _carried_holder(holder)})
        return Case(((apply("is_not_null", item), both),), null(SqlType.JSON))

    if isinstance(item, Extract | Reference):
        return pair(item)
    variable = names.fresh()
    names.holders[variable] = holder
    return bind(variable, item, pair)


def _carried_holder(holder: Node) -> Node:
    """What is carried for a resource: NULL for the one that is evaluated."""
    match holder:
        case Reference() if holder == RESOURCE:
            return null(SqlType.JSON)
        case Apply("coalesce", (carried, _)):
            return carried
        case Case():
            branches = tuple((condition, _carried_holder(value)) for condition, value in holder.branches)
            return Case(branches, _carried_holder(holder.otherwise))
    return holder
