"""Errors that a database would overlook, since it does not look at what the answer does not need.

An optimizer knows that nothing comes of a missing operand, and that what nothing uses need not be computed; each database
knows something else. FHIRPath has no such freedom: an error in an operand is one, whatever the other operand is. So where
an answer may be known without a row, what may raise is looked at first, in a condition that no optimizer does without. And
where one truth decides, or there is no item to ask about, what comes after it is looked at by none.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatchmethod

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.checking import is_refusable
from fhir4ds.plan.foresight import LAZY, LENIENT, Foresight
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import (
    FALSE,
    TRUE,
    Apply,
    Bind,
    Case,
    Each,
    Exists,
    Node,
    Raise,
    Reference,
    apply,
    bind,
    empty,
)
from fhir4ds.plan.parts import Memo, Uses, bindings, parts
from fhir4ds.plan.rewriting import rewrite


def heeded(node: Node, names: Names) -> Node:
    """A plan in which no error is overlooked.

    Parameters
    ----------
    node : Node
        The plan.
    names : Names
        Source of variable names.

    Examples
    --------
    >>> from fhir4ds.dialect.types import SqlType
    >>> from fhir4ds.plan.nodes import integer, null
    >>> several = Raise("expected a single item but found several", 3, SqlType.INTEGER)
    >>> type(heeded(apply("add", several, null(SqlType.INTEGER), type=SqlType.INTEGER), Names())).__name__
    'Bind'
    >>> fine = apply("add", integer(1), null(SqlType.INTEGER), type=SqlType.INTEGER)
    >>> heeded(fine, Names()) is fine
    True
    """
    return _Heed(node, names).of(node)


def may_be_known(node: Node) -> bool:
    """Whether a database may find the value of a plan, or that there is none, without a row.

    Examples
    --------
    >>> from fhir4ds.dialect.types import SqlType
    >>> from fhir4ds.plan.nodes import KEY, integer, null
    >>> nothing = null(SqlType.INTEGER)
    >>> may_be_known(Case(((FALSE, integer(3)),), nothing)), may_be_known(KEY)
    (True, False)
    >>> may_be_known(Bind("v1", nothing, Reference("v1", SqlType.INTEGER)))
    True
    """
    return Foresight(node).is_known(node)


class _Heed:
    """Rewrites a plan from the inside; what stands in several places is looked at once."""

    def __init__(self, plan: Node, names: Names) -> None:
        self.names = names
        self.foresight = Foresight(plan)
        self._raising = Memo(lambda node: isinstance(node, Raise) or any(map(self.raises, parts(node))))
        self._failing = Memo(
            lambda node: isinstance(node, Raise) or self._is_refusable(node) or any(map(self.fails, parts(node)))
        )
        self._bound = bindings(plan)
        self._of_resource = Memo(self._is_of_resource)
        self._plans = Memo(self._heeded)
        self._uses = Uses()

    def of(self, node: Node) -> Node:
        """A plan in which no error is overlooked."""
        return self._plans.of(node) if self.fails(node) else node

    def raises(self, node: Node) -> bool:
        """Whether there is an error anywhere in a plan."""
        return self._raising.of(node)

    def fails(self, node: Node) -> bool:
        """Whether there is an error anywhere in a plan, or a value that a database may refuse to read."""
        return self._failing.of(node)

    def _is_refusable(self, node: Node) -> bool:
        # What was put together from constants is well formed.
        return is_refusable(node) and self._of_resource.of(node)

    def _is_of_resource(self, node: Node) -> bool:
        """Whether JSON comes from the resource, or may."""
        if isinstance(node, Reference):
            bound = self._bound.get(node.name)
            return node.type is SqlType.JSON if bound is None else self._of_resource.of(bound)
        return any(map(self._of_resource.of, parts(node)))

    def _heeded(self, node: Node) -> Node:
        if not self.fails(node):
            return node
        return self._heeding(rewrite(node, lambda part: None if part is node else self.of(part)))

    @singledispatchmethod
    def _heeding(self, node: Node) -> Node:
        """A node whose own parts are in order already."""
        return node

    @_heeding.register
    def _(self, node: Apply) -> Node:
        first, *others = node.arguments or (node,)
        if node.primitive in LAZY and any(map(self.raises, others)):
            rest = others[0] if len(others) == 1 else self._heeding(attrs.evolve(node, arguments=tuple(others)))
            return bind(self._name(first), first, lambda known: _in_turn(node.primitive, known, rest))
        if not others or node.primitive in LENIENT:
            return node
        looked_at = node.arguments[:1] if node.primitive in LAZY else node.arguments
        names = [
            self._name(argument) if self.fails(argument) and overlooked else None
            for argument, overlooked in zip(looked_at, self._are_overlooked(node), strict=False)
        ]
        raising = {name: argument for name, argument in zip(names, looked_at, strict=True) if name is not None}
        if not raising:
            return node
        arguments = [
            argument if name is None else Reference(name, argument.type, argument.many)
            for name, argument in zip(names, looked_at, strict=True)
        ]
        return self._after(raising, attrs.evolve(node, arguments=(*arguments, *node.arguments[len(looked_at) :])))

    def _are_overlooked(self, node: Apply) -> Iterator[bool]:
        """Whether each operand may be overlooked: for the sake of another one, or of all together, but not for its own."""
        # A truth that is known decides, as does nothing in any other operation.
        decides = self.foresight.is_known if node.primitive in LAZY else self.foresight.is_missing
        deciding, is_compared, is_absent = sum(map(decides, node.arguments)), self.foresight.is_compared(node), False
        for argument in node.arguments:
            yield is_compared or is_absent or deciding > decides(argument)
            # Where none of some rows has a value of an operand, those after it are not looked at.
            is_absent = is_absent or self.foresight.is_absent(argument)

    @_heeding.register
    def _(self, node: Bind) -> Node:
        is_used = self._uses.of(node.body) & self._uses.bits([node.variable])
        if not self.fails(node.value) or (is_used and not self.foresight.is_known(node.body)):
            return node
        return self._after({node.variable: node.value}, node.body)

    @_heeding.register
    def _(self, node: Case) -> Node:
        condition, value = node.branches[0]
        if not self.fails(condition) or not self.foresight.is_settled(node):
            return node
        variable = self._name(condition)
        first = Reference(variable, condition.type)
        return Bind(variable, condition, attrs.evolve(node, branches=((first, value), *node.branches[1:])))

    @_heeding.register
    def _(self, node: Each) -> Node:
        body = self._only_with(node, node.body, empty(node.type, many=True)) if node.body.many else node.body
        return self._walked(attrs.evolve(node, body=body))

    @_heeding.register
    def _(self, node: Exists) -> Node:
        return self._walked(node)

    def _walked(self, node: Each | Exists) -> Node:
        if node.where is None:
            return node
        where = self._only_with(node, node.where, FALSE)
        if not self.fails(node.source) or not self.foresight.is_known(where):
            return attrs.evolve(node, where=where)
        variable = self._name(node.source)
        source = Reference(variable, node.source.type, node.source.many)
        return self._after({variable: node.source}, attrs.evolve(node, source=source, where=where))

    def _only_with(self, node: Each | Exists, part: Node, otherwise: Node) -> Node:
        """What is looked at for each item and for no other reason: where there is no item, it raises nothing."""
        variables = [node.variable, node.index] if node.index else [node.variable]
        if not self.raises(part) or self._uses.of(part) & self._uses.bits(variables):
            return part
        return Case(((apply("is_null", Reference(node.variable, node.source.type)), otherwise),), part)

    def _name(self, value: Node) -> str:
        """A variable for a value: what is known of the one is known of the other."""
        name = self.names.fresh()
        self.foresight.bind(name, value)
        return name

    def _after(self, values: dict[str, Node], body: Node) -> Node:
        """A body after a look at some values that it may not use."""
        missing = [apply("is_null", Reference(name, value.type, value.many)) for name, value in values.items()]
        condition = missing[0] if len(missing) == 1 else apply("and", *missing)
        plan = bind(self._name(body), body, lambda found: Case(((condition, found),), found))
        for name, value in reversed(values.items()):
            plan = Bind(name, value, plan)
        return plan


def _in_turn(primitive: str, first: Node, other: Node) -> Node:
    """Two truths combined, of which the other one is looked at only if the first one does not decide."""
    decides, answer = (first, TRUE) if primitive == "or" else (apply("not", first), FALSE)
    return Case(((decides, answer),), apply(primitive, first, other))
