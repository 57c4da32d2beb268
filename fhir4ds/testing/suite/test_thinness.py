"""A plugin supplies syntax and bindings, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from importlib import util
from pathlib import Path

import pytest

from fhir4ds.dialect.model import Dialect
from fhir4ds.plugin import SUPPORTED_API
from fhir4ds.registry import registry
from fhir4ds.testing.source import code, imported

#: Modules of the standard library that a plugin has no use for: policy is the core's.
_POLICY = {
    "asyncio",
    "concurrent",
    "logging",
    "multiprocessing",
    "queue",
    "random",
    "sched",
    "signal",
    "threading",
    "time",
    "warnings",
}

#: Well-known libraries of which the same is true.
_POLICY_LIBRARIES = {"backoff", "loguru", "stamina", "structlog", "tenacity"}

#: Words of FHIR and FHIRPath that have no business in a dialect.
_FHIR_WORDS = re.compile(
    r"\b(fhirpath|patient|observation|bundle|resourcetype|extension\(|questionnaire|ucum|humanname|viewdefinition)\b",
    re.IGNORECASE,
)

_LONGEST_MODULE = 500


@pytest.fixture(scope="module")
def modules(dialect: Dialect) -> Sequence[Path]:
    """The plugin's own modules."""
    package = type(dialect.syntax).__module__.partition(".")[0]
    spec = util.find_spec(package)
    assert spec is not None and spec.origin is not None
    places = spec.submodule_search_locations
    return sorted(Path(places[0]).rglob("*.py")) if places else [Path(spec.origin)]


def test_dialect_speaks_an_api_that_there_is(dialect: Dialect) -> None:
    """Its number is one that this core can work with, and its name is that of its entry point."""
    assert dialect.api in SUPPORTED_API
    assert dialect.schemes and dialect.name == dialect.name.lower()
    assert registry.for_url(f"{dialect.schemes[0]}://") is dialect


def test_plugin_imports_the_plugin_api_only(modules: Sequence[Path]) -> None:
    """What stands elsewhere in the core may change with any release."""
    found = {module for file in modules for module in imported(file.read_text("utf-8"))}
    core = {module for module in found if module.partition(".")[0] == "fhir4ds"}
    assert core <= {"fhir4ds.plugin"}, sorted(core)


def test_plugin_has_no_policy(modules: Sequence[Path]) -> None:
    """No clock, no thread, no chance, no log and no retry: those are the runtime's, once for all dialects."""
    found = {module.partition(".")[0] for file in modules for module in imported(file.read_text("utf-8"))}
    assert not found & (_POLICY | _POLICY_LIBRARIES), sorted(found & (_POLICY | _POLICY_LIBRARIES))


def test_plugin_does_not_speak_of_fhir(modules: Sequence[Path]) -> None:
    """What resources and expressions mean is the compiler's business."""
    words = {file.name: _FHIR_WORDS.findall("\n".join(code(file.read_text("utf-8")))) for file in modules}
    assert not any(words.values()), words


def test_modules_of_the_plugin_are_small(modules: Sequence[Path]) -> None:
    """If a dialect needs much code, the core lacks a word."""
    long = {
        file.name: lines for file in modules if (lines := len(file.read_text("utf-8").splitlines())) > _LONGEST_MODULE
    }
    assert not long, f"more than {_LONGEST_MODULE} lines: {long}"


def test_looking_a_dialect_up_imports_no_driver(dialect: Dialect) -> None:
    """Compiling works without the database API, and costs no time for it."""
    code = (
        "import sys; from fhir4ds.registry import registry; "
        f"registry.get({dialect.name!r}); sys.exit({dialect.driver_module!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False)  # noqa: S603 - our own.returncode == 0
