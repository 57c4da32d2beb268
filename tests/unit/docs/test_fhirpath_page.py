"""docs/reference/fhirpath.md lists every function and operator, as their declarations have them."""

from __future__ import annotations

import re

from fhir4ds.functions.catalog import FUNCTIONS, GROUPS, OPERATORS
from tests.support.fhirpath_page import PAGE, filled

_TEXT = PAGE.read_text("utf-8")


def test_page_is_what_the_declarations_say() -> None:
    assert filled(_TEXT) == _TEXT, "run: python -m tests.support.fhirpath_page"


def test_all_are_listed_and_nothing_else() -> None:
    entries = _TEXT.partition("<!-- functions -->")[2].partition("<!-- end of functions -->")[0]
    heads = re.findall(r"^\*\*`([^`]+)`\*\*", entries, re.MULTILINE)
    assert sorted(heads) == sorted([*(function.signature for function in FUNCTIONS.values()), *OPERATORS])
    assert {item.lower.__module__ for item in (*FUNCTIONS.values(), *OPERATORS.values())} == {
        module.__name__ for module in GROUPS
    }


def test_contents_lead_to_their_groups() -> None:
    contents = _TEXT.partition("<!-- contents -->")[2].partition("<!-- end of contents -->")[0]
    links = re.findall(r"^\| \[([^]]+)\]\(#([^)]+)\)", contents, re.MULTILINE)
    headings = re.findall(r"^### (.+)$", _TEXT, re.MULTILINE)
    assert [title for title, _ in links] == headings
    assert all(title.lower().replace(" ", "-") == anchor for title, anchor in links)
