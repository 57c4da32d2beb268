"""docs/errors.md lists exactly the exceptions of fhir4ds.errors, with their bases."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from fhir4ds import errors

_PAGE = Path(__file__).parents[3] / "docs" / "errors.md"
_ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \|", re.MULTILINE)


def test_page_lists_every_error_with_its_bases() -> None:
    documented = {name: re.findall(r"`(\w+)`", bases) for name, bases in _ROW.findall(_PAGE.read_text("utf-8"))}
    actual = {
        name: [base.__name__ for base in member.__bases__]
        for name, member in inspect.getmembers(errors, inspect.isclass)
        if issubclass(member, errors.Fhir4dsError)
    }
    assert documented == actual
