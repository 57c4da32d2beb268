"""The command line: one thin module per command, imported when it runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import click

from fhir4ds.cli.command import Call, Taught
from fhir4ds.cli.exits import ExitCode, colors, report, silence, terminable

#: The commands, in the order of ``--help``, and what each does in a few words.
_COMMANDS = {
    "query": "Evaluate a FHIRPath expression over files or a database.",
    "view": "Flatten resources into rows, as a ViewDefinition says.",
    "load": "Load resources into a database, each exactly once.",
    "sql": "Print the SQL that an expression becomes; needs no database.",
    "dialects": "List the installed dialects and what they can do.",
    "doctor": "Find out why a database cannot be queried, step by step.",
    "conformance": "Run an official test suite in a database.",
    "new-dialect": "Write the skeleton of a dialect plugin.",
}


class _Group(Taught, click.Group):
    """Finds commands by name and imports them late, so that ``--help`` is there at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"fhir4ds.cli.{cmd_name.replace('-', '_')}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            from fhir4ds.suggestion import did_you_mean

            close = did_you_mean(args[0], _COMMANDS)
            raise click.UsageError(f"there is no command {args[0]!r}" + (f"; {close}" if close else ""), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        """Run the command and deliver all of its output, as long as somebody reads it."""
        try:
            result: object = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever reads, such as head, has seen enough. That is no failure: the reader's own exit code tells whether
            # it got what it wanted.
            silence(sys.stdout)
            ctx.exit(ExitCode.OK)
        return result


@click.command(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    examples=(
        ("All given names in the files of a folder", "fhir4ds query 'Patient.name.given' export/"),
        ("Load an export into a DuckDB file", "fhir4ds load export/ --to clinic.duckdb"),
        ("Ask that file", "fhir4ds query \"Patient.where(gender = 'female').birthDate\" clinic.duckdb"),
    ),
)
@click.version_option(package_name="fhir4ds", prog_name="fhir4ds", message="%(prog)s %(version)s")
def cli() -> None:
    """Ask FHIR resources with FHIRPath, as SQL, where they are.

    Data goes to stdout, everything else to stderr. 'fhir4ds COMMAND --help' explains a command.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Parameters
    ----------
    arguments : sequence of str, optional
        Instead of those of the process.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    call = Call(given)
    try:
        with terminable():
            code = cli.main(args=given, prog_name="fhir4ds", standalone_mode=False, obj=call, color=colors())
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - a person gets a message, whatever it is
        code = report(error, given, debug=call.debug)
    sys.exit(code or ExitCode.OK)
