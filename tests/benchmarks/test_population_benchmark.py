"""The population set works: every group is in it, and both databases and the expert give the same rows."""

from __future__ import annotations

import pytest

from fhir4ds.functions.catalog import FUNCTIONS, OPERATORS
from tests.benchmarks.population import EXPRESSIONS, Measurement, groups, measure, misses, table
from tests.benchmarks.population_expert import EXPERT


def test_there_are_sixty_expressions_of_every_group() -> None:
    """What is not in the set is not measured."""
    assert len(set(EXPRESSIONS)) >= 60 and len(EXPERT) == 10
    declared = {declared.group for declared in (*FUNCTIONS.values(), *OPERATORS.values())}
    assert declared - {group for expression in EXPRESSIONS for group in groups(expression)} == set()


@pytest.mark.postgres
def test_rows_are_the_same_everywhere(postgres_url: str) -> None:
    """Values, types and order, for twenty patients; and the table has a line for each expression."""
    measurements = measure([20], 1, postgres_url)
    assert len(table(measurements).splitlines()) == len(EXPRESSIONS) + 1


def test_misses_are_told() -> None:
    """What is slower than its target; a round's time is compared with those of the same round."""
    times = {
        (10, "duckdb"): [1.0, 2.0, 1.0],
        (100, "duckdb"): [13.0, 26.0, 99.0],
        (10, "postgres"): [1.0, 3.0, 1.0],
        (100, "postgres"): [9.0, 27.0, 9.0],
    }
    experts = {**times, (100, "duckdb"): [12.0, 30.0, 13.0], (100, "postgres"): [2.0, 2.5, 3.0]}
    measured = Measurement("name", times, experts)
    assert misses([measured]) == [
        "duckdb: name takes 13.0 times as long for ten times the patients",
        "postgres: name takes 4.5 times the expert's time",
    ]
    assert measured.expert_growth("duckdb") == 13.0
