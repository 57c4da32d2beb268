"""Plans that do not raise: what a plan gives where nothing goes wrong, and what goes wrong where it does.

A database has no way to catch an error in the middle of a query that all of them share. So the conditions under which
errors are raised become a value of their own, which is computed first; where there is one, the items are not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import singledispatchmethod

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import (
    Apply,
    Array,
    Bind,
    Case,
    Each,
    Exists,
    Fold,
    Node,
    Raise,
    Reference,
    Repeat,
    Sort,
    apply,
    empty,
    integer,
    length,
    null,
    text,
)
from fhir4ds.plan.parts import everything, parts
from fhir4ds.plan.rewriting import rewrite


def quiet(node: Node) -> Node:
    """The plan with the empty collection in place of every error.

    Examples
    --------
    >>> quiet(Raise("too many", 3, SqlType.TEXT))
    Constant(value=None, type=<SqlType.TEXT: 'text'>, many=False)
    """
    return rewrite(node, lambda part: empty(part.type, many=part.many) if isinstance(part, Raise) else None)


def failure(node: Node, names: Names) -> Node | None:
    """The first error that the evaluation of a plan meets, as text; NULL where it meets none.

    Parameters
    ----------
    node : Node
        The plan.
    names : Names
        Source of variable names.

    Returns
    -------
    Node or None
        Text of a JSON object with message and position; None if the plan cannot raise. It does not raise itself.
    """
    return _Search(names).of(node)


def fact(error: Raise) -> str:
    """What a database says of an error, as text of a JSON object; the key of the resource is not in it.

    Examples
    --------
    >>> fact(Raise("too many", 3, SqlType.TEXT))
    '{"message": "too many", "position": 3}'
    """
    return json.dumps({"message": error.message, "position": error.position}, ensure_ascii=False)


@attrs.frozen
class _Search:
    """Looks for errors in the order in which a plan is evaluated."""

    names: Names

    def of(self, node: Node) -> Node | None:
        """The first error of a node; None if there cannot be any."""
        return self._of(node) if can_raise(node) else None

    @singledispatchmethod
    def _of(self, node: Node) -> Node | None:
        return _first(*(self.of(child) for child in parts(node)))

    @_of.register
    def _(self, node: Raise) -> Node | None:
        return text(fact(node))

    @_of.register
    def _(self, node: Apply) -> Node | None:
        first, *rest = node.arguments
        if node.primitive not in _LAZY or not rest:
            return _first(*map(self.of, node.arguments))
        decided = _LAZY[node.primitive](quiet(first))
        return _first(self.of(first), _if(decided, None, self.of(attrs.evolve(node, arguments=tuple(rest)))))

    @_of.register
    def _(self, node: Case) -> Node | None:
        found = self.of(node.otherwise)
        for condition, value in reversed(node.branches):
            found = _first(self.of(condition), _if(quiet(condition), self.of(value), found))
        return found

    @_of.register
    def _(self, node: Bind) -> Node | None:
        body = self.of(node.body)
        return _first(self.of(node.value), None if body is None else Bind(node.variable, quiet(node.value), body))

    @_of.register
    def _(self, node: Each) -> Node | None:
        where, body = None if node.where is None else self.of(node.where), self.of(node.body)
        kept = body if node.where is None else _if(quiet(node.where), body, None)
        return _first(self.of(node.source), _among(node, node.index, _first(where, kept)))

    @_of.register
    def _(self, node: Exists) -> Node | None:
        where = None if node.where is None else self.of(node.where)
        return _first(self.of(node.source), _among(node, node.index, where))

    @_of.register
    def _(self, node: Sort) -> Node | None:
        return _first(self.of(node.source), _among(node, None, self.of(node.key)))

    @_of.register
    def _(self, node: Fold) -> Node | None:
        before, body = _first(self.of(node.source), self.of(node.initial)), self.of(node.body)
        if body is None:
            return before
        # Each step is looked at with the accumulator of the steps before it.
        items, place = self.names.fresh(), self.names.fresh()
        array = Reference(items, node.source.type, many=True)
        earlier = apply("subtract", Reference(place, SqlType.INTEGER), integer(1), type=SqlType.INTEGER)
        done = Apply("array_slice", (array, integer(1), earlier), array.type, many=True)
        so_far = Fold(done, node.accumulator, node.variable, quiet(node.initial), quiet(node.body))
        steps = Each(array, node.variable, Bind(node.accumulator, so_far, body), index=place)
        return _first(before, Bind(items, quiet(node.source), _at_first(steps)))

    @_of.register
    def _(self, node: Repeat) -> Node | None:
        found, body, overflow = self.of(node.initial), self.of(node.body), self.of(node.overflow)
        if body is not None:
            # The items of all levels at once: an error of any is one.
            everything = Apply("array_concat", (quiet(node.initial), quiet(node)), node.type, many=True)
            found = _first(found, Bind(node.variable, everything, body))
        if overflow is None:
            return found
        # No item is NULL, so that one alone says that there was more.
        whole = Repeat(
            quiet(node.initial),
            node.variable,
            quiet(node.body),
            distinct=node.distinct,
            levels=node.levels,
            overflow=Array((null(node.type),), node.type),
        )
        array = self.names.fresh()
        reference = Reference(array, node.type, many=True)
        unknown = apply("is_null", apply("array_at", reference, integer(1), type=node.type))
        only = apply("and", apply("equal", length(reference), integer(1)), unknown)
        return _first(found, Bind(array, whole, Case(((only, overflow),), null(SqlType.TEXT))))


#: Primitives whose later arguments do not matter where the first one has decided.
_LAZY: Mapping[str, Callable[[Node], Node]] = {
    "and": lambda first: apply("is_true", apply("not", first)),
    "or": lambda first: apply("is_true", first),
    "coalesce": lambda first: apply("is_not_null", first),
}


def _among(node: Each | Exists | Sort, index: str | None, found: Node | None) -> Node | None:
    """The first of what is found in terms of the items of an iteration."""
    return None if found is None else _at_first(Each(quiet(node.source), node.variable, found, index=index))


def _at_first(found: Each) -> Node:
    return apply("array_at", found, integer(1), type=SqlType.TEXT)


def _first(*found: Node | None) -> Node | None:
    there = tuple(node for node in found if node is not None)
    if len(there) < 2:
        return there[0] if there else None
    return Apply("coalesce", there, SqlType.TEXT)


def _if(condition: Node, found: Node | None, otherwise: Node | None) -> Node | None:
    if found is None and otherwise is None:
        return None
    return Case(((condition, found or null(SqlType.TEXT)),), otherwise or null(SqlType.TEXT))


def can_raise(node: Node) -> bool:
    """Whether there is an error anywhere in a plan."""
    return any(isinstance(part, Raise) for part in everything(node))
