"""Every example that help shows works as it stands."""

from __future__ import annotations

import gzip
import re
import shlex
import shutil
from importlib import import_module
from pathlib import Path

import pytest

from fhir4ds.cli import cli
from tests.integration.cli.running import HARD_CASES, PATIENTS, run

_COMMANDS = [
    import_module(f"fhir4ds.cli.{name}").command for name in ("load", "query", "view", "sql", "dialects", "doctor")
]


@pytest.mark.postgres
def test_examples_of_help(postgres_url: str, tmp_path: Path) -> None:
    """In the order in which one would try them: load first."""
    export = tmp_path / "export"
    export.mkdir()
    (export / "patients.json").write_bytes(Path(PATIENTS).read_bytes())
    (export / "more.ndjson.gz").write_bytes(gzip.compress(Path(HARD_CASES).read_bytes()))
    shutil.copy(Path(__file__).parents[3] / "docs" / "views" / "demographics.json", tmp_path)
    lines = [line for command in (*_COMMANDS, cli) for _, line in command.examples]
    assert len(lines) >= 15
    for line in lines:
        words = shlex.split(re.sub(r"postgresql://[^ ]+", postgres_url, line))
        environment = {}
        while "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            environment[name] = value
        assert words.pop(0) == "fhir4ds"
        done = run(*words, cwd=tmp_path, **environment)
        assert (done.code, done.err) == (0, ""), f"{line}\n{done.out}{done.err}"
