"""``fhir4ds query``."""

from __future__ import annotations

from functools import partial
from itertools import chain, islice
from typing import Any

import click

from fhir4ds.cli.command import Taught
from fhir4ds.cli.options import expression_options, read_model, read_parameters
from fhir4ds.errors import EvaluationError

_FORMATS = ("table", "json", "ndjson", "csv")
_COLUMNS = ("id", "value")

#: Rows in memory at a time.
_BATCH = 10_000


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
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Longest wait for rows, 30 by default; inf waits for ever.",
)
@expression_options
def command(
    expression: str,
    source: tuple[str, ...],
    format_name: str | None,
    output: str | None,
    limit: int | None,
    timeout: float | None,
    **options: Any,
) -> None:
    """Evaluate EXPRESSION over all resources of SOURCE.

    SOURCE is files, folders and patterns of NDJSON, JSON and Bundles, plain or gzipped, which are read in place; or one
    database, by its URL or its .duckdb file.

    Each row has the id of a resource and one item, in the order of ids and then of the document. A table on a terminal
    shows the first 50 rows; everything else is complete. csv has complex items as JSON.
    """
    from fhir4ds.cli.destination import destination
    from fhir4ds.cli.opening import open_to_read, source_of
    from fhir4ds.cli.output import FORMATS, format_of, write_table

    url, files = source_of(source)
    chosen = format_of(output, format_name)
    write = partial(write_table, shown=limit) if chosen == "table" else FORMATS[chosen]
    parameters = read_parameters(options["parameters"])
    settings = {} if timeout is None else {"query_timeout": timeout}
    with (
        open_to_read(
            url, model=read_model(options["model"]), strict=options["strict"], table=options["table"], **settings
        ) as database,
        destination(output) as out,
    ):
        batches = database.stream(
            expression,
            batch_size=min(limit or _BATCH, _BATCH),
            resource_type=options["resource_type"],
            files=files or None,
            **parameters,
        )
        try:
            write(islice(chain.from_iterable(batches), limit), _COLUMNS, out)
        except EvaluationError as error:
            error.expression = expression  # as it was written, which is what the position counts in
            raise
