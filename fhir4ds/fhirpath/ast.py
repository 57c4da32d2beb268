"""The abstract syntax tree of a FHIRPath expression.

Nodes are frozen and compare by meaning: two trees are equal if they say the same, wherever they stand in the text.
``position`` is the offset of the token that a message about the node should point to: the name of a member or function,
the operator of a binary operation, the bracket of an index, the first character of anything else.
Parentheses leave no trace.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from decimal import Decimal
from typing import TypeAlias

import attrs


class LiteralType(enum.Enum):
    """What a literal is; the value is the name of its type in the System namespace."""

    BOOLEAN = "Boolean"
    STRING = "String"
    INTEGER = "Integer"
    LONG = "Long"
    DECIMAL = "Decimal"
    DATE = "Date"
    DATETIME = "DateTime"
    TIME = "Time"
    QUANTITY = "Quantity"


def _exact(value: object) -> object:
    # Decimal("1.0") == Decimal("1.00") in Python, but precision() and toString() of FHIRPath tell them apart.
    return value.as_tuple() if isinstance(value, Decimal) else value


@attrs.frozen
class Node:
    """Any part of an expression.

    Parameters
    ----------
    position : int
        Offset in the text; no part of equality.
    """

    position: int = attrs.field(default=0, eq=False, repr=False, kw_only=True)


@attrs.frozen
class Quantity:
    """The value of a quantity literal.

    Parameters
    ----------
    value : Decimal
        The number with the scale it was written with.
    unit : str
        A UCUM code, or a calendar word as it was written (``day`` or ``days``).
    is_calendar : bool
        Whether the unit is a calendar word: ``1 year`` and not ``1 'year'``.
    """

    value: Decimal = attrs.field(eq=_exact)
    unit: str
    is_calendar: bool = False


@attrs.frozen
class Literal(Node):
    """A constant.

    Parameters
    ----------
    value : bool, int, Decimal, str or Quantity
        Boolean, integer and long, decimal, quantity as their Python types. Strings without quotes and escapes. Dates and
        times as FHIR writes them in JSON, with the precision they were given: ``@2015T`` is the DateTime ``2015`` and
        ``@T14:30`` the Time ``14:30``.
    type : LiteralType
        Tells apart what Python or FHIR write alike.
    """

    value: bool | int | Decimal | str | Quantity = attrs.field(eq=_exact)
    type: LiteralType


@attrs.frozen
class Empty(Node):
    """The empty collection ``{}``."""


@attrs.frozen
class Member(Node):
    """An element, ``focus.name``; with no focus, the first name of a path, which may also be a type."""

    focus: Expression | None
    name: str


@attrs.frozen
class Call(Node):
    """A function, ``focus.name(arguments)``; with no focus it is called on the context. Arguments of ``sort`` are
    `SortArgument` nodes, and no others are.
    """

    focus: Expression | None
    name: str
    arguments: tuple[Expression, ...] = ()


@attrs.frozen
class Index(Node):
    """One item of a collection, ``focus[index]``."""

    focus: Expression
    index: Expression


@attrs.frozen
class Polarity(Node):
    """A sign, ``+operand`` or ``-operand``."""

    sign: str
    operand: Expression


@attrs.frozen
class Binary(Node):
    """Two operands and the operator between them, as it is written; ``is`` and ``as`` are `TypeOperation`."""

    operator: str
    left: Expression
    right: Expression


@attrs.frozen
class TypeSpecifier(Node):
    """The name of a type, ``FHIR.Patient`` or ``Patient``."""

    namespace: str | None
    name: str


@attrs.frozen
class TypeOperation(Node):
    """A test ``operand is type`` or a cast ``operand as type``."""

    operator: str
    operand: Expression
    type: TypeSpecifier


@attrs.frozen
class This(Node):
    """The item at hand, ``$this``."""


@attrs.frozen
class IndexVariable(Node):
    """Its index in the collection, ``$index``."""


@attrs.frozen
class Total(Node):
    """What ``aggregate`` has gathered so far, ``$total``."""


@attrs.frozen
class External(Node):
    """A variable from outside, ``%name``."""

    name: str


@attrs.frozen
class SortArgument(Node):
    """One criterion of ``sort``."""

    expression: Expression
    descending: bool = False


@attrs.frozen
class InstanceElement(Node):
    """One element of an instance, ``name: value``."""

    name: str
    value: Expression


@attrs.frozen
class InstanceSelector(Node):
    """A value made in place, ``Coding { system: 'http://loinc.org', code: '718-7' }`` or ``Coding { : }``."""

    type: TypeSpecifier
    elements: tuple[InstanceElement, ...] = ()


#: Whatever can be evaluated.
Expression: TypeAlias = (
    Literal
    | Empty
    | Member
    | Call
    | Index
    | Polarity
    | Binary
    | TypeOperation
    | This
    | IndexVariable
    | Total
    | External
    | SortArgument
    | InstanceSelector
)


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below a node, in the order of the text.

    Examples
    --------
    >>> list(children(Binary("+", Member(None, "a"), Literal(1, LiteralType.INTEGER))))
    [Member(focus=None, name='a'), Literal(value=1, type=<LiteralType.INTEGER: 'Integer'>)]
    """
    for field in attrs.fields(type(node)):
        value = getattr(node, field.name)
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Node):
                yield item


def walk(node: Node) -> Iterator[Node]:
    """The node itself and all nodes below it, each before its children.

    Examples
    --------
    >>> [type(node).__name__ for node in walk(Index(Member(None, "a"), Total()))]
    ['Index', 'Member', 'Total']
    """
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(list(children(current))))


def place(node: Node, element: str) -> int | None:
    """The offset at which an expression first goes to an element, whose name may have a type at its end; None if nowhere.

    Examples
    --------
    >>> from fhir4ds.fhirpath.parser import parse
    >>> place(parse("Observation.value + 1"), "valueInteger"), place(parse("a.value"), "values")
    (12, None)
    """
    members = (part for part in walk(node) if isinstance(part, Member) and element.startswith(part.name))
    ends = ((part.position, element.removeprefix(part.name)) for part in members)
    return min((position for position, end in ends if not end or end[0].isupper()), default=None)


def type_specifier(node: Node) -> TypeSpecifier | None:
    """Read a path as the name of a type, as in the argument of ``ofType(FHIR.Patient)``.

    Parameters
    ----------
    node : Node
        An expression.

    Returns
    -------
    TypeSpecifier or None
        None if the expression is not a plain path of names. Of more than two names the first is the namespace.

    Examples
    --------
    >>> type_specifier(Member(Member(None, "FHIR"), "Patient"))
    TypeSpecifier(namespace='FHIR', name='Patient')
    >>> type_specifier(Call(None, "now")) is None
    True
    """
    names: list[str] = []
    current: Node | None = node
    while isinstance(current, Member):
        names.append(current.name)
        node, current = current, current.focus
    if current is not None or not names:
        return None
    names.reverse()
    return qualified_type(names, node.position)


def qualified_type(names: list[str], position: int) -> TypeSpecifier:
    """Make the specifier of the type ``names[0].names[1]...``.

    Examples
    --------
    >>> qualified_type(["Patient"], 0)
    TypeSpecifier(namespace=None, name='Patient')
    """
    if len(names) == 1:
        return TypeSpecifier(None, names[0], position=position)
    return TypeSpecifier(names[0], ".".join(names[1:]), position=position)
