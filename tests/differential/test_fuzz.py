"""A small part of what `tests.differential.fuzz` gives to the parser and the compiler, each time the same."""

from __future__ import annotations

import pytest

from fhir4ds.errors import CompileError, FHIRPathSyntaxError
from fhir4ds.fhirpath.parser import parse
from tests.differential.fuzz import NESTINGS, OPTIONS, SYNTAXES, check, inputs, nesting, run


@pytest.mark.parametrize("seed", range(2))
def test_only_errors_of_ours_come_out(seed: int) -> None:
    """And each has a message, the expression, and a place in it."""
    report = run(400, seed)
    assert not report.failures, str(report)
    assert set(report.outcomes) == {"no FHIRPath", "refused", "compiled"}


@pytest.mark.parametrize("name", NESTINGS)
def test_deep_nesting_ends_in_one_clear_error(name: str) -> None:
    """No stack overflows, however deep: the message says what is too deep, and where."""
    with pytest.raises(FHIRPathSyntaxError) as raised:
        parse(nesting(name, 600))
    assert raised.value.position is not None
    assert str(raised.value)


@pytest.mark.parametrize("name", NESTINGS)
def test_what_stands_in_itself_compiles_or_says_why_not(name: str) -> None:
    """Also where each level doubles the statement: nothing hangs."""
    assert check(nesting(name, 24), SYNTAXES[:1], OPTIONS[:1]) in ("no FHIRPath", "refused", "compiled")


def test_a_statement_has_a_limit() -> None:
    """What doubles with each definition is refused before it fills the memory."""
    from fhir4ds.compiler.compiler import compile_expression
    from fhir4ds.plan.source import InlineSource

    doubled = "".join(f".defineVariable('v{n + 1}', %v{n} + %v{n})" for n in range(60))
    text = f"defineVariable('v0', id.length()){doubled}.select(%v60)"
    with pytest.raises(CompileError, match="too large for a statement") as raised:
        compile_expression(text, SYNTAXES[0], InlineSource(), OPTIONS[0])
    assert raised.value.position


def test_the_same_seed_makes_the_same_inputs() -> None:
    """So that what was found can be found again."""
    assert list(inputs(50, 3)) == list(inputs(50, 3)) != list(inputs(50, 4))
