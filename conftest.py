"""What the tests of the core and of the plugins share: real databases, and the conformance kit."""

from __future__ import annotations

from pathlib import Path

import pytest

#: Each is a repository of its own, with its own settings of pytest.
collect_ignore = ["tests/plugins"]

pytest_plugins = ["pytester", "fhir4ds.testing", "tests.support.postgres_databases"]

_TESTS = Path(__file__).parent / "tests"
#: Tests that measure time, count connections of a server or send signals: nothing else may run beside them.
_ALONE = (
    "faults",
    "integration/cli/test_process.py",
    "integration/drivers",
    "integration/runtime",
    "soak",
    "unit/runtime",
)
#: The chapters of the conformance kit that do so.
_ALONE_CHAPTERS = ("driver", "faults", "runtime", "streaming")
#: Tests among them that have a clock of their own, and take long.
_SHARED = ("unit/runtime/test_pool_laws.py", "unit/runtime/test_pool_laws_can_fail.py")
#: Tests that earn coverage of the core: examples of every unit, and what needs a database or a process to be reached. With
#: a tracer tests take twice as long.
_TRACED = (
    "integration/cli",
    "integration/fhirpath/test_contained_resources.py",
    "integration/fhirpath/test_terminology.py",
    "integration/views",
    "unit",
)


def _is_in(item: pytest.Item, places: tuple[str, ...]) -> bool:
    return any(item.path.is_relative_to(_TESTS / place) for place in places)


def _is_of_chapter(item: pytest.Item, chapters: tuple[str, ...]) -> bool:
    module = item.function.__module__ if isinstance(item, pytest.Function) else ""
    return module in {f"fhir4ds.testing.suite.test_{chapter}" for chapter in chapters}


def _is_an_example(item: pytest.Item) -> bool:
    """Whether a test is about one input, which hypothesis has not made up, and not about one that DuckDB has had before."""
    if _is_in(item, ("unit",)) and item.get_closest_marker("postgres") is not None:
        return False
    return not (isinstance(item, pytest.Function) and getattr(item.obj, "is_hypothesis_test", False))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that are run alone, as others may share the machine, and of those the ones that earn coverage."""
    for item in items:
        if (_is_in(item, _ALONE) and not _is_in(item, _SHARED)) or _is_of_chapter(item, _ALONE_CHAPTERS):
            item.add_marker("alone")
        elif _is_in(item, _TRACED) and _is_an_example(item):
            item.add_marker("traced")
