from __future__ import annotations

from decimal import Decimal

import attrs
import pytest

from fhir4ds.fhirpath.ast import (
    Call,
    Index,
    Literal,
    LiteralType,
    Member,
    Quantity,
    TypeSpecifier,
    children,
    type_specifier,
    walk,
)
from fhir4ds.fhirpath.parser import parse
from fhir4ds.fhirpath.unparse import unparse


def test_nodes_compare_and_hash_by_meaning_not_by_place() -> None:
    left, right = parse("a.f(1.50, 'x')[0]"), parse("  a . f( 1.50,'x' ) [0]")
    assert left == right
    assert hash(left) == hash(right)
    assert left.position != right.position


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (Literal(Decimal("1.0"), LiteralType.DECIMAL), Literal(Decimal("1.00"), LiteralType.DECIMAL)),
        (Literal(1, LiteralType.INTEGER), Literal(1, LiteralType.LONG)),
        (Literal(True, LiteralType.BOOLEAN), Literal(1, LiteralType.INTEGER)),
        (Literal("2015", LiteralType.DATE), Literal("2015", LiteralType.DATETIME)),
        (Quantity(Decimal(1), "year", is_calendar=True), Quantity(Decimal(1), "year")),
        (Quantity(Decimal("1.0"), "g"), Quantity(Decimal("1.00"), "g")),
        (Member(None, "f"), Call(None, "f")),
    ],
)
def test_what_differs_in_meaning_is_not_equal(left: object, right: object) -> None:
    assert left != right


def test_nodes_are_frozen() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Member(None, "a").name = "b"  # type: ignore[misc]


def test_children_and_walk_follow_the_text() -> None:
    tree = parse("a.where(b is C)[-1].sort(d desc) + T { e: %f, g: {} }")
    assert [unparse(child) for child in children(tree)] == ["a.where(b is C)[-1].sort(d desc)", "T { e: %f, g: {} }"]
    assert [unparse(node) for node in walk(tree)] == [
        "a.where(b is C)[-1].sort(d desc) + T { e: %f, g: {} }",
        "a.where(b is C)[-1].sort(d desc)",
        "a.where(b is C)[-1]",
        "a.where(b is C)",
        "a",
        "b is C",
        "b",
        "C",
        "-1",
        "1",
        "d desc",
        "d",
        "T { e: %f, g: {} }",
        "T",
        "e: %f",
        "%f",
        "g: {}",
        "{}",
    ]


@pytest.mark.parametrize(
    ("text", "specifier"),
    [
        ("Patient", TypeSpecifier(None, "Patient")),
        ("FHIR.Patient", TypeSpecifier("FHIR", "Patient")),
        ("FHIR.Patient.contact", TypeSpecifier("FHIR", "Patient.contact")),
        ("f().Patient", None),
        ("f()", None),
        ("'Patient'", None),
        ("$this.Patient", None),
        ("FHIR.Patient[0]", None),
    ],
)
def test_paths_of_names_are_types(text: str, specifier: TypeSpecifier | None) -> None:
    assert type_specifier(parse(text)) == specifier


def test_type_in_an_argument_keeps_its_place() -> None:
    call = parse("a.ofType(FHIR.Patient)")
    assert isinstance(call, Call)
    specifier = type_specifier(call.arguments[0])
    assert specifier is not None
    assert specifier.position == 9


def test_walk_needs_no_stack() -> None:
    tree = Member(None, "a")
    for _ in range(20_000):
        tree = Member(tree, "a")
    assert sum(1 for _ in walk(Index(tree, tree))) == 40_003
