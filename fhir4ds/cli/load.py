"""``fhir4ds load``."""

from __future__ import annotations

import sys

import click

from fhir4ds.cli import FAILURE
from fhir4ds.cli.options import read_table


@click.command("load", short_help="Load resources into a database, each exactly once.")
@click.argument("paths", nargs=-1, required=True)
@click.option("--to", "url", required=True, metavar="URL", help="The database, such as duckdb:///clinic.duckdb.")
@click.option("--table", default="resource", show_default=True, help="Table to load into, made if there is none.")
@click.option("--strict", is_flag=True, help="Stop at the first bad resource and undo everything.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
@click.pass_context
def command(ctx: click.Context, paths: tuple[str, ...], url: str, table: str, strict: bool, quiet: bool) -> None:
    r"""Load NDJSON, JSON resources, arrays and Bundles, plain or gzipped, from PATHS: files, folders and patterns.

    \b
    fhir4ds load export/ --to duckdb:///clinic.duckdb
    fhir4ds load 'export/*.ndjson.gz' --to postgresql://ada@db/clinic

    Resources are told apart by type and id. The same load again changes nothing; an edited resource is updated. What is no
    resource is listed on stderr with file and line, the rest is loaded, and the exit code is 1, so that a nightly job
    notices.
    """
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from fhir4ds.database import connect

    bar = Progress(
        TextColumn("loading"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[resources]} resources"),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        transient=True,
        disable=quiet or not sys.stderr.isatty(),
    )
    with connect(url, table=read_table(table)) as database, bar:
        task = bar.add_task("load", total=None, resources=0)

        def tell(done: int, total: int | None, resources: int) -> None:
            bar.update(task, completed=done, total=total, resources=resources)

        report = database.load(paths, strict=strict, progress=tell)
    click.echo(str(report))
    for rejection in report.rejections:
        click.echo(str(rejection), err=True)
    if report.rejected:
        ctx.exit(FAILURE)
