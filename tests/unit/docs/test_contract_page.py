"""docs/dialect-contract.md lists every word, primitive, method, flag and fault of the contract, as the code has them."""

from __future__ import annotations

import inspect
import re

import attrs
import pytest

from fhir4ds.dialect.driver import Cursor, Driver
from fhir4ds.dialect.faults import FaultKind
from fhir4ds.dialect.model import Capabilities, Dialect
from fhir4ds.dialect.primitives import PRIMITIVES
from fhir4ds.dialect.syntax import ItemForm, Syntax
from fhir4ds.dialect.types import SqlType
from tests.support.contract_page import PAGE, filled

_TEXT = PAGE.read_text("utf-8")


def _members(kind: type) -> list[str]:
    return [name for name in (*vars(kind).get("__annotations__", {}), *vars(kind)) if not name.startswith("_")]


def _methods(kind: type) -> list[str]:
    return [name for name, member in vars(kind).items() if inspect.isfunction(member) and not name.startswith("_")]


def _names(kind: type) -> list[str]:
    return [field.name for field in attrs.fields(kind)]


def test_page_is_what_the_code_says() -> None:
    assert filled(_TEXT) == _TEXT, "run: python -m tests.support.contract_page"


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("dialect", _names(Dialect)),
        ("capabilities", _names(Capabilities)),
        ("types", [type.name for type in SqlType]),
        ("attributes", [name for name in dict.fromkeys(_members(Syntax)) if name not in _methods(Syntax)]),
        ("words", _methods(Syntax)),
        ("primitives", list(PRIMITIVES)),
        ("driver", list(dict.fromkeys(_members(Driver)))),
        ("cursor", list(dict.fromkeys(_members(Cursor)))),
        ("faults", [kind.name for kind in FaultKind]),
    ],
)
def test_section_lists_all_and_nothing_else(section: str, expected: list[str]) -> None:
    table = _TEXT.partition(f"<!-- {section} -->")[2].partition(f"<!-- end of {section} -->")[0]
    assert re.findall(r"^\| `(\w+)", table, re.MULTILINE) == expected


def test_forms_of_collections_are_explained() -> None:
    assert set(re.findall(r"`ItemForm\.(\w+)`", _TEXT)) == {form.name for form in ItemForm}
