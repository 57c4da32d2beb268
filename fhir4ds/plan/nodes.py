"""The nodes of a plan: a small functional language over SQL values and ordered arrays of them.

Every node denotes one nullable SQL value, or (``many``) an ordered array of them. NULL and the empty array are the
empty collection. Iteration is expressed by `Each`, `Exists` and `Fold`, which bind a variable, so a plan nests to any
depth and refers to variables of any level; a dialect renders them as lambdas over lists or as correlated subqueries.
Constructors in lower case (`extract`, `each`, ...) are where plans are simplified; use them rather than the classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TypeAlias

import attrs

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import ColumnType, SqlType
from fhir4ds.plan.relation import Relation


@attrs.frozen
class Reference:
    """A column of the step before, or a variable that an enclosing node binds."""

    name: str
    type: SqlType
    many: bool = False


@attrs.frozen
class Constant:
    """A literal; None is NULL."""

    value: bool | int | Decimal | str | None
    type: SqlType
    many: bool = attrs.field(default=False, init=False)


@attrs.frozen
class Parameter:
    """A value that is bound when the statement runs."""

    name: str
    type: SqlType
    many: bool = attrs.field(default=False, init=False)


@attrs.frozen
class Extract:
    """Navigation from one JSON value along a path, read as ``type``."""

    base: Node
    steps: tuple[Step, ...]
    type: SqlType

    @property
    def many(self) -> bool:
        """Whether any step may go to several items."""
        return any(step.each is not False for step in self.steps)


@attrs.frozen
class Apply:
    """A primitive of the core's table applied to arguments."""

    primitive: str
    arguments: tuple[Node, ...]
    type: SqlType
    many: bool = False


@attrs.frozen
class Cast:
    """Conversion between SQL types."""

    operand: Node
    type: SqlType
    many: bool = attrs.field(default=False, init=False)


@attrs.frozen
class Convert:
    """Conversion to the type of a column; ``type`` is what plans take the value for."""

    operand: Node
    column: ColumnType
    type: SqlType
    many: bool = attrs.field(default=False, init=False)


@attrs.frozen
class FromJson:
    """The SQL value that a JSON scalar holds."""

    operand: Node
    type: SqlType
    many: bool = attrs.field(default=False, init=False)


@attrs.frozen
class Array:
    """An array of single values."""

    items: tuple[Node, ...]
    type: SqlType
    many: bool = attrs.field(default=True, init=False)


@attrs.frozen
class Each:
    """``body`` for each item of ``source`` for which ``where`` holds, flattened where the body is an array.

    ``variable`` names the item, ``index`` its position from 1. What is NULL is left out, unless the items keep their places;
    then all of them are there.
    """

    source: Node
    variable: str
    body: Node
    where: Node | None = None
    index: str | None = None
    keeps_places: bool = False
    many: bool = attrs.field(default=True, init=False)

    @property
    def type(self) -> SqlType:
        """Type of the items."""
        return self.body.type


@attrs.frozen
class Exists:
    """Whether ``where`` holds for any item of ``source``."""

    source: Node
    variable: str
    where: Node | None = None
    index: str | None = None
    type: SqlType = attrs.field(default=SqlType.BOOLEAN, init=False)
    many: bool = attrs.field(default=False, init=False)


@attrs.frozen
class Fold:
    """``body`` over the items of ``source`` from left to right, starting from ``initial``."""

    source: Node
    accumulator: str
    variable: str
    initial: Node
    body: Node

    @property
    def type(self) -> SqlType:
        """Type of the accumulator."""
        return self.initial.type

    @property
    def many(self) -> bool:
        """Whether the accumulator is an array."""
        return self.initial.many


@attrs.frozen
class Sort:
    """The items of ``source`` in the order of ``key``, a value in terms of ``variable``; equal keys keep their order.

    Items without a key come first in either direction.
    """

    source: Node
    variable: str
    key: Node
    descending: bool
    many: bool = attrs.field(default=True, init=False)

    @property
    def type(self) -> SqlType:
        """Type of the items."""
        return self.source.type


@attrs.frozen
class Repeat:
    """All items that ``body`` gives when it is applied to ``initial``, then to what it gave, and so on until it gives none.

    ``variable`` names the array of the items of one level; the levels follow one another in the result. With
    ``distinct`` an item that is there already is neither added nor gone on from, which also ends cycles. Where there is
    more after so many levels, the value is ``overflow``, an array.
    """

    initial: Node
    variable: str
    body: Node
    distinct: bool
    levels: int
    overflow: Node
    many: bool = attrs.field(default=True, init=False)

    @property
    def type(self) -> SqlType:
        """Type of the items."""
        return self.body.type


@attrs.frozen
class Bind:
    """``value`` evaluated once and used by name in ``body``."""

    variable: str
    value: Node
    body: Node

    @property
    def type(self) -> SqlType:
        """Type of the body."""
        return self.body.type

    @property
    def many(self) -> bool:
        """Whether the body is an array."""
        return self.body.many


