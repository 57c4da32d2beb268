"""What a view comes to: the plan of its rows, and what its columns are."""

from __future__ import annotations

import enum

import attrs

from fhir4ds.dialect.types import ColumnType, SqlType
from fhir4ds.plan.nodes import Node
from fhir4ds.plan.rows import Product


class Form(enum.Enum):
    """What the values of a view are made for."""

    ROWS = "rows"  # to be read: exact, and as FHIR has them
    TABLE = "table"  # to be kept by the database: of the types that the columns have there


@attrs.frozen(kw_only=True)
class ViewColumn:
    """A column of a view.

    Parameters
    ----------
    name : str
        As the view calls it.
    place : str
        As the statement calls it inside.
    fhir_type : str or None
        FHIR type of its values; None where it is not known before running.
    value : SqlType
        As what computations take the values.
    type : ColumnType
        The type that it has in a table.
    tagged : bool
        Whether that is because a tag says so.
    many : bool
        Whether each value is an array.
    """

    name: str
    place: str
    fhir_type: str | None
    value: SqlType
    type: ColumnType
    tagged: bool
    many: bool


@attrs.frozen(kw_only=True)
class ViewPlan:
    """The plan of a view.

    Parameters
    ----------
    title : str
        After which the statement is named.
    resource : str
        The type of the resources.
    where : Node or None
        The condition that they must meet.
    rows : Product
        The rows of one resource.
    columns : tuple of ViewColumn
        In the order of the result.
    """

    title: str
    resource: str
    where: Node | None
    rows: Product
    columns: tuple[ViewColumn, ...]
