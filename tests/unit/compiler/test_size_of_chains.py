"""The statement of a chain grows by as much with each of its links, whatever function or operator is chained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice, pairwise, product

import pytest
from fhir4ds_duckdb.syntax import DuckDBSyntax
from fhir4ds_postgres.syntax import PostgresSyntax

from fhir4ds.compiler import settling
from fhir4ds.compiler.compiler import compile_expression
from fhir4ds.compiler.options import Options
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.errors import CompileError
from fhir4ds.functions.catalog import FUNCTIONS, OPERATORS
from fhir4ds.plan.source import TableSource

_SYNTAXES = (DuckDBSyntax(), PostgresSyntax())

#: What chains begin with: one and several elements, of each kind, of choice elements and computed values.
_STARTS = (
    "Patient.name.given",
    "Patient.birthDate",
    "Patient.name",
    "Patient.name.first()",
    "Observation.component.value",
    "Observation.value.ofType(Quantity)",
    "Patient.active",
    "'a'",
    "1",
    "1.5",
    "@2020-01-01T00:00:00Z",
    "1 'm'",
    "(1 | 2)",
    "('a' | 1)",
    "Patient",
    "Observation.subject",
    "Patient.extension",
)
_ARGUMENTS = (
    "",
    "$this = $this",
    "$this, $this",
    "$this.exists(), $this, $this",
    "$this",
    "true",
    "1",
    "'a'",
    "'a', 'b'",
    "1, 2",
    "'hex'",
    "'json'",
    "'m'",
    "Boolean",
    "System.String",
    "HumanName",
    "$this + $total",
    "name",
    "extension",
    "Patient",
    "'http://example.org'",
    "'http://hl7.org/fhir/StructureDefinition/Patient'",
)
_OPERANDS = ("1", "'a'", "true", "1.5", "@2020", "1 'm'", "1 day", "(1 | 2)", "Patient.name.given", "Observation.value")

#: Functions that are not called on what they have given: on its type, or once more on the same.
_NOT_CHAINED = {
    "contains",
    "defineVariable",
    "endsWith",
    "getReferenceKey",
    "getResourceKey",
    "indexOf",
    "lastIndexOf",
    "length",
    "matches",
    "matchesFull",
    "memberOf",
    "startsWith",
}

_LENGTHS = (8, 11, 14)
#: Chains of one function that are looked at.
_ENOUGH = 2


@pytest.fixture(autouse=True)
def _soon_large(monkeypatch: pytest.MonkeyPatch) -> None:
    # So that short chains show what long ones do.
    monkeypatch.setattr(settling, "_LARGE", 15)


def _size(expression: str, syntax: Syntax) -> int | None:
    """Characters of a statement; None if the expression has no meaning."""
    try:
        return len(compile_expression.__wrapped__(expression, syntax, TableSource(), Options()).statement.sql)
    except CompileError as refused:
        assert "too large" not in refused.message, f"{expression[:100]} becomes too large"
        return None


def _is_of_elements(expression: str) -> bool:
    """Whether iif() passes on elements: they keep the way that they have come, and are written twice."""
    return ".iif(" in expression and expression.startswith(("Patient.", "Observation."))


def _check(chains: Iterator[Callable[[int], str]]) -> int:
    """Insist that the chains there are grow evenly; their number."""
    possible = (
        chain for chain in chains if not _is_of_elements(chain(1)) and _size(chain(3), _SYNTAXES[0]) is not None
    )
    found = 0
    for chain in islice(possible, _ENOUGH):
        found += 1
        for syntax in _SYNTAXES:
            sizes = [_size(chain(length), syntax) for length in _LENGTHS]
            small, medium, large = (size for size in sizes if size is not None)
            assert large - medium <= 1.2 * (medium - small) + 100, (chain(1), small, medium, large)
    return found


def _calls(name: str) -> Iterator[Callable[[int], str]]:
    for argument, start in product(_ARGUMENTS, _STARTS):
        yield lambda length, start=start, argument=argument: start + f".{name}({argument})" * length  # type: ignore[misc]


def _operations(symbol: str) -> Iterator[Callable[[int], str]]:
    for operand, start in product(_OPERANDS, _STARTS):
        if operand.split(".")[0] != start.split(".")[0] or "." not in operand:
            yield lambda length, start=start, operand=operand: (  # type: ignore[misc]
                "(" * length + start + f" {symbol} {operand})" * length
            )


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_functions(name: str) -> None:
    assert bool(_check(_calls(name))) is (name not in _NOT_CHAINED)


@pytest.mark.parametrize("symbol", sorted(OPERATORS))
def test_operators(symbol: str) -> None:
    assert _check(_operations(symbol))


@pytest.mark.parametrize("syntax", _SYNTAXES, ids=["duckdb", "postgres"])
def test_references_of_what_references_point_to(syntax: Syntax) -> None:
    """Where a resource is looked for depends on the one that points to it, which is found once."""
    links = (
        "subject.resolve()",
        "ofType(Patient).managingOrganization.resolve()",
        "partOf.resolve()",
        "partOf.resolve()",
    )
    ends = [".".join(("Bundle.entry.resource.ofType(Observation)", *links[:count])) for count in range(len(links) + 1)]
    sizes = [size for end in ends if (size := _size(end, syntax)) is not None]
    assert len(sizes) == len(ends)
    growth = [later - earlier for earlier, later in pairwise(sizes)]
    assert max(growth) < 5_000, dict(zip(ends, sizes, strict=True))
