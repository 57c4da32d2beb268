"""No text may make the parser fail in another way than by saying what is wrong with it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir4ds.errors import FHIRPathSyntaxError
from fhir4ds.fhirpath.ast import walk
from fhir4ds.fhirpath.parser import MAX_DEPTH, MAX_NESTING, parse
from fhir4ds.fhirpath.unparse import unparse

#: Every rule of the grammar, to be broken at random.
SAMPLES = [
    "Patient.name.where(use = 'official' and given.count() > 1).given.first()",
    "Observation.value.ofType(Quantity) >= 4.0 'mg' // comment",
    "@2015-02-04T14:34:28.123+10:00 + 7.5 days <= %`now x` /* c */ | @T14:34 | @2015T | @2015-02",
    r"-a[$index + 1].`b c`.f($this, $total) implies {} ~ 'it\'s \u0041' or 1L in c",
    "x as FHIR.Patient | y is System.Boolean.not() xor (true != false) !~ %'v'",
    "sort(-a desc, b asc) contains Coding { system: 'x', code: T { : } } & 2 div 3 mod 4 * 5 / 6",
]
FRAGMENTS = list("'`\"\\@.()[]{}%$:,;1aTZL-+*/|&<>=!~ \n\x00é🔥") + [
    "//",
    "/*",
    "*/",
    "\\u",
    "{ : }",
    " is ",
    "@T",
    "\ud83d",
]


def parse_or_explain(text: str) -> None:
    try:
        tree = parse(text)
    except FHIRPathSyntaxError as fault:
        assert fault.expression == text
        assert fault.position is not None
        assert 0 <= fault.position <= len(text)
        assert fault.message
        assert str(fault)
    else:
        assert all(0 <= node.position < len(text) for node in walk(tree))
        assert parse(unparse(tree)) == tree


@settings(deadline=None)
@given(st.text())
def test_any_text(text: str) -> None:
    parse_or_explain(text)


@settings(deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join))
def test_any_row_of_fragments(text: str) -> None:
    parse_or_explain(text)


@settings(deadline=None)
@given(st.sampled_from(SAMPLES), st.randoms(use_true_random=False))
def test_broken_expressions(text: str, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 4)):
        start = chance.randint(0, len(text))
        text = text[:start] + chance.choice(["", *FRAGMENTS]) + text[start + chance.choice([0, 1, 1, 2, 8]) :]
    parse_or_explain(text)


@pytest.mark.parametrize(
    ("opening", "inner", "closing"),
    [
        ("(", "a", ")"),
        ("f(", "a", ")"),
        ("a.f(b, ", "a", ")"),
        ("a[", "0", "]"),
        ("sort(", "a", " desc)"),
        ("T { a: ", "1", " }"),
        ("-(", "a", ")"),
        # Each level descends through all levels of precedence.
        ("a implies b or c and d in e = f < g | h + i * -(", "j", ")"),
    ],
)
def test_deep_nesting_is_refused_with_a_message(opening: str, inner: str, closing: str) -> None:
    parse(opening * 8 + inner + closing * 8)
    for count in (MAX_NESTING, 5000):
        text = opening * count + inner + closing * count
        with pytest.raises(FHIRPathSyntaxError) as caught:
            parse(text)
        assert caught.value.message == f"expressions are nested more than {MAX_NESTING} deep"
        assert caught.value.position is not None
        assert caught.value.hint == "split the expression up"


def test_nesting_up_to_the_limit_is_parsed() -> None:
    count = MAX_NESTING - 1
    assert parse("(" * count + "a" + ")" * count) == parse("a")


@pytest.mark.parametrize(
    ("first", "repeated"),
    [("1", " + 1"), ("a", ".b"), ("a", ".f()"), ("a", "[0]"), ("a", " is B"), ("a", " or b"), ("-a", " as as")],
)
@pytest.mark.parametrize("count", [MAX_DEPTH, 5000])
def test_long_chains_are_refused_with_a_message(first: str, repeated: str, count: int) -> None:
    with pytest.raises(FHIRPathSyntaxError) as caught:
        parse(first + repeated * count)
    assert caught.value.message == f"the expression has more than {MAX_DEPTH} steps or operators on one path"
    assert caught.value.position is not None


def test_very_long_chain_needs_no_stack() -> None:
    with pytest.raises(FHIRPathSyntaxError, match="steps or operators on one path"):
        parse("a" + ".b" * 100_000)


def test_long_row_of_signs_is_refused_with_a_message() -> None:
    with pytest.raises(FHIRPathSyntaxError, match="steps or operators on one path"):
        parse("-" * 5000 + "1")


@pytest.mark.parametrize("sign", ["+ 1", ".b", "[0]", " is B"])
def test_chains_up_to_the_limit_are_parsed_and_printed(sign: str) -> None:
    tree = parse("a" + sign * (MAX_DEPTH - 1))
    assert parse(unparse(tree)) == tree
    assert hash(tree) == hash(parse(unparse(tree)))
    assert repr(tree)


def test_width_is_not_limited() -> None:
    tree = parse("f(" + ", ".join(f"a{number}" for number in range(20_000)) + ")")
    assert sum(1 for _ in walk(tree)) == 20_001


@pytest.mark.parametrize("text", ["'" + "a" * 10**6, "/*" + "*" * 10**6, "`" + "\\`" * 10**5, "'a" + "\\'" * 10**5])
def test_unterminated_texts_are_found_in_linear_time(text: str) -> None:
    with pytest.raises(FHIRPathSyntaxError, match="never closed"):
        parse(text)
