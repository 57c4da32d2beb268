"""What an expression asks of its items beyond their values: what stands beside them, and of which types they are."""

from __future__ import annotations

from collections.abc import Iterator

from fhir4ds.compiler.navigation import BESIDE_VALUE
from fhir4ds.fhirpath import ast
from fhir4ds.functions.declaration import THIS

#: Functions that ask for the type of an item.
_ABOUT_TYPES = ("is", "as", "ofType", "type")

#: Functions that give all elements of an item, among them what stands beside a primitive value.
_ALL_BELOW = ("children", "descendants")

#: Operators that take Booleans, or collections of any items.
_COMPARES_NOTHING = ("and", "or", "xor", "implies", "|")


def looks_beside(node: ast.Node) -> bool:
    """Whether an expression mentions the id, the extensions or all elements of an item."""
    named = isinstance(node, ast.Member | ast.Call) and node.name in BESIDE_VALUE
    walks = isinstance(node, ast.Call) and node.name in _ALL_BELOW
    return named or walks or any(map(looks_beside, ast.children(node)))


def is_about_references(node: ast.Node) -> bool:
    """Whether a function looks for what the items that it is about point to."""
    return isinstance(node, ast.Call) and node.name == "resolve"


def resolves(node: ast.Node) -> bool:
    """Whether any part of an expression looks for what references point to."""
    return is_about_references(node) or any(map(resolves, ast.children(node)))


def is_about_types(node: ast.Node) -> bool:
    """Whether an operator or function asks for the types of the items that it is about."""
    return isinstance(node, ast.TypeOperation) or (isinstance(node, ast.Call) and node.name in _ABOUT_TYPES)


def asks_types(node: ast.Node) -> bool:
    """Whether any part of an expression asks for types."""
    return is_about_types(node) or any(map(asks_types, ast.children(node)))


def compared(node: ast.Node) -> frozenset[str]:
    """What stands on either side of operators in any part of an expression: names of elements, and ``$this``.

    Operators of logic, and the one that puts collections together, compare nothing.
    """
    found = frozenset[str]().union(*map(compared, ast.children(node)))
    if not isinstance(node, ast.Binary) or node.operator in _COMPARES_NOTHING:
        return found
    names = (name for side in (node.left, node.right) for name in _names(side))
    return found.union(names, (THIS for side in (node.left, node.right) if isinstance(side, ast.This)))


def _names(node: ast.Node) -> Iterator[str]:
    if isinstance(node, ast.Member):
        yield node.name
    for part in ast.children(node):
        yield from _names(part)
