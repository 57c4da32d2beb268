"""What all commands have in common: help that teaches by examples, and the options ``--verbose`` and ``--debug``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import click

from fhir4ds.cli.exits import ExitCode

#: What exit codes mean in every command; 1 is explained by each.
_MEANINGS: Mapping[int, str] = {
    ExitCode.OK: "It worked.",
    ExitCode.FAILURE: "It failed; stderr says why.",
    ExitCode.USAGE: "It was called wrongly.",
    ExitCode.INTERRUPTED: "It was cancelled with Ctrl-C.",
}


@attrs.define
class Call:
    """What every command may want to know about how it was called.

    Parameters
    ----------
    arguments : sequence of str
        The command line; what may repeat a part of it keeps its secrets.
    debug : bool
        Show the traceback of an error.
    verbose : bool
        Show events.
    """

    arguments: Sequence[str] = ()
    debug: bool = False
    verbose: bool = False


class Taught(click.Command):
    """A command whose help ends with examples and with the meaning of its exit codes.

    Parameters
    ----------
    name : str
        As it is typed.
    examples : sequence of (str, str)
        What a reader may want, and the command line that does it.
    meanings : Mapping of int to str
        What exit codes mean, where this command says it better.
    **settings
        As for `click.Command`.
    """

    def __init__(
        self,
        name: str | None,
        *,
        examples: Sequence[tuple[str, str]] = (),
        meanings: Mapping[int, str] | None = None,
        params: list[click.Parameter] | None = None,
        **settings: Any,
    ) -> None:
        common = [
            click.Option(
                ["--verbose"], is_flag=True, expose_value=False, callback=_show_events, help="Show events on stderr."
            ),
            click.Option(
                ["--debug"], is_flag=True, expose_value=False, callback=_show_traceback, help="Show tracebacks."
            ),
        ]
        super().__init__(name, params=[*(params or ()), *common], **settings)
        self.examples = tuple(examples)
        self.meanings = {**_MEANINGS, **(meanings or {})}

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples"):
            for purpose, line in self.examples:
                indent = " " * formatter.current_indent
                formatter.write(f"{indent}# {purpose}\n{indent}{line}\n")
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), meaning) for code, meaning in self.meanings.items()])


def call() -> Call:
    """How the command was called that is running."""
    return click.get_current_context().ensure_object(Call)


def _show_traceback(ctx: click.Context, _: click.Parameter, given: bool) -> None:
    ctx.ensure_object(Call).debug |= given


def _show_events(ctx: click.Context, _: click.Parameter, given: bool) -> None:
    current = ctx.ensure_object(Call)
    if given and not current.verbose:
        from fhir4ds import events

        events.show(sys.stderr)
        current.verbose = True
