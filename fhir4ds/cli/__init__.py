"""The command line: one thin module per command."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module, metadata
from typing import Any

import click

from fhir4ds.errors import Fhir4dsError
from fhir4ds.suggestion import did_you_mean

#: The commands, in the order of ``--help``, and what each does in a few words. Their modules are imported when they run.
_COMMANDS = {
    "query": "Evaluate a FHIRPath expression over files or a database.",
    "load": "Load resources into a database, each exactly once.",
    "sql": "Print the SQL that an expression becomes; needs no database.",
    "dialects": "List the installed dialects and what they can do.",
    "doctor": "Find out why a database cannot be queried, step by step.",
}

#: Exit codes: a failure, a wrong call, and an interruption, as shells number it.
FAILURE, INTERRUPTED = 1, 130


class _Group(click.Group):
    """Finds commands by name and imports them late, so that ``--help`` is there at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"fhir4ds.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            close = did_you_mean(args[0], _COMMANDS)
            raise click.UsageError(f"there is no command {args[0]!r}" + (f"; {close}" if close else ""), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.command(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(metadata.version("fhir4ds"), "--version", prog_name="fhir4ds")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    r"""Ask FHIR resources with FHIRPath, as SQL, where they are.

    \b
    fhir4ds query 'Patient.name.given' export/
    fhir4ds load export/ --to duckdb:///clinic.duckdb
    fhir4ds query "Patient.where(gender = 'female').birthDate" clinic.duckdb

    Data goes to stdout, everything else to stderr. Exit codes: 0 it worked, 1 it failed, 2 it was called wrongly.
    """
    ctx.obj = {"debug": debug}


def main(arguments: Sequence[str] | None = None) -> Any:
    """Run the command line and exit.

    Parameters
    ----------
    arguments : sequence of str, optional
        Instead of those of the process.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        sys.exit(cli.main(args=list(arguments), prog_name="fhir4ds", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("cancelled", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever reads has seen enough; a second complaint at exit would follow without this.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Fhir4dsError as error:
        if "--debug" in arguments:
            raise
        click.echo(f"error: {error}", err=True)
        sys.exit(FAILURE)
