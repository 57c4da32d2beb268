"""Every example of every declared function and operator is true."""

from __future__ import annotations

from uuid import uuid4

import pytest

from fhir4ds.database import Database
from fhir4ds.functions.catalog import FUNCTIONS, OPERATORS
from fhir4ds.functions.declaration import Example
from fhir4ds.runtime.answer import decode_json, encode_json
from fhir4ds.testing.comparison import canonical

#: Examples whose SQL needs more than every database has.
_NEEDS = {"'9223372036854775808'.toLong()": "exact_decimals"}


def _marks(*titles: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.requires(_NEEDS[title]) for title in titles if title in _NEEDS]


_EXAMPLES = [
    pytest.param(example, id=f"{title}: {example.expression}", marks=_marks(title, example.expression))
    for title, examples in [
        *((function.name, function.examples) for function in FUNCTIONS.values()),
        *((operator.symbol, operator.examples) for operator in OPERATORS.values()),
    ]
    for example in examples
]


@pytest.mark.parametrize("example", _EXAMPLES)
def test_example(database: Database, example: Example) -> None:
    """The expression gives what the documentation says, by value and type."""
    resource = example.resource or {"resourceType": "Patient", "id": "nobody"}
    if example.stored:
        name = f"example_{uuid4().hex[:8]}"
        loaded = Database(database.dispatcher, table=name)
        loaded.load([resource, *example.stored], strict=True)
        answer = loaded.query(example.expression).values()
        database.run(lambda session: session.execute(f"DROP TABLE {name}"))
    else:
        answer = database.evaluate(example.expression, resource)
    assert list(map(canonical, answer)) == [canonical(_plain(value)) for value in example.result]


def _plain(value: object) -> object:
    """A value as it comes from JSON."""
    return decode_json(encode_json(value)) if isinstance(value, dict | list) else value
