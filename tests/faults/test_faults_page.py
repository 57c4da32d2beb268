"""docs/reference/faults.md says what the table of faults says."""

from __future__ import annotations

from tests.faults.page import PAGE, rendered


def test_the_tables_of_the_page_are_those_that_are_tried() -> None:
    page = PAGE.read_text("utf-8")
    assert page == rendered(page), "python -m tests.faults.page"
