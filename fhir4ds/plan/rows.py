"""The rows of a view: columns, what multiplies them, and what follows what.

Beside the plan of an expression, which gives one value or an array, this is a plan of rows. Where expressions make
records, it becomes lists of them, elsewhere lateral joins; see `fhir4ds.sql.view`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import attrs

from fhir4ds.plan.nodes import Node

#: Values of columns, by the name that a column has inside the statement.
Values: TypeAlias = tuple[tuple[str, Node], ...]


@attrs.frozen
class Product:
    """One row of values, combined with each row of every part: those of a later part vary faster.

    Parameters
    ----------
    values : tuple of (str, Node)
        The values.
    parts : tuple of Rows
        What they are combined with.
    """

    values: Values
    parts: tuple[Rows, ...] = ()


@attrs.frozen
class Unnest:
    """The rows of ``body`` for each item of an array.

    Parameters
    ----------
    items : Node
        The array.
    variable, index : str
        Names of the item and of its position, which counts from 1.
    body : Product
        The rows of an item.
    blank : tuple of (str, Node), optional
        The one row where there is no item; without it there is none.
    """

    items: Node
    variable: str
    index: str
    body: Product
    blank: Values | None = None


@attrs.frozen
class Union:
    """The rows of the branches, one branch after the other; all have the same columns."""

    branches: tuple[Product, ...]


Rows: TypeAlias = Unnest | Union


def product(values: Values, parts: tuple[Product | Rows, ...]) -> Product:
    """A product in which products among the parts are merged."""
    flat: list[Rows] = []
    for part in parts:
        if isinstance(part, Product):
            values = (*values, *part.values)
            flat += part.parts
        else:
            flat.append(part)
    return Product(values, tuple(flat))


def columns(rows: Product | Rows) -> tuple[tuple[str, Node], ...]:
    """The columns of rows, with a value that has the type of each."""
    match rows:
        case Product(values, parts):
            return (*values, *(column for part in parts for column in columns(part)))
        case Unnest():
            return columns(rows.body)
        case Union(branches):
            return columns(branches[0])


def nodes(rows: Product | Rows) -> Iterator[Node]:
    """All plans of rows: their values, and the arrays that are iterated."""
    match rows:
        case Product(values, parts):
            yield from (node for _, node in values)
            for part in parts:
                yield from nodes(part)
        case Unnest(items, body=body, blank=blank):
            yield items
            yield from (node for _, node in blank or ())
            yield from nodes(body)
        case Union(branches):
            for branch in branches:
                yield from nodes(branch)


def mapped(rows: Product, value: Callable[[str, Node], Node], array: Callable[[Node], Node] | None = None) -> Product:
    """Rows with other values.

    Parameters
    ----------
    rows : Product
        The rows.
    value : callable
        Gives what stands in the place of a value of a column.
    array : callable, optional
        Gives what stands in the place of an array that is iterated.
    """

    def values(found: Values) -> Values:
        return tuple((place, value(place, node)) for place, node in found)

    def part(rows: Rows) -> Rows:
        if isinstance(rows, Union):
            return Union(tuple(mapped(branch, value, array) for branch in rows.branches))
        return Unnest(
            rows.items if array is None else array(rows.items),
            rows.variable,
            rows.index,
            mapped(rows.body, value, array),
            None if rows.blank is None else values(rows.blank),
        )

    return Product(values(rows.values), tuple(map(part, rows.parts)))
