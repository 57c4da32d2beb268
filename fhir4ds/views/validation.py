"""The rules of a view that its definition alone shows: names, unions, iterations, tags."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fhir4ds.errors import InvalidView
from fhir4ds.fhir.model import Model
from fhir4ds.suggestion import did_you_mean
from fhir4ds.views.definition import ColumnDefinition, Selection, ViewDefinition
from fhir4ds.views.types import ANSI_TYPE, parse_ansi

#: What a view, a constant or a column can be called (invariant ``sql-name``).
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

#: Variables that mean something already (FHIRPath, "Environment variables"; SQL on FHIR, "%rowIndex").
_RESERVED = ("context", "resource", "rootResource", "rowIndex", "ucum", "sct", "loinc")


def validate(view: ViewDefinition, model: Model | None) -> list[InvalidView]:
    """What is wrong with a view, apart from its expressions.

    Parameters
    ----------
    view : ViewDefinition
        The view.
    model : Model, optional
        The FHIR model that knows the resource type.

    Returns
    -------
    list of InvalidView
        The faults, in the order of the view.
    """
    return [
        *_header(view, model),
        *_constants(view),
        *(fault for selection in view.selections() for fault in _selection(selection)),
        *_columns(view),
    ]


def _fault(path: str, rule: str, message: str, hint: str | None = None) -> InvalidView:
    return InvalidView(message, path=path, rule=rule, hint=hint)


def _header(view: ViewDefinition, model: Model | None) -> Iterator[InvalidView]:
    if view.name is not None:
        yield from _name(view.name, "name", "view")
    if model is not None and not model.is_resource(view.resource):
        close = did_you_mean(view.resource, model.resource_types)
        yield _fault("resource", "resource", f"FHIR {model.name} has no resource type {view.resource!r}", close)


def _constants(view: ViewDefinition) -> Iterator[InvalidView]:
    seen: set[str] = set()
    for constant in view.constants:
        at = f"{constant.at}.name"
        yield from _name(constant.name, at, "constant")
        if constant.name in _RESERVED:
            yield _fault(at, "reserved-name", f"%{constant.name} means something else already", "choose another name")
        if constant.name in seen:
            yield _fault(at, "unique-constants", f"there are several constants {constant.name!r}")
        seen.add(constant.name)


def _name(name: str, at: str, what: str) -> Iterator[InvalidView]:
    if not _NAME.fullmatch(name):
        hint = "letters of English, digits and underscores, beginning with a letter"
        yield _fault(at, "sql-name", f"a {what} cannot be called {name!r}", hint)


def _selection(selection: Selection) -> Iterator[InvalidView]:
    given = [
        name
        for name, value in (
            ("forEach", selection.for_each),
            ("forEachOrNull", selection.for_each_or_null),
            ("repeat", selection.repeat),
        )
        if value
    ]
    if len(given) > 1:
        hint = "nest one select in another"
        yield _fault(selection.at, "sql-expressions", f"a select has one iteration, not {' and '.join(given)}", hint)
    for column in selection.columns:
        yield from _column(column)
    yield from _branches(selection)


def _column(column: ColumnDefinition) -> Iterator[InvalidView]:
    yield from _name(column.name, f"{column.at}.name", "column")
    types = [tag for tag in column.tags if tag.name == ANSI_TYPE]
    for tag in types:
        if parse_ansi(tag.value) is None:
            hint = "such as INTEGER, DECIMAL(10, 2), CHARACTER VARYING, DATE or TIMESTAMP WITH TIME ZONE"
            yield _fault(f"{tag.at}.value", "ansi-type", f"there is no type {tag.value!r} for a column", hint)
    if len(types) > 1:
        yield _fault(types[1].at, "ansi-type", f"the column {column.name!r} has several types")


def _branches(selection: Selection) -> Iterator[InvalidView]:
    if not selection.union_all:
        return
    first, *others = selection.union_all
    names = [column.name for column in first.all_columns()]
    for branch in others:
        found = [column.name for column in branch.all_columns()]
        if found == names:
            continue
        if sorted(found) == sorted(names):
            message, hint = (
                "the branches of unionAll have their columns in different orders",
                "use the order of the first",
            )
        else:
            missing = [f"without {name!r}" for name in names if name not in found]
            added = [f"with {name!r}" for name in found if name not in names]
            message = f"the branches of unionAll have different columns: this one {', '.join(missing + added)}"
            hint = f"every branch needs {', '.join(names) or 'no columns'}"
            if not missing and not added:
                message, hint = "the branches of unionAll have different numbers of columns", None
        yield _fault(branch.at, "union-columns", message, hint)


def _columns(view: ViewDefinition) -> Iterator[InvalidView]:
    seen: dict[str, ColumnDefinition] = {}
    for selection in view.select:
        yield from _unique(selection, seen)
    if not seen:
        yield _fault("select", "columns", "the view has no columns", 'add "column": [{"name": ..., "path": ...}]')


def _unique(selection: Selection, seen: dict[str, ColumnDefinition]) -> Iterator[InvalidView]:
    """Faults of names that are there twice; the branches of a union share theirs (``ValidateColumns``)."""
    for column in selection.columns:
        if column.name in seen:
            message = f"there are two columns {column.name!r}, the other one is {seen[column.name].at}"
            yield _fault(f"{column.at}.name", "unique-columns", message, "give each column a name of its own")
        seen.setdefault(column.name, column)
    for nested in selection.selects:
        yield from _unique(nested, seen)
    before = dict(seen)
    for branch in selection.union_all:
        within = dict(before)
        yield from _unique(branch, within)
        seen.update(within)
