"""Examples in documentation and docstrings run, and commands in documentation do what they say."""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import fhir4ds

_ROOT = Path(__file__).parents[3]
_PAGES = [_ROOT / "README.md", *sorted((_ROOT / "docs").rglob("*.md"))]
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)

#: Not run: they make models and tables of units from packages that are not installed here.
_GENERATORS = ("fhir4ds.fhir.generate", "fhir4ds.ucum.generate", "fhir4ds.__main__")

_MODULES = [
    module.name
    for module in pkgutil.walk_packages(fhir4ds.__path__, "fhir4ds.")
    if not module.name.startswith(_GENERATORS)
]


@pytest.mark.parametrize("name", ["fhir4ds", *_MODULES])
def test_docstrings(name: str) -> None:
    results = doctest.testmod(importlib.import_module(name), optionflags=_FLAGS, extraglobs={"my_dialect": None})
    assert results.failed == 0


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_python_in_pages(page: Path) -> None:
    for block in _PYTHON.findall(page.read_text("utf-8")):
        if ">>>" not in block:
            compile(block, str(page), "exec")
            continue
        test = doctest.DocTestParser().get_doctest(block, {}, str(page), str(page), 0)
        runner = doctest.DocTestRunner(optionflags=_FLAGS)
        runner.run(test)
        assert runner.failures == 0


def _commands() -> list[tuple[str, str]]:
    return [
        (str(page.relative_to(_ROOT)), line.removeprefix("$ "))
        for page in _PAGES
        for block in _CONSOLE.findall(page.read_text("utf-8"))
        for line in block.splitlines()
        if line.startswith("$ ")
    ]


@pytest.mark.postgres
def test_commands_in_pages(postgres_url: str, tmp_path: Path) -> None:
    """Every command of every page succeeds, in the order in which a reader meets them."""
    export = tmp_path / "export"
    export.mkdir()
    (export / "patients.json").write_text((_ROOT / "tests/fixtures/fhir/patients.json").read_text("utf-8"), "utf-8")
    (export / "more.ndjson").write_text((_ROOT / "tests/fixtures/fhir/hard-cases.ndjson").read_text("utf-8"), "utf-8")
    commands = _commands()
    assert len(commands) >= 9
    for page, command in commands:
        arguments = shlex.split(command.replace("postgresql://user@host/database", postgres_url))
        assert arguments[0] == "fhir4ds", f"{page}: {command}"
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ,
        )
        assert done.returncode == 0, f"{page}: {command}\n{done.stdout}{done.stderr}"
