"""What the folder tree promises: layers, thin plugins, small modules, rooms for clocks and logs."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_PLUGINS = sorted(
    [*(_ROOT / "plugins").glob("fhir4ds-*/fhir4ds_*"), *(_ROOT / "tests" / "plugins").glob("fhir4ds-*/fhir4ds_*")]
)
_MODULES = sorted([*(_ROOT / "fhir4ds").rglob("*.py"), *(file for plugin in _PLUGINS for file in plugin.glob("*.py"))])

#: Lines of code, without blank lines, comments and docstrings.
_LIMITS = {"__init__.py": 40, "syntax.py": 250, "driver.py": 220}
_LONGEST_MODULE = 500

#: What a plugin may import beside its own modules, the plugin API and its driver.
_ALLOWED = {
    "fhir4ds_duckdb": {"duckdb"},
    "fhir4ds_postgres": {"psycopg2"},
    "fhir4ds_sqlite": {"sqlite3"},
}
#: Those that these tests find in the registry.
_INSTALLED = {"fhir4ds_duckdb", "fhir4ds_postgres"}
_POLICY = {
    "time",
    "threading",
    "random",
    "logging",
    "structlog",
    "tenacity",
    "stamina",
    "asyncio",
    "concurrent",
    "queue",
}

#: Words of FHIR and FHIRPath that have no business in a dialect.
_FHIR_WORDS = re.compile(
    r"\b(fhirpath|patient|observation|bundle|resourcetype|extension\(|questionnaire|ucum|humanname|viewdefinition)\b",
    re.IGNORECASE,
)


def test_layers_hold() -> None:
    """import-linter finds every contract kept."""
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    assert command is not None, "import-linter is not installed"
    done = subprocess.run([command, "--no-cache"], cwd=_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_plugins_have_three_modules() -> None:
    assert [plugin.name for plugin in _PLUGINS] == list(_ALLOWED)
    for plugin in _PLUGINS:
        assert sorted(file.name for file in plugin.glob("*.py")) == ["__init__.py", "driver.py", "syntax.py"]


@pytest.mark.parametrize("plugin", _PLUGINS, ids=lambda plugin: plugin.name)
def test_plugins_are_thin(plugin: Path) -> None:
    """No policy, nothing of the core but its plugin API, no word of FHIR, and few lines."""
    for file in plugin.glob("*.py"):
        text = file.read_text("utf-8")
        for module in _imported(ast.parse(text)):
            top = module.split(".")[0]
            assert top not in _POLICY, f"{file.name} imports {module}"
            if top == "fhir4ds":
                assert module == "fhir4ds.plugin", f"{file.name} imports {module}"
            elif top not in sys.stdlib_module_names and top != plugin.name:
                assert top in _ALLOWED[plugin.name], f"{file.name} imports {module}"
        words = _FHIR_WORDS.findall(_without_comments(text))
        assert words == [], f"{file.name} speaks of {words}"
        assert _code_lines(text) <= _LIMITS[file.name], f"{file.name} has {_code_lines(text)} lines of code"


def test_a_dialect_can_be_short() -> None:
    """The one that the guide for authors builds needs no more lines than this, all counted."""
    plugin = next(plugin for plugin in _PLUGINS if plugin.name == "fhir4ds_sqlite")
    lines = {file.name: len(file.read_text("utf-8").splitlines()) for file in plugin.glob("*.py")}
    assert lines["syntax.py"] <= 250 and lines["driver.py"] <= 150, lines


@pytest.mark.parametrize("plugin", [plugin for plugin in _PLUGINS if plugin.name in _INSTALLED], ids=lambda p: p.name)
def test_loading_a_plugin_imports_no_driver(plugin: Path) -> None:
    driver = next(iter(_ALLOWED[plugin.name]))
    code = f"import sys; from fhir4ds.registry import registry; registry.names(); sys.exit({driver!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("module", _MODULES, ids=lambda module: str(module.relative_to(_ROOT)))
def test_modules_are_small(module: Path) -> None:
    assert len(module.read_text("utf-8").splitlines()) <= _LONGEST_MODULE


def test_core_has_no_word_of_a_product_in_its_compiler() -> None:
    """What differs between databases stands in plugins; the compiler names none of them."""
    for room in ("plan", "functions", "compiler", "sql", "fhirpath"):
        for file in (_ROOT / "fhir4ds" / room).rglob("*.py"):
            code = "\n".join(line for line in _without_strings(file.read_text("utf-8")))
            assert re.findall(r"duckdb|postgres", code, re.IGNORECASE) == [], file


def _imported(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.module != "__future__":
            found.append(node.module)
    return found


def _docstring_lines(tree: ast.AST) -> set[int]:
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def _code_lines(text: str) -> int:
    documented = _docstring_lines(ast.parse(text))
    lines = enumerate(text.splitlines(), start=1)
    return sum(
        number not in documented and bool(line.strip()) and not line.strip().startswith("#") for number, line in lines
    )


def _without_comments(text: str) -> str:
    documented = _docstring_lines(ast.parse(text))
    lines = enumerate(text.splitlines(), start=1)
    return "\n".join(line.partition("# ")[0] for number, line in lines if number not in documented)


def _without_strings(text: str) -> list[str]:
    tree = ast.parse(text)
    return [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)] + _imported(tree)
