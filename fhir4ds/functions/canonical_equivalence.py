"""Texts of complex values, compared: what stands in them is the same, but for numbers and quantities, which are rounded.

A text is that of `fhir4ds.functions.canonical`, in which each number has been given what is to be known of its unit. So units
are looked up once for each value, however many others it is compared with.
"""

from __future__ import annotations

from fhir4ds.dialect.types import SqlType
from fhir4ds.functions import decimals, measures
from fhir4ds.functions.canonical import MARK, canonical
from fhir4ds.functions.declaration import Call
from fhir4ds.functions.units import Purpose
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import (
    FALSE,
    TRUE,
    Case,
    Cast,
    Each,
    Exists,
    FromJson,
    Node,
    Reference,
    apply,
    integer,
    length,
    text,
)


def text_of(call: Call, item: Node, levels: int) -> Node:
    """What is compared of a complex value, so many levels deep: a text."""
    written = canonical(call, item, levels)
    return written if call.model is None else _measured(call.names, written)


def _measured(names: Names, written: Node) -> Node:
    """A text with what is said of the unit of each number in it; that of a mere number is unity."""
    part, place = Reference(names.fresh(), SqlType.TEXT), Reference(names.fresh(), SqlType.INTEGER)
    head, rest = (apply("regexp_remove", part, text(found), type=SqlType.TEXT) for found in (" .*", "^[^ ]* ?"))
    code = FromJson(Cast(apply("null_if", rest, text(""), type=SqlType.TEXT), SqlType.JSON), SqlType.TEXT)
    number = measures.measured(head, code, Purpose.EQUIVALENCE)
    parts = apply("split", written, text(MARK), type=SqlType.TEXT, many=True)
    every = Each(parts, part.name, Case(((_is_number(place), number),), part), index=place.name)
    return apply("text_join", every, text(MARK), type=SqlType.TEXT)


def _is_number(place: Node) -> Node:
    """Whether there is a number in a place among the parts of a text between which there is a `MARK`."""
    return apply("equal", apply("remainder", place, integer(2), type=SqlType.INTEGER), integer(0))


def equal_texts(call: Call, a: Node, b: Node) -> Node:
    """Whether two texts of complex values are the same once their numbers are rounded as those outside of such are."""
    mark = text(MARK)
    numberless = apply("equal", apply("position", a, mark, type=SqlType.INTEGER), integer(0))
    parts, others = (apply("split", side, mark, type=SqlType.TEXT, many=True) for side in (a, b))
    part, place = Reference(call.names.fresh(), SqlType.TEXT), Reference(call.names.fresh(), SqlType.INTEGER)
    other = apply("array_at", others, place, type=SqlType.TEXT)
    alike = decimals.alike if call.model is None else _equal_numbers
    rounded = Case(((_is_number(place), alike(call.names, part, other)),), FALSE)
    differs = apply("and", apply("unequal", part, other), apply("not", rounded))
    return Case(
        ((apply("equal", a, b), TRUE), (numberless, FALSE), (apply("unequal", length(parts), length(others)), FALSE)),
        apply("not", Exists(parts, part.name, differs, place.name)),
    )


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