@attrs.frozen
class Case:
    """The value of the first branch whose condition holds; nothing else is evaluated."""

    branches: tuple[tuple[Node, Node], ...]
    otherwise: Node

    @property
    def type(self) -> SqlType:
        """Type of every branch."""
        return self.otherwise.type

    @property
    def many(self) -> bool:
        """Whether the branches are arrays."""
        return self.otherwise.many


@attrs.frozen
class Raise:
    """An error of the expression, raised by the database when and where it is met.

    Parameters
    ----------
    message : str
        The rule that was broken.
    position : int or None
        Offset in the expression, where it is known.
    type : SqlType
        Type of the value that would stand here.
    many : bool
        Whether an array would stand here.
    """

    message: str
    position: int | None
    type: SqlType
    many: bool = False


@attrs.frozen
class Valued:
    """Values of elements, with the plan of the elements that have them.

    Parameters
    ----------
    values : Node
        An array of the values.
    wholes : Node
        The elements as a whole, also those that have no value.
    lacking : Node
        A condition that holds where any of them may have no value.
    """

    values: Node
    wholes: Node
    lacking: Node
    many: bool = attrs.field(default=True, init=False)

    @property
    def type(self) -> SqlType:
        """Type of the values."""
        return self.values.type


@attrs.frozen
class Front:
    """What is at the end of a path that is the first item of each array on its way; NULL if there is nothing, or no word for it."""

    path: Extract
    many: bool = attrs.field(default=False, init=False)

    @property
    def type(self) -> SqlType:
        """Type of the value."""
        return self.path.type


@attrs.frozen
class Find:
    """What a relation has for the values of its keys; NULL if it has nothing, or if there is no relation to look into.

    The keys are references: a dialect may evaluate them for each row that it looks at.
    """

    relation: Relation
    keys: tuple[Reference, ...]
    type: SqlType
    many: bool = attrs.field(default=False, init=False)


@attrs.frozen
class Holds:
    """Whether a relation has a row for a key, which is a reference as in `Find`; NULL or false if it has none."""

    relation: Relation
    key: Node
    type: SqlType = attrs.field(default=SqlType.BOOLEAN, init=False)
    many: bool = attrs.field(default=False, init=False)


Node: TypeAlias = (
    Reference
    | Constant
    | Parameter
    | Extract
    | Apply
    | Cast
    | Convert
    | FromJson
    | Array
    | Each
    | Exists
    | Fold
    | Sort
    | Repeat
    | Bind
    | Case
    | Raise
    | Valued
    | Front
    | Find
    | Holds
)

#: The column that holds the resource, and the columns that say which resource it is.
RESOURCE = Reference("resource", SqlType.JSON)
KEY = Reference("key", SqlType.TEXT)

TRUE = Constant(True, SqlType.BOOLEAN)
FALSE = Constant(False, SqlType.BOOLEAN)


def null(type: SqlType) -> Constant:
    """NULL of a type: the empty collection as a single value."""
    return Constant(None, type)


def empty(type: SqlType, *, many: bool) -> Node:
    """The empty collection."""
    return Array((), type) if many else null(type)


def apply(primitive: str, *arguments: Node, type: SqlType = SqlType.BOOLEAN, many: bool = False) -> Apply:
    """Apply a primitive of the core's table."""
    return Apply(primitive, arguments, type, many)


def both(left: Node | None, right: Node | None) -> Node | None:
    """Conjunction of two conditions either of which may be absent."""
    if left is None or right is None:
        return left if right is None else right
    return apply("and", left, right)


def text(value: str) -> Constant:
    """Constant text."""
    return Constant(value, SqlType.TEXT)


def integer(value: int) -> Constant:
    """Constant integer."""
    return Constant(value, SqlType.INTEGER)


def bind(variable: str, value: Node, body: Callable[[Node], Node]) -> Node:
    """``body`` of a value that it uses several times, evaluated once."""
    if isinstance(value, Constant | Parameter | Reference):
        return body(value)
    return Bind(variable, value, body(Reference(variable, value.type, value.many)))


def bind_all(values: Sequence[tuple[str, Node]], body: Node) -> Node:
    """A body after some values that it uses by name, the first of them outermost."""
    for variable, value in reversed(values):
        body = Bind(variable, value, body)
    return body


def json_object(members: Mapping[str, Node]) -> Apply:
    """A JSON object with the values of some members, those of JSON as they are."""
    values = (
        apply("json_member", value, type=SqlType.JSON) if value.type is SqlType.JSON else value
        for value in members.values()
    )
    pairs = (part for name, value in zip(members, values, strict=True) for part in (text(name), value))
    return apply("json_object", *pairs, type=SqlType.JSON)


def length(array: Node) -> Node:
    """Number of items of an array."""
    return Cast(apply("array_length", array, type=SqlType.INTEGER), SqlType.INTEGER)
