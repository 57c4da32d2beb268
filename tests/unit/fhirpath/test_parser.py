from __future__ import annotations

from decimal import Decimal

import pytest

from fhir4ds.fhirpath.ast import (
    Binary,
    Call,
    Empty,
    Expression,
    External,
    Index,
    IndexVariable,
    InstanceElement,
    InstanceSelector,
    Literal,
    LiteralType,
    Member,
    Polarity,
    Quantity,
    SortArgument,
    This,
    Total,
    TypeOperation,
    TypeSpecifier,
    walk,
)
from fhir4ds.fhirpath.parser import parse

T = LiteralType
a, b, c, d = (Member(None, name) for name in "abcd")


def integer(value: int) -> Literal:
    return Literal(value, T.INTEGER)


# --- literals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("true", True, T.BOOLEAN),
        ("false", False, T.BOOLEAN),
        ("''", "", T.STRING),
        ("'official'", "official", T.STRING),
        (r"'it\'s'", "it's", T.STRING),
        (r"'\\\/\f\r\n\t\"\`\'\u002a'", "\\/\f\r\n\t\"`'*", T.STRING),
        (r"'\p\3\u005'", "p3u005", T.STRING),
        (r"'\\p'", r"\p", T.STRING),
        (r"'\'", "", T.STRING),
        (r"'P\u0065ter \uD83D\uDD25'", "Peter 🔥", T.STRING),
        (r"'\uD83D\uDD25é'", "🔥é", T.STRING),
        ("'a\nb'", "a\nb", T.STRING),
        ("'// no comment /* '", "// no comment /* ", T.STRING),
        ("0", 0, T.INTEGER),
        ("007", 7, T.INTEGER),
        ("99999999999999999999", 99999999999999999999, T.INTEGER),
        ("1L", 1, T.LONG),
        ("1.50", Decimal("1.50"), T.DECIMAL),
        ("0.00000000000000000000000000001", Decimal("1E-29"), T.DECIMAL),
        ("@2015", "2015", T.DATE),
        ("@2015-02", "2015-02", T.DATE),
        ("@2016-02-29", "2016-02-29", T.DATE),
        ("@2015T", "2015", T.DATETIME),
        ("@2015-02-04T", "2015-02-04", T.DATETIME),
        ("@2015-02-04T14", "2015-02-04T14", T.DATETIME),
        ("@2015-02-04T14:34:28.123+14:00", "2015-02-04T14:34:28.123+14:00", T.DATETIME),
        ("@2015-02-04T14:34:28Z", "2015-02-04T14:34:28Z", T.DATETIME),
        ("@T14", "14", T.TIME),
        ("@T23:59:59.9999", "23:59:59.9999", T.TIME),
        ("4 days", Quantity(Decimal(4), "days", True), T.QUANTITY),
        ("1.0 year", Quantity(Decimal("1.0"), "year", True), T.QUANTITY),
        ("1 'year'", Quantity(Decimal(1), "year", False), T.QUANTITY),
        ("4.50 'mm[Hg]'", Quantity(Decimal("4.50"), "mm[Hg]", False), T.QUANTITY),
        ("1/**/ 'mg'", Quantity(Decimal(1), "mg", False), T.QUANTITY),
        ("1year", Quantity(Decimal(1), "year", True), T.QUANTITY),
    ],
)
def test_literal(text: str, value: bool | int | Decimal | str | Quantity, kind: LiteralType) -> None:
    parsed = parse(text)
    assert parsed == Literal(value, kind)
    assert isinstance(parsed, Literal)
    assert type(parsed.value) is type(value)


def test_scale_of_decimals_is_part_of_their_meaning() -> None:
    assert parse("1.0") != parse("1.00")
    assert parse("1.0 'mg'") != parse("1.00 'mg'")
    assert hash(parse("1.0")) == hash(parse(" 1.0"))


def test_long_number_takes_no_unit() -> None:
    assert parse("1L in a") == Binary("in", Literal(1, T.LONG), a)


