"""``fhir4ds load``."""

from __future__ import annotations

import click

from fhir4ds.cli.command import Taught, call
from fhir4ds.cli.exits import ExitCode, tell
from fhir4ds.cli.options import read_table, table_option
from fhir4ds.cli.progress import load_progress


@click.command(
    "load",
    cls=Taught,
    examples=(
        ("An export into a DuckDB file, which is made where there is none", "fhir4ds load export/ --to clinic.duckdb"),
        (
            "Into a server; PGPASSWORD or ~/.pgpass has the password",
            "fhir4ds load export/ --to postgresql://ada@db/clinic",
        ),
        (
            "Some files, into a table of their own",
            "fhir4ds load 'export/*.ndjson.gz' --to clinic.duckdb --table staging",
        ),
        ("Every night, with a message only if something is wrong", "fhir4ds load export/ --to clinic.duckdb --quiet"),
    ),
    meanings={
        0: "All resources are in the database.",
        1: "Some were rejected and the rest is there; or it failed and nothing was changed.",
    },
)
@click.argument("paths", nargs=-1, required=True)
@click.option("--to", "url", required=True, metavar="URL", help="The database: a URL, or a .duckdb file.")
@table_option
@click.option("--strict", is_flag=True, help="Stop at the first bad resource and change nothing.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar and no report, only what was rejected.")
@click.pass_context
def command(ctx: click.Context, paths: tuple[str, ...], url: str, table: str, strict: bool, quiet: bool) -> None:
    """Load the resources in PATHS, so that each is there once.

    PATHS are files, folders and patterns of NDJSON, JSON resources, arrays and Bundles, plain or gzipped.

    Resources are told apart by type and id: the same load again changes nothing, an edited resource is updated. The
    report counts what became of them by type. What is no resource is listed on stderr with file and line, and the exit
    code is 1, so that a nightly job notices; the rest is loaded. All is one transaction: a load that fails or is
    cancelled changes nothing.
    """
    from fhir4ds.database import connect

    with connect(url, table=read_table(table), log_statements=call().verbose) as database:
        with load_progress(wanted=not quiet) as progress:
            report = database.load(paths, strict=strict, progress=progress)
        if not quiet:
            click.echo(str(report))
    for rejection in report.rejections:
        tell(str(rejection), title="rejected", color="yellow")
    unlisted = report.rejected - len(report.rejections)
    if unlisted:
        tell(f"{unlisted} more", title="rejected", color="yellow")
    if report.rejected:
        ctx.exit(ExitCode.FAILURE)
