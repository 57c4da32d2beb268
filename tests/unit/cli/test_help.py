"""Help: whole where it is stable, quick, and the same promises from every command."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module, metadata

import click
import pytest
from click.testing import CliRunner

from fhir4ds.cli import cli
from fhir4ds.cli.command import Taught

_NAMES = ["query", "view", "load", "sql", "dialects", "doctor", "conformance", "new-dialect"]

_HELP = """\
Usage: fhir4ds [OPTIONS] COMMAND [ARGS]...

  Ask FHIR resources with FHIRPath, as SQL, where they are.

  Data goes to stdout, everything else to stderr. 'fhir4ds COMMAND --help'
  explains a command.

Options:
  --version   Show the version and exit.
  --verbose   Show events on stderr.
  --debug     Show tracebacks.
  -h, --help  Show this message and exit.

Commands:
  query        Evaluate a FHIRPath expression over files or a database.
  view         Flatten resources into rows, as a ViewDefinition says.
  load         Load resources into a database, each exactly once.
  sql          Print the SQL that an expression becomes; needs no database.
  dialects     List the installed dialects and what they can do.
  doctor       Find out why a database cannot be queried, step by step.
  conformance  Run an official test suite in a database.
  new-dialect  Write the skeleton of a dialect plugin.

Examples:
  # All given names in the files of a folder
  fhir4ds query 'Patient.name.given' export/
  # Load an export into a DuckDB file
  fhir4ds load export/ --to clinic.duckdb
  # Ask that file
  fhir4ds query "Patient.where(gender = 'female').birthDate" clinic.duckdb

Exit codes:
  0    It worked.
  1    It failed; stderr says why.
  2    It was called wrongly.
  130  It was cancelled with Ctrl-C.
"""

#: What takes time to import and has no part in help.
_HEAVY = ("duckdb", "psycopg2", "rich", "structlog", "pluggy", "fhir4ds.compiler", "fhir4ds.fhir", "fhir4ds.registry")


def shown(*arguments: str) -> str:
    done = CliRunner().invoke(cli, arguments, prog_name="fhir4ds")
    assert done.exit_code == 0
    return done.stdout


def test_help_of_the_program() -> None:
    assert shown("--help") == _HELP
    assert shown("-h") == _HELP


def test_commands_are_what_help_lists() -> None:
    assert cli.list_commands(click.Context(cli)) == _NAMES


@pytest.mark.parametrize("name", _NAMES)
def test_help_of_a_command(name: str) -> None:
    command = import_module(f"fhir4ds.cli.{name.replace('-', '_')}").command
    assert isinstance(command, Taught)
    assert command.name == name
    text = shown(name, "--help")
    assert text.startswith(f"Usage: fhir4ds {name} ")
    taught, _, codes = text.partition("\nExamples:\n")[2].partition("\nExit codes:\n")
    assert taught.splitlines() == [f"  {line}" for what, call in command.examples for line in (f"# {what}", call)]
    assert [line.split()[0] for line in codes.splitlines() if line[2] != " "] == ["0", "1", "2", "130"]
    assert max(map(len, text.partition("\nExamples:\n")[0].splitlines())) <= 80
    assert max(map(len, taught.splitlines())) <= 96


@pytest.mark.parametrize("name", _NAMES)
def test_every_command_explains_its_options(name: str) -> None:
    command = import_module(f"fhir4ds.cli.{name.replace('-', '_')}").command
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


def test_version() -> None:
    assert shown("--version") == f"fhir4ds {metadata.version('fhir4ds')}\n"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from fhir4ds.cli import main\n"
        "try:\n    main(['--help'])\n"
        f"finally:\n    print([name for name in {_HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == _HELP
    assert done.stderr == "[]\n"
