"""What a database may find out without a look at what it is computed from.

An optimizer folds constants, and knows what is least and greatest of some that a value is one of. While a statement runs,
DuckDB looks at many rows together, and at no further argument of a function where none of the rows has a value of one. None
of it is wrong in SQL, where it does not matter whether what the answer does not need would have been an error.
"""

from __future__ import annotations

from fhir4ds.plan.nodes import (
    Apply,
    Array,
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
)
from fhir4ds.plan.parts import Memo, everything, parts

#: Primitives whose later arguments are looked at only if the first one does not decide.
LAZY = frozenset({"and", "or"})

#: Primitives that no argument decides, since a missing one is passed over.
LENIENT = frozenset({"coalesce", "array_concat", "json_object", "least", "greatest"})

#: Primitives that give something for whatever they are given, and nothing for nothing.
_TOTAL = frozenset({"not", "equal", "unequal", "less", "less_or_equal", "concat", "length", "array_length", "to_json"})

#: Primitives that say whether there is something, or that it is true.
_TELLING = frozenset({"is_null", "is_not_null", "is_true"})


class Foresight:
    """What may be known of the values in a plan.

    Parameters
    ----------
    plan : Node
        The plan, whose variables stand for what they are bound to in it.

    Examples
    --------
    >>> from fhir4ds.dialect.types import SqlType
    >>> from fhir4ds.plan.nodes import FALSE, KEY, apply, integer, null
    >>> nothing, key = null(SqlType.INTEGER), Cast(KEY, SqlType.INTEGER)
    >>> never = Case(((FALSE, key),), nothing)
    >>> sometimes = Case(((apply("is_null", KEY), key),), nothing)
    >>> foresight = Foresight(apply("add", never, sometimes, type=SqlType.INTEGER))
    >>> [foresight.is_known(each) for each in (never, sometimes)]
    [True, False]
    >>> [foresight.is_absent(each) for each in (never, sometimes, key)]
    [True, True, False]
    """

    def __init__(self, plan: Node) -> None:
        self._known = Memo(self._may_be_known)
        self._missing = Memo(self._may_be_missing)
        self._absent = Memo(self._may_be_absent)
        self._between = Memo(self._lies_between)
        # What variables stand for; any other variable stands for an item.
        self._bound = {part.variable: part.value for part in everything(plan) if isinstance(part, Bind)}

    def bind(self, variable: str, value: Node) -> None:
        """A new variable stands for a value: what is known of the one is known of the other."""
        self._bound[variable] = value

    def is_known(self, node: Node) -> bool:
        """Whether a value, or that there is none, may be found without a row."""
        return self._known.of(node)

    def is_missing(self, node: Node) -> bool:
        """Whether it may be found without a row that there is no value."""
        return self._missing.of(node)

    def is_absent(self, node: Node) -> bool:
        """Whether there may be no value in any of the rows that are looked at together."""
        return self._absent.of(node)

    def is_compared(self, node: Apply) -> bool:
        """Whether the outcome may be found from what is least and greatest of each operand, as that of ``1 = 2`` is."""
        is_other = len(node.arguments) < 2 or node.primitive in LAZY | LENIENT
        return not is_other and all(map(self._between.of, node.arguments))

    def is_settled(self, node: Case) -> bool:
        """Whether the value may be found without a row, whichever condition holds."""
        values = _values(node)
        constants = {value.value for value in values if isinstance(value, Constant) and value.value is not None}
        return len(constants) < 2 and all(map(self.is_known, values))

    def _may_be_known(self, node: Node) -> bool:
        match node:
            case Reference(name) if name in self._bound:
                return self.is_known(self._bound[name])
            case Reference() | Find() | Holds() | Front() | Raise():
                return False
            case Bind(body=body):
                return self.is_known(body)
            case Each() | Exists():
                return self.is_known(node.source) or (node.where is not None and self.is_known(node.where))
            case Case():
                return any(map(self.is_known, _values(node))) if self._decides(node) else self.is_settled(node)
            case Apply(primitive) if primitive not in LENIENT and any(map(self.is_missing, node.arguments)):
                return True
            case Apply() if self.is_compared(node):
                return True
        return all(map(self.is_known, parts(node)))

    def _decides(self, node: Case) -> bool:
        """Whether a condition may be known."""
        return any(self.is_known(condition) for condition, _ in node.branches)

    def _may_be_missing(self, node: Node) -> bool:
        match node:
            case Reference(name) if name in self._bound:
                return self.is_missing(self._bound[name])
            case Constant(value):
                return value is None
            case Array() | Exists():
                return False
            case Cast(part) | Each(part) | Bind(body=part):
                return self.is_missing(part)
            case Case():
                missing = map(self.is_missing, _values(node))
                return any(missing) if self._decides(node) else all(missing)
            case Apply(primitive, arguments) if primitive in _TOTAL:
                return any(map(self.is_missing, arguments))
        return self.is_known(node)

    def _may_be_absent(self, node: Node) -> bool:
        match node:
            case Reference(name) if name in self._bound:
                return self.is_absent(self._bound[name])
            case Constant(value):
                return value is None
            case Each(part) | Bind(body=part):
                return self.is_absent(part)
            case Case():
                return any(map(self.is_absent, _values(node)))
            case Apply("null_if"):
                return True
            case Apply(primitive, arguments) if primitive in LENIENT:
                return all(map(self.is_absent, arguments))
            case Exists():
                return False
            case Apply(primitive) if primitive in _TELLING:
                return False
        return any(map(self.is_absent, parts(node)))

    def _lies_between(self, node: Node) -> bool:
        """Whether a value lies between constants, one of which it may be."""
        match node:
            case Reference(name) if name in self._bound:
                return self._between.of(self._bound[name])
            case Reference() | Find() | Holds() | Front() | Raise() | Each() | Exists():
                return False
            case Bind(body=body):
                return self._between.of(body)
            case Case():
                return all(map(self._between.of, _values(node)))
        return all(map(self._between.of, parts(node)))


def _values(node: Case) -> list[Node]:
    """The values, one of which it is."""
    return [*(value for _, value in node.branches), node.otherwise]
