"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., object])

_MODELS = ["R4", "R4B", "R5", "none"]


def expression_options(command: F) -> F:
    """Options of commands that compile an expression."""
    for option in (
        click.option("--param", "parameters", multiple=True, metavar="NAME=VALUE", help=_PARAM_HELP),
        click.option("--resource-type", metavar="TYPE", help="What the expression is about, if it does not say so."),
        click.option("--model", type=click.Choice(_MODELS), default="R4", show_default=True, help="FHIR version."),
        click.option("--strict", is_flag=True, help="Enforce the specification's strict rules."),
        click.option("--table", default="resource", show_default=True, help="Table of the resources: [SCHEMA.]NAME."),
    ):
        command = option(command)
    return command


_PARAM_HELP = (
    "Value of %NAME in the expression, bound and never pasted. true, false, whole and decimal numbers are taken for such; "
    "NAME:String=VALUE says that it is text."
)


def read_parameters(given: Sequence[str]) -> dict[str, Any]:
    """Read ``NAME=VALUE`` and ``NAME:Type=VALUE``."""
    read: dict[str, Any] = {}
    for text in given:
        name, separator, value = text.partition("=")
        name, _, type = name.partition(":")
        if not separator or not name:
            raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--param")
        read[name] = value if type == "String" else _guess(value)
    return read


def _guess(value: str) -> object:
    if value in ("true", "false"):
        return value == "true"
    try:
        return int(value) if value.lstrip("-").isdigit() else Decimal(value)
    except InvalidOperation:
        return value


def read_model(name: str) -> str | None:
    """The model that ``--model`` names."""
    return None if name == "none" else name


def read_table(name: str) -> str | tuple[str, str]:
    """The table that ``--table`` names, apart from its schema."""
    schema, separator, table = name.partition(".")
    return (schema, table) if separator else name