# --- paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a", a),
        ("a.b", Member(a, "b")),
        ("a . b\n.c", Member(Member(a, "b"), "c")),
        ("`a b`.`div`", Member(Member(None, "a b"), "div")),
        (r"`\`x\u0065`", Member(None, "`xe")),
        ("``", Member(None, "")),
        ("f()", Call(None, "f")),
        ("a.f(b, c.g())", Call(a, "f", (b, Call(c, "g")))),
        ("a.`f g` ( )", Call(a, "f g")),
        ("a[0].b[c]", Index(Member(Index(a, integer(0)), "b"), c)),
        ("$this", This()),
        ("$this.a", Member(This(), "a")),
        ("$index + $total", Binary("+", IndexVariable(), Total())),
        ("{}", Empty()),
        ("{ }.f()", Call(Empty(), "f")),
        ("%a", External("a")),
        ("%`vs-x`", External("vs-x")),
        (r"%'it\'s'", External("it's")),
        ("% a.b", Member(External("a"), "b")),
        ("1.f()", Call(integer(1), "f")),
        ("'a'.b", Member(Literal("a", T.STRING), "b")),
        ("@2015.f()", Call(Literal("2015", T.DATE), "f")),
        ("@2015-02-04T14:34:28.f()", Call(Literal("2015-02-04T14:34:28", T.DATETIME), "f")),
        ("4 days.f()", Call(Literal(Quantity(Decimal(4), "days", True), T.QUANTITY), "f")),
        ("(a).b", Member(a, "b")),
        ("(((a)))", a),
        ("a.is(System.Boolean)", Call(a, "is", (Member(Member(None, "System"), "Boolean"),))),
    ],
)
def test_path(text: str, tree: Expression) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize("word", ["as", "contains", "in", "is", "asc", "desc", "sort"])
def test_keywords_are_names_where_the_grammar_lets_them(word: str) -> None:
    name = Member(None, word)
    assert parse(word) == name
    assert parse(f"a.{word}") == Member(a, word)
    assert parse(f"{word}.{word}()") == Call(name, word)
    assert parse(f"%{word}") == External(word)
    assert parse(f"a is {word}.{word}") == TypeOperation("is", a, TypeSpecifier(word, word))
    assert parse(f"{word} + {word}") == Binary("+", name, name)
    assert parse(f"{word} contains {word}") == Binary("contains", name, name)
    assert parse(f"{word} {{ {word}: {word} }}") == InstanceSelector(
        TypeSpecifier(None, word), (InstanceElement(word, name),)
    )


# --- operators --------------------------------------------------------------------------------------------------------

LEVELS = [
    ["implies"],
    ["or", "xor"],
    ["and"],
    ["in", "contains"],
    ["=", "~", "!=", "!~"],
    ["<=", "<", ">", ">="],
    ["|"],
    ["+", "-", "&"],
    ["*", "/", "div", "mod"],
]
PAIRS = [
    (loose, tight)
    for level, looser in enumerate(LEVELS)
    for loose in looser
    for tighter in LEVELS[level + 1 :]
    for tight in tighter
]


@pytest.mark.parametrize(("loose", "tight"), PAIRS)
def test_precedence(loose: str, tight: str) -> None:
    assert parse(f"a {loose} b {tight} c") == Binary(loose, a, Binary(tight, b, c))
    assert parse(f"a {tight} b {loose} c") == Binary(loose, Binary(tight, a, b), c)
    assert parse(f"(a {loose} b) {tight} c") == Binary(tight, Binary(loose, a, b), c)


@pytest.mark.parametrize(("first", "second"), [(x, y) for level in LEVELS for x in level for y in level])
def test_operators_of_a_level_associate_to_the_left(first: str, second: str) -> None:
    assert parse(f"a {first} b {second} c") == Binary(second, Binary(first, a, b), c)


