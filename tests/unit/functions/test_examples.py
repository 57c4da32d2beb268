"""Every example of every declared function and operator is true, on every database."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from fhir4ds.database import Database, connect
from fhir4ds.functions.catalog import FUNCTIONS, OPERATORS
from fhir4ds.functions.declaration import Example, ParameterKind
from fhir4ds.runtime.answer import decode_json, encode_json
from tests.support.comparison import canonical

_DECLARED = [*FUNCTIONS.values(), *OPERATORS.values()]


def _title(declared: object) -> str:
    return str(getattr(declared, "name", None) or getattr(declared, "symbol"))


_EXAMPLES = [
    pytest.param(example, id=f"{_title(declared)}: {example.expression}")
    for declared in _DECLARED
    for example in declared.examples
]


@pytest.fixture(scope="module", params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """DuckDB, then PostgreSQL."""
    url = "duckdb://" if request.param == "duckdb" else request.getfixturevalue("postgres_url")
    with connect(url) as database:
        yield database


@pytest.mark.parametrize("example", _EXAMPLES)
def test_example(database: Database, example: Example) -> None:
    """The expression gives what the documentation says, by value and type."""
    resource = example.resource or {"resourceType": "Patient", "id": "nobody"}
    if example.stored:
        loaded = Database(database.dispatcher, table=f"example_{uuid4().hex[:8]}")
        loaded.load([resource, *example.stored], strict=True)
        answer = loaded.query(example.expression).values()
    else:
        answer = database.evaluate(example.expression, resource)
    assert list(map(canonical, answer)) == [canonical(_plain(value)) for value in example.result]


def _plain(value: object) -> object:
    """A value as it comes from JSON."""
    return decode_json(encode_json(value)) if isinstance(value, dict | list) else value


@pytest.mark.parametrize("declared", _DECLARED, ids=_title)
def test_declared_with_documentation_and_examples(declared: object) -> None:
    """Each declaration has a summary that is a sentence, a group, and at least one example."""
    assert declared.examples  # type: ignore[attr-defined]
    assert declared.group  # type: ignore[attr-defined]
    summary: str = declared.summary  # type: ignore[attr-defined]
    assert summary.endswith(".") and len(summary) > 10


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda function: function.name)
def test_signatures_are_readable(function: object) -> None:
    """Optional parameters come last, and the signature names every parameter."""
    parameters = function.parameters  # type: ignore[attr-defined]
    optional = [parameter.optional for parameter in parameters]
    assert optional == sorted(optional)
    assert len({parameter.name for parameter in parameters}) == len(parameters)
    assert all(isinstance(parameter.kind, ParameterKind) for parameter in parameters)
    signature: str = function.signature  # type: ignore[attr-defined]
    assert signature.startswith(f"{function.name}(")  # type: ignore[attr-defined]
    assert all(parameter.name in signature for parameter in parameters)
