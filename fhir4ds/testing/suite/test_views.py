"""Views of SQL on FHIR give their rows."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from fhir4ds.database import Database
from fhir4ds.errors import EvaluationError
from fhir4ds.testing.cases.views import RESOURCES, VIEWS, ViewCase
from fhir4ds.testing.comparison import canonical, delivered


@pytest.fixture(scope="module")
def viewed(database: Database) -> Iterator[Database]:
    """A few resources in a table of their own."""
    name = f"viewed_{uuid4().hex[:8]}"
    with_resources = Database(database.dispatcher, table=name)
    with_resources.load(RESOURCES, strict=True)
    yield with_resources
    database.run(lambda session: session.execute(f"DROP TABLE {name}"))


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in VIEWS.items()])
def test_view(viewed: Database, case: ViewCase) -> None:
    """The rows are those stated, in their order and with their types."""
    result = viewed.view(case.view).run()
    assert tuple(column.name for column in result.columns) == case.columns
    assert len(result.rows) == len(case.rows)
    for row, wanted in zip(result.rows, case.rows, strict=True):
        values = [delivered(*pair) for pair in zip(row, wanted, strict=True)]
        assert list(map(canonical, values)) == list(map(canonical, wanted))


def test_several_values_in_a_column_of_one_are_an_error(viewed: Database) -> None:
    """They are not cut to the first; the error names the resource."""
    view = {
        "resource": "Patient",
        "status": "active",
        "select": [{"column": [{"name": "given", "path": "name.given"}]}],
    }
    with pytest.raises(EvaluationError, match="several values") as caught:
        viewed.view(view).run()
    assert caught.value.key == "ada"


@pytest.mark.requires("comment")
def test_view_becomes_a_table(viewed: Database) -> None:
    """And takes the place of an older one."""
    name = f"table_{uuid4().hex[:8]}"
    for case in ("where", "constants"):
        viewed.view(VIEWS[case].view).materialize(name)
    assert viewed.execute_query(f"SELECT id, given FROM {name}") == VIEWS["constants"].rows
    viewed.run(lambda session: session.execute(f"DROP TABLE {name}"))
