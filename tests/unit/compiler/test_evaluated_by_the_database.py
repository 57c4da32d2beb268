"""The database evaluates every expression: break one word of a dialect, and just what uses that word has no answer any more.

Words are broken in a copy of DuckDB's dialect, and the examples of the declarations run on a real DuckDB. A word is
broken by putting a function around it that DuckDB does not have; or it means something else, and the answers change with
it. That would not be so if Python knew an answer, that of a constant expression included.
"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Iterator
from typing import Any, ClassVar

import attrs
import pytest
from fhir4ds_duckdb.syntax import DuckDBSyntax

from fhir4ds.compiler.compiler import compile_expression
from fhir4ds.compiler.options import Options
from fhir4ds.dialect.primitives import PRIMITIVES
from fhir4ds.dialect.statement import Statement
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.functions.catalog import FUNCTIONS, OPERATORS
from fhir4ds.functions.declaration import Example
from fhir4ds.plan.source import InlineSource
from fhir4ds.runtime.answer import encode_json
from fhir4ds.runtime.result import decode
from fhir4ds.testing.comparison import canonical
from fhir4ds.testing.engine import Engine
from tests.support.engines import engine_of

#: The words that spell expressions; the others spell statements, or text that stands in every statement.
WORDS = (
    "array",
    "bind",
    "case",
    "cast",
    "each",
    "exists_each",
    "extract",
    "extract_array",
    "flat_each",
    "fold",
    "from_json",
    "record",
    "repeat",
    "sort_each",
)

_NOBODY = {"resourceType": "Patient", "id": "nobody"}


class _Recording(DuckDBSyntax):
    """DuckDB's words, and which of them were used."""

    def __init__(self) -> None:
        self.used: set[str] = set()

    def apply(self, primitive: str, *arguments: str) -> str:
        self.used.add(primitive)
        return super().apply(primitive, *arguments)


class _Broken(DuckDBSyntax):
    """DuckDB's words, one of them spelled as something that no DuckDB has."""

    def __init__(self, word: str) -> None:
        self.word = word

    def apply(self, primitive: str, *arguments: str) -> str:
        spelled = super().apply(primitive, *arguments)
        return f"no_such_word({spelled})" if primitive == self.word else spelled


def _override(name: str) -> None:
    """Make both dialects see the use of a word that is a method."""
    intact = getattr(DuckDBSyntax, name)

    @functools.wraps(intact)
    def recorded(self: _Recording, *arguments: Any, **named: Any) -> str:
        self.used.add(name)
        return intact(self, *arguments, **named)

    @functools.wraps(intact)
    def broken(self: _Broken, *arguments: Any, **named: Any) -> str:
        spelled = intact(self, *arguments, **named)
        return f"no_such_word({spelled})" if self.word == name else spelled

    setattr(_Recording, name, recorded)
    setattr(_Broken, name, broken)


_THERE = [name for name in WORDS if hasattr(Syntax, name)]
for _name in _THERE:
    _override(_name)


@attrs.frozen
class _Use:
    """An example of a function or operator, its statement, and the words in it."""

    of: str
    example: Example
    statement: Statement
    words: frozenset[str]


def _compiled(example: Example, syntax: Syntax) -> Statement:
    type_name = str((example.resource or _NOBODY)["resourceType"])
    options = Options(context=(type_name,))
    return compile_expression.__wrapped__(example.expression, syntax, InlineSource(), options).statement


@functools.cache
def _uses() -> tuple[_Use, ...]:
    """Every example that needs nothing but its resource."""
    found = []
    for name, declared in (*FUNCTIONS.items(), *OPERATORS.items()):
        for example in declared.examples:
            if not example.stored:
                syntax = _Recording()
                statement = _compiled(example, syntax)
                found.append(_Use(name, example, statement, frozenset(syntax.used)))
    return tuple(found)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with engine_of("duckdb://") as engine:
        yield engine


