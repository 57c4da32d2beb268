"""``fhir4ds query``."""

from __future__ import annotations

from typing import Any

import click

from fhir4ds.cli.options import expression_options, read_model, read_parameters, read_table
from fhir4ds.cli.output import FORMATS, destination, format_of
from fhir4ds.errors import InvalidTarget

_COLUMNS = ("id", "value")


@click.command("query", short_help="Evaluate a FHIRPath expression over files or a database.")
@click.argument("expression")
@click.argument("source", nargs=-1, required=True)
@click.option("--format", "format_name", type=click.Choice(list(FORMATS)), help="Default: by the name of -o, or table.")
@click.option("-o", "--output", metavar="FILE", help="Write to a file, which appears when it is complete.")
@click.option("--timeout", type=float, metavar="SECONDS", help="Give up after so long.")
@expression_options
def command(
    expression: str,
    source: tuple[str, ...],
    format_name: str | None,
    output: str | None,
    timeout: float | None,
    **options: Any,
) -> None:
    r"""Evaluate EXPRESSION over all resources of SOURCE: files, folders and patterns, which are read in place, or one
    database.

    \b
    fhir4ds query 'Patient.name.given' export/
    fhir4ds query 'Observation.value.ofType(Quantity).value' 'export/*.ndjson.gz' --format csv -o values.csv
    fhir4ds query 'Patient.where(gender = %g).birthDate' postgresql://ada@db/clinic --param g=female

    Each row has the id of a resource and one item, in the order of ids and then of the document.
    """
    from fhir4ds.database import connect

    url, files = _where(source)
    model, table = read_model(options["model"]), read_table(options["table"])
    with connect(url, model=model, strict=options["strict"], table=table) as database, destination(output) as out:
        batches = database.stream(
            expression,
            resource_type=options["resource_type"],
            files=files or None,
            timeout=timeout,
            **read_parameters(options["parameters"]),
        )
        FORMATS[format_of(output, format_name)](batches, _COLUMNS, out)


def _where(source: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The database to ask, and the files that it is to read in place."""
    from fhir4ds.registry import registry

    if len(source) == 1:
        if "://" in source[0]:
            return source[0], ()
        try:
            registry.for_url(source[0])
        except InvalidTarget:
            return "duckdb://", source
        return source[0], ()
    return "duckdb://", source
