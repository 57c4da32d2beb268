"""Complex values as text that is the same for equivalent ones (FHIRPath N1, section 6.1.2)."""

from __future__ import annotations

import functools

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.fhir.model import Model
from fhir4ds.functions import measures, quantities, values
from fhir4ds.functions.declaration import Call
from fhir4ds.plan.collection import TypeName
from fhir4ds.plan.nodes import (
    Array,
    Case,
    Cast,
    Each,
    Extract,
    FromJson,
    Node,
    Reference,
    Sort,
    apply,
    text,
)

#: How deep the order of items is overlooked at most: as deep as the codes of an identifier of a resource are.
_MOST_LEVELS = 4

#: The same where nothing is known of items: for most of them that is much already, as planning takes its time.
_UNTYPED_LEVELS = 3

#: Types whose members are hardly ever looked into, and which have all types below them.
_OPEN = ("Extension", "Reference", "Resource")

#: What equivalence of complex values overlooks (FHIR R4, "FHIRPath", section "Changes to operators").
_LEFT_OUT = Array((text("id"),), SqlType.TEXT)

#: What stands before and after a number. In JSON, which escapes it, no text has it.
MARK = "\x01"

_NAME, _VALUE = Step("key"), Step("value")


@functools.lru_cache(maxsize=256)
def levels_of(model: Model | None, types: tuple[TypeName, ...], most: int = _MOST_LEVELS) -> int:
    """How many levels of objects items of some types have, at most so many; where types are not known, as many as there may be.

    Examples
    --------
    >>> from fhir4ds.fhir.model import load_model
    >>> [levels_of(load_model("R4"), (TypeName("FHIR", name),)) for name in ("Period", "CodeableConcept", "Patient")]
    [2, 3, 4]
    >>> levels_of(None, ())
    3
    """
    if model is None or not types:
        return _UNTYPED_LEVELS
    if most == 0:
        return 0
    below = [0]
    for type in types:
        members = () if type.name in _OPEN else model.elements(type.name).values()
        inner = tuple(values.type_name(name) for element in members for name in element.types)
        complex = tuple(dict.fromkeys(type for type in inner if values.system_type(type, model) is None))
        below.append(levels_of(model, complex, most - 1) if complex else 0)
    return 1 + max(below)


def canonical(call: Call, item: Node, levels: int) -> Node:
    """A JSON item as text: members by name, their items in the order of their texts, without case and surplus white space.

    Numbers and FHIR Quantities stand between two `MARK`, and have no zeros at the end. What is deeper than so many levels is
    as its JSON is.
    """
    kind = apply("json_kind", item, type=SqlType.TEXT)
    number = quantities.joined(text(MARK), measures.number(item), text(MARK))
    folded = apply("fold_text", FromJson(item, SqlType.TEXT), type=SqlType.TEXT)
    branches: list[tuple[Node, Node]] = [
        (apply("equal", kind, text("string")), Cast(apply("to_json", folded, type=SqlType.JSON), SqlType.TEXT)),
        (apply("equal", kind, text("number")), number),
    ]
    if levels > 0:
        written = _object(call, item, levels)
        if call.model is not None:
            written = Case(((measures.is_quantity(item, call.model), _quantity(item)),), written)
        branches.append((apply("equal", kind, text("object")), written))
    return Case(tuple(branches), Cast(item, SqlType.TEXT))


def _object(call: Call, item: Node, levels: int) -> Node:
    member = Reference(call.names.fresh(), SqlType.JSON)
    members = apply("json_members", item, _LEFT_OUT, type=SqlType.JSON, many=True)
    name = Cast(Extract(member, (_NAME,), SqlType.JSON), SqlType.TEXT)
    written = quantities.joined(name, text(":"), _items(call, Extract(member, (_VALUE,), SqlType.JSON), levels))
    every = apply("text_join", Each(members, member.name, written), text(";"), type=SqlType.TEXT)
    return quantities.joined(text("{"), every, text("}"))


def _items(call: Call, value: Node, levels: int) -> Node:
    """The items of a member, one or several."""
    each, other = Reference(call.names.fresh(), SqlType.JSON), Reference(call.names.fresh(), SqlType.TEXT)
    found = apply("json_items", value, type=SqlType.JSON, many=True)
    texts = Each(found, each.name, canonical(call, each, levels - 1))
    # How precise numbers are moves no item, unless everything else is the same.
    rest = apply("regexp_remove", other, text(f"{MARK}[^{MARK}]*"), type=SqlType.TEXT)
    ordered = Sort(texts, other.name, quantities.joined(rest, other), descending=False)
    return apply("text_join", ordered, text(","), type=SqlType.TEXT)


def _quantity(item: Node) -> Node:
    """Value and unit of a quantity; the latter as JSON, in which there is no `MARK`."""
    unit = Cast(apply("to_json", quantities.unit_of(item), type=SqlType.JSON), SqlType.TEXT)
    return quantities.joined(text(MARK), measures.number_of(item), text(" "), unit, text(MARK))
