"""Equivalence: equality that overlooks case, white space, order and surplus precision (FHIRPath N1, section 6.1)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.functions import decimals, presence, quantities, tags, temporal, values
from fhir4ds.functions.canonical import canonical
from fhir4ds.functions.canonical_equivalence import equal_texts
from fhir4ds.functions.combining import aligned
from fhir4ds.functions.comparison import by_values, comparable, wholes_alike
from fhir4ds.functions.declaration import Call, Example
from fhir4ds.functions.operators import operator
from fhir4ds.functions.quantities import Form
from fhir4ds.functions.undecided import is_complex, is_mixed, related, relates
from fhir4ds.plan.collection import BOOLEAN, DATE, DATETIME, DECIMAL, STRING, TIME, Collection, TypeName
from fhir4ds.plan.nodes import (
    FALSE,
    TRUE,
    Array,
    Case,
    Cast,
    Each,
    Exists,
    Extract,
    Node,
    Reference,
    apply,
    bind,
    integer,
    length,
    null,
    text,
)

_GROUP = "Equality"
_CODING, _CONCEPT = (TypeName("FHIR", name) for name in ("Coding", "CodeableConcept"))
_Types = tuple[TypeName | None, TypeName | None]
_Pair = Callable[[Node, Node], Node]


def equivalence(call: Call, left: Collection, right: Collection) -> Node:
    """Whether two collections are equivalent."""
    if values.is_empty(left) or values.is_empty(right):
        other = right if values.is_empty(left) else left
        return TRUE if values.is_empty(other) else apply("not", presence.present(call, other))
    forms = quantities.forms(call, left, right)
    if forms is not None:
        return _equivalent_quantities(call, left, right, forms)
    if not left.many and not right.many:
        one = apply("or", presence.present(call, left), presence.present(call, right))
        found = related(call, left, right, equivalence, Case(((one, FALSE),), TRUE))
        if found is not None:
            return found
    return _equivalent(call, left, right)


def _equivalent(call: Call, left: Collection, right: Collection) -> Node:
    if all(_are_complex(call, side) or values.is_untyped(side) for side in (left, right)):
        return _equivalent_complex(call, left, right)
    types = values.compared_as(left, call.model), values.compared_as(right, call.model)
    dynamic = values.is_dynamic(left, call.model) or values.is_dynamic(right, call.model)
    if not dynamic and not comparable(*types):
        # One item decides, and what the other side is is not looked at then, by no database.
        return Case(((presence.present(call, left), FALSE), (presence.present(call, right), FALSE)), TRUE)
    if not left.many and not right.many:
        a, b = (values.value(side, call.model, call.names) for side in (left, right))
        return bind(call.names.fresh(), a, lambda x: bind(call.names.fresh(), b, lambda y: _single(call, x, y, types)))
    if is_mixed(call, left) or is_mixed(call, right):
        tagged = tags.of_both(call, left, right)
        if tagged is not None:
            return _equivalent_mixed(call, tagged, left, right)
    type = types[0] if types[0] == types[1] else DATETIME if set(types) == {DATE, DATETIME} else None
    a, b = aligned(call, left, right)
    equal = partial(_items, call, types=(type, type))
    found, lack = _arrays(call, a, b, equal), presence.lacking(call, left, right)
    if lack is None:
        return found
    by_wholes = partial(wholes_alike, equal, (a.type, b.type), both_lack=presence.both_lack(call, left, right))
    return Case(((lack, _arrays(call, presence.wholes(call, left), presence.wholes(call, right), by_wholes)),), found)


def _equivalent_mixed(call: Call, tagged: tuple[Node, Node], left: Collection, right: Collection) -> Node:
    """Equivalence of items with their types. The texts of complex ones are made before they are compared with each other."""
    sides = ((left, right), (right, left))
    alone = [tuple(type for type in own.types if not relates(call, type, other)) for own, other in sides]
    types = dict.fromkeys(type for side in (left, right) for type in side.types if type not in (*alone[0], *alone[1]))
    written = tuple(type for type in types if is_complex(call, type) or type == _CONCEPT)
    others = Collection(plan=null(SqlType.JSON), types=tuple(type for type in types if type not in written))

    def simple(x: Node, y: Node) -> Node:
        if not others.types:
            return FALSE
        return by_values(x, y, equivalence(call, tags.as_tagged(others, x), tags.as_tagged(others, y)))

    if written:
        first, second = (_with_texts(call, side, written) for side in tagged)
        equal = _arrays(call, first, second, lambda x, y: _equivalent_tagged(call, x, y, simple))
    else:
        equal = _arrays(call, *tagged, simple)
    # What is of a type that relates to none on the other side is equivalent to nothing there.
    entry = Reference(call.names.fresh(), SqlType.JSON)
    lonely = (
        (Exists(side, entry.name, tags.is_of(call, entry, some)), FALSE)
        for side, some in zip(tagged, alone, strict=True)
        if some
    )
    return Case(branches, equal) if (branches := tuple(lonely)) else equal


def _with_texts(call: Call, tagged: Node, types: tuple[TypeName, ...]) -> Node:
    """Items with their types, and those of some types with their texts."""
    entry = Reference(call.names.fresh(), SqlType.JSON)
    own = canonical(call, tags.item_of(entry), Collection(plan=null(SqlType.JSON), types=types))
    known = Case(((tags.is_of(call, entry, types), own),), null(SqlType.TEXT))
    return Each(tagged, entry.name, tags.with_text(entry, known))


def _equivalent_tagged(call: Call, x: Node, y: Node, simple: _Pair) -> Node:
    """Whether two items are equivalent, of which complex ones have texts."""
    texts = tags.text_of(x), tags.text_of(y)
    concepts = [tags.is_of(call, entry, (_CONCEPT,)) for entry in (x, y)]
    of_concepts = _have_common(call, *(tags.item_of(entry) for entry in (x, y)))
    in_common = Case(((apply("and", *concepts), of_concepts),), null(SqlType.BOOLEAN))
    alike = apply("coalesce", in_common, equal_texts(call, *texts))
    return Case(
        (
            (apply("unequal", *concepts), FALSE),
            (apply("and", *(apply("is_not_null", each) for each in texts)), alike),
            (apply("or", *(apply("is_not_null", each) for each in texts)), FALSE),
        ),
        simple(x, y),
    )


def _are_complex(call: Call, collection: Collection) -> bool:
    """Whether every item is known to have members, and to be no quantity."""
    types = collection.types
    return bool(types) and all(
        values.system_type(type, call.model) is None and not quantities.is_quantity(type, call.model) for type in types
    )


def _equivalent_complex(call: Call, left: Collection, right: Collection) -> Node:
    """Equivalence of items whose members are equivalent, which is told by one text for each."""

    def written(item: Node) -> Node:
        return _coding(call, item) if left.type == right.type == _CODING else canonical(call, item, left, right)

    concepts = left.type == right.type == _CONCEPT
    a, b = (values.items(side, call.names) for side in (left, right))
    if a.many or b.many:
        tagged = tags.of_both(call, left, right) if concepts else None
        if tagged is not None:
            return _equivalent_mixed(call, tagged, left, right)
        first, second = (_texts(call, values.as_array(side, call.names), written) for side in (a, b))
        return _arrays(call, first, second, partial(equal_texts, call))

    def alike(x: Node, y: Node) -> Node:
        equal = _equal_as(call, x, y, written)
        return apply("coalesce", _have_common(call, x, y), equal) if concepts else equal

    if concepts:
        equal = values.of_parent(a, call.names, lambda x: values.of_parent(b, call.names, lambda y: alike(x, y)))
    else:
        equal = alike(a, b)
    present = [presence.present(call, side) for side in (left, right)]
    return Case(((apply("and", *present), equal), (apply("or", *present), FALSE)), TRUE)


def _equal_as(call: Call, a: Node, b: Node, written: Callable[[Node], Node]) -> Node:
    """Whether the texts of two items are equal; how they are made is written once for both."""
    texts = Reference(call.names.fresh(), SqlType.TEXT, many=True)
    first, second = (apply("array_at", texts, integer(place), type=SqlType.TEXT) for place in (1, 2))
    return bind(
        texts.name, _texts(call, Array((a, b), SqlType.JSON), written), lambda _: equal_texts(call, first, second)
    )


def _texts(call: Call, items: Node, written: Callable[[Node], Node]) -> Node:
    item = Reference(call.names.fresh(), SqlType.JSON)
    return Each(items, item.name, written(item))


def _coding(call: Call, item: Node) -> Node:
    """A Coding as text: its system and code alone matter (FHIR R4, "FHIRPath", section "Changes to operators")."""
    system, code = (Extract(item, (Step(name),), SqlType.TEXT) for name in ("system", "code"))
    known = [apply("coalesce", part, text(""), type=SqlType.TEXT) for part in (system, code)]
    return _folded(quantities.joined(known[0], text("|"), known[1]))


def _have_common(call: Call, a: Node, b: Node) -> Node:
    """Whether two CodeableConcepts have a Coding in common; NULL if neither has any."""
    codings = [Extract(side, (Step("coding", each=True),), SqlType.JSON) for side in (a, b)]
    first, second = (_texts(call, each, partial(_coding, call)) for each in codings)

    def common(first: Node, second: Node) -> Node:
        each = Reference(call.names.fresh(), SqlType.TEXT)
        none = apply("equal", integer(0), apply("greatest", length(first), length(second), type=SqlType.INTEGER))
        found = Exists(first, each.name, apply("array_contains", second, each))
        return Case(((none, null(SqlType.BOOLEAN)),), found)

    return bind(call.names.fresh(), first, lambda x: bind(call.names.fresh(), second, lambda y: common(x, y)))


def _equivalent_quantities(call: Call, left: Collection, right: Collection, forms: tuple[Form, Form]) -> Node:
    """Equivalence of collections one of which is known to hold quantities."""
    if left.many or right.many:
        # Numbers stand among quantities as JSON.
        form = forms[0] if forms[0] is forms[1] is not Form.NUMBER else Form.OPEN
        pair = partial(quantities.equivalent, call.names, forms=(form, form))
        return _arrays(call, *aligned(call, left, right), pair)
    pair = partial(quantities.equivalent, call.names, forms=forms)
    there = [presence.present(call, side) for side in (left, right)]
    sides = [quantities.chosen(call, side) if side.choices else side for side in (left, right)]
    a, b = (values.value(side, call.model, call.names) for side in sides)
    # Units that are not commensurable are an answer here (FHIRPath, "Quantity Equivalence").
    equal = apply("coalesce", pair(a, b), FALSE)
    return Case(((apply("and", *there), equal), (apply("or", *there), FALSE)), TRUE)


def _single(call: Call, a: Node, b: Node, types: _Types) -> Node:
    missing_a, missing_b = apply("is_null", a), apply("is_null", b)
    both_missing = apply("and", missing_a, missing_b)
    either_missing = apply("or", missing_a, missing_b)
    return Case(((both_missing, TRUE), (either_missing, FALSE)), _items(call, a, b, types))


def _arrays(call: Call, a: Node, b: Node, equal: _Pair) -> Node:
    """Whether two arrays are of one length, and each item of one has as many equivalents in the other as in its own.

    Numbers are rounded, so what is equivalent to the same is not always equivalent; one side that is satisfied is enough.
    """

    def compare(a: Node, b: Node) -> Node:
        whole = apply("array_concat", a, b, type=a.type, many=True)
        fits = bind(call.names.fresh(), whole, lambda whole: _one_fits(call, whole, length(a), equal))
        return Case(((apply("unequal", length(a), length(b)), FALSE),), fits)

    return bind(call.names.fresh(), a, lambda x: bind(call.names.fresh(), b, lambda y: compare(x, y)))


def _one_fits(call: Call, whole: Node, half: Node, equal: _Pair) -> Node:
    """Whether no item of the first half of an array, or none of the second, has more equivalents there than in the other.

    What is equivalent is written once, however many items are compared with however many.
    """
    mine, each = (Reference(call.names.fresh(), whole.type) for _ in range(2))
    place = Reference(call.names.fresh(), SqlType.INTEGER)
    matches = Each(whole, each.name, apply("coalesce", equal(mine, each), FALSE))

    def lacks(matches: Node) -> Node:
        first, second = (_true(call, part) for part in _halves(matches, half))
        in_first = apply("less_or_equal", place, half)
        own, other = (Case(((in_first, some),), rest) for some, rest in ((first, second), (second, first)))
        # What is equivalent to nothing, not even to itself, has no counterpart either.
        return apply("less", other, apply("greatest", own, integer(1), type=SqlType.INTEGER))

    lacking = Each(whole, mine.name, bind(call.names.fresh(), matches, lacks), index=place.name)

    def either(lacking: Node) -> Node:
        return apply("or", *(apply("equal", _true(call, part), integer(0)) for part in _halves(lacking, half)))

    return bind(call.names.fresh(), lacking, either)


def _halves(array: Node, half: Node) -> tuple[Node, Node]:
    after = apply("add", half, integer(1), type=SqlType.INTEGER)
    return (
        apply("array_slice", array, integer(1), half, type=array.type, many=True),
        apply("array_slice", array, after, length(array), type=array.type, many=True),
    )


def _true(call: Call, truths: Node) -> Node:
    """How many of an array are true."""
    each = Reference(call.names.fresh(), SqlType.BOOLEAN)
    return length(Each(truths, each.name, each, where=each))


def _items(call: Call, a: Node, b: Node, types: _Types) -> Node:
    """Equivalence of two items that are there."""
    if a.type is not b.type and SqlType.JSON in (a.type, b.type):
        known = b.type if a.type is SqlType.JSON else a.type
        types = types[0] or types[1], types[1] or types[0]
        a, b = values.read_dynamic(a, known), values.read_dynamic(b, known)
    if a.type is SqlType.JSON:
        return apply("coalesce", _equal_json(call, a, b), FALSE)
    first, second = types
    if first is not None and second is not None and first in (DATE, DATETIME, TIME):
        return apply("coalesce", temporal.equal(a, b, (first, second), call.names, call.position), FALSE)
    if first == STRING:
        answer: Node = apply("equal", _folded(a), _folded(b))
    elif DECIMAL in types:
        answer = decimals.alike(call.names, a, b)
    else:
        answer = apply("equal", a, b)
    return apply("coalesce", answer, FALSE)


def _folded(value: Node) -> Node:
    """Text without differences of case and white space."""
    return apply("fold_text", value, type=SqlType.TEXT)


def _equal_json(call: Call, a: Node, b: Node) -> Node:
    """Equality of numbers after rounding, and of anything else without differences of case and white space.

    Of complex values among others the order of items is not overlooked, since what JSON says of them is compared.
    """
    folded = (Cast(_folded(Cast(side, SqlType.TEXT)), SqlType.JSON) for side in (a, b))
    numbers = (values.read_dynamic(side, SqlType.DECIMAL) for side in (a, b))

    def compare(x: Node, y: Node) -> Node:
        both_numbers = apply("and", apply("is_not_null", x), apply("is_not_null", y))
        return Case(((both_numbers, decimals.alike(call.names, x, y)),), apply("json_equal", *folded))

    first, second = numbers
    return bind(call.names.fresh(), first, lambda x: bind(call.names.fresh(), second, lambda y: compare(x, y)))


@operator(
    "~",
    group=_GROUP,
    examples=(
        Example(expression="'Ada  Byron' ~ 'ada byron'", result=(True,)),
        Example(expression="(1 | 2) ~ (2 | 1)", result=(True,)),
        Example(expression="0.67 ~ 0.666", result=(True,)),
        Example(expression="{} ~ {}", result=(True,)),
        Example(expression="1 'cm' ~ 1 'g'", result=(False,)),
        Example(
            expression="code ~ category",
            resource={
                "resourceType": "Observation",
                "code": {"coding": [{"system": "http://loinc.org", "code": "8302-2", "display": "Body height"}]},
                "category": [{"coding": [{"code": "a"}, {"system": "http://loinc.org", "code": "8302-2"}]}],
            },
            result=(True,),
        ),
    ),
)
def equivalent(call: Call, left: Collection, right: Collection) -> Collection:
    """Whether both collections have equivalent items in any order; two empty collections are equivalent.

    Texts are equivalent without case and surplus white space, numbers as precise as the less precise of them, quantities
    never where their units are not commensurable. Complex values are where their members but for ids are. Of Codings system and code count, and CodeableConcepts need one Coding in common.
    """
    return values.system(equivalence(call, left, right), BOOLEAN)


@operator("!~", group=_GROUP, examples=(Example(expression="'a' !~ 'A'", result=(False,)),))
def not_equivalent(call: Call, left: Collection, right: Collection) -> Collection:
    """The negation of ``~``."""
    return values.system(apply("not", equivalence(call, left, right)), BOOLEAN)