def _answer(engine: Engine, statement: Statement, example: Example) -> list[Any]:
    resource = encode_json(example.resource or _NOBODY)
    parameters = {InlineSource().parameter: resource} if "$" + InlineSource().parameter in statement.sql else None
    rows = decode(engine.run(statement.sql, parameters), statement.columns)
    return [value for _, value in rows if value is not None]


def _gives(engine: Engine, statement: Statement, example: Example) -> bool:
    expected = [json.loads(json.dumps(value)) if isinstance(value, dict) else value for value in example.result]
    answer = _answer(engine, statement, example)
    return list(map(canonical, answer)) == list(map(canonical, expected))


def test_words_are_those_of_the_dialect() -> None:
    """A word that is renamed is found here."""
    assert set(_THERE) == {name for name, _ in inspect.getmembers(Syntax, inspect.isfunction)} & set(WORDS)
    assert len(_THERE) >= 14


def test_unbroken_words_give_the_answers(engine: Engine) -> None:
    """What follows proves something only if the examples hold as long as nothing is broken."""
    assert [use.example.expression for use in _uses() if not _gives(engine, use.statement, use.example)] == []


@pytest.mark.parametrize("word", [*_THERE, *sorted(PRIMITIVES)])
def test_just_what_uses_a_broken_word_fails(engine: Engine, word: str) -> None:
    """Each function that uses the word fails; each that does not has the same statement as before."""
    broken = _Broken(word)
    concerned = {use.of: use for use in _uses() if word in use.words}
    failed = set()
    for use in concerned.values():
        with pytest.raises(engine.errors, match="no_such_word"):
            _answer(engine, _compiled(use.example, broken), use.example)
        failed.add(use.of)
    assert failed == {use.of for use in _uses() if word in use.words}
    others = [use for use in _uses() if word not in use.words]
    # Equal text is the same answer. A few of many, and others for each word: compiling takes the time here.
    for use in others[len(word) :: 40]:
        assert _compiled(use.example, broken).sql == use.statement.sql


def test_nearly_every_word_is_used_by_an_example() -> None:
    """The proof is about the language as it is spelled, not about a corner of it."""
    used = frozenset().union(*(use.words for use in _uses()))
    assert len(used & set(PRIMITIVES)) >= 0.85 * len(PRIMITIVES)


def test_every_function_uses_words() -> None:
    """No example is answered without the database: each has words that can be broken, or a literal on its own."""
    silent = {use.example.expression for use in _uses() if not use.words}
    assert silent == set()


#: What a word means instead, and what becomes of constants then.
_OTHER_MEANINGS = [
    ("add", "({0} - {1})", "1 + 1", [0]),
    ("multiply", "({0} + {1})", "3 * 4", [7]),
    ("upper", "LOWER({0})", "'A'.upper()", ["a"]),
    ("lower", "UPPER({0})", "'a'.lower()", ["A"]),
    ("concat", "({1} || {0})", "'a' + 'b'", ["ba"]),
    ("less", "({0} > {1})", "1 < 2", [False]),
    ("equal", "({0} <> {1})", "1 = 1", [False]),
    ("and", "({0} OR {1})", "true and false", [True]),
    ("not", "{0}", "true.not()", [True]),
    ("now", "'2001-02-03T04:05:06.000Z'", "now().toString()", ["2001-02-03T04:05:06.000Z"]),
    ("is_not_null", "({0} IS NULL)", "Patient.birthDate.exists()", [True]),
]


@pytest.mark.parametrize(("word", "meaning", "expression", "answer"), _OTHER_MEANINGS)
def test_answers_follow_the_meaning_of_a_word(
    engine: Engine, word: str, meaning: str, expression: str, answer: list[object]
) -> None:
    """Constants go through SQL too: the answer is what the database makes of the word."""

    class Other(DuckDBSyntax):
        differences: ClassVar = {**DuckDBSyntax.differences, word: meaning}

    example = Example(expression=expression, result=())
    assert _answer(engine, _compiled(example, Other()), example) == answer
    assert _answer(engine, _compiled(example, DuckDBSyntax()), example) != answer
