"""Errors that a database would overlook, since it does not look at what the answer does not need.

An optimizer knows that nothing comes of a missing operand, and that what nothing uses need not be computed; each database
knows something else. FHIRPath has no such freedom: an error in an operand is one, whatever the other operand is. So where
an answer may be known without a row, what may raise is looked at first, in a condition that no optimizer does without. And
where one truth decides, or there is no item to ask about, what comes after it is looked at by none.
"""

from __future__ import annotations

from functools import singledispatchmethod

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.checking import is_refusable
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import (
    FALSE,
    TRUE,
    Apply,
    Bind,
    Case,
    Cast,
    Constant,
    Each,
    Exists,
    Find,
    Front,
    Holds,
    Node,
    Raise,
    Reference,
    apply,
    bind,
    empty,
)
from fhir4ds.plan.parts import Memo, Uses, bindings, everything, parts
from fhir4ds.plan.rewriting import rewrite

#: Primitives whose later arguments are looked at only if the first one does not decide.
_LAZY = frozenset({"and", "or", "coalesce"})


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
    return _Known(node).of(node)


class _Known(Memo[bool]):
    """Whether values may be found without a row."""

    def __init__(self, plan: Node) -> None:
        super().__init__(self._may_be_known)
        #: What variables stand for; one that is not here stands for an item.
        self.bound = {part.variable: part.value for part in everything(plan) if isinstance(part, Bind)}

    def as_missing(self, node: Node) -> bool:
        """Whether a plan may be found to have no value."""
        while isinstance(node, Cast) or (isinstance(node, Reference) and node.name in self.bound):
            node = node.operand if isinstance(node, Cast) else self.bound[node.name]
        return node.value is None if isinstance(node, Constant) else self.of(node)

    def _may_be_known(self, node: Node) -> bool:
        match node:
            case Reference(name) if name in self.bound:
                return self.of(self.bound[name])
            case Reference() | Find() | Holds() | Front() | Raise():
                return False
            case Bind(body=body):
                return self.of(body)
            case Each() | Exists():
                return self.of(node.source) or (node.where is not None and self.of(node.where))
            case Case(branches, otherwise):
                values = [self.of(value) for value in (*(value for _, value in branches), otherwise)]
                return all(values) or (any(values) and any(self.of(condition) for condition, _ in branches))
            case Apply(arguments=arguments) if any(map(self.as_missing, arguments)):
                return True
        return all(map(self.of, parts(node)))


class _Heed:
    """Rewrites a plan from the inside; what stands in several places is looked at once."""

    def __init__(self, plan: Node, names: Names) -> None:
        self.names = names
        self.known = _Known(plan)
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
        if node.primitive in ("and", "or") and any(map(self.raises, others)):
            rest = others[0] if len(others) == 1 else self._heeding(attrs.evolve(node, arguments=tuple(others)))
            return bind(self._name(first), first, lambda known: _in_turn(node.primitive, known, rest))
        looked_at = node.arguments[:1] if node.primitive in _LAZY else node.arguments
        # A truth that is known decides, as does nothing in any other operation.
        is_known = self.known.of if node.primitive in ("and", "or") else self.known.as_missing
        if not any(map(is_known, node.arguments)):
            return node
        # What a database may refuse to read is overlooked for the sake of another operand, not for its own.
        known = sum(map(is_known, node.arguments))
        fails = [
            self.raises(argument) or (self.fails(argument) and known > is_known(argument)) for argument in looked_at
        ]
        if not any(fails):
            return node
        names = [self._name(argument) if failing else None for argument, failing in zip(looked_at, fails, strict=True)]
        raising = {name: argument for name, argument in zip(names, looked_at, strict=True) if name is not None}
        arguments = [
            argument if name is None else Reference(name, argument.type, argument.many)
            for name, argument in zip(names, looked_at, strict=True)
        ]
        return self._after(raising, attrs.evolve(node, arguments=(*arguments, *node.arguments[len(looked_at) :])))

    @_heeding.register
    def _(self, node: Bind) -> Node:
        is_used = self._uses.of(node.body) & self._uses.bits([node.variable])
        if not self.fails(node.value) or (is_used and not self.known.of(node.body)):
            return node
        return self._after({node.variable: node.value}, node.body)

    @_heeding.register
    def _(self, node: Case) -> Node:
        condition, value = node.branches[0]
        values = [value for _, value in node.branches]
        if not self.fails(condition) or not all(map(self.known.of, (*values, node.otherwise))):
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
        if not self.fails(node.source) or not self.known.of(where):
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
        self.known.bound[name] = value
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
