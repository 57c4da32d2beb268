"""From JSON to a ViewDefinition: its structure, checked against the elements that the specification has.

Both headers are understood: SQL on FHIR 2.0.0, where a view is a logical model and ``resourceType`` may be its canonical
URL or absent, and 3.0.0-ballot, where it is a resource of type ``ViewDefinition``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import attrs

from fhir4ds.errors import InvalidView, SourceError
from fhir4ds.suggestion import did_you_mean
from fhir4ds.views.constants import CONSTANT_TYPES, constant_fault
from fhir4ds.views.definition import ColumnDefinition, Condition, ConstantDefinition, Selection, Tag, ViewDefinition

T = TypeVar("T")

#: A view as it is given.
View = Mapping[str, Any] | str | os.PathLike[str]

#: Elements that every element and every backbone element may have.
_ANYWHERE = ("id", "extension", "modifierExtension", "fhir_comments")

#: Elements of a resource and of canonical resources, which say nothing about the rows; ``resourceDefinition`` is in the
#: examples of the specification though not in its model.
_HEADER = [
    "resourceType",
    "resourceDefinition",
    "meta",
    "implicitRules",
    "language",
    "text",
    "contained",
    "url",
    "identifier",
    "version",
    "versionAlgorithmString",
    "versionAlgorithmCoding",
    "name",
    "title",
    "status",
    "experimental",
    "date",
    "publisher",
    "contact",
    "description",
    "useContext",
    "jurisdiction",
    "purpose",
    "copyright",
    "copyrightLabel",
    "approvalDate",
    "lastReviewDate",
    "effectivePeriod",
    "topic",
    "author",
    "editor",
    "reviewer",
    "endorser",
    "relatedArtifact",
    "profile",
]

_VIEW = (*_HEADER, "resource", "fhirVersion", "constant", "select", "where")
_SELECT = ("column", "select", "forEach", "forEachOrNull", "repeat", "unionAll")
# The text of the specification calls the element "tags" where its model calls it "tag".
_COLUMN = ("path", "name", "description", "collection", "type", "tag", "tags")

_TYPE_PREFIX = "http://hl7.org/fhir/StructureDefinition/"
_MOST_NESTED = 100


def read_view(view: View) -> ViewDefinition:
    """Read a ViewDefinition.

    Parameters
    ----------
    view : Mapping, str or path
        The view as a dictionary, as JSON text, or the file that holds it; text is JSON if it begins with ``{``.

    Returns
    -------
    ViewDefinition

    Raises
    ------
    InvalidView
        If it is not the JSON of a ViewDefinition; all faults are told at once.
    SourceError
        If there is no such file.

    Examples
    --------
    >>> view = read_view('{"resource": "Patient", "select": [{"column": [{"name": "id", "path": "id"}]}]}')
    >>> [column.name for column in view.columns()]
    ['id']
    """
    content = view if isinstance(view, Mapping) else _parse(view)
    reader = _Reader()
    definition = reader.view(content)
    if reader.faults or definition is None:
        name = content.get("name")
        raise invalid(reader.faults, name if isinstance(name, str) else None)
    return definition


def invalid(faults: list[InvalidView], name: str | None) -> InvalidView:
    """The error that holds all faults of a view."""
    shown = "the view" if name is None else f"the view {name!r}"
    if len(faults) == 1:
        return faults[0]
    return InvalidView(f"{shown} has {len(faults)} faults", faults=tuple(faults))


def _parse(view: str | os.PathLike[str]) -> Mapping[str, Any]:
    if isinstance(view, str) and view.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        text = view
    else:
        try:
            text = Path(view).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise InvalidView(f"{os.fspath(view)} is not UTF-8 text", rule="json") from None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no such name"
            raise SourceError(
                f"cannot read the view {os.fspath(view)}: {reason}",
                hint="give a ViewDefinition as a dictionary, as JSON text, or the path of its file",
            ) from error
    try:
        content = json.loads(text.lstrip("\ufeff"), parse_float=Decimal, object_pairs_hook=_object)
    except InvalidView:
        raise
    except RecursionError:
        raise InvalidView("the JSON is nested too deeply", rule="json") from None
    except ValueError as error:
        raise InvalidView(f"the view is not JSON: {error}", rule="json") from None
    if not isinstance(content, Mapping):
        raise InvalidView("a view is a JSON object", rule="json")
    return content


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidView(f"the JSON has the member {twice!r} twice in one object", rule="json")
    return dict(pairs)


@attrs.frozen
class _Reader:
    """Reads the parts of a view and collects what is wrong with them."""

    faults: list[InvalidView] = attrs.field(factory=list)

    def view(self, content: Mapping[str, Any]) -> ViewDefinition | None:
        self._known(content, _VIEW, "")
        self._header(content)
        resource = self._text(content, "resource", "", required=True)
        select = self._list(content, "select", "", self._selection)
        if "select" not in content or (isinstance(content["select"], list) and not content["select"]):
            self._fault("", "required", "a view needs at least one select", hint='add "select": [{"column": [...]}]')
        constants = self._list(content, "constant", "", self._constant)
        where = self._list(content, "where", "", self._condition)
        versions = self._texts(content, "fhirVersion", "")
        texts = {name: self._text(content, name, "") for name in ("name", "url", "title", "description")}
        meta = content.get("meta")
        profiles = meta.get("profile") if isinstance(meta, Mapping) else None
        if self.faults or resource is None:
            return None
        return ViewDefinition(
            resource=resource,
            select=select,
            fhir_versions=versions,
            constants=constants,
            where=where,
            profiles=tuple(map(str, profiles)) if isinstance(profiles, list) else (),
            **texts,
        )

    def _header(self, content: Mapping[str, Any]) -> None:
        type = content.get("resourceType")
        if type is None:
            return
        plain = type.split("|")[0] if isinstance(type, str) else ""
        if plain != "ViewDefinition" and not plain.endswith("/ViewDefinition"):
            self._fault(
                "resourceType", "resource-type", "this is not a ViewDefinition", hint='set it to "ViewDefinition"'
            )

    def _selection(self, content: Mapping[str, Any], at: str) -> Selection:
        self._known(content, _SELECT, at)
        repeat = self._texts(content, "repeat", at)
        for name in ("repeat", "unionAll"):
            if content.get(name) == []:
                self._fault(f"{at}.{name}", "not-empty", f"{name} is empty", hint="leave it out, or say what is meant")
        return Selection(
            at=at,
            for_each=self._text(content, "forEach", at),
            for_each_or_null=self._text(content, "forEachOrNull", at),
            repeat=repeat,
            columns=self._list(content, "column", at, self._column),
            selects=self._list(content, "select", at, self._selection),
            union_all=self._list(content, "unionAll", at, self._selection),
        )

    def _column(self, content: Mapping[str, Any], at: str) -> ColumnDefinition:
        self._known(content, _COLUMN, at)
        collection = content.get("collection")
        if not isinstance(collection, bool | None):
            self._fault(f"{at}.collection", "type", "collection must be true or false")
        type = self._text(content, "type", at)
        tags = (*self._list(content, "tag", at, self._tag), *self._list(content, "tags", at, self._tag))
        return ColumnDefinition(
            at=at,
            name=self._text(content, "name", at, required=True) or "",
            path=self._text(content, "path", at, required=True) or "",
            type=None if type is None else type.removeprefix(_TYPE_PREFIX),
            collection=bool(collection),
            tags=tags,
            description=self._text(content, "description", at),
        )

    def _tag(self, content: Mapping[str, Any], at: str) -> Tag:
        self._known(content, ("name", "value"), at)
        name, value = (self._text(content, member, at, required=True) or "" for member in ("name", "value"))
        return Tag(name=name, value=value, at=at)

    def _condition(self, content: Mapping[str, Any], at: str) -> Condition:
        self._known(content, ("path", "description"), at)
        self._text(content, "description", at)
        return Condition(path=self._text(content, "path", at, required=True) or "", at=at)

    def _constant(self, content: Mapping[str, Any], at: str) -> ConstantDefinition | None:
        members = {f"value{type[0].upper()}{type[1:]}": type for type in CONSTANT_TYPES}
        self._known(content, ("name", *members), at)
        name = self._text(content, "name", at, required=True)
        given = [member for member in members if content.get(member) is not None]
        if len(given) != 1:
            said = "no value" if not given else f"several values: {', '.join(given)}"
            hint = 'add one, such as "valueString": "..."' if not given else "leave one of them"
            self._fault(at, "required", f"the constant {name!r} has {said}", hint=hint)
        if len(given) != 1 or name is None:
            return None
        [member] = given
        value = content[member]
        if isinstance(value, float):
            value = Decimal(str(value))
        wrong = constant_fault(members[member], value)
        if wrong is not None:
            self._fault(f"{at}.{member}", "type", f"the value of the constant {name!r} {wrong}")
            return None
        return ConstantDefinition(name=name, type=members[member], value=value, at=at)

    # --- parts of any element -----------------------------------------------------------------------------------------

    def _known(self, content: Mapping[str, Any], names: tuple[str, ...], at: str) -> None:
        for key in content:
            # Extensions of a primitive element stand in a member of its name with an underscore.
            if key not in names and key not in _ANYWHERE and str(key).removeprefix("_") not in names:
                place = f"{at}.{key}" if at else str(key)
                close = did_you_mean(str(key), names)
                hint = close or f"known here are {', '.join(name for name in names if name not in _HEADER or at)}"
                self._fault(place, "unknown-key", f"a view has no element {key!r} here", hint=hint)

    def _text(self, content: Mapping[str, Any], name: str, at: str, *, required: bool = False) -> str | None:
        place = f"{at}.{name}" if at else name
        value = content.get(name)
        if value is None:
            if required:
                self._fault(place, "required", f"{name} is missing", hint=_MISSING.get(name))
        elif not isinstance(value, str):
            self._fault(place, "type", f"{name} must be a string, not {_kind(value)}")
        elif not value.strip():
            self._fault(place, "not-empty", f"{name} is empty")
        else:
            return value
        return None

    def _texts(self, content: Mapping[str, Any], name: str, at: str) -> tuple[str, ...]:
        place = f"{at}.{name}" if at else name
        given = content.get(name)
        if given is None:
            return ()
        if not isinstance(given, list | tuple):
            self._fault(place, "type", f"{name} must be an array of strings, not {_kind(given)}")
            return ()
        for number, value in enumerate(given):
            if not isinstance(value, str) or not value.strip():
                self._fault(f"{place}[{number}]", "type", f"{name} must hold strings, not {_kind(value)}")
        return tuple(value for value in given if isinstance(value, str))

    def _list(
        self, content: Mapping[str, Any], name: str, at: str, read: Callable[[Mapping[str, Any], str], T | None]
    ) -> tuple[T, ...]:
        place = f"{at}.{name}" if at else name
        given = content.get(name)
        if given is None:
            return ()
        if not isinstance(given, list | tuple):
            self._fault(place, "type", f"{name} must be an array of objects, not {_kind(given)}")
            return ()
        if place.count(".") > _MOST_NESTED:
            self._fault(place, "nesting", f"a view can be nested {_MOST_NESTED} deep")
            return ()
        found = []
        for number, item in enumerate(given):
            if not isinstance(item, Mapping):
                self._fault(f"{place}[{number}]", "type", f"{name} must hold objects, not {_kind(item)}")
                continue
            part = read(item, f"{place}[{number}]")
            if part is not None:
                found.append(part)
        return tuple(found)

    def _fault(self, path: str, rule: str, message: str, *, hint: str | None = None) -> None:
        self.faults.append(InvalidView(message, path=path or "$", rule=rule, hint=hint))


_MISSING = {
    "resource": 'say which resources the view shows, such as "resource": "Patient"',
    "name": "every column needs a name of its own",
    "path": "say which element is meant, in FHIRPath",
}


def _kind(value: object) -> str:
    match value:
        case bool():
            return "a boolean"
        case int() | float() | Decimal():
            return "a number"
        case str():
            return "a string" if value.strip() else "an empty string"
        case Mapping():
            return "an object"
        case list() | tuple():
            return "an array"
        case _:
            return "null"
