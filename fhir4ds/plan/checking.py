"""Plans that look at each value of a resource before they read it.

A database refuses to read JSON as what it is not, with words of its own, and for all resources together. Where it did, the
plan is made once more with a look at each value, so that the error says which resource has which element wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.exactness import numeral
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import (
    Case,
    Constant,
    Each,
    Extract,
    FromJson,
    Front,
    Node,
    Raise,
    Reference,
    apply,
    bind,
    null,
    text,
)
from fhir4ds.plan.parts import bindings
from fhir4ds.plan.rewriting import rewrite

#: What JSON calls values that are read, and what must be there.
_KINDS = {
    SqlType.BOOLEAN: ("boolean", "true or false"),
    SqlType.INTEGER: ("number", "a whole number of at most 64 bits"),
    SqlType.DECIMAL: ("number", "a number of at most 26 digits before its point"),
}

#: How numbers are written that can be read.
_WHOLE, _DECIMAL = "^-?[0-9]{1,19}$", "^-?[0-9]{1,26}([.][0-9]+)?$"

_LARGEST_WHOLE = Constant(2**63 - 1, SqlType.INTEGER)


def is_refusable(node: Node) -> bool:
    """Whether a node reads a value as what JSON may not have there, so that a database may refuse it.

    Examples
    --------
    >>> from fhir4ds.dialect.path import Step
    >>> from fhir4ds.plan.nodes import RESOURCE
    >>> [is_refusable(Extract(RESOURCE, (Step("id"),), type)) for type in (SqlType.TEXT, SqlType.BOOLEAN)]
    [False, True]
    """
    return isinstance(node, Extract | Front | FromJson) and node.type in _KINDS


@attrs.frozen
class Checking:
    """Puts the look at each value into plans.

    Parameters
    ----------
    names : Names
        Source of variable names.
    position : callable
        The offset in the expression at which an element of a name is gone to; None where that is not known.

    Examples
    --------
    >>> from fhir4ds.dialect.path import Step
    >>> from fhir4ds.plan.nodes import RESOURCE
    >>> plan = Checking(Names(), lambda name: 8).checked(Extract(RESOURCE, (Step("active"),), SqlType.BOOLEAN))
    >>> plan.body.otherwise
    Raise(message="'active' must be true or false", position=8, type=<SqlType.BOOLEAN: 'boolean'>, many=False)
    """

    names: Names
    position: Callable[[str], int | None]

    def checked(self, plan: Node) -> Node:
        """The same plan, which raises where a value is not what it is read as."""
        return self._look(plan).into(plan)

    def numbers(self, items: Node) -> Node:
        """JSON items that are delivered as numbers, and must be such."""
        look = self._look(items)

        def insisted(json: Node) -> Node:
            fits = apply("or", _is_of(json, "null"), _is_of(json, "number"))
            return Case(((fits, json),), look.error("a number", items, SqlType.JSON))

        return look.each(look.into(items), insisted)

    def _look(self, plan: Node) -> _Look:
        return _Look(self.names, self.position, bindings(plan))


@attrs.frozen
class _Look:
    """A look at the values of one plan, in which variables stand for what they are bound to."""

    names: Names
    position: Callable[[str], int | None]
    bound: Mapping[str, Node]

    def into(self, plan: Node) -> Node:
        """The plan with the look at each of its values."""
        return rewrite(plan, self._at)

    def _at(self, part: Node) -> Node | None:
        match part:
            case Extract(base, steps, type) if type in _KINDS:
                found: Node = Extract(self.into(base), steps, SqlType.JSON)
            case Front(Extract(base, _, type) as path) if type in _KINDS:
                found = Front(attrs.evolve(path, base=self.into(base), type=SqlType.JSON))
            case FromJson(operand, type) if type in _KINDS:
                found = self.into(operand)
            case _:
                return None
        return self.each(found, lambda json: self._insisted(json, type, part))

    def each(self, found: Node, body: Callable[[Node], Node]) -> Node:
        """A body of one value, or of each."""
        if not found.many:
            return bind(self.names.fresh(), found, body)
        variable = self.names.fresh()
        return Each(found, variable, body(Reference(variable, found.type)), keeps_places=True)

    def error(self, wanted: str, part: Node, type: SqlType) -> Raise:
        """The error of what must be something else."""
        name = self._element(part)
        position = None if name is None else self.position(name)
        # What the expression does not name may be of our own making.
        named = "the value" if position is None else repr(name)
        return Raise(f"{named} must be {wanted}", position, type)

    def _insisted(self, json: Node, type: SqlType, part: Node) -> Node:
        kind, wanted = _KINDS[type]
        value: Node = FromJson(json, type)
        error = self.error(wanted, part, type)
        if type is SqlType.INTEGER:
            size = apply("absolute", FromJson(json, SqlType.DECIMAL), type=SqlType.DECIMAL)
            value = Case(((apply("less", _LARGEST_WHOLE, size), error),), value)
        if type is not SqlType.BOOLEAN:
            pattern = _WHOLE if type is SqlType.INTEGER else _DECIMAL
            value = Case(((apply("regexp_matches", numeral(json), text(pattern)), value),), error)
        return Case(((_is_of(json, "null"), null(type)), (_is_of(json, kind), value)), error)

    def _element(self, part: Node) -> str | None:
        """The name of the element that is read."""
        match part:
            case Extract(_, (*_, last)):
                return None if last.here else last.name
            case Front(path):
                return self._element(path)
            case FromJson(operand):
                return self._element(operand)
            case Reference(name) if name in self.bound:
                return self._element(self.bound[name])
        return None


def _is_of(json: Node, kind: str) -> Node:
    """Whether JSON is of a kind; what is missing is a null."""
    written = apply("json_kind", json, type=SqlType.TEXT)
    return apply("equal", apply("coalesce", written, text("null"), type=SqlType.TEXT), text(kind))
