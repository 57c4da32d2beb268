"""``fhir4ds dialects``."""

from __future__ import annotations

import json
import sys

import attrs
import click


@click.command("dialects", short_help="List the installed dialects and what they can do.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(as_json: bool) -> None:
    """List the dialects that are installed: where each comes from, what it serves, what it can do, and whether its
    database driver is installed.

    A dialect is added by installing its distribution: pip install fhir4ds-postgres
    """
    from fhir4ds.cli.output import write_table
    from fhir4ds.registry import registry

    statuses = registry.describe()
    if as_json:
        click.echo(json.dumps([attrs.asdict(status) for status in statuses], indent=2))
        return
    rows = []
    for status in statuses:
        claims = attrs.asdict(status.capabilities) if status.capabilities is not None else {}
        driver = {True: "installed", False: "missing", None: ""}[status.driver]
        rows.append(
            (
                status.name,
                ", ".join(status.aliases),
                str(status.origin),
                "" if status.api is None else str(status.api),
                ", ".join(status.schemes),
                ", ".join(name for name, claimed in claims.items() if claimed),
                driver,
                status.status if status.reason is None else f"{status.status}: {status.reason}",
            )
        )
    names = ("name", "aliases", "distribution", "api", "schemes", "capabilities", "driver", "status")
    write_table([rows], names, sys.stdout)
