"""What comes of a value that is missing: where nothing does, it need not be looked at.

SQL's functions give NULL for NULL, and a condition that is NULL does not hold.
"""

from __future__ import annotations

from functools import singledispatchmethod

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.nodes import Apply, Bind, Case, Cast, Constant, Convert, Extract, FromJson, Node, Reference

#: Primitives that give NULL where any of their arguments is NULL.
_STRICT = frozenset(
    {
        *("not", "equal", "unequal", "less", "less_or_equal", "text_less", "json_equal"),
        *("negate", "add", "subtract", "multiply", "multiply_decimal", "absolute", "ceiling", "floor", "truncate"),
        *("length", "left", "right", "substring", "position", "lower", "upper", "fold_text", "replace", "split_part"),
        *("regexp_matches", "regexp_group", "regexp_remove", "json_text", "json_kind", "json_numeral"),
    }
)


def is_lost(plan: Node, variable: str) -> bool:
    """Whether a plan is surely NULL where a variable is NULL, or a null of JSON.

    Examples
    --------
    >>> from fhir4ds.plan.nodes import apply, integer, text
    >>> name = Reference("v1", SqlType.TEXT)
    >>> is_lost(apply("less", apply("length", name, type=SqlType.INTEGER), integer(3)), "v1")
    True
    >>> is_lost(apply("coalesce", name, text("none")), "v1")
    False
    """
    return _Missing(frozenset({variable})).gives_null(plan)


def never_holds(condition: Node, variable: str) -> bool:
    """Whether a condition surely does not hold where a variable is NULL, or a null of JSON.

    Examples
    --------
    >>> from fhir4ds.plan.nodes import FALSE, apply, text
    >>> is_ada = apply("equal", Reference("v1", SqlType.TEXT), text("Ada"))
    >>> never_holds(apply("coalesce", is_ada, FALSE), "v1"), never_holds(apply("not", apply("is_true", is_ada)), "v1")
    (True, False)
    """
    return _Missing(frozenset({variable})).fails(condition)


@attrs.frozen
class _Missing:
    """Follows what is missing through a plan."""

    names: frozenset[str]

    def _with(self, plan: Bind) -> _Missing:
        missing = self.gives_null(plan.value)
        return attrs.evolve(self, names=self.names | {plan.variable}) if missing else self

    @singledispatchmethod
    def gives_null(self, plan: Node) -> bool:
        """Whether a plan is NULL; a null of JSON is a value itself."""
        return False

    @gives_null.register
    def _(self, plan: Constant) -> bool:
        return plan.value is None

    @gives_null.register
    def _(self, plan: Reference) -> bool:
        return plan.name in self.names and plan.type is not SqlType.JSON and not plan.many

    @gives_null.register
    def _(self, plan: Extract | FromJson) -> bool:
        document = plan.base if isinstance(plan, Extract) else plan.operand
        return not plan.many and (self._is_no_json(document) or self.gives_null(document))

    @gives_null.register
    def _(self, plan: Cast | Convert) -> bool:
        return self.gives_null(plan.operand)

    @gives_null.register
    def _(self, plan: Apply) -> bool:
        if plan.primitive == "and":
            return all(map(self.gives_null, plan.arguments))
        if plan.primitive in ("json_text", "json_numeral") and self._is_no_json(plan.arguments[0]):
            return True
        return plan.primitive in _STRICT and any(map(self.gives_null, plan.arguments))

    @gives_null.register
    def _(self, plan: Bind) -> bool:
        return self._with(plan).gives_null(plan.body)

    @gives_null.register
    def _(self, plan: Case) -> bool:
        taken = all(self.fails(condition) or self.gives_null(value) for condition, value in plan.branches)
        return taken and self.gives_null(plan.otherwise)

    def _is_no_json(self, document: Node) -> bool:
        return isinstance(document, Reference) and document.name in self.names and not document.many

    @singledispatchmethod
    def fails(self, condition: Node) -> bool:
        """Whether a condition is false or NULL."""
        return self.gives_null(condition)

    @fails.register
    def _(self, condition: Constant) -> bool:
        return condition.value is not True

    @fails.register
    def _(self, condition: Apply) -> bool:
        arguments = condition.arguments
        match condition.primitive:
            case "and":
                return any(map(self.fails, arguments))
            case "or" | "coalesce" | "is_true":
                return all(map(self.fails, arguments))
            case "is_not_null":
                return self.gives_null(arguments[0])
        return self.gives_null(condition)

    @fails.register
    def _(self, condition: Bind) -> bool:
        return self._with(condition).fails(condition.body)

    @fails.register
    def _(self, condition: Case) -> bool:
        taken = all(self.fails(each) or self.fails(value) for each, value in condition.branches)
        return taken and self.fails(condition.otherwise)
