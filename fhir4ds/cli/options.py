"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., object])

_MODELS = ("R4", "R4B", "R5", "none")

_PARAM_HELP = (
    "Value of %NAME in the expression; may be given several times. It is text, unless NAME:TYPE=VALUE says otherwise: "
    "Boolean, Integer, Decimal, Date, DateTime, Time, String. Values are bound, never pasted."
)

#: Parameters of `Database.stream`, which takes variables beside them.
_TAKEN = frozenset({"batch_size", "files", "on_error", "resource_type", "strict", "timeout"})

table_option = click.option(
    "--table", metavar="[SCHEMA.]NAME", default="resource", show_default=True, help="Table of the resources."
)


model_option = click.option(
    "--model",
    type=click.Choice(_MODELS, case_sensitive=False),
    metavar=f"[{'|'.join(_MODELS)}]",
    default="R4",
    show_default=True,
    help="FHIR version of the resources; none navigates any JSON.",
)

timeout_option = click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Longest wait for rows, 30 by default; inf waits for ever.",
)


def expression_options(command: F) -> F:
    """Options of commands that compile an expression."""
    for option in (
        table_option,
        click.option("--strict", is_flag=True, help="Enforce the specification's strict rules."),
        model_option,
        click.option("--resource-type", metavar="TYPE", help="What the expression is about, if it does not say so."),
        click.option("--param", "parameters", multiple=True, metavar="NAME[:TYPE]=VALUE", help=_PARAM_HELP),
    ):
        command = option(command)
    return command


def read_model(name: str) -> str | None:
    """The model that ``--model`` names."""
    return None if name == "none" else name


def read_table(name: str) -> str | tuple[str, str]:
    """The table that ``--table`` names, apart from its schema."""
    schema, separator, table = name.partition(".")
    return (schema, table) if separator else name


def read_parameters(
    given: Sequence[str],
    *,
    option: str = "--param",
    taken: Collection[str] = _TAKEN,
    types: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Read ``NAME=VALUE``, which is text, and ``NAME:TYPE=VALUE``.

    Parameters
    ----------
    given : sequence of str
        What was given.
    option : str
        The option that it was given with, for messages.
    taken : collection of str
        Names that no value can have.
    types : Mapping of str to str, optional
        What a value of a name is, where that is no text.

    Raises
    ------
    click.BadParameter
        If one is neither. Values are not repeated: they may be patient data.

    Examples
    --------
    >>> read_parameters(["g=female", "n:Integer=5", "low:Decimal=1.50", "since:Date=2020-02-29"])
    {'g': 'female', 'n': 5, 'low': Decimal('1.50'), 'since': datetime.date(2020, 2, 29)}
    """
    read: dict[str, Any] = {}
    for text in given:
        head, separator, value = text.partition("=")
        name, _, said = head.partition(":")
        if not separator or not _NAME.fullmatch(name):
            raise click.BadParameter(f"{head!r} is not NAME=VALUE or NAME:TYPE=VALUE", param_hint=option)
        if name in taken:
            raise click.BadParameter(f"a variable cannot be called {name!r}", param_hint=option)
        if name in read:
            raise click.BadParameter(f"{name!r} is given twice", param_hint=option)
        type = said or (types or {}).get(name, "String")
        if type not in _READERS:
            raise click.BadParameter(
                f"{type!r} is none of the types {', '.join(_READERS)}", param_hint=f"{option} {name}"
            )
        reader, example = _READERS[type]
        try:
            read[name] = reader(value)
        except ValueError:
            raise click.BadParameter(f"this is no {type}, such as {example}", param_hint=f"{option} {name}") from None
    return read


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError
    return text == "true"


def _integer(text: str) -> int:
    if re.fullmatch(r"[+-]?[0-9]+", text) is None:
        raise ValueError
    return int(text)


def _decimal(text: str) -> Decimal:
    if re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", text) is None:
        raise ValueError
    return Decimal(text)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(re.sub("Z$", "+00:00", text))  # Python 3.10 does not read the Z


#: How the text of a value of each type is read, and an example of it.
_READERS: Mapping[str, tuple[Callable[[str], object], str]] = {
    "Boolean": (_boolean, "true or false"),
    "Integer": (_integer, "42"),
    "Decimal": (_decimal, "1.50"),
    "Date": (date.fromisoformat, "2020-02-29"),
    "DateTime": (_moment, "2020-02-29T12:30:00Z"),
    "Time": (time.fromisoformat, "12:30:00"),
    "String": (str, "anything"),
}
