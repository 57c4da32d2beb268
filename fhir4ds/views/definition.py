"""A ViewDefinition as it is once it has been read: what it says, and where in its JSON it says so."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import attrs


@attrs.frozen(kw_only=True)
class Tag:
    """A name and a value beside a column, such as ``ansi/type`` and ``DATE``."""

    name: str
    value: str
    at: str


@attrs.frozen(kw_only=True)
class ColumnDefinition:
    """A column.

    Parameters
    ----------
    name, path : str
        What it is called, and the expression that gives it.
    at : str
        Where it is, as a path into the JSON of the view.
    type : str, optional
        Its FHIR type, without the prefix of FHIR's own types.
    collection : bool
        Whether it holds all values; otherwise there is one at most.
    tags : tuple of Tag
        What is said about it beside.
    description : str, optional
        For people.
    """

    name: str
    path: str
    at: str
    type: str | None = None
    collection: bool = False
    tags: tuple[Tag, ...] = ()
    description: str | None = None


@attrs.frozen(kw_only=True)
class Selection:
    """A ``select``: columns of the items of an iteration, and the selections below it.

    Parameters
    ----------
    at : str
        Where it is, as a path into the JSON of the view.
    for_each, for_each_or_null : str, optional
        What is iterated.
    repeat : tuple of str
        What is followed to any depth.
    columns : tuple of ColumnDefinition
        Its own columns.
    selects : tuple of Selection
        Those with each of whose rows its own are combined.
    union_all : tuple of Selection
        Those whose rows are put one after the other.
    """

    at: str
    for_each: str | None = None
    for_each_or_null: str | None = None
    repeat: tuple[str, ...] = ()
    columns: tuple[ColumnDefinition, ...] = ()
    selects: tuple[Selection, ...] = ()
    union_all: tuple[Selection, ...] = ()

    def all_columns(self) -> Iterator[ColumnDefinition]:
        """The columns of its rows, in order; of a union those of its first branch."""
        yield from self.columns
        for selection in (*self.selects, *self.union_all[:1]):
            yield from selection.all_columns()

    def paths(self) -> Iterator[str]:
        """The expressions of the selection and of all below it."""
        for selection in self.everything():
            yield from filter(None, (selection.for_each, selection.for_each_or_null, *selection.repeat))
            yield from (column.path for column in selection.columns)

    def everything(self) -> Iterator[Selection]:
        """It and all selections below it."""
        yield self
        for selection in (*self.selects, *self.union_all):
            yield from selection.everything()


@attrs.frozen(kw_only=True)
class ConstantDefinition:
    """A value with a name.

    Parameters
    ----------
    name : str
        Expressions call it ``%name``.
    type : str
        FHIR type, such as ``"code"``.
    value : bool, int, Decimal or str
        The value.
    at : str
        Where it is, as a path into the JSON of the view.
    """

    name: str
    type: str
    value: bool | int | Decimal | str
    at: str


@attrs.frozen(kw_only=True)
class Condition:
    """A condition that resources must meet."""

    path: str
    at: str


@attrs.frozen(kw_only=True)
class ViewDefinition:
    """A view.

    Parameters
    ----------
    resource : str
        The type of the resources that it shows.
    select : tuple of Selection
        What it shows of them.
    name, url, title, description : str, optional
        What it is called.
    fhir_versions : tuple of str
        The FHIR versions that it is for.
    constants : tuple of ConstantDefinition
        Values with names.
    where : tuple of Condition
        Which resources it shows.
    profiles : tuple of str
        The profiles that it claims to meet.
    """

    resource: str
    select: tuple[Selection, ...]
    name: str | None = None
    url: str | None = None
    title: str | None = None
    description: str | None = None
    fhir_versions: tuple[str, ...] = ()
    constants: tuple[ConstantDefinition, ...] = ()
    where: tuple[Condition, ...] = ()
    profiles: tuple[str, ...] = ()

    def columns(self) -> tuple[ColumnDefinition, ...]:
        """The columns of its rows, in order."""
        return tuple(column for selection in self.select for column in selection.all_columns())

    def selections(self) -> Iterator[Selection]:
        """All selections, at any depth."""
        for selection in self.select:
            yield from selection.everything()
