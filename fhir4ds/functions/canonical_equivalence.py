"""Texts of complex values, compared: the same words in the same places, but for numbers and concepts.

A text is that of `fhir4ds.functions.canonical`. Units are looked up once for each value, when its text is made, however many
others it is compared with.
"""

from __future__ import annotations

from fhir4ds.dialect.types import SqlType
from fhir4ds.functions import decimals, markings, measures
from fhir4ds.functions.canonical import BETWEEN, CONCEPT
from fhir4ds.functions.declaration import Call
from fhir4ds.functions.markings import MARK
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import (
    FALSE,
    TRUE,
    Case,
    Each,
    Exists,
    Node,
    Reference,
    apply,
    integer,
    length,
    text,
)


def equal_texts(call: Call, a: Node, b: Node) -> Node:
    """Whether two texts of complex values are the same, but for numbers that are alike and concepts that have a Coding in common."""
    mark = text(MARK)
    same_everywhere = apply("equal", apply("position", a, mark, type=SqlType.INTEGER), integer(0))
    parts, others = (markings.parts(side) for side in (a, b))
    part, place = Reference(call.names.fresh(), SqlType.TEXT), Reference(call.names.fresh(), SqlType.INTEGER)
    other = apply("array_at", others, place, type=SqlType.TEXT)
    alike = Case(((markings.is_marked(place), _alike(call, part, other)),), FALSE)
    differs = apply("and", apply("unequal", part, other), apply("not", alike))
    return Case(
        (
            (apply("equal", a, b), TRUE),
            (same_everywhere, FALSE),
            (apply("unequal", length(parts), length(others)), FALSE),
        ),
        apply("not", Exists(parts, part.name, differs, place.name)),
    )


def _alike(call: Call, one: Node, other: Node) -> Node:
    """Whether what stands between marks in two texts is equivalent."""
    if call.model is None:
        return decimals.alike(call.names, measures.value(one), measures.value(other))
    are_concepts = [
        apply("equal", apply("left", each, integer(1), type=SqlType.TEXT), text(CONCEPT)) for each in (one, other)
    ]
    return Case(
        ((apply("and", *are_concepts), _are_pairs(call, one, other)), (apply("or", *are_concepts), FALSE)),
        _equal_numbers(call.names, one, other),
    )


def _are_pairs(call: Call, one: Node, other: Node) -> Node:
    """Whether there are as many CodeableConcepts in two places, and each of one has as many like it in the other as in its own.

    What is equivalent to the same is not always equivalent; one side that is satisfied is enough.
    """
    first, second = (apply("split", each, text(BETWEEN), type=SqlType.TEXT, many=True) for each in (one, other))

    def lacks(own: Node, others: Node) -> Node:
        mine, each = (Reference(call.names.fresh(), SqlType.TEXT) for _ in range(2))
        alike = _have_common(call, mine, each)
        there, here = (length(Each(side, each.name, each, where=alike)) for side in (others, own))
        return Exists(own, mine.name, apply("less", there, here))

    satisfied = apply("not", apply("and", lacks(first, second), lacks(second, first)))
    return Case(((apply("unequal", length(first), length(second)), FALSE),), satisfied)


def _have_common(call: Call, one: Node, other: Node) -> Node:
    """Whether two CodeableConcepts have a Coding in common (FHIR R4, "FHIRPath", section "Changes to operators")."""
    first, second = (
        apply(
            "split",
            apply("regexp_remove", each, text(f"^{CONCEPT}[(]?<|>;?[)]?"), type=SqlType.TEXT),
            text("<"),
            type=SqlType.TEXT,
            many=True,
        )
        for each in (one, other)
    )
    coding = Reference(call.names.fresh(), SqlType.TEXT)
    return Exists(first, coding.name, apply("array_contains", second, coding))


def _equal_numbers(names: Names, one: Node, other: Node) -> Node:
    """Whether two such numbers are equivalent: in the larger of their units (FHIRPath, "Quantity Equivalence")."""
    same = measures.have_one_unit(one, other)
    sides = (
        Case(
            ((apply("or", same, _is_larger(own, beside, relation)), measures.value(own)),),
            measures.converted(own, beside),
        )
        for own, beside, relation in ((one, other, "less_or_equal"), (other, one, "less"))
    )
    commensurable = measures.are_commensurable(one, other)
    return apply("coalesce", Case(((commensurable, decimals.alike(names, *sides)),), FALSE), FALSE)


def _is_larger(own: Node, other: Node, relation: str) -> Node:
    return apply(relation, measures.factor(other, own), measures.factor(own, other))
