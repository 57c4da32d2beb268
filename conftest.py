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

#: Tests whose examples say which lines of the core they are about. Others try many inputs, measure or take their time, and
#: would only be slow under a tracer.
_TRACED = ("integration", "unit")


def _is_in(item: pytest.Item, places: tuple[str, ...]) -> bool:
    return any(item.path.is_relative_to(_TESTS / place) for place in places)


def _is_of_chapter(item: pytest.Item, chapters: tuple[str, ...]) -> bool:
    module = item.function.__module__ if isinstance(item, pytest.Function) else ""
    return module in {f"fhir4ds.testing.suite.test_{chapter}" for chapter in chapters}


def _is_a_law(item: pytest.Item) -> bool:
    """Whether hypothesis makes up the inputs."""
    return isinstance(item, pytest.Function) and getattr(item.obj, "is_hypothesis_test", False)


def _is_a_second_time(item: pytest.Item) -> bool:
    """Whether an example goes the way through the core that it has gone for DuckDB."""
    return _is_in(item, ("unit/docs", "unit/functions")) and item.get_closest_marker("postgres") is not None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that are run alone, since all others may share the machine, and those that earn no coverage."""
    for item in items:
        if not _is_in(item, _TRACED) or _is_a_law(item) or _is_a_second_time(item):
            item.add_marker("no_cover")
        if (_is_in(item, _ALONE) and not _is_in(item, _SHARED)) or _is_of_chapter(item, _ALONE_CHAPTERS):
            item.add_marker("alone")
