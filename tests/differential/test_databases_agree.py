"""DuckDB and PostgreSQL give the same: every value, its type, the order, and every error with its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir4ds.database import Database
from fhir4ds.functions.catalog import FUNCTIONS, OPERATORS
from tests.differential.conftest import SEARCH, examples
from tests.differential.enumeration import RESOURCE, enumerated
from tests.differential.expressions import FORMS, calls, expressions, nested, operations, scope_of
from tests.differential.opinions import ask
from tests.differential.raising import raising
from tests.differential.resources import resources
from tests.differential.signatures import CLOCKS

pytestmark = pytest.mark.postgres

Pair = tuple[Database, Database]


def _agree(databases: Pair, expression: str, resource: Mapping[str, Any], *, strict: bool = False) -> bool:
    """Assert that both databases give the same; whether they were asked at all."""
    here, there = (ask(database, expression, resource, strict=strict) for database in databases)
    assert here == there, expression
    return not here.refused


@pytest.mark.parametrize("name", [*FUNCTIONS, *OPERATORS])
def test_enumerated(databases: Pair, name: str) -> None:
    """A fixed list of expressions for each function and operator, each of which one database at least is asked for."""
    asked = [_agree(databases, expression, RESOURCE) for expression in enumerated(name)]
    assert any(asked), "the compiler refuses all that is enumerated for it"


@pytest.mark.parametrize("name", sorted({*FUNCTIONS, *OPERATORS} - CLOCKS))
def test_errors_of_operands(databases: Pair, name: str) -> None:
    """An operand that is an error is one, whatever stands beside it and whatever is asked of the result."""
    for expression in raising(name, SEARCH or 8):
        _agree(databases, expression, RESOURCE)


@pytest.mark.parametrize("symbol", ["+", "-", "/", "mod", "<", ">=", "=", "~", "in"])
def test_items_of_fifty_possible_types(databases: Pair, symbol: str) -> None:
    """The value of an extension beside an Integer may be a Decimal, which is read as such."""
    assert _agree(databases, f"3 {symbol} extension.value", RESOURCE)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(databases: Pair, name: str) -> None:
    """Whatever a function is called on and with."""

    @examples(2)
    @given(st.data(), resources())
    def law(data: st.DataObject, resource: dict[str, Any]) -> None:
        expression = data.draw(calls(scope_of(resource), name))
        _agree(databases, expression, resource)

    law()


@pytest.mark.parametrize("symbol", [*OPERATORS, *FORMS])
def test_operators(databases: Pair, symbol: str) -> None:
    """Whatever the operands are."""

    @examples(2)
    @given(st.data(), resources())
    def law(data: st.DataObject, resource: dict[str, Any]) -> None:
        expression = data.draw(operations(scope_of(resource), symbol))
        _agree(databases, expression, resource)

    law()


@examples(40)
@given(st.data(), resources(), st.booleans())
def test_expressions(databases: Pair, data: st.DataObject, resource: dict[str, Any], strict: bool) -> None:
    """Anything, also where the strict rules hold."""
    _agree(databases, data.draw(expressions(scope_of(resource))), resource, strict=strict)


@examples(30)
@given(st.data(), resources())
def test_lambdas_in_lambdas(databases: Pair, data: st.DataObject, resource: dict[str, Any]) -> None:
    """Functions that iterate, three inside one another."""
    _agree(databases, data.draw(nested(scope_of(resource))), resource)