B = TypeSpecifier(None, "B")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a is B", TypeOperation("is", a, B)),
        ("a as FHIR.`B`", TypeOperation("as", a, TypeSpecifier("FHIR", "B"))),
        ("a is B.c.d", TypeOperation("is", a, TypeSpecifier("B", "c.d"))),
        # Tighter than |, looser than +.
        ("a | b is B", Binary("|", a, TypeOperation("is", b, B))),
        ("a is B | c", Binary("|", TypeOperation("is", a, B), c)),
        ("a + b is B", TypeOperation("is", Binary("+", a, b), B)),
        ("a > b is B", Binary(">", a, TypeOperation("is", b, B))),
        ("a as B is B", TypeOperation("is", TypeOperation("as", a, B), B)),
        # What follows the type works on the answer.
        ("a is B[0]", Index(TypeOperation("is", a, B), integer(0))),
        ("a is B.not()", Call(TypeOperation("is", a, B), "not")),
        ("a is B.C.not()", Call(TypeOperation("is", a, TypeSpecifier("B", "C")), "not")),
        ("(a as B).c", Member(TypeOperation("as", a, B), "c")),
        ("a as as", TypeOperation("as", a, TypeSpecifier(None, "as"))),
        ("-1", Polarity("-", integer(1))),
        ("+a", Polarity("+", a)),
        ("- - +a", Polarity("-", Polarity("-", Polarity("+", a)))),
        ("-1.f()", Polarity("-", Call(integer(1), "f"))),
        ("-a[0].b", Polarity("-", Member(Index(a, integer(0)), "b"))),
        ("(-1).f()", Call(Polarity("-", integer(1)), "f")),
        ("-a * b", Binary("*", Polarity("-", a), b)),
        ("a * -b + c", Binary("+", Binary("*", a, Polarity("-", b)), c)),
        ("a - -b", Binary("-", a, Polarity("-", b))),
        ("a--b", Binary("-", a, Polarity("-", b))),
        ("-a is B", TypeOperation("is", Polarity("-", a), B)),
        ("@2015-1", Binary("-", Literal("2015", T.DATE), integer(1))),
        ("1 div 2", Binary("div", integer(1), integer(2))),
        ("1 in 2", Binary("in", integer(1), integer(2))),
        ("a and not", Binary("and", a, Member(None, "not"))),
    ],
)
def test_types_and_signs(text: str, tree: Expression) -> None:
    assert parse(text) == tree


# --- sort and instances -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("sort()", ()),
        ("sort(a)", (SortArgument(a),)),
        ("sort(a asc, b desc)", (SortArgument(a), SortArgument(b, True))),
        ("sort(-a desc)", (SortArgument(Polarity("-", a), True),)),
        ("sort(asc asc)", (SortArgument(Member(None, "asc")),)),
        ("sort(desc)", (SortArgument(Member(None, "desc")),)),
        ("sort(a is B desc)", (SortArgument(TypeOperation("is", a, B), True),)),
        ("`sort`(a)", (SortArgument(a),)),
    ],
)
def test_sort(text: str, arguments: tuple[SortArgument, ...]) -> None:
    assert parse(text) == Call(None, "sort", arguments)
    assert parse(f"a.{text}") == Call(a, "sort", arguments)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("T { : }", InstanceSelector(TypeSpecifier(None, "T"))),
        ("T{:}.a", Member(InstanceSelector(TypeSpecifier(None, "T")), "a")),
        (
            "FHIR.`T` { a: 1 + b, `c d`: {} }",
            InstanceSelector(
                TypeSpecifier("FHIR", "T"),
                (InstanceElement("a", Binary("+", integer(1), b)), InstanceElement("c d", Empty())),
            ),
        ),
        (
            "T { a: U { : } }",
            InstanceSelector(
                TypeSpecifier(None, "T"), (InstanceElement("a", InstanceSelector(TypeSpecifier(None, "U"))),)
            ),
        ),
        ("a + T { : }", Binary("+", a, InstanceSelector(TypeSpecifier(None, "T")))),
    ],
)
def test_instance(text: str, tree: Expression) -> None:
    assert parse(text) == tree


# --- blanks, comments, places -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["  a+b", "a\r\n+\tb", "a // c\n+ b // d", "/* c */a/* d\n */+b", "a + /* inline $@%^+ * */ b", "// c\na+b//"],
)
def test_blanks_and_comments_change_nothing(text: str) -> None:
    assert parse(text) == Binary("+", a, b)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (
            "a.where('b' >= $this.c)[%i]",
            {"Index": 23, "Call": 2, "Member": 21, "Binary": 12, "Literal": 8, "This": 15, "External": 24},
        ),
        ("  -%x", {"Polarity": 2, "External": 3}),
        ("$this is FHIR.T", {"TypeOperation": 6, "This": 0, "TypeSpecifier": 9}),
        ("sort(\n$index desc)", {"Call": 0, "SortArgument": 6, "IndexVariable": 6}),
        (" F.T { a: {} }", {"InstanceSelector": 1, "TypeSpecifier": 1, "InstanceElement": 7, "Empty": 10}),
        ("($total)", {"Total": 1}),
    ],
)
def test_positions_point_to_the_telling_token(text: str, places: dict[str, int]) -> None:
    assert {type(node).__name__: node.position for node in walk(parse(text))} == places
