"""The conformance kit has a case for every word of the contract."""

from __future__ import annotations

import inspect

from fhir4ds.dialect.primitives import PRIMITIVES
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.testing import suite
from fhir4ds.testing.cases.primitives import CLOCKS, MEANINGS, PATTERNS
from fhir4ds.testing.cases.words import EXPRESSIONS
from fhir4ds.testing.chapters import CHAPTERS
from fhir4ds.testing.suite import test_statements as statements


def test_every_word_has_a_case() -> None:
    """A new word comes with a case that holds on every database."""
    words = {name for name, _ in inspect.getmembers(Syntax, inspect.isfunction) if not name.startswith("_")}
    assert words == set(EXPRESSIONS) | set(statements.STATEMENTS)
    assert all(callable(getattr(statements, test, None)) for test in statements.STATEMENTS.values())


def test_every_primitive_has_a_case() -> None:
    """A new primitive comes with arguments and values that hold on every database."""
    assert set(PRIMITIVES) == {*MEANINGS, *CLOCKS, *PATTERNS}


def test_one_import_brings_every_test() -> None:
    """What a plugin imports are the tests of all chapters."""
    for chapter in CHAPTERS:
        module = inspect.getmodule(getattr(suite, f"test_{chapter}"))
        assert module is not None
        tests = {name for name in vars(module) if name.startswith("test_")}
        assert tests and tests <= set(suite.__all__)
