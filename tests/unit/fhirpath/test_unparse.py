from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings

from fhir4ds.fhirpath.ast import (
    Expression,
    InstanceElement,
    Literal,
    LiteralType,
    Node,
    Quantity,
    SortArgument,
    This,
    TypeSpecifier,
)
from fhir4ds.fhirpath.parser import parse
from fhir4ds.fhirpath.unparse import unparse
from tests.unit.fhirpath.strategies import expressions


@settings(deadline=None)
@given(expressions)
def test_every_tree_comes_back_from_its_text(tree: Expression) -> None:
    text = unparse(tree)
    assert parse(text) == tree
    assert unparse(parse(text)) == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("a .b\n[ 0 ] . f( c,d )", "a.b[0].f(c, d)"),
        ("a+b*c", "a + b * c"),
        ("(a+b)*c", "(a + b) * c"),
        ("((a+b))+c", "a + b + c"),
        ("a+(b+c)", "a + (b + c)"),
        ("a=b=c", "a = b = c"),
        ("a=(b=c)", "a = (b = c)"),
        ("(a implies b) implies c", "a implies b implies c"),
        ("- - 1", "--1"),
        ("(-1).abs()", "(-1).abs()"),
        ("-(1.abs())", "-1.abs()"),
        ("-(1*a)", "-(1 * a)"),
        ("(-1)*a", "-1 * a"),
        ("(a).b", "a.b"),
        ("(a is B).c", "(a is B).c"),
        ("a is B.c()", "(a is B).c()"),
        ("(a as B)|c", "a as B | c"),
        ("(a|b) as C", "(a | b) as C"),
        ("a is FHIR.`B`", "a is FHIR.B"),
        ("a is `B.C`", "a is `B.C`"),
        ("`a`.`b-c`.`div`.`is`.`year`", "a.`b-c`.`div`.is.`year`"),
        ("%'a' + %`b c`", "%a + %`b c`"),
        (r"'\u0041\p\'\`\"\/\u0000\u00a0\uD83D\uDD25é'", r"""'Ap\'`"/\u0000\u00a0🔥é'"""),
        (r"`\`\'`", r"`\`'`"),
        ("'\n\t'", r"'\n\t'"),
        ("001.50", "1.50"),
        ("0.0000000001 'mg'", "0.0000000001 'mg'"),
        ("007 days", "7 days"),
        ("1L", "1L"),
        ("@2015T", "@2015T"),
        ("@2015", "@2015"),
        ("@T14:30", "@T14:30"),
        ("@2015-02-04T14:34:28Z", "@2015-02-04T14:34:28Z"),
        ("{ } = true", "{} = true"),
        ("$this . a[ $index ]+$total", "$this.a[$index] + $total"),
        ("sort( a asc, -b desc )", "sort(a, -b desc)"),
        ("FHIR.T{a:1,`b c`:T{:}}", "FHIR.T { a: 1, `b c`: T { : } }"),
        ("a // c\n", "a"),
    ],
)
def test_canonical_text(text: str, canonical: str) -> None:
    assert unparse(parse(text)) == canonical
    assert parse(canonical) == parse(text)


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (TypeSpecifier("System", "Boolean"), "System.Boolean"),
        (SortArgument(This(), descending=True), "$this desc"),
        (InstanceElement("a", This()), "a: $this"),
        (Literal(Quantity(Decimal("1E+3"), "mg"), LiteralType.QUANTITY), "1000 'mg'"),
    ],
)
def test_parts_of_expressions_can_be_printed(node: Node, text: str) -> None:
    assert unparse(node) == text


def test_only_nodes_can_be_printed() -> None:
    with pytest.raises(TypeError, match="not a node of the syntax tree: Node"):
        unparse(Node())
