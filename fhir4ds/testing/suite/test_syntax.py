"""Every word and every primitive of the syntax has the meaning that the compiler counts on."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import pytest

from fhir4ds.dialect.primitives import PRIMITIVES
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.dialect.types import SqlType
from fhir4ds.testing.cases.literals import Literal
from fhir4ds.testing.cases.primitives import CLOCKS, JSON_RESULTS, MEANINGS, TYPED, WHOLE
from fhir4ds.testing.cases.words import EXPRESSIONS
from fhir4ds.testing.comparison import canonical, delivered
from fhir4ds.testing.engine import Engine

_WORDS = [
    pytest.param(build, expected, id=f"{word}-{number}")
    for word, cases in EXPRESSIONS.items()
    for number, (build, expected) in enumerate(cases, start=1)
]


def _marks(*values: object) -> list[pytest.MarkDecorator]:
    """Binary fractions have no more than 15 digits."""
    decimals = [value for value in values if isinstance(value, Decimal)]
    long = any(len(value.normalize().as_tuple().digits) > 15 for value in decimals)
    return [pytest.mark.requires("exact_decimals")] if long else []


_PRIMITIVES = [
    pytest.param(
        name,
        arguments,
        expected,
        id=f"{name}-{number}",
        marks=_marks(expected, *(argument.value for argument in arguments)),
    )
    for name, meanings in MEANINGS.items()
    for number, (arguments, expected) in enumerate(meanings, start=1)
]


def _value(engine: Engine, expression: str, expected: object) -> object:
    """The value of an expression, as the core would deliver it."""
    if isinstance(expected, Decimal):
        expression = engine.syntax.apply("decimal_text", expression)
    return delivered(engine.value(expression), expected)


@pytest.mark.parametrize(("build", "expected"), _WORDS)
def test_word(engine: Engine, build: Callable[[Syntax], str], expected: object) -> None:
    """A word gives the stated value."""
    assert canonical(_value(engine, build(engine.syntax), expected)) == canonical(expected)


@pytest.mark.parametrize(("name", "arguments", "expected"), _PRIMITIVES)
def test_primitive(engine: Engine, name: str, arguments: tuple[Literal, ...], expected: object) -> None:
    """A primitive gives the stated value."""
    syntax = engine.syntax
    spelled = [(literal, literal.spell(syntax)) for literal in arguments]
    expression = syntax.apply(
        name, *(syntax.cast(text, literal.type) if name in TYPED else text for literal, text in spelled)
    )
    value = (
        delivered(engine.value(expression), expected) if name in JSON_RESULTS else _value(engine, expression, expected)
    )
    if name in WHOLE and isinstance(expected, int) and isinstance(value, float | Decimal):
        assert value == int(value)
        value = int(value)
    assert canonical(value) == canonical(expected)


def test_differences_are_of_the_table(engine: Engine) -> None:
    """A dialect respells what the core's table has, and nothing else."""
    assert set(engine.syntax.differences) <= set(PRIMITIVES)


@pytest.mark.parametrize(("name", "shape"), CLOCKS.items(), ids=CLOCKS)
def test_clock(engine: Engine, name: str, shape: str) -> None:
    """The clock is read in UTC and keeps still within a statement."""
    read = engine.syntax.apply(name)
    [(first, second)] = engine.run(f"SELECT {read}, {read}")
    assert re.fullmatch(shape, first) and first == second


def test_word_boundary(engine: Engine) -> None:
    """A boundary is where a word begins or ends, and nothing else."""
    syntax = engine.syntax
    boundary = syntax.apply("word_boundary")
    pattern = syntax.apply("concat", boundary, syntax.apply("concat", syntax.text("o"), boundary))
    found = [
        delivered(engine.value(syntax.apply("regexp_matches", syntax.text(value), pattern)), True)
        for value in ("on or off", "x o y", "o")
    ]
    assert found == [False, True, True]


def test_line_mode(engine: Engine) -> None:
    """In this mode a line has a beginning and an end of its own."""
    syntax = engine.syntax
    mode = engine.value(syntax.apply("line_mode"))
    found = [
        delivered(engine.value(syntax.apply("regexp_matches", syntax.text("a\nb"), syntax.text(pattern))), True)
        for pattern in (f"(?{mode})^b$", "^b$")
    ]
    assert found == [True, False]


def test_primitives_are_single_operands(engine: Engine) -> None:
    """A primitive can stand inside any other without parentheses of its own."""
    syntax = engine.syntax
    joined = syntax.apply("concat", syntax.text("a"), syntax.text("b"))
    kind = syntax.apply("json_kind", syntax.literal("[1]", SqlType.JSON))
    same = syntax.apply("equal", joined, syntax.text("ab"))
    both = syntax.apply("and", same, syntax.apply("not", syntax.apply("equal", kind, syntax.text("object"))))
    picked = syntax.apply("array_at", syntax.array([joined, kind], SqlType.TEXT), syntax.apply("add", "1", "1"))
    [(first, second, third)] = engine.run(f"SELECT {both}, {picked}, {syntax.apply('is_null', both)}")
    assert (delivered(first, True), second, delivered(third, True)) == (True, "array", False)


@pytest.mark.parametrize("name", ["coalesce", "concat"])
def test_arguments_with_braces_are_left_alone(engine: Engine, name: str) -> None:
    """Templates are filled once: what stands in an argument is never taken for a part of a template."""
    syntax = engine.syntax
    hostile = "{0} {1} {*} {} {{}} %s"
    assert engine.value(syntax.apply(name, syntax.text(hostile), syntax.text(""))) == hostile
