"""Each view of docs/views: equal rows on both databases, over data that nobody here made where there is some."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow.parquet as pq
import pytest

from fhir4ds.database import Database, connect
from fhir4ds.views.compiling import check_view
from fhir4ds.views.profiles import Profile
from fhir4ds.views.reading import read_view
from tests.support.sample_data import data_dir

_ROOT = Path(__file__).parents[3]
_FIXTURES = _ROOT / "tests" / "fixtures" / "fhir"
VIEWS = sorted((_ROOT / "docs" / "views").glob("*.json"))

#: Where the resources of a view come from: a file of ours, or the folder of sample data, and how many rows they give.
_SOURCES: dict[str, tuple[str | Path, int]] = {
    "conditions": ("synthea-10", 555),
    "demographics": ("synthea-100", 120),
    "encounters": ("synthea-10", 1215),
    "medication_requests": ("synthea-10", 1745),
    "observations": (_FIXTURES / "observations.ndjson", 9),
    "questionnaire_answers": (_FIXTURES / "questionnaire-responses.ndjson", 7),
    "race": ("synthea-100", 120),
}


@pytest.fixture(scope="module")
def postgres(postgres_url: str) -> Iterator[Database]:
    with connect(postgres_url) as database:
        yield database


@pytest.fixture
def source(view: Path) -> str:
    """The files that the view is tried on."""
    place, _ = _SOURCES[view.stem]
    return str(place if isinstance(place, Path) else data_dir() / place)


def test_every_view_is_tried() -> None:
    assert [view.stem for view in VIEWS] == sorted(_SOURCES)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.stem)
def test_view_can_be_shared(view: Path) -> None:
    """It is called like its file, and meets the rules of the Shareable profile."""
    definition = read_view(view)
    assert definition.name == view.stem
    assert check_view(definition, profiles=(Profile.SHAREABLE,)) == ()


@pytest.mark.postgres
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.stem)
def test_view_gives_the_same_rows_everywhere(view: Path, source: str, postgres: Database, tmp_path: Path) -> None:
    """Read in place or loaded, as rows or from a table, on DuckDB and on PostgreSQL; and no column is always empty."""
    postgres.load(source)
    with connect() as duckdb:
        in_place = duckdb.view(view, files=source).run().rows
        duckdb.load(source)
        rows = duckdb.view(view).run().rows
        assert rows == in_place
        assert len(rows) == _SOURCES[view.stem][1]
        asked = postgres.view(view)
        assert asked.run().rows == rows
        assert asked.columns == duckdb.view(view).columns
        empty = {column.name for place, column in enumerate(asked.columns) if all(row[place] is None for row in rows)}
        assert empty == {"medication_requests": {"medication_id", "dose_unit"}}.get(view.stem, set())
        names = [column.name for column in asked.columns]
        for database in (duckdb, postgres):
            _is_kept(database, view, names, rows)
        assert asked.write(tmp_path / "rows.parquet") == len(rows)
        assert pq.read_table(tmp_path / "rows.parquet").num_rows == len(rows)


def _is_kept(database: Database, view: Path, names: list[str], rows: list[Any]) -> None:
    """A table of the database has the rows, with its own types of dates and numbers."""
    table = f"kept_{uuid4().hex[:8]}"
    assert database.view(view).materialize(table, indexes=names[:1]) == len(rows)
    # Python's values of moments and arrays differ between the drivers.
    plain = [column for column in names if column not in ("categories", "started", "ended")]
    kept = database.execute_query(f"SELECT {', '.join(map(database.dialect.syntax.quote, plain))} FROM {table}")
    places = [names.index(name) for name in plain]

    def canonical(row: Any) -> tuple[str, ...]:
        return tuple(f"{cell.normalize():f}" if isinstance(cell, Decimal) else str(cell) for cell in row)

    expected = (canonical(tuple(row[place] for place in places)) for row in rows)
    assert sorted(map(canonical, kept)) == sorted(expected)
