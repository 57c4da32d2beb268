"""Equality of objects: all their members are equal, whatever their order (FHIRPath N1, section 6.1.1).

JSON says of nearly all members whether they are. But 5 mg is 0.005 g, and ten o'clock in London is eleven o'clock in Paris.
Where two objects are not the same by their JSON, and would be without such members, these are taken out of their texts: a
date-time is put back as it is in UTC, and a quantity as the place of the first one among those of the first object that it
is equal to. So any number of levels takes no more than one look at a text.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.fhir.model import Model
from fhir4ds.functions import measures, moments, quantities, values
from fhir4ds.functions.declaration import Call
from fhir4ds.functions.units import Purpose
from fhir4ds.plan import elements
from fhir4ds.plan.collection import DATETIME, STRING, Collection, TypeName
from fhir4ds.plan.nodes import (
    FALSE,
    TRUE,
    Array,
    Case,
    Cast,
    Each,
    Extract,
    Node,
    Reference,
    apply,
    bind,
    integer,
    json_object,
    null,
    text,
)

#: What stands around a part that has been taken out. In JSON, which escapes it, no text has it.
_MARK = "\x01"

_TEXT = r'"(?:[^"\\]|\\.)*"'
_SPACE = r"\s*"
_NUMBER = "-?[0-9][-+.0-9eE]*"
_MEMBER = f"{_TEXT}{_SPACE}:{_SPACE}(?:{_TEXT}|{_NUMBER}|true|false|null){_SPACE}"
_VALUE = f'"value"{_SPACE}:{_SPACE}{_NUMBER}{_SPACE}'

#: An object without others in it, of which one member is a number called value: it may be a quantity.
_MEASURED = rf"(\{{{_SPACE}(?:{_MEMBER},{_SPACE})*{_VALUE}(?:,{_SPACE}{_MEMBER})*\}})"

#: A date-time that has a time zone, and then seconds (FHIR R4, "dateTime"), as far as its text tells.
_ZONED = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]{1,6})?(?:Z|[-+][0-9]{2}:[0-9]{2})"

#: A fast look at what may have one of these.
_HINT = text(f'"value"{_SPACE}:{_SPACE}-?[0-9]|T[0-9:.]+(?:Z|[-+][0-9]{{2}}:[0-9]{{2}})"')

_EXTENSION = "Extension"

#: Types of texts that are never written like a date-time.
_NEVER_DATED = ("code", "id")

#: The members of what is prepared beside the item: the same without quantities and date-times, and its text with marks.
_PLAIN, _MARKED = Step("d"), Step("p")


def equal_json(call: Call, left: Collection, right: Collection, a: Node, b: Node) -> Node:
    """Whether two JSON items of collections are equal."""
    if not are_prepared(call, left, right):
        return apply("json_equal", a, b)
    both = prepared(call, Array((a, b), SqlType.JSON), left, right)
    equal = bind(call.names.fresh(), both, lambda both: equal_prepared(call, *_two(both)))
    written = (Cast(item, SqlType.TEXT) for item in (a, b))
    return Case(((apply("equal", *written), TRUE),), equal)


def are_prepared(call: Call, *collections: Collection) -> bool:
    """Whether JSON does not tell whether items of some collections are equal, so that they have to be `prepared`."""
    return _dated(call, *collections) is not None


def prepared(call: Call, items: Node, *collections: Collection) -> Node:
    """The JSON items of an array as objects that are compared with each other, however often.

    Parameters
    ----------
    call : Call
        Of the operator.
    items : Node
        The array.
    *collections : Collection
        What items are of that are compared with each other.
    """
    item = Reference(call.names.fresh(), SqlType.JSON)

    def entry(members: Mapping[str, Node]) -> Node:
        return json_object({elements.VALUE.name: item, **members})

    return Each(items, item.name, prepared_as(call, item, entry, *collections), keeps_places=True)


def prepared_as(call: Call, item: Node, made: Callable[[Mapping[str, Node]], Node], *collections: Collection) -> Node:
    """What is made of an item and of the members that `equal_prepared` compares of it."""
    written = Cast(item, SqlType.TEXT)
    marked = apply("regexp_replace", written, text(_MEASURED), text(rf"{_MARK}\1{_MARK}"), type=SqlType.TEXT)
    dated = _dated(call, *collections)
    if dated:
        members = text(f'("(?:{"|".join(dated)})"{_SPACE}:{_SPACE}")({_ZONED})(")')
        marked = apply("regexp_replace", marked, members, text(rf"\1{_MARK}\2{_MARK}\3"), type=SqlType.TEXT)

    def described(marked: Node) -> Node:
        without = apply("regexp_replace", marked, text(f"{_MARK}[^{_MARK}]*{_MARK}"), text("0"), type=SqlType.TEXT)
        plain = Case(((apply("is_null", marked), item),), Cast(without, SqlType.JSON))
        return made({_PLAIN.name: plain, _MARKED.name: marked})

    hinted = Case(((apply("regexp_matches", written, _HINT), marked),), null(SqlType.TEXT))
    return bind(call.names.fresh(), hinted, described)


def equal_prepared(call: Call, one: Node, other: Node) -> Node:
    """Whether two prepared items are equal."""
    plain = [Extract(side, (_PLAIN,), SqlType.JSON) for side in (one, other)]
    marked = [Extract(side, (_MARKED,), SqlType.TEXT) for side in (one, other)]
    same = apply("equal", *marked)
    unmarked = apply("and", *(apply("is_null", side) for side in marked))
    equal = Case(((same, TRUE), (unmarked, TRUE)), apply("coalesce", _equal_marked(call, *marked), FALSE))
    missing = apply("or", *(apply("is_null", side) for side in plain))
    return Case(((apply("json_equal", *plain), equal), (missing, null(SqlType.BOOLEAN))), FALSE)


def _dated(call: Call, *collections: Collection) -> tuple[str, ...] | None:
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
    dated = tuple(name for name, kinds in found.items() if _is_dated(model, kinds))
    kinds = (TypeName("FHIR", kind) for kinds in found.values() for kind in kinds)
    return dated if dated or any(quantities.is_quantity(kind, model) for kind in kinds) else None


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


def _two(pair: Node) -> tuple[Node, Node]:
    first, second = (apply("array_at", pair, integer(place), type=pair.type) for place in (1, 2))
    return first, second


def _equal_marked(call: Call, one: Node, other: Node) -> Node:
    """Whether the marked texts of two objects are the same, but for how quantities and date-times are written."""
    marked = Reference(call.names.fresh(), SqlType.TEXT)
    texts = Each(Array((one, other), SqlType.TEXT), marked.name, _measured(call, marked), keeps_places=True)

    def settle(texts: Node) -> Node:
        first, second = _two(texts)
        return Array(tuple(_with_places(call, side, first) for side in (first, second)), SqlType.JSON)

    settled = bind(call.names.fresh(), texts, settle)
    return bind(call.names.fresh(), settled, lambda settled: apply("json_equal", *_two(settled)))


def _measured(call: Call, marked: Node) -> Node:
    """A marked text whose quantities are measured, and whose date-times are in UTC."""
    part, place = Reference(call.names.fresh(), SqlType.TEXT), Reference(call.names.fresh(), SqlType.INTEGER)
    item = Cast(part, SqlType.JSON)
    quantity = measures.measured(measures.number_of(item), quantities.unit_of(item), Purpose.COMPARISON)
    special = Case(
        (
            (
                apply("regexp_matches", part, text("^[{]")),
                Case(((measures.is_quantity(item, call.model), quantity),), part),
            ),
            (apply("regexp_matches", part, moments.ZONED), apply("to_utc", part, type=SqlType.TEXT)),
        ),
        part,
    )
    every = Each(_parts(marked), part.name, Case(((_is_special(place), special),), part), index=place.name)
    return apply("text_join", every, text(_MARK), type=SqlType.TEXT)


def _with_places(call: Call, written: Node, first: Node) -> Node:
    """An object of which a text has been made, where quantities are the places of the first ones that they are equal to."""
    part, other = (Reference(call.names.fresh(), SqlType.TEXT) for _ in range(2))
    place = Reference(call.names.fresh(), SqlType.INTEGER)
    equal = apply("or", apply("equal", part, other), _are_equal(part, other))
    places = Each(_parts(first), other.name, place, where=equal, index=place.name)
    nowhere = integer(0)
    found = apply(
        "coalesce", apply("array_at", places, integer(1), type=SqlType.INTEGER), nowhere, type=SqlType.INTEGER
    )
    settled = Case(((_is_measured(part), Cast(found, SqlType.TEXT)),), part)
    return Cast(_joined(Each(_parts(written), part.name, settled)), SqlType.JSON)


def _are_equal(one: Node, other: Node) -> Node:
    """Whether two parts are equal quantities of different units."""
    commensurable = Case(((_is_measured(other), measures.are_commensurable(one, other)),), FALSE)
    sides = (
        apply("scale", measures.above_zero(own), measures.factor(own, beside), type=SqlType.DECIMAL)
        for own, beside in ((one, other), (other, one))
    )
    return Case(((commensurable, apply("coalesce", apply("equal", *sides), FALSE)),), FALSE)


def _parts(written: Node) -> Node:
    return apply("split", written, text(_MARK), type=SqlType.TEXT, many=True)


def _joined(parts: Node) -> Node:
    return apply("text_join", parts, text(""), type=SqlType.TEXT)


def _is_special(place: Node) -> Node:
    """Whether what has been taken out is in a place among the parts."""
    return apply("equal", apply("remainder", place, integer(2), type=SqlType.INTEGER), integer(0))


def _is_measured(part: Node) -> Node:
    return apply("regexp_matches", part, text("^-?[0-9.]+ "))
