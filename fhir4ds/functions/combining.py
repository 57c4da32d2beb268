"""Putting collections together, and membership in them (FHIRPath N1, sections 5.3, 5.4, 6.4)."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import partial

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidArguments
from fhir4ds.functions import keys, presence, singletons, tags, values
from fhir4ds.functions.comparison import by_values, equal_items, key
from fhir4ds.functions.declaration import Call, Example, Parameter, function
from fhir4ds.functions.deep_equality import (
    are_prepared,
    equal_settled,
    known_of,
    prepared,
    prepared_as,
    settled_as,
    settled_of,
)
from fhir4ds.functions.operators import operator
from fhir4ds.functions.undecided import is_mixed, kind_of
from fhir4ds.plan import elements
from fhir4ds.plan.collection import BOOLEAN, Collection, TypeName
from fhir4ds.plan.failures import can_raise
from fhir4ds.plan.nodes import (
    FALSE,
    TRUE,
    Case,
    Constant,
    Each,
    Exists,
    Node,
    Reference,
    Valued,
    apply,
    bind,
    empty,
    integer,
    json_object,
    length,
    null,
)

_PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "name": [{"given": ["Ada", "Eve"]}, {"given": ["Eve", "Joy"]}],
}
_OTHER = Parameter("other")


def aligned(call: Call, left: Collection, right: Collection) -> tuple[Node, Node]:
    """Both collections as arrays whose items stand alike, so that they can stand in one."""
    if values.is_empty(left) and values.is_empty(right):
        return empty(SqlType.JSON, many=True), empty(SqlType.JSON, many=True)
    a, b = values.value(left, call.model, call.names), values.value(right, call.model, call.names)
    if a.type is not b.type:
        if values.is_empty(left):
            a = empty(b.type, many=True)
        elif values.is_empty(right):
            b = empty(a.type, many=True)
        else:
            a, b = values.boxed(a, call.names), values.boxed(b, call.names)
    return values.as_array(a, call.names), values.as_array(b, call.names)


def types_of_both(left: Collection, right: Collection) -> tuple[TypeName, ...]:
    """The types that an item of either collection can have; none where those of one of them cannot be known."""
    sides = [side for side in (left, right) if not values.is_empty(side)]
    if not all(side.types for side in sides):
        return ()
    return tuple(dict.fromkeys((*left.types, *right.types)))


def combined(call: Call, left: Collection, right: Collection) -> Collection:
    """The items of both, duplicates included."""
    a, b = aligned(call, left, right)
    types = types_of_both(left, right)
    found = Collection(plan=_both(a, b), types=types, ordered=False)
    return tags.tagged(found, _tags_of_both(call, left, right)) if len(types) > 1 else found


def _both(a: Node, b: Node) -> Node:
    for side, other in ((a, b), (b, a)):
        if getattr(side, "items", None) == ():
            return other
    return apply("array_concat", a, b, type=a.type, many=True)


def _tags_of_both(call: Call, left: Collection, right: Collection) -> Node | None:
    """The items of both with their types, of which JSON does not say whether they are a String or a Date."""
    if values.is_empty(left) or values.is_empty(right):
        return tags.tags_of(call, right if values.is_empty(left) else left)
    pair = tags.of_both(call, left, right)
    return None if pair is None else _both(*pair)


class _Form(Enum):
    """What stands for an item while it is compared with others."""

    VALUE = "its value, or its JSON"
    PREPARED = "an object with it and what is compared of it"
    WHOLE = "an element as a whole, which may have no value"
    TAGGED = "the same with its type, of several that JSON does not tell apart"


@attrs.frozen
class _Entries:
    """The items of a collection as they are compared one by one.

    Parameters
    ----------
    collection : Collection
        The collection.
    array : Node
        Its items.
    form : _Form
        What an entry is.
    are_prepared : bool
        Whether entries have with them what is compared of objects.
    """

    collection: Collection
    array: Node
    form: _Form
    are_prepared: bool = False

    def item(self, entry: Node) -> Collection:
        """One item."""
        if self.form is _Form.TAGGED:
            return tags.as_tagged(self.collection, entry)
        plan = entry if self.form is _Form.VALUE else elements.value_of(entry)
        return attrs.evolve(self.collection, plan=plan, choices=(), guard=None)

    def reference(self, call: Call) -> Reference:
        """A variable for one entry."""
        return Reference(call.names.fresh(), self.array.type)

    def have(self, call: Call, entry: Node, of: _Entries) -> Node:
        """Whether any of them is equal to an entry of others in the same form."""
        found = self._key(call, of)
        if found is not None and not can_raise(found(entry)):
            return keys.is_among(keys.keys_of(call.names, self.array, found), found(entry))
        other = self.reference(call)
        alike = (lambda *_: equal_settled(other, entry)) if self.are_prepared and of.are_prepared else None
        equal = equal_items(call, self.item(other), of.item(entry), alike)
        if not {_Form.VALUE, _Form.PREPARED} & {self.form, of.form}:
            equal = by_values(other, entry, equal, both_lack=presence.both_lack(call, self.collection, of.collection))
        return Exists(self.array, other.name, equal)

    def _key(self, call: Call, of: _Entries) -> Callable[[Node], Node] | None:
        """What of an entry tells whether it is equal to one of others."""
        return key(call, self.collection, of.collection) if self.form is _Form.VALUE else None

    def _key_of_json(self, call: Call) -> Callable[[Node], Node] | None:
        """The JSON of an entry that is equal to that of others if it is; None for items that types say more of."""
        types = self.collection.types
        if call.model is not None and not (types and all(kind_of(call, type).namespace == "FHIR" for type in types)):
            return None
        if self.form is _Form.PREPARED:
            return settled_of
        return (lambda item: item) if self.form is _Form.VALUE and self.array.type is SqlType.JSON else None

    def firsts(self, call: Call, array: Node) -> Node:
        """The entries, which are the items of an array, that are equal to none before them."""
        tell = self._key(call, self) or self._key_of_json(call)
        if tell is None:
            entry, place = self.reference(call), Reference(call.names.fresh(), SqlType.INTEGER)
            found = attrs.evolve(self, array=keys.before(array, place)).have(call, entry, self)
            return Each(array, entry.name, entry, where=apply("not", found), index=place.name)
        told = keys.keys_of(call.names, array, tell)
        unequal = bind(call.names.fresh(), told, partial(keys.firsts, call.names, array))
        # A single item is equal to none, whatever there is to be said of it.
        several = apply("less", integer(1), length(array))
        return Case(((several, unequal),), array) if can_raise(unequal) else unequal

    def items(self, call: Call, entries: Node) -> Node:
        """What an array of entries stands for."""
        if self.form is not _Form.PREPARED:
            return entries
        entry = Reference(call.names.fresh(), SqlType.JSON)
        return Each(entries, entry.name, elements.value_of(entry))

    def settled(self, call: Call, known: Node) -> _Entries:
        """The entries once it is known what is in those that they are compared with."""
        entry = Reference(call.names.fresh(), SqlType.JSON)
        made = partial(tags.extended, entry) if self.form is _Form.TAGGED else json_object
        return attrs.evolve(self, array=Each(self.array, entry.name, settled_as(call, entry, known, made)))

    def kept(self, call: Call, condition: Callable[[Node], Node]) -> Node:
        """The entries for which a condition holds."""
        entry = self.reference(call)
        return Each(self.array, entry.name, entry, where=condition(entry))


def _untagged(call: Call, collection: Collection, tagged: Node) -> Collection:
    entry = Reference(call.names.fresh(), SqlType.JSON)
    plan = Each(tagged, entry.name, tags.item_of(entry))
    return tags.tagged(attrs.evolve(collection, plan=plan, choices=(), guard=None), tagged)


def _tagged_entries(call: Call, collection: Collection, *of: Collection) -> _Entries | None:
    """The items of a collection of several kinds, one of some whose items are compared with each other."""
    tagged = tags.tags_of(call, collection) if is_mixed(call, collection) else None
    return None if tagged is None else _entries_of_tagged(call, collection, tagged, *of)


def _entries_of_tagged(call: Call, collection: Collection, tagged: Node, *of: Collection) -> _Entries:
    if not are_prepared(call, *of):
        return _Entries(collection, tagged, _Form.TAGGED)
    entry = Reference(call.names.fresh(), SqlType.JSON)
    with_objects = prepared_as(call, tags.item_of(entry), partial(tags.extended, entry), *of)
    return _Entries(collection, Each(tagged, entry.name, with_objects), _Form.TAGGED, are_prepared=True)


def _entries_of_values(call: Call, collection: Collection, array: Node, *of: Collection) -> _Entries:
    if array.type is SqlType.JSON and are_prepared(call, *of):
        return _Entries(collection, prepared(call, array, *of), _Form.PREPARED, are_prepared=True)
    return _Entries(collection, array, _Form.VALUE)


def _entries_of_both(call: Call, left: Collection, right: Collection) -> tuple[_Entries, _Entries]:
    """The items of two collections, of which those of one are compared with those of the other."""

    def entries(collection: Collection) -> _Entries:
        array = values.as_array(values.value(collection, call.model, call.names), call.names)
        found = _tagged_entries(call, collection, left, right)
        return found or _entries_of_values(call, collection, array, left, right)

    if is_mixed(call, left) or is_mixed(call, right):
        return entries(left), entries(right)
    a, b = aligned(call, left, right)
    return _entries_of_values(call, left, a, left, right), _entries_of_values(call, right, b, left, right)


def distinct_items(call: Call, collection: Collection) -> Collection:
    """Each item once, in the order of its first occurrence."""
    if not collection.many:
        return collection
    tagged = _tagged_entries(call, collection, collection)
    if tagged is not None:
        return _untagged(call, collection, _first_only(call, tagged))
    entries = _entries_of_values(call, collection, values.value(collection, call.model, call.names), collection)
    plan = _valued(
        call,
        entries.items(call, _first_only(call, entries)),
        lambda: _first_only(call, _wholes(call, collection)),
        collection,
    )
    kept: Node | None = None
    if collection.tagged is not None:
        kept = _first_only(call, _entries_of_tagged(call, collection, collection.tagged, collection))
    return tags.tagged(attrs.evolve(collection, plan=plan, choices=(), guard=None), kept)


def _wholes(call: Call, collection: Collection) -> _Entries:
    return _Entries(collection, presence.wholes(call, collection), _Form.WHOLE)


def _valued(call: Call, plan: Node, wholes: Callable[[], Node], *sources: Collection) -> Node:
    """A plan of items of some collections, together with the same of whole elements where these may have no value."""
    lack = presence.lacking(call, *sources)
    return plan if lack is None else Valued(plan, wholes(), lack)


def _decided(call: Call, form: Callable[..., Node], *sides: Collection) -> Node:
    """A Boolean of the entries of two collections: by whole elements where these may have no value."""
    lack = None if any(is_mixed(call, side) for side in sides) else presence.lacking(call, *sides)
    plain = _beside(call, form, *_entries_of_both(call, *sides))
    if lack is None:
        return plain
    return Case(((lack, _beside(call, form, *(_wholes(call, side) for side in sides))),), plain)


def _beside(call: Call, form: Callable[..., Node], own: _Entries, others: _Entries) -> Node:
    """What is made of entries and of others, which are computed once and not for each of them."""

    def go_on(array: Node) -> Node:
        held = attrs.evolve(others, array=array)
        if not others.are_prepared:
            return form(own, held)
        known = known_of(call, array)
        return bind(
            call.names.fresh(), known, lambda known: settle(own.settled(call, known), held.settled(call, known))
        )

    def settle(own: _Entries, others: _Entries) -> Node:
        return bind(call.names.fresh(), others.array, lambda array: form(own, attrs.evolve(others, array=array)))

    return bind(call.names.fresh(), others.array, go_on)


def _first_only(call: Call, entries: _Entries) -> Node:
    """The entries that are equal to none before them."""
    if not entries.are_prepared:
        return bind(call.names.fresh(), entries.array, partial(entries.firsts, call))
    return _beside(call, lambda _, settled: settled.firsts(call, settled.array), entries, entries)


@operator(
    "|",
    group="Collections",
    examples=(
        Example(expression="(1 | 2 | 2).count()", result=(2,)),
        Example(expression="name[0].given | name[1].given", resource=_PATIENT, result=("Ada", "Eve", "Joy")),
    ),
)
def union_operator(call: Call, left: Collection, right: Collection) -> Collection:
    """The items of both collections, each once."""
    return distinct_items(call, combined(call, left, right))


@function(
    "union",
    _OTHER,
    group="Combining",
    returns="the items of both, each once",
    examples=(Example(expression="name[0].given.union(name[1].given).count()", resource=_PATIENT, result=(3,)),),
)
def union(call: Call) -> Collection:
    """The items of both collections, each once; the same as ``|``."""
    return distinct_items(call, combined(call, call.focus, call.value(0)))


@function(
    "combine",
    _OTHER,
    Parameter("preserveOrder", optional=True),
    group="Combining",
    returns="the items of both",
    examples=(
        Example(expression="name[0].given.combine(name[1].given).count()", resource=_PATIENT, result=(4,)),
        Example(expression="name[0].given.combine(name[1].given, true).last()", resource=_PATIENT, result=("Joy",)),
    ),
)
def combine(call: Call) -> Collection:
    """The items of both collections, duplicates included; those of the other one come last.

    The strict rules rely on that order only if it is asked for with ``true``.
    """
    other = call.value(0)
    ordered = call.count > 1 and _flag(call, call.value(1)) and call.focus.ordered and other.ordered
    return attrs.evolve(combined(call, call.focus, other), ordered=ordered)


def _flag(call: Call, given: Collection) -> bool:
    """A Boolean on which types and rules depend, so that it must be known before anything runs."""
    if values.is_empty(given):
        return False
    if given.type != BOOLEAN or not isinstance(given.plan, Constant):
        raise call.error(InvalidArguments, "preserveOrder must be true or false")
    return given.plan.value is True


@function(
    "distinct",
    group="Existence",
    returns="each item once",
    examples=(Example(expression="name.given.distinct()", resource=_PATIENT, result=("Ada", "Eve", "Joy")),),
)
def distinct(call: Call) -> Collection:
    """Each item once, in the order of its first occurrence."""
    return distinct_items(call, call.focus)


@function(
    "isDistinct",
    group="Existence",
    returns="Boolean",
    examples=(Example(expression="name.given.isDistinct()", resource=_PATIENT, result=(False,)),),
)
def is_distinct(call: Call) -> Collection:
    """Whether no two items are equal."""
    once = presence.count(call, distinct_items(call, call.focus))
    return values.system(apply("equal", presence.count(call, call.focus), once), BOOLEAN)


def _selected(call: Call, *, present: bool) -> Collection:
    """The items of the focus that are in the other collection, or are not."""

    def kept(own: _Entries, others: _Entries) -> Node:
        def wanted(entry: Node) -> Node:
            found = others.have(call, entry, own)
            return found if present else apply("not", found)

        return own.kept(call, wanted)

    sides = call.focus, call.value(0)
    own, others = _entries_of_both(call, *sides)
    found = _beside(call, kept, own, others)
    if own.form is _Form.TAGGED:
        return _untagged(call, call.focus, found)
    plan = _valued(
        call, own.items(call, found), lambda: _beside(call, kept, *(_wholes(call, side) for side in sides)), *sides
    )
    # Nothing of nothing has the form of the others.
    types = types_of_both(*sides) if values.is_empty(call.focus) else call.focus.types
    return attrs.evolve(call.focus, plan=plan, types=types, choices=(), guard=None)


@function(
    "intersect",
    _OTHER,
    group="Subsetting",
    returns="the items that are in both, each once",
    examples=(Example(expression="name[0].given.intersect(name[1].given)", resource=_PATIENT, result=("Eve",)),),
)
def intersect(call: Call) -> Collection:
    """The items that are also in the other collection, each once."""
    return distinct_items(call, _selected(call, present=True))


@function(
    "exclude",
    _OTHER,
    group="Subsetting",
    returns="the items that are not in the other",
    examples=(Example(expression="name[0].given.exclude(name[1].given)", resource=_PATIENT, result=("Ada",)),),
)
def exclude(call: Call) -> Collection:
    """The items that are not in the other collection; duplicates stay."""
    return _selected(call, present=False)


def _subset(call: Call, small: Collection, large: Collection) -> Collection:
    def missing(own: _Entries, others: _Entries) -> Node:
        entry = own.reference(call)
        return Exists(own.array, entry.name, apply("not", others.have(call, entry, own)))

    return values.system(apply("not", _decided(call, missing, small, large)), BOOLEAN)


@function(
    "subsetOf",
    _OTHER,
    group="Existence",
    returns="Boolean",
    examples=(Example(expression="name[0].given.subsetOf(name.given)", resource=_PATIENT, result=(True,)),),
)
def subset_of(call: Call) -> Collection:
    """Whether every item is also in the other collection."""
    return _subset(call, call.focus, call.value(0))


@function(
    "supersetOf",
    _OTHER,
    group="Existence",
    returns="Boolean",
    examples=(Example(expression="name[0].given.supersetOf(name.given)", resource=_PATIENT, result=(False,)),),
)
def superset_of(call: Call) -> Collection:
    """Whether every item of the other collection is also in this one."""
    return _subset(call, call.value(0), call.focus)


def _member(call: Call, item: Collection, collection: Collection) -> Collection:
    if values.is_empty(item):
        return values.system(null(SqlType.BOOLEAN), BOOLEAN)

    def found(own: _Entries, others: _Entries) -> Node:
        def among(array: Node) -> Node:
            first = apply("array_at", array, integer(1), type=array.type)
            nothing = apply("equal", length(array), integer(0))
            return Case(((nothing, null(SqlType.BOOLEAN)), (others.have(call, first, own), TRUE)), FALSE)

        return bind(call.names.fresh(), own.array, among)

    return values.system(_decided(call, found, singletons.single(call, item), collection), BOOLEAN)


@operator(
    "in",
    group="Collections",
    examples=(
        Example(expression="'Ada' in name.given", resource=_PATIENT, result=(True,)),
        Example(expression="{} in name.given", resource=_PATIENT, result=()),
    ),
)
def is_in(call: Call, left: Collection, right: Collection) -> Collection:
    """Whether the single item on the left is in the collection on the right."""
    return _member(call, left, right)


@operator(
    "contains",
    group="Collections",
    examples=(Example(expression="name.given contains 'Zoe'", resource=_PATIENT, result=(False,)),),
)
def contains(call: Call, left: Collection, right: Collection) -> Collection:
    """Whether the collection on the left has the single item on the right."""
    return _member(call, right, left)
