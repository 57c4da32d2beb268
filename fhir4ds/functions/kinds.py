"""What JSON itself says of the type of an item, where the plan leaves several.

Items of different types that are put together, such as literals, are told apart by their kind: a Boolean is no number, and
neither is an object. An Integer that is computed has no point, and a Decimal has one; that does not hold for elements of a
resource, whose decimals are written as they please.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Sequence

from fhir4ds.dialect.types import SqlType
from fhir4ds.functions import values
from fhir4ds.functions.declaration import Call
from fhir4ds.plan.collection import BOOLEAN, DECIMAL, INTEGER, LONG, QUANTITY, TypeName
from fhir4ds.plan.exactness import numeral
from fhir4ds.plan.nodes import Node, apply, text


class Kind(enum.Enum):
    """The kinds of JSON values that are told apart."""

    BOOLEAN = enum.auto()
    WHOLE = enum.auto()  # a number without a point
    FRACTION = enum.auto()  # a number with one
    TEXT = enum.auto()
    OBJECT = enum.auto()


#: What the primitive ``json_kind`` calls them.
_NAMES = {
    Kind.BOOLEAN: "boolean",
    Kind.WHOLE: "number",
    Kind.FRACTION: "number",
    Kind.TEXT: "string",
    Kind.OBJECT: "object",
}


def kinds_of(call: Call, type: TypeName) -> frozenset[Kind]:
    """The kinds that an item of a type can have."""
    system = values.system_type(type, call.model)
    if system is None or system == QUANTITY:
        return frozenset([Kind.OBJECT])
    if system == BOOLEAN:
        return frozenset([Kind.BOOLEAN])
    if system in (INTEGER, LONG):
        return frozenset([Kind.WHOLE])
    if system == DECIMAL:
        return frozenset([Kind.FRACTION] if type == DECIMAL else [Kind.WHOLE, Kind.FRACTION])
    return frozenset([Kind.TEXT])


def telling(call: Call, these: Sequence[TypeName], others: Sequence[TypeName]) -> frozenset[Kind] | None:
    """The kinds that items of some types have and items of the others have not; None if there is no telling."""
    kinds, excluded = (frozenset(kind for type in types for kind in kinds_of(call, type)) for types in (these, others))
    return None if kinds & excluded else kinds


def is_of(item: Node, kinds: frozenset[Kind]) -> Node:
    """Whether a JSON item is of one of some kinds."""
    found = [_is(item, kind) for kind in Kind if kind in kinds]
    return functools.reduce(lambda some, one: apply("or", some, one), found)


def _is(item: Node, kind: Kind) -> Node:
    named = apply("equal", apply("json_kind", item, type=SqlType.TEXT), text(_NAMES[kind]))
    if kind not in (Kind.WHOLE, Kind.FRACTION):
        return named
    pointed = apply("regexp_matches", numeral(item), text("[.eE]"))
    return apply("and", named, pointed if kind is Kind.FRACTION else apply("not", pointed))
