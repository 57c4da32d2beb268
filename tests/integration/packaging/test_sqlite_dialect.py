"""The dialect of the guide for authors, as its author has it: a repository of its own, installed, and tested by the kit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

_PROJECT = Path(__file__).parents[2] / "plugins" / "fhir4ds-sqlite"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository, so that nothing beside it is found by chance."""
    return Path(shutil.copytree(_PROJECT, tmp_path_factory.mktemp("repository") / _PROJECT.name))


@pytest.fixture(scope="module")
def environment(project: Path) -> dict[str, str]:
    """An environment in which its wheel is installed."""
    site = project.parent / "site"
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--no-build-isolation", "--quiet"]
    subprocess.run([*command, "--target", str(site), str(project)], check=True, capture_output=True, text=True)
    shutil.rmtree(project / "fhir4ds_sqlite")  # what is tested is what is installed
    return {**os.environ, "PYTHONPATH": str(site)}


def test_it_is_discovered(environment: dict[str, str], project: Path) -> None:
    """By its entry point, beside the others."""
    command = [sys.executable, "-m", "fhir4ds", "dialects", "--json"]
    done = subprocess.run(command, env=environment, cwd=project, capture_output=True, text=True, check=True)
    found = {dialect["name"]: dialect for dialect in json.loads(done.stdout)}
    assert set(found) == {"duckdb", "postgres", "sqlite"}
    assert found["sqlite"]["status"] == "ok" and found["sqlite"]["driver"] is True
    assert found["sqlite"]["origin"]["distribution"] == "fhir4ds-sqlite"


def test_it_answers(environment: dict[str, str], project: Path) -> None:
    """The command line works with it as with any other."""
    patients = project / "patients.ndjson"
    patients.write_text('{"resourceType": "Patient", "id": "p1", "name": [{"given": ["Ada", "Eve"]}]}\n', "utf-8")
    for arguments in (
        ["load", str(patients), "--to", "sqlite:///clinic.sqlite"],
        ["query", "Patient.name.given", "clinic.sqlite", "--format", "csv"],
    ):
        command = [sys.executable, "-m", "fhir4ds", *arguments]
        done = subprocess.run(command, env=environment, cwd=project, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["id,value", "p1,Ada", "p1,Eve"]


def test_it_passes_the_required_tier(environment: dict[str, str], project: Path) -> None:
    """The one import is its whole test suite, of which nothing is left out."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--report", "report.json"]
    done = subprocess.run(command, env=environment, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    report = json.loads((project / "report.json").read_text("utf-8"))["sqlite"]
    required = Counter(case["outcome"] for case in report["cases"] if case["tier"] == "required")
    assert set(required) == {"passed"} and required["passed"] > 800
    assert report["capabilities"] == ["server_cursor", "embedded"]
