"""What the folder tree promises: layers, thin plugins, small modules, rooms for clocks and logs."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fhir4ds.testing.source import code, imported

_ROOT = Path(__file__).parents[2]
_PLUGINS = sorted(
    [*(_ROOT / "plugins").glob("fhir4ds-*/fhir4ds_*"), *(_ROOT / "tests" / "plugins").glob("fhir4ds-*/fhir4ds_*")]
)
_MODULES = sorted([*(_ROOT / "fhir4ds").rglob("*.py"), *(file for plugin in _PLUGINS for file in plugin.glob("*.py"))])

#: Lines of code, without blank lines, comments and docstrings.
_LIMITS = {"__init__.py": 40, "syntax.py": 250, "driver.py": 220}
_LONGEST_MODULE = 500

#: The database API of each plugin, which is the only library that it may import.
_LIBRARIES = {"fhir4ds_duckdb": "duckdb", "fhir4ds_postgres": "psycopg2", "fhir4ds_sqlite": "pysqlite3"}


def test_layers_hold() -> None:
    """import-linter finds every contract kept."""
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    assert command is not None, "import-linter is not installed"
    done = subprocess.run([command, "--no-cache"], cwd=_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_plugins_have_three_modules() -> None:
    assert [plugin.name for plugin in _PLUGINS] == list(_LIBRARIES)
    for plugin in _PLUGINS:
        assert sorted(file.name for file in plugin.glob("*.py")) == ["__init__.py", "driver.py", "syntax.py"]


@pytest.mark.parametrize("plugin", _PLUGINS, ids=lambda plugin: plugin.name)
def test_plugins_are_thin(plugin: Path) -> None:
    """One library and few lines; the rest is what the conformance kit asks of every plugin."""
    for file in plugin.glob("*.py"):
        text = file.read_text("utf-8")
        libraries = {module.partition(".")[0] for module in imported(text)} - sys.stdlib_module_names
        assert libraries <= {"fhir4ds", plugin.name, _LIBRARIES[plugin.name]}, file.name
        lines = len(code(text))
        assert lines <= _LIMITS[file.name], f"{file.name} has {lines} lines of code"


def test_a_dialect_can_be_short() -> None:
    """The one that the guide for authors builds needs no more lines than this, all counted."""
    plugin = next(plugin for plugin in _PLUGINS if plugin.name == "fhir4ds_sqlite")
    lines = {file.name: len(file.read_text("utf-8").splitlines()) for file in plugin.glob("*.py")}
    assert lines["syntax.py"] <= 250 and lines["driver.py"] <= 150, lines


@pytest.mark.parametrize("module", _MODULES, ids=lambda module: str(module.relative_to(_ROOT)))
def test_modules_are_small(module: Path) -> None:
    assert len(module.read_text("utf-8").splitlines()) <= _LONGEST_MODULE


def test_core_has_no_word_of_a_product_in_its_compiler() -> None:
    """What differs between databases stands in plugins; the compiler names none of them."""
    for room in ("plan", "functions", "compiler", "sql", "fhirpath"):
        for file in (_ROOT / "fhir4ds" / room).rglob("*.py"):
            text = file.read_text("utf-8")
            names = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)} | {*imported(text)}
            assert re.findall(r"duckdb|postgres", " ".join(names), re.IGNORECASE) == [], file
