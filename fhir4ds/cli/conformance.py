"""``fhir4ds conformance``: one command for each official test suite."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from fhir4ds.cli.command import Taught
from fhir4ds.cli.exits import ExitCode, printable

if TYPE_CHECKING:
    from fhir4ds.conformance.report import Judged, Report
    from fhir4ds.conformance.run import Progress

#: Failures that are shown where nobody asks for all of them.
_SHOWN = 10

#: Characters of a line about a failure; a result may be a whole resource.
_WIDEST = 200

_MEANINGS = {0: "Every test passed.", 1: "A test failed; or it could not be run, and stderr says why."}


class _Suites(Taught, click.Group):
    """The suites, as commands."""


@click.group(
    "conformance",
    cls=_Suites,
    examples=(
        (
            "The FHIRPath suite on embedded DuckDB",
            "fhir4ds conformance fhirpath --suite fhirpath/r4 --to duckdb://",
        ),
    ),
    meanings=_MEANINGS,
)
def command() -> None:
    """Run an official test suite in a database."""


@command.command(
    "fhirpath",
    cls=Taught,
    examples=(
        ("On embedded DuckDB", "fhir4ds conformance fhirpath --suite fhirpath/r4 --to duckdb://"),
        (
            "On a server, with every failure",
            "fhir4ds conformance fhirpath --suite fhirpath/r4 --to postgresql://ada@db/clinic --failures",
        ),
        ("For programs", "fhir4ds conformance fhirpath --suite fhirpath/r4 --to duckdb:// --json"),
    ),
    meanings=_MEANINGS,
)
@click.option("--suite", required=True, metavar="DIR", help="Folder of tests.json and input/, or its parent.")
@click.option("--to", "url", required=True, metavar="URL", help="The database: a URL, or a .duckdb file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, with what came of each test.")
@click.option("--failures", "all_failures", is_flag=True, help="Show every failure; with --json, only failures.")
@click.pass_context
def fhirpath(ctx: click.Context, suite: str, url: str, as_json: bool, all_failures: bool) -> None:
    """Run the official FHIRPath test suite for FHIR R4.

    Each expression is compiled and evaluated in the database at URL, as 'fhir4ds query' would do it; what is stored there
    is neither read nor changed. A test that wants an error passes only if the expression itself is refused, and not later
    than the test says: while parsing (syntax), before running (semantic) or while running (execution).
    """
    from fhir4ds.cli.opening import open_to_read
    from fhir4ds.conformance.run import run_suite
    from fhir4ds.conformance.suite import read_suite

    cases = read_suite(suite)
    with open_to_read(url) as database, _progress() as progress:
        report = run_suite(database, cases, progress)
    if as_json:
        click.echo(json.dumps(report.to_dict(failures_only=all_failures), indent=2))
    else:
        _show(report, None if all_failures else _SHOWN)
    if report.failures:
        ctx.exit(ExitCode.FAILURE)


@command.command(
    "sql-on-fhir",
    cls=Taught,
    examples=(
        ("On embedded DuckDB", "fhir4ds conformance sql-on-fhir --suite sql-on-fhir/tests --to duckdb://"),
        (
            "On a server, and a report for the list of implementations",
            "fhir4ds conformance sql-on-fhir --suite tests --to postgresql://ada@db/clinic --report r.json",
        ),
    ),
    meanings=_MEANINGS,
)
@click.option("--suite", required=True, metavar="DIR", help="Folder of the files of the suite, such as basic.json.")
@click.option("--to", "url", required=True, metavar="URL", help="The database: a URL, or a .duckdb file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, with what came of each test.")
@click.option("--failures", "all_failures", is_flag=True, help="Show every failure; with --json, only failures.")
@click.option("--report", "path", metavar="FILE", help="Write a test report in the format of the specification too.")
@click.pass_context
def sql_on_fhir(
    ctx: click.Context, /, suite: str, url: str, as_json: bool, all_failures: bool, path: str | None
) -> None:
    """Run an official test suite of SQL on FHIR.

    The resources of each file go to a table of their own in the database at URL, which is dropped at the end; the views
    run over it as 'fhir4ds view' would do it. Rows are compared whatever their order, values strictly. A test that wants
    an error passes only if the view is refused, or one of its expressions fails on a resource.
    """
    from fhir4ds.cli.command import call
    from fhir4ds.conformance.sql_on_fhir import official_report, read_view_suite, run_view_suite
    from fhir4ds.database import connect
    from fhir4ds.store.exports.destination import destination

    files = read_view_suite(suite)
    with connect(url, log_statements=call().verbose) as database, _progress() as progress:
        report = run_view_suite(database, files, progress)
    if path is not None:
        with destination(path) as out:
            out.write(json.dumps(official_report(report), indent=2, ensure_ascii=False) + "\n")
    if as_json:
        click.echo(json.dumps(report.to_dict(failures_only=all_failures), indent=2))
    else:
        _show(report, None if all_failures else _SHOWN)
    if report.failures:
        ctx.exit(ExitCode.FAILURE)


def _show(report: Report, most: int | None) -> None:
    from fhir4ds.cli.output import write_columns

    click.echo(f"{report.dialect}: {report.version}\n")
    rows = [(name, tally.passed, tally.failed) for name, tally in report.groups.items()]
    write_columns(rows, ("group", "passed", "failed"), sys.stdout)
    for outcome in report.failures[:most]:
        _show_failure(outcome)
    unshown = 0 if most is None else len(report.failures) - most
    if unshown > 0:
        click.echo(f"\n{unshown} more, see --failures")
    click.echo(f"\nvalue tests: {report.values}\nerror tests: {report.errors}\n{report.total}")


def _show_failure(outcome: Judged) -> None:
    shown = outcome.to_dict()
    click.echo(f"\nfailed: {shown['id']}")
    for name in ("expression", "expected", "got"):
        text = printable(shown[name].strip()).replace("\n", "\\n")
        click.echo(f"  {name:<10}  {text if len(text) <= _WIDEST else text[:_WIDEST] + '…'}")


@contextmanager
def _progress() -> Iterator[Progress | None]:
    """A bar on stderr, which vanishes at the end; none where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("testing", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
