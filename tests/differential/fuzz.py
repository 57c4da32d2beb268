"""Gives the parser and the compiler what nobody would write, and sees that they answer in words of their own.

::

    python -m tests.differential.fuzz --inputs 100000
    python -m tests.differential.fuzz --inputs 100000 --seed 7

Each input is parsed; what parses is written and parsed again, and compiled for every dialect with a model, with strict
rules and without a model. Only exceptions of `fhir4ds.errors` may come out, with a message that can be shown and a place
in the text, and every input has to be done within seconds. The same seed makes the same inputs.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import attrs
from fhir4ds_duckdb.syntax import DuckDBSyntax
from fhir4ds_postgres.syntax import PostgresSyntax

from fhir4ds.compiler.compiler import compile_expression
from fhir4ds.compiler.options import Options
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.errors import CompileError, FHIRPathSyntaxError
from fhir4ds.fhirpath.parser import parse
from fhir4ds.fhirpath.unparse import unparse
from fhir4ds.functions.catalog import FUNCTIONS, OPERATORS
from fhir4ds.functions.declaration import Function, ParameterKind
from fhir4ds.plan.source import InlineSource

SYNTAXES: tuple[Syntax, ...] = (DuckDBSyntax(), PostgresSyntax())
OPTIONS = (
    Options(context=("Patient",)),
    Options(context=("Observation",), strict=True),
    Options(model=None),
)

#: Seconds that one input may take in all, on a machine that others use.
PATIENCE = 20.0

#: Characters of a text that cannot be nested too deeply, whatever it says.
_SHORT = 100

#: The deepest nesting that is tried; both limits of the parser are far below.
_DEEPEST = 20_000

_PIECES = (
    *"()[]{}.,|=!<>~+-*/&%$@`'\"\\:; \t\n_0123456789LTZ",
    *(
        "'a'",
        "1",
        "1.50",
        "0L",
        "@2020",
        "@2020-02-30",
        "@T25",
        "@2020-01-01T10:00+14:00",
        "1 'mg'",
        "4 days",
        "'\\u12'",
    ),
    *(
        "$this",
        "$index",
        "$total",
        "%resource",
        "%`vs-x`",
        "%'ext-y'",
        "%ucum",
        "{}",
        "true",
        "//",
        "/*",
        "*/",
        "''",
        "``",
    ),
    *(
        "name",
        "given",
        "Patient",
        "value",
        "birthDate",
        "is",
        "as",
        "asc",
        "desc",
        "String",
        "FHIR.Quantity",
        "extension",
    ),
    *("\u00e9", "\u5b57", "\U0001f525", "\x00", "\ud800", "\u200b", "\ufeff", "\x0b", "9" * 400),
    *OPERATORS,
    *FUNCTIONS,
)

_CORPUS = tuple(
    example.expression for declared in (*FUNCTIONS.values(), *OPERATORS.values()) for example in declared.examples
)


class Hang(Exception):
    """An input took longer than it may."""


# --- inputs -----------------------------------------------------------------------------------------------------------


def _random_text(chance: random.Random) -> str:
    characters = "".join(chr(chance.randrange(1, 0x250)) for _ in range(8)) + "()[]{}'`.@%$|&=<>!~+-*/ \n\\"
    return "".join(chance.choice(characters) for _ in range(chance.randrange(40)))


def _pieces(chance: random.Random) -> str:
    return chance.choice(["", " "]).join(chance.choice(_PIECES) for _ in range(chance.randrange(1, 15)))


def _mutated(chance: random.Random) -> str:
    text = chance.choice(_CORPUS)
    for _ in range(chance.randrange(1, 4)):
        place, other = chance.randrange(len(text) + 1), chance.randrange(len(text) + 1)
        start, end = min(place, other), max(place, other)
        text = chance.choice(
            [
                text[:place] + chance.choice(_PIECES) + text[place:],
                text[:start] + text[min(end, start + 3) :],
                text[:place] + chance.choice(_CORPUS) + text[place:],
                text[:start] + text[start:end] * 2 + text[end:],
                text[:start] + "(" + text[start:end] + ")" + text[end:],
            ]
        )
    return text


def _well_formed(chance: random.Random) -> str:
    """What the grammar allows, whatever it means: any function on anything, with as many arguments as it likes."""
    return _grow(chance, chance.randrange(1, 5))


def _grow(chance: random.Random, depth: int) -> str:
    leaves = (
        "1",
        "'a'",
        "true",
        "1.5",
        "@2020",
        "@T10",
        "1 'mg'",
        "name",
        "given",
        "{}",
        "$this",
        "$index",
        "%resource",
        "value",
        "component.value",
        "contained",
        "children()",
        "descendants()",
    )
    if depth <= 0:
        return chance.choice(leaves)
    match chance.randrange(6):
        case 0:
            return f"{_grow(chance, depth - 1)} {chance.choice(list(OPERATORS))} {_grow(chance, depth - 1)}"
        case 1:
            return (
                f"({_grow(chance, depth - 1)}).{chance.choice(['name', 'given', 'value', 'extension', 'period.start'])}"
            )
        case 2:
            kind = chance.choice(["String", "Quantity", "Patient", "System.Any", "HumanName"])
            return f"({_grow(chance, depth - 1)} {chance.choice(['is', 'as'])} {kind})"
        case 3:
            return f"({_grow(chance, depth - 1)})[{_grow(chance, depth - 1)}]"
        case _:
            function = chance.choice(list(FUNCTIONS.values()))
            wrong = chance.randrange(12) == 0
            count = chance.randrange(4) if wrong else len(function.parameters) - chance.randrange(2)
            least = sum(not parameter.optional for parameter in function.parameters)
            arguments = [_grow(chance, depth - 1) for _ in range(count if wrong else max(count, least))]
            for place, parameter in enumerate(function.parameters[: len(arguments)]):
                if parameter.kind is ParameterKind.TYPE:
                    arguments[place] = chance.choice(["String", "Quantity", "Patient"])
            return f"({_grow(chance, depth - 1)}).{function.name}({', '.join(arguments)})"


#: What can stand inside itself: what opens, what is innermost, what closes.
NESTINGS: dict[str, tuple[str, str, str]] = {
    "parentheses": ("(", "1", ")"),
    "index": ("name[", "0", "]"),
    "braces": ("{", "", "}"),
    "instance": ("Coding { code: ", "'a'", " }"),
    "minus": ("-", "1", ""),
    "plus and minus": ("+-", "1", ""),
    "comment": ("/*", "", "*/ 1"),
    "path": ("", "name", ".extension"),
    "type": ("(1 is Integer) is Boolean = (", "true", ")"),
    "as": ("", "name", " as HumanName"),
    **{f"{symbol} on the left": ("", "1", f" {symbol} 1") for symbol in OPERATORS},
    **{f"{symbol} on the right": (f"1 {symbol} (", "1", ")") for symbol in OPERATORS},
    **{f"{name} in its argument": (f"name.{name}(", "given", ")") for name in FUNCTIONS},
    **{f"{name} on a result": ("", "name.given", f".{name}({{}})") for name in FUNCTIONS},
}


def _arguments(function: Function) -> str:
    """Arguments that a function can take on anything."""
    simple = {ParameterKind.TYPE: "String", ParameterKind.EXPRESSION: "$this", ParameterKind.VALUE: "1"}
    return ", ".join(simple[parameter.kind] for parameter in function.parameters if not parameter.optional)


def nesting(name: str, depth: int) -> str:
    """Something inside itself, ``depth`` times."""
    opening, inner, closing = NESTINGS[name]
    function = FUNCTIONS.get(name.split(" ", 1)[0])
    if function is not None and closing.startswith("."):
        closing = f".{function.name}({_arguments(function)})"
    return opening * depth + inner + closing * depth


def _nested(chance: random.Random) -> str:
    # Most are so deep that they are legal, some deeper than any stack.
    depth = int(1.5 ** chance.uniform(0, 12)) if chance.randrange(10) else int(10 ** chance.uniform(1, 4))
    return nesting(chance.choice(list(NESTINGS)), min(depth, _DEEPEST))


KINDS: tuple[Callable[[random.Random], str], ...] = (_random_text, _pieces, _mutated, _mutated, _well_formed, _nested)


def inputs(count: int, seed: int) -> Iterator[str]:
    """Inputs of every kind in turn; the same for the same seed."""
    chance = random.Random(seed)
    for number in range(count):
        yield KINDS[number % len(KINDS)](chance)


# --- the law ----------------------------------------------------------------------------------------------------------


def check(text: str, syntaxes: Sequence[Syntax] = SYNTAXES, choices: Sequence[Options] = OPTIONS) -> str:
    """Parse, write and compile a text, and assert that only errors of ours come of it; what came of it in a word."""
    try:
        tree = parse(text)
    except FHIRPathSyntaxError as error:
        _assert_told(error, text)
        return "no FHIRPath"
    assert parse(unparse(tree)) == tree, "what is written is not what was read"
    compiled = False
    for options in choices:
        for syntax in syntaxes:
            try:
                statement = compile_expression.__wrapped__(text, syntax, InlineSource(), options).statement
            except CompileError as error:
                _assert_told(error, text)
                assert len(text) > _SHORT or "too deeply" not in error.message, "what is short is not deep"
            else:
                compiled = True
                assert statement.sql
    return "compiled" if compiled else "refused"


def _assert_told(error: CompileError, text: str) -> None:
    assert error.message and str(error)
    assert error.expression == text, "the error has no expression"
    assert error.position is not None and 0 <= error.position <= len(text), "the error has no place in the text"


# --- the script -------------------------------------------------------------------------------------------------------


@attrs.frozen
class Report:
    """What came of the inputs."""

    outcomes: Counter[str]
    failures: list[tuple[str, str]]
    seconds: float
    slowest: tuple[float, str]

    def __str__(self) -> str:
        told = ", ".join(f"{count:,} {outcome}" for outcome, count in self.outcomes.most_common())
        lines = [
            f"{sum(self.outcomes.values()):,} inputs in {self.seconds:.0f} s: {told}",
            f"slowest: {self.slowest[0]:.2f} s for {_shown(self.slowest[1])}",
        ]
        return "\n".join([*lines, *(f"FAILED {why}\n       {_shown(text)}" for text, why in self.failures)])


def _shown(text: str) -> str:
    return ascii(text) if len(text) <= 300 else f"{text[:300]!a}... ({len(text)} characters)"


def run(count: int, seed: int) -> Report:
    """Check inputs; a failure does not end the run."""
    outcomes: Counter[str] = Counter()
    failures: list[tuple[str, str]] = []
    slowest = (0.0, "")
    started = time.perf_counter()
    for text in inputs(count, seed):
        before = time.perf_counter()
        try:
            with _patience():
                outcome = check(text)
        except Exception as error:
            outcome = "failed"
            failures.append((text, f"{type(error).__name__}: {error}"))
        outcomes[outcome] += 1
        slowest = max(slowest, (time.perf_counter() - before, text))
    return Report(outcomes, failures, time.perf_counter() - started, slowest)


@contextmanager
def _patience() -> Iterator[None]:
    """Interrupt what takes too long, where the system can."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Hang(f"not done within {PATIENCE:.0f} s")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def main(arguments: Sequence[str] | None = None) -> int:
    """Check as many inputs as the command line says; 1 if anything failed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.differential.fuzz", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--inputs", type=int, default=100_000, help="how many (default: 100000)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (default: 1)")
    options = parser.parse_args(arguments)
    report = run(options.inputs, options.seed)
    print(report)
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
