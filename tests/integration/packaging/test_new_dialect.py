"""What ``fhir4ds new-dialect`` writes can be installed, is discovered, and fails only where it says TODO."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def run(*command: str, cwd: Path, path: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, "-m", *command], env=environment, cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the skeleton and, under ``site``, its installed wheel."""
    folder = tmp_path_factory.mktemp("skeleton")
    written = run("fhir4ds", "new-dialect", "acmedb", cwd=folder)
    assert written.returncode == 0, written.stderr
    assert written.stdout.splitlines() == [
        f"fhir4ds-acmedb/{name}"
        for name in (
            "README.md",
            "fhir4ds_acmedb/__init__.py",
            "fhir4ds_acmedb/driver.py",
            "fhir4ds_acmedb/py.typed",
            "fhir4ds_acmedb/syntax.py",
            "pyproject.toml",
            "tests/conformance.toml",
            "tests/test_conformance.py",
        )
    ]
    options = ["--no-index", "--no-deps", "--no-build-isolation", "--quiet", "--target", "site"]
    installed = run("pip", "install", *options, "./fhir4ds-acmedb", cwd=folder)
    assert installed.returncode == 0, installed.stderr
    return folder


def test_it_is_discovered(folder: Path) -> None:
    """Nothing of it is broken; its driver is what is missing."""
    done = run("fhir4ds", "dialects", "--json", cwd=folder, path=str(folder / "site"))
    [found] = [dialect for dialect in json.loads(done.stdout) if dialect["name"] == "acmedb"]
    assert (found["status"], found["driver"]) == ("ok", False)
    assert found["origin"] == {"distribution": "fhir4ds-acmedb", "version": "0.1.0"}


def test_it_fails_where_it_says_todo(folder: Path) -> None:
    """The plugin is thin from the beginning; what the kit finds missing is what the files say is missing."""
    project = folder / "fhir4ds-acmedb"
    arguments = ["pytest", "-p", "no:cacheprovider", "--tb=line", "--url", "acmedb://h/d", "--report", "report.json"]
    done = run(*arguments, cwd=project, path=str(folder / "site"))
    assert done.returncode == 1
    cases = json.loads((project / "report.json").read_text("utf-8"))["acmedb"]["cases"]
    assert {case["outcome"] for case in cases if case["case"].startswith("thinness/")} == {"passed"}
    assert {case["outcome"] for case in cases if not case["case"].startswith("thinness/")} == {"failed"}
    short = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    assert not short or len(short) == sum(case["outcome"] == "failed" for case in cases)
    raised = {line.split("Error: ")[-1] for line in done.stdout.splitlines() if line.startswith("E   ")}
    assert raised and all(line.startswith("TODO: ") for line in raised), raised


def test_files_hold_no_word_of_the_template(folder: Path) -> None:
    """Every placeholder was filled."""
    for file in (folder / "fhir4ds-acmedb").rglob("*"):
        if file.is_file() and file.suffix in {".py", ".toml", ".md"}:
            text = file.read_text("utf-8")
            assert "NAME" not in text and "CLASS" not in text, file


@pytest.mark.parametrize("name", ["My-DB", "9db", "a b", "../x", ""])
def test_names_that_do_not_do(tmp_path: Path, name: str) -> None:
    """One message, exit code 1, and nothing is written."""
    done = run("fhir4ds", "new-dialect", "--", name, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: a dialect cannot be called {name!r}\nhint: small letters and digits, a letter first, such as acmedb\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_stays(tmp_path: Path) -> None:
    """Nothing is overwritten."""
    (tmp_path / "fhir4ds-acmedb").mkdir()
    done = run("fhir4ds", "new-dialect", "acmedb", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: fhir4ds-acmedb is there already\n")
    assert list((tmp_path / "fhir4ds-acmedb").iterdir()) == []
