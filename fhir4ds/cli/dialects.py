"""``fhir4ds dialects``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import attrs
import click

from fhir4ds.cli.command import Taught
from fhir4ds.cli.exits import tell

if TYPE_CHECKING:
    from fhir4ds.registry import DialectStatus

_COLUMNS = ("name", "aliases", "distribution", "api", "schemes", "capabilities", "driver", "status")
_DRIVERS = {True: "installed", False: "missing", None: ""}


@click.command(
    "dialects",
    cls=Taught,
    examples=(
        ("For people", "fhir4ds dialects"),
        ("For programs", "fhir4ds dialects --json"),
        ("Without one of them", "FHIR4DS_DISABLE=duckdb fhir4ds dialects"),
    ),
)
@click.option("--json", "as_json", is_flag=True, help="A JSON array, with everything that is known.")
def command(as_json: bool) -> None:
    """List the dialects that are installed.

    Where each comes from, the plugin API that it speaks, the URL schemes that it serves, what it can do, whether its
    database driver is installed, and whether it is ok, off or broken, and why. To add one, install its distribution, such
    as fhir4ds-postgres.
    """
    from fhir4ds.cli.output import write_columns
    from fhir4ds.registry import registry

    statuses = registry.describe()
    if as_json:
        click.echo(json.dumps([attrs.asdict(status) for status in statuses], indent=2))
        return
    write_columns(map(_row, statuses), _COLUMNS, sys.stdout)
    if not statuses:
        tell("pip install fhir4ds-duckdb or fhir4ds-postgres", title="hint", color="cyan")


def _row(status: DialectStatus) -> tuple[str, ...]:
    claims = attrs.asdict(status.capabilities) if status.capabilities is not None else {}
    return (
        status.name,
        ",".join(status.aliases),
        str(status.origin),
        "" if status.api is None else str(status.api),
        ",".join(status.schemes),
        ",".join(name for name, claimed in claims.items() if claimed),
        _DRIVERS[status.driver],
        status.status if status.reason is None else f"{status.status}: {status.reason}",
    )
