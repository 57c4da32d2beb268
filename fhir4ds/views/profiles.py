"""The profiles of ViewDefinition: rules beyond those of every view."""

from __future__ import annotations

import enum
from collections.abc import Iterator

from fhir4ds.errors import InvalidView
from fhir4ds.views.definition import ColumnDefinition, ViewDefinition

#: The types of the invariant ``primitives-only``. As published it leaves out date and uri, which are primitive too.
_PRIMITIVES = [
    "base64Binary",
    "boolean",
    "canonical",
    "code",
    "date",
    "dateTime",
    "decimal",
    "id",
    "instant",
    "integer",
    "integer64",
    "markdown",
    "oid",
    "string",
    "positiveInt",
    "time",
    "unsignedInt",
    "uri",
    "url",
    "uuid",
]


class Profile(enum.Enum):
    """A profile of ViewDefinition, by the name that it is asked for by."""

    SHAREABLE = "shareable"
    TABULAR = "tabular"


def profile_faults(view: ViewDefinition, profile: Profile) -> list[InvalidView]:
    """What keeps a view from conforming to a profile.

    Parameters
    ----------
    view : ViewDefinition
        The view.
    profile : Profile
        The profile.

    Returns
    -------
    list of InvalidView
        The faults; their rules are named after the profile, or after its invariants.
    """
    return list(_shareable(view) if profile is Profile.SHAREABLE else _tabular(view))


def _shareable(view: ViewDefinition) -> Iterator[InvalidView]:
    for name, value in (("url", view.url), ("name", view.name), ("fhirVersion", view.fhir_versions)):
        if not value:
            message = f"a view that is shared needs {name}"
            yield InvalidView(message, path=name, rule="shareable", hint=f"add {name}")
    for column in _columns(view):
        if column.type is None:
            message = f"the column {column.name!r} of a view that is shared needs a type"
            yield InvalidView(message, path=f"{column.at}.type", rule="shareable", hint='such as "type": "string"')


def _tabular(view: ViewDefinition) -> Iterator[InvalidView]:
    for column in _columns(view):
        if column.collection:
            message = f"the column {column.name!r} of a tabular view must not be a collection"
            yield InvalidView(
                message, path=f"{column.at}.collection", rule="no-collections", hint="use join() or first()"
            )
        if column.type is not None and column.type not in _PRIMITIVES:
            message = f"the column {column.name!r} of a tabular view must be of a primitive type, not {column.type}"
            yield InvalidView(message, path=f"{column.at}.type", rule="primitives-only", hint="go on to an element")


def _columns(view: ViewDefinition) -> Iterator[ColumnDefinition]:
    for selection in view.selections():
        yield from selection.columns
