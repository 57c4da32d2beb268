"""Declaring a function or an operator: once, with everything about it in one place."""

from __future__ import annotations

import pytest

from fhir4ds.functions.catalog import FUNCTIONS, OPERATORS
from fhir4ds.functions.declaration import Function, Parameter, function
from fhir4ds.functions.operators import operator


def _lower(call: object) -> object:
    """What it does."""
    return call


def test_a_function_is_declared_once() -> None:
    """A second declaration of a name is a mistake of the programmer, found at import."""
    with pytest.raises(ValueError, match="'first' is declared twice"):
        function("first", group="x", returns="x")(_lower)  # type: ignore[arg-type]


def test_an_operator_is_declared_once() -> None:
    """As with functions."""
    with pytest.raises(ValueError, match="'=' is declared twice"):
        operator("=", group="x")(_lower)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parameters", "signature"),
    [
        ((), "f()"),
        ((Parameter("a"),), "f(a)"),
        ((Parameter("a"), Parameter("b", optional=True)), "f(a, [b])"),
        ((Parameter("a", repeated=True),), "f(a...)"),
    ],
)
def test_signature(parameters: tuple[Parameter, ...], signature: str) -> None:
    """As the reference page shows it."""
    declared = Function(
        name="f",
        group="g",
        parameters=parameters,
        returns="x",
        summary="s",
        examples=(),
        lower=_lower,  # type: ignore[arg-type]
    )
    assert declared.signature == signature


def test_tables_are_filled_by_their_names() -> None:
    """Each entry is found by what the language calls it."""
    assert len(FUNCTIONS) > 20 and len(OPERATORS) > 10
    assert all(name == declared.name for name, declared in FUNCTIONS.items())
    assert all(symbol == declared.symbol for symbol, declared in OPERATORS.items())
