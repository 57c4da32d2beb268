"""Plans: what constructors simplify, and what a node says about itself."""

from __future__ import annotations

import pytest

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.nodes import (
    FALSE,
    RESOURCE,
    TRUE,
    Array,
    Bind,
    Case,
    Each,
    Exists,
    Extract,
    Fold,
    Node,
    Raise,
    Reference,
    apply,
    bind,
    both,
    empty,
    integer,
    length,
    null,
    text,
)

_ITEM = Reference("v1", SqlType.TEXT)
_ITEMS = Array((text("a"), text("b")), SqlType.TEXT)


@pytest.mark.parametrize(
    ("node", "type", "many"),
    [
        (RESOURCE, SqlType.JSON, False),
        (integer(1), SqlType.INTEGER, False),
        (null(SqlType.DECIMAL), SqlType.DECIMAL, False),
        (empty(SqlType.TEXT, many=True), SqlType.TEXT, True),
        (empty(SqlType.TEXT, many=False), SqlType.TEXT, False),
        (Extract(RESOURCE, (Step("name"), Step("family")), SqlType.TEXT), SqlType.TEXT, False),
        (Extract(RESOURCE, (Step("name", each=True), Step("family")), SqlType.TEXT), SqlType.TEXT, True),
        (Extract(RESOURCE, (Step("name", each=None),), SqlType.JSON), SqlType.JSON, True),
        (Each(_ITEMS, "v1", apply("length", _ITEM, type=SqlType.INTEGER)), SqlType.INTEGER, True),
        (Exists(_ITEMS, "v1"), SqlType.BOOLEAN, False),
        (Fold(_ITEMS, "t", "v1", integer(0), integer(1)), SqlType.INTEGER, False),
        (Fold(_ITEMS, "t", "v1", _ITEMS, _ITEMS), SqlType.TEXT, True),
        (Bind("v1", text("a"), _ITEMS), SqlType.TEXT, True),
        (Case(((TRUE, _ITEMS),), empty(SqlType.TEXT, many=True)), SqlType.TEXT, True),
        (Raise("too many", 3, SqlType.JSON, many=True), SqlType.JSON, True),
        (length(_ITEMS), SqlType.INTEGER, False),
    ],
)
def test_nodes_know_their_type_and_cardinality(node: Node, type: SqlType, many: bool) -> None:
    """Type and cardinality follow from what a node is made of."""
    assert (node.type, node.many) == (type, many)


def test_both_leaves_out_what_is_absent() -> None:
    """A conjunction with nothing is the other side."""
    assert both(None, None) is None
    assert both(TRUE, None) is TRUE
    assert both(None, FALSE) is FALSE
    assert both(TRUE, FALSE) == apply("and", TRUE, FALSE)


@pytest.mark.parametrize("value", [integer(3), text("x"), Reference("v9", SqlType.TEXT)])
def test_bind_of_what_costs_nothing_is_the_body(value: Node) -> None:
    """Constants and references are used as they are."""
    assert bind("v1", value, lambda x: apply("equal", x, x)) == apply("equal", value, value)


def test_bind_evaluates_what_costs_something_once() -> None:
    """A computed value gets a name that the body uses."""
    value = apply("lower", text("X"), type=SqlType.TEXT)
    bound = bind("v1", value, lambda x: apply("equal", x, x))
    assert bound == Bind("v1", value, apply("equal", _ITEM, _ITEM))


def test_bind_keeps_cardinality() -> None:
    """The name of an array is one of an array."""
    bound = bind("v1", Each(_ITEMS, "v2", Reference("v2", SqlType.TEXT)), lambda x: x)
    assert isinstance(bound, Bind)
    assert bound.body == Reference("v1", SqlType.TEXT, many=True)


def test_equal_plans_are_equal() -> None:
    """Plans are values."""
    assert Extract(RESOURCE, (Step("a"),), SqlType.TEXT) == Extract(RESOURCE, (Step("a"),), SqlType.TEXT)
    assert len({Extract(RESOURCE, (Step("a"),), SqlType.TEXT), Extract(RESOURCE, (Step("a"),), SqlType.TEXT)}) == 1
