"""From abstract syntax tree to text."""

from __future__ import annotations

from decimal import Decimal

from fhir4ds.fhirpath import literals
from fhir4ds.fhirpath.ast import (
    Binary,
    Call,
    Empty,
    External,
    Index,
    IndexVariable,
    InstanceElement,
    InstanceSelector,
    Literal,
    LiteralType,
    Member,
    Node,
    Polarity,
    Quantity,
    SortArgument,
    This,
    Total,
    TypeOperation,
    TypeSpecifier,
)
from fhir4ds.fhirpath.grammar import BINARY, POLARITY, POSTFIX, TYPE, is_identifier


def unparse(node: Node) -> str:
    """Write a node in canonical form: one blank around operators, no parentheses that change nothing.

    Parameters
    ----------
    node : Node
        An expression or a part of one, as `parse` makes them.

    Returns
    -------
    str
        A text that parses to an equal tree.

    Examples
    --------
    >>> from fhir4ds.fhirpath.parser import parse
    >>> unparse(parse("(a+b) *  `c` // product"))
    '(a + b) * c'
    """
    match node:
        case Literal():
            return _literal(node)
        case Member(focus, name):
            return _path(focus) + _name(name)
        case Call(focus, name, arguments):
            return f"{_path(focus)}{_name(name)}({', '.join(map(unparse, arguments))})"
        case Index(focus, index):
            return f"{_operand(focus, POSTFIX)}[{unparse(index)}]"
        case Binary(operator, left, right):
            strength = BINARY[operator]
            return f"{_operand(left, strength)} {operator} {_operand(right, strength + 1)}"
        case Polarity(sign, operand):
            return sign + _operand(operand, POLARITY)
        case TypeOperation(operator, operand, type_):
            return f"{_operand(operand, TYPE)} {operator} {unparse(type_)}"
        case TypeSpecifier(namespace, name):
            return _name(name) if namespace is None else f"{_name(namespace)}.{_name(name)}"
        case SortArgument(expression, descending):
            return unparse(expression) + (" desc" if descending else "")
        case InstanceSelector(type_, elements):
            return f"{unparse(type_)} {{ {', '.join(map(unparse, elements)) or ':'} }}"
        case InstanceElement(name, value):
            return f"{_name(name)}: {unparse(value)}"
        case External(name):
            return "%" + _name(name)
        case Empty():
            return "{}"
        case This():
            return "$this"
        case IndexVariable():
            return "$index"
        case Total():
            return "$total"
        case _:
            raise TypeError(f"not a node of the syntax tree: {type(node).__name__}")


def _name(name: str) -> str:
    return name if is_identifier(name) else literals.quote(name, "`")


def _path(focus: Node | None) -> str:
    return "" if focus is None else _operand(focus, POSTFIX) + "."


def _operand(node: Node, floor: int) -> str:
    """Write an operand of an operator that takes only what binds as tightly as ``floor``."""
    text = unparse(node)
    return text if _strength(node) >= floor else f"({text})"


def _strength(node: Node) -> int:
    if isinstance(node, Binary):
        return BINARY[node.operator]
    if isinstance(node, TypeOperation):
        return TYPE
    return POLARITY if isinstance(node, Polarity) else POSTFIX


def _literal(literal: Literal) -> str:
    value = literal.value
    match literal.type:
        case LiteralType.BOOLEAN:
            return "true" if value else "false"
        case LiteralType.STRING:
            return literals.quote(str(value), "'")
        case LiteralType.LONG:
            return f"{value}L"
        case LiteralType.DATE:
            return f"@{value}"
        case LiteralType.DATETIME:
            return literals.write_datetime(str(value))
        case LiteralType.TIME:
            return f"@T{value}"
        case LiteralType.INTEGER | LiteralType.DECIMAL | LiteralType.QUANTITY:
            return _number(value)


def _number(value: object) -> str:
    if isinstance(value, Quantity):
        return f"{_number(value.value)} {value.unit if value.is_calendar else literals.quote(value.unit, chr(39))}"
    # str() of a Decimal may use an exponent, which FHIRPath has not.
    return format(value, "f") if isinstance(value, Decimal) else str(value)
