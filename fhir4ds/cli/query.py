"""``fhir4ds query``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from fhir4ds.cli.command import Taught
from fhir4ds.cli.exits import tell
from fhir4ds.cli.options import expression_options, read_model, read_parameters, timeout_option
from fhir4ds.errors import EvaluationError

_FORMATS = ("table", "csv", "ndjson", "json", "parquet")

#: Rows in memory at a time.
_BATCH = 10_000
#: Resources on which the expression failed that are named.
_SHOWN_ERRORS = 5


@click.command(
    "query",
    cls=Taught,
    examples=(
        ("Files of a folder, read in place", "fhir4ds query 'Patient.name.given' export/"),
        (
            "Gzipped files by pattern, written to a file",
            "fhir4ds query 'Observation.value.ofType(Quantity).value' 'export/*.gz' -o values.csv",
        ),
        ("A database file", "fhir4ds query 'Condition.code.coding.code' clinic.duckdb --limit 10"),
        (
            "A server, with a value that is bound",
            "fhir4ds query 'Patient.where(gender = %g).id' postgresql://ada@db/clinic --param g=female",
        ),
        (
            "A value that is no text",
            "fhir4ds query 'Patient.where(birthDate < %d).id' export/ --param d:Date=1970-01-01",
        ),
    ),
    meanings={
        0: "All rows were written, or nobody wanted to read more.",
        1: "It failed; stderr says why. FILE is as it was.",
    },
)
@click.argument("expression")
@click.argument("source", nargs=-1, required=True)
@click.option("--format", "format_name", type=click.Choice(_FORMATS), help="Default: by the ending of -o, or table.")
@click.option("-o", "--output", metavar="FILE", help="Write a file, which appears when it is complete.")
@click.option("--limit", type=click.IntRange(min=1), metavar="ROWS", help="Stop after so many rows.")
@timeout_option
@click.option(
    "--on-error",
    type=click.Choice(("raise", "null")),
    default="raise",
    show_default=True,
    help="What an error of the expression on one resource does: end the query, or leave that resource without rows.",
)
@expression_options
def command(
    expression: str,
    source: tuple[str, ...],
    format_name: str | None,
    output: str | None,
    limit: int | None,
    timeout: float | None,
    on_error: str,
    **options: Any,
) -> None:
    """Evaluate EXPRESSION over all resources of SOURCE.

    SOURCE is files, folders and patterns of NDJSON, JSON and Bundles, plain or gzipped, which are read in place; or one
    database, by its URL or its .duckdb file.

    Each row has the id of a resource and one item, in the order of ids and then of the document. A table on a terminal
    shows the first 50 rows; everything else is complete. csv has complex items as JSON.
    """
    from fhir4ds.cli.opening import open_to_read, source_of
    from fhir4ds.cli.output import format_of, write_rows

    url, files = source_of(source)
    chosen = format_of(output, format_name)
    parameters = read_parameters(options["parameters"])
    settings = {} if timeout is None else {"query_timeout": timeout}
    with open_to_read(
        url, model=read_model(options["model"]), strict=options["strict"], table=options["table"], **settings
    ) as database:
        errors: list[EvaluationError] = []
        batches = database.stream(
            expression,
            batch_size=min(limit or _BATCH, _BATCH),
            on_error=errors.append if on_error == "null" else "raise",
            resource_type=options["resource_type"],
            files=files or None,
            **parameters,
        )
        try:
            write_rows(batches, batches.columns, output, chosen, limit=limit)
        except EvaluationError as error:
            error.expression = expression  # as it was written, which is what the position counts in
            raise
    if errors:
        _report(errors)


def _report(errors: Sequence[EvaluationError]) -> None:
    """Say on stderr which resources have no rows, and why."""
    resources = "1 resource has" if len(errors) == 1 else f"{len(errors)} resources have"
    lines = [f"{resources} no rows, as the expression failed on them"]
    lines += [f"  {error.key}: {error.message}" for error in errors[:_SHOWN_ERRORS]]
    if len(errors) > _SHOWN_ERRORS:
        lines.append(f"  and {len(errors) - _SHOWN_ERRORS} more")
    tell("\n".join(lines), title="warning", color="yellow")
