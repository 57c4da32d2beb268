"""Quantities and date-times in the text of an object, which may be written in several ways.

They stand between two marks once they have been found. Nothing is known of how deep they are, so a text is looked at once,
however many levels the object has.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping

from fhir4ds.dialect.types import SqlType
from fhir4ds.fhir.model import Model
from fhir4ds.functions import measures, moments, quantities, values
from fhir4ds.functions.declaration import Call
from fhir4ds.plan.collection import DATETIME, STRING, Collection, TypeName
from fhir4ds.plan.nodes import Case, Cast, Each, Node, Reference, apply, integer, null, text

#: What stands around a part of a text. In JSON, which escapes it, no text has it.
MARK = "\x01"

#: Parts of JSON.
TEXT = r'"(?:[^"\\]|\\.)*"'
NUMBER = "-?[0-9][-+.0-9eE]*"
SPACE = r"\s*"
_MEMBER = f"{TEXT}{SPACE}:{SPACE}(?:{TEXT}|{NUMBER}|true|false|null){SPACE}"
_VALUE = f'"value"{SPACE}:{SPACE}{NUMBER}{SPACE}'

#: An object without others in it, of which one member is a number called value: it may be a quantity.
_MEASURED = rf"(\{{{SPACE}(?:{_MEMBER},{SPACE})*{_VALUE}(?:,{SPACE}{_MEMBER})*\}})"

#: A date-time that has a time zone, and then seconds (FHIR R4, "dateTime"), as far as its text tells.
_ZONED = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]{1,6})?(?:Z|[-+][0-9]{2}:[0-9]{2})"

#: A fast look at what may have one of these.
_HINT = text(f'"value"{SPACE}:{SPACE}-?[0-9]|T[0-9:.]+(?:Z|[-+][0-9]{{2}}:[0-9]{{2}})"')

_EXTENSION = "Extension"

#: Types of texts that are never written like a date-time.
_NEVER_DATED = ("code", "id")


def dated(call: Call, *collections: Collection) -> tuple[str, ...] | None:
    """The members that are date-times in items of some collections; None if no item has such, or quantities."""
    model = call.model
    if model is None or not all(_may_be_object(model, collection) for collection in collections):
        return None
    return _special(model, tuple(dict.fromkeys(type.name for collection in collections for type in collection.types)))


def _may_be_object(model: Model, collection: Collection) -> bool:
    types = collection.types
    return not types or any(values.system_type(type, model) is None for type in types)


@functools.lru_cache(maxsize=64)
def _special(model: Model, types: tuple[str, ...]) -> tuple[str, ...] | None:
    """The members that are date-times, in objects of some types, or of any; None if these have neither such nor quantities."""
    found = _members(model, types)
    names = tuple(name for name, kinds in found.items() if _is_dated(model, kinds))
    kinds = (TypeName("FHIR", kind) for kinds in found.values() for kind in kinds)
    return names if names or any(quantities.is_quantity(kind, model) for kind in kinds) else None


def _members(model: Model, types: tuple[str, ...]) -> Mapping[str, set[str]]:
    """What objects have of some types, and those in them: the types of each name. Other objects than extensions hardly have any."""
    found: dict[str, set[str]] = {}
    waiting, known = list(types or model.resource_types), set[str]()
    while waiting:
        name = waiting.pop()
        if name in known:
            continue
        known.add(name)
        if model.is_resource(name):
            waiting += model.resource_types
        for element in model.elements(name).values():
            for type in element.types:
                found.setdefault(element.json_name(type) if element.choice else element.name, set()).add(type)
                if type != _EXTENSION:
                    waiting.append(type)
    return found


def _is_dated(model: Model, types: Iterable[str]) -> bool:
    """Whether elements of some types are date-times, and never texts that may look like one.

    Examples
    --------
    >>> from fhir4ds.fhir.model import load_model
    >>> [_is_dated(load_model("R4"), types) for types in (("instant", "code"), ("dateTime", "string"), ("date",))]
    [True, False, False]
    """
    systems = {type: model.primitives.get(type) for type in types}
    texts = any(system == STRING.name and type not in _NEVER_DATED for type, system in systems.items())
    return DATETIME.name in systems.values() and not texts


def marked(written: Node, names: tuple[str, ...]) -> Node:
    """The text of an item with marks around what may be a quantity, and around date-times that are called so; NULL without any."""
    found = apply("regexp_replace", written, text(_MEASURED), text(rf"{MARK}\1{MARK}"), type=SqlType.TEXT)
    if names:
        members = text(f'("(?:{"|".join(names)})"{SPACE}:{SPACE}")({_ZONED})(")')
        found = apply("regexp_replace", found, members, text(rf"\1{MARK}\2{MARK}\3"), type=SqlType.TEXT)
    return Case(((apply("regexp_matches", written, _HINT), found),), null(SqlType.TEXT))


def unmarked(marked: Node) -> Node:
    """A marked text with nothing in the place of what is marked, as JSON."""
    rest = apply("regexp_replace", marked, text(f"{MARK}[^{MARK}]*{MARK}"), text("0"), type=SqlType.TEXT)
    return Cast(rest, SqlType.JSON)


def measured(call: Call, marked: Node, measure: Callable[[Node, Node], Node]) -> Node:
    """A marked text whose quantities are measured, and alone stay between marks, and whose date-times are in UTC.

    Parameters
    ----------
    call : Call
        Of the operator.
    marked : Node
        The text.
    measure : callable
        Makes the text of a quantity of its number and unit (`fhir4ds.functions.measures`).
    """
    part, place = Reference(call.names.fresh(), SqlType.TEXT), Reference(call.names.fresh(), SqlType.INTEGER)
    item = Cast(part, SqlType.JSON)
    quantity = measure(measures.number_of(item), quantities.unit_of(item))
    branches = (
        (apply("not", is_marked(place)), part),
        (apply("regexp_matches", part, moments.ZONED), apply("to_utc", part, type=SqlType.TEXT)),
        (apply("unequal", apply("left", part, integer(1), type=SqlType.TEXT), text("{")), part),
        (measures.is_quantity(item, call.model), quantities.joined(text(MARK), quantity, text(MARK))),
    )
    return joined(Each(parts(marked), part.name, Case(branches, part), index=place.name))


def parts(marked: Node, mark: str = MARK) -> Node:
    """The parts of a text between marks; every second one was marked."""
    return apply("split", marked, text(mark), type=SqlType.TEXT, many=True)


def is_marked(place: Node) -> Node:
    """Whether what stands in a place among the parts was marked."""
    return apply("equal", apply("remainder", place, integer(2), type=SqlType.INTEGER), integer(0))


def joined(parts: Node) -> Node:
    """Parts of a text one after the other."""
    return apply("text_join", parts, text(""), type=SqlType.TEXT)
