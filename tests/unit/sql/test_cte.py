"""The steps of a statement: their names, and the text that they make together."""

from __future__ import annotations

import duckdb
import pytest

from fhir4ds.sql.cte import CTE, CTEAssembler, CTEBuilder
from tests.support.engines import engine_of


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Patient", "patient"),
        ("Patient.name.given", "patient_name_given"),
        ("Patient.name.where(use = 'official').given.first()", "patient_name_where_use_official_given_fi"),
        ("'a' | 'b'", "a_b"),
        ("Group", "step_group"),
        ("select", "step_select"),
        ("value", "step_value"),
        ("key", "step_key"),
        ("1 + 1", "step_1_1"),
        ("{}", "step"),
        ("\u00fc", "step"),
        ("'; DROP TABLE resource; --", "drop_table_resource"),
    ],
)
def test_steps_are_named_after_what_they_do(title: str, name: str) -> None:
    """A name is a plain identifier that says what the step is about and is no keyword."""
    assert CTEBuilder().add(title, "SELECT 1").name == name


def test_names_are_unique() -> None:
    """Steps of the same title are numbered, and a number never meets another title's name."""
    builder = CTEBuilder()
    assert [builder.add(title, "SELECT 1").name for title in ("a", "A", "a_2", "a!", "a_2")] == [
        "a",
        "a_2",
        "a_2_2",
        "a_3",
        "a_2_3",
    ]


def test_steps_come_in_the_order_in_which_they_were_added() -> None:
    """The builder gives back what it was given."""
    builder = CTEBuilder()
    added = (builder.add("one", "SELECT 1"), builder.add("two", "SELECT 2", materialized=True))
    assert builder.steps == added == (CTE("one", "SELECT 1"), CTE("two", "SELECT 2", materialized=True))


def test_assembled_text() -> None:
    """One step a block, indented, in order; then the final SELECT."""
    steps = (CTE("one", "SELECT 1 AS a"), CTE("two", "SELECT a FROM one", materialized=True))
    assert CTEAssembler().assemble(steps, "SELECT a FROM two") == (
        "WITH one AS (\n  SELECT 1 AS a\n),\ntwo AS MATERIALIZED (\n  SELECT a FROM one\n)\nSELECT a FROM two"
    )


def test_text_of_several_lines_stays_as_it_is() -> None:
    """Laying out a statement does not reach into its literals."""
    sql = CTEAssembler().assemble((CTE("one", "SELECT 'a\n  b\n\nc' AS a"),), "SELECT a FROM one")
    assert duckdb.sql(sql).fetchall() == [("a\n  b\n\nc",)]


def test_without_steps_there_is_only_the_final_select() -> None:
    """WITH needs at least one step."""
    assert CTEAssembler().assemble((), "SELECT 1") == "SELECT 1"


@pytest.mark.parametrize("title", ["Group", "order", "Patient.where(true)", "end", "value", "resource", "1", "table"])
def test_any_title_makes_a_statement_that_runs(title: str) -> None:
    """The assembled text is SQL, whatever a step is called."""
    builder = CTEBuilder()
    first = builder.add(title, "SELECT 1 AS a")
    second = builder.add(title, f"SELECT a + 1 AS a FROM {first.name}", materialized=True)
    sql = CTEAssembler().assemble(builder.steps, f"SELECT a FROM {second.name}")
    assert duckdb.sql(sql).fetchall() == [(2,)]


def test_no_step_is_called_a_keyword_of_duckdb() -> None:
    """Reserved words are avoided."""
    words = [
        word
        for (word,) in duckdb.sql(
            "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'"
        ).fetchall()
    ]
    assert len(words) > 50
    assert [word for word in words if CTEBuilder().add(word, "SELECT 1").name == word] == []


@pytest.mark.postgres
def test_no_step_is_called_a_keyword_of_postgresql(postgres_url: str) -> None:
    """Reserved words are avoided."""
    with engine_of(postgres_url) as engine:
        words = [word for (word,) in engine.run("SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T')")]
    assert len(words) > 50
    assert [word for word in words if CTEBuilder().add(word, "SELECT 1").name == word] == []
