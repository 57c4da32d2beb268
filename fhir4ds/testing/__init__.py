"""The conformance kit: tests with which the author of a dialect proves it.

It is a pytest plugin that nobody gets unasked. In the repository of a dialect it takes two files::

    # tests/conftest.py
    pytest_plugins = ["fhir4ds.testing"]

    # tests/test_conformance.py
    from fhir4ds.testing.suite import *

and without any file ``pytest -p fhir4ds.testing --pyargs fhir4ds.testing.suite --dialect NAME --url URL`` does the same.

Tests are cases of chapters, such as ``driver/cancelled-from-another-thread``. Most belong to the *required* tier, which
every dialect must pass; the others prove one of the `Capabilities` that a dialect claims, and are left out where it does
not claim it. What a dialect cannot do yet it says in ``conformance.toml`` beside the tests (`fhir4ds.testing.gaps`).
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("fhir4ds.testing")

from fhir4ds.testing.collecting import (  # noqa: E402 - after the rewriting of assertions is asked for
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_generate_tests,
)
from fhir4ds.testing.fixtures import connection, database, dialect, driver, engine, target, url  # noqa: E402

__all__ = [
    "connection",
    "database",
    "dialect",
    "driver",
    "engine",
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_generate_tests",
    "target",
    "url",
]
