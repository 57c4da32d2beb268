"""``fhir4ds new-dialect``."""

from __future__ import annotations

from pathlib import Path

import click

from fhir4ds.cli.command import Taught
from fhir4ds.cli.exits import tell


@click.command(
    "new-dialect",
    cls=Taught,
    examples=(
        ("A plugin for a database called acmedb, in ./fhir4ds-acmedb", "fhir4ds new-dialect acmedb"),
        ("Elsewhere", "fhir4ds new-dialect acmedb --directory ~/src"),
        ("And then", "cd fhir4ds-acmedb && pip install -e '.[test]' && python -m pytest"),
    ),
)
@click.argument("name")
@click.option(
    "--directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    help="Where the folder is made; here, unless given.",
)
def command(name: str, directory: Path) -> None:
    """Write the skeleton of a dialect plugin called NAME.

    It is a distribution of its own: pyproject.toml, three modules, and a test module that runs the conformance kit. It can
    be installed at once, is listed by 'fhir4ds dialects', and fails only where it says TODO. The files are listed on
    stdout. The guide "Writing a dialect" fills such a skeleton.
    """
    from fhir4ds.scaffold import write_skeleton

    for file in write_skeleton(name, directory):
        click.echo(str(file))
    tell(f"cd {directory / f'fhir4ds-{name}'}, pip install -e '.[test]', and look for TODO", title="hint", color="cyan")
