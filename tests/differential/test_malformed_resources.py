"""Resources in which a number or Boolean is something else: both databases say the same of them, and never in words of their own."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fhir4ds.database import Database
from fhir4ds.functions.catalog import FUNCTIONS, OPERATORS
from tests.differential.conftest import examples
from tests.differential.expressions import calls, expressions, operations, scope_of
from tests.differential.opinions import ask
from tests.differential.resources import resources

pytestmark = pytest.mark.postgres

Pair = tuple[Database, Database]

#: What may stand in the place of a number or Boolean.
_OTHERS = ("5", "abc", "true", "", True, False, 0, 7, Decimal("1.50"), Decimal("-0.0"), 10**30, Decimal("1e-20"), 2**63)


def _places(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The ways to numbers and Booleans."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(item, (*place, key))
    elif isinstance(value, bool | int | Decimal):
        yield place


def _with(value: Any, place: tuple[str | int, ...], other: Any) -> Any:
    if not place:
        return other
    first, *rest = place
    if isinstance(value, dict):
        return {key: _with(item, tuple(rest), other) if key == first else item for key, item in value.items()}
    return [_with(item, tuple(rest), other) if key == first else item for key, item in enumerate(value)]


@st.composite
def _malformed(draw: st.DrawFn) -> dict[str, Any]:
    resource = draw(resources())
    places = list(_places(resource))
    assume(places)
    chosen = draw(st.lists(st.sampled_from(places), min_size=1, max_size=3, unique=True))
    for place in chosen:
        resource = _with(resource, place, draw(st.sampled_from(_OTHERS)))
    return resource


def _agree(databases: Pair, expression: str, resource: dict[str, Any]) -> None:
    here, there = (ask(database, expression, resource) for database in databases)
    assert here == there, expression
    assert here.error is None or here.error[0] != "QueryFailed", expression


@pytest.mark.parametrize("name", [*FUNCTIONS])
def test_functions(databases: Pair, name: str) -> None:
    @examples(2)
    @given(st.data(), _malformed())
    def law(data: st.DataObject, resource: dict[str, Any]) -> None:
        _agree(databases, data.draw(calls(scope_of(resource), name)), resource)

    law()


@pytest.mark.parametrize("symbol", [*OPERATORS])
def test_operators(databases: Pair, symbol: str) -> None:
    @examples(2)
    @given(st.data(), _malformed())
    def law(data: st.DataObject, resource: dict[str, Any]) -> None:
        _agree(databases, data.draw(operations(scope_of(resource), symbol)), resource)

    law()


@examples(40)
@given(st.data(), _malformed())
def test_expressions(databases: Pair, data: st.DataObject, resource: dict[str, Any]) -> None:
    _agree(databases, data.draw(expressions(scope_of(resource))), resource)
