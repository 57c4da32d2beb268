"""How a command ends: exit codes, and errors as messages for people, without secrets."""

from __future__ import annotations

import enum
import io
import os
import re
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TextIO

import click

from fhir4ds.errors import CompileError, EvaluationError, Fhir4dsError, QueryTimeout


class ExitCode(enum.IntEnum):
    """Exit codes; those of signals as shells number them."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    INTERRUPTED = 130
    TERMINATED = 143


#: Hints that name an option, where the library's own name a parameter.
_HINTS: Mapping[type[Fhir4dsError], str] = {QueryTimeout: "give it more time with --timeout SECONDS, or select less"}

#: What would make a terminal do something.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_SECRET_OPTION = re.compile(r"(?<=[?&])([^?&=]*(?:pass|secret|token)[^&=]*=)([^&]+)", re.IGNORECASE)


def report(error: BaseException, arguments: Sequence[str], *, debug: bool) -> ExitCode:
    """Tell a person on stderr what ended the command.

    Parameters
    ----------
    error : BaseException
        What was raised.
    arguments : sequence of str
        The command line; secrets in it are kept out of the message.
    debug : bool
        Whether the traceback is shown too.

    Returns
    -------
    ExitCode
        With which to exit.
    """
    _let_go(sys.stdout)
    if debug:
        tell(redacted("".join(traceback.format_exception(error)), arguments))
    code, hint = ExitCode.FAILURE, None
    match error:
        case click.Abort() | KeyboardInterrupt():
            tell("cancelled")
            return ExitCode.INTERRUPTED
        case click.exceptions.NoArgsIsHelpError():
            tell(error.format_message())
            return ExitCode.USAGE
        case click.UsageError():
            code, message = ExitCode.USAGE, error.format_message()
            if error.ctx is not None:
                hint = f"{error.ctx.command_path} --help"
        case click.ClickException():
            message = error.format_message()
        case Fhir4dsError():
            message, hint = _message(error), _HINTS.get(type(error)) or error.hint
        case OSError():
            message = f"{error.filename or 'cannot write'}: {error.strerror or type(error).__name__}"
        case _:
            # The text of an error that nobody foresaw may hold anything, patient data too.
            message = f"internal error: {type(error).__name__}"
            hint = "this is a fault of fhir4ds; --debug shows where it happened"
    tell(redacted(message, arguments), title="error", color="red")
    if hint is not None:
        tell(redacted(hint, arguments), title="hint", color="cyan")
    return code


def tell(message: str, *, title: str | None = None, color: str | None = None) -> None:
    """Write a message to stderr, in which nothing can command the terminal.

    Parameters
    ----------
    message : str
        One or more lines.
    title : str, optional
        A word to put before it.
    color : str, optional
        Colour of that word, where there is any.
    """
    head = "" if title is None else click.style(f"{title}:", fg=color, bold=True) + " "
    click.echo(head + printable(message).removesuffix("\n"), err=True, color=colors())


def printable(text: str) -> str:
    r"""The text with its control characters made visible; line breaks and tabs stay.

    Examples
    --------
    >>> print(printable("\x1b[31mred"))
    \x1b[31mred
    """
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def redacted(text: str, arguments: Sequence[str]) -> str:
    """The text without the secrets of the URLs among some arguments.

    Parameters
    ----------
    text : str
        A message, which may repeat an argument or a part of it.
    arguments : sequence of str
        A command line.

    Examples
    --------
    >>> redacted("no such file: postgresql://ada:s3cret@db/clinic", ["load", "postgresql://ada:s3cret@db/clinic"])
    'no such file: postgresql://ada:***@db/clinic'
    """
    for secret, shown in _secrets(arguments):
        # Messages quote with repr, which spells some characters in another way.
        for spelled in (secret, repr(secret)[1:-1]):
            text = text.replace(spelled, shown)
    return text


def _secrets(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    for argument in arguments:
        _, separator, rest = argument.partition("://")
        if not separator:
            continue
        # A password that is not percent-encoded, as it should be, may hold any character, @ and / among them.
        _, _, password = rest.rpartition("@")[0].partition(":")
        if password:
            yield f":{password}@", ":***@"
        for name, value in _SECRET_OPTION.findall(rest):
            yield name + value, name + "***"


def _message(error: Fhir4dsError) -> str:
    if isinstance(error, EvaluationError):
        # Shown as the compiler shows what it refuses.
        placed = CompileError(error.message, expression=error.expression, position=error.position)
        where = "" if error.key is None else f"\n    on the resource with the id {error.key}"
        return f"{placed}{where}"
    return str(error).removesuffix(f"\nhint: {error.hint}")


# --- the process and its terminal -------------------------------------------------------------------------------------


def colors() -> bool | None:
    """Whether output is coloured: never where NO_COLOR says so (https://no-color.org), else on a terminal only."""
    return False if os.environ.get("NO_COLOR") else None


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM, which `timeout` and schedulers send, end the command like an error: what it holds is let go of."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(ExitCode.TERMINATED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def silence(stream: TextIO) -> None:
    """Let what is left in a stream that cannot be written vanish; Python would complain about it at its exit."""
    with suppress(io.UnsupportedOperation):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _let_go(stream: TextIO) -> None:
    """Write what is left in a stream, if it can be written."""
    try:
        stream.flush()
    except OSError:
        silence(stream)
