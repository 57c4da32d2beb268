"""``fhir4ds view``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fhir4ds.cli.command import Taught, call
from fhir4ds.cli.exits import ExitCode, printable
from fhir4ds.cli.options import (
    model_option,
    read_model,
    read_parameters,
    read_table,
    table_option,
    timeout_option,
)

if TYPE_CHECKING:
    from fhir4ds.database import Database
    from fhir4ds.errors import InvalidView
    from fhir4ds.views.definition import ViewDefinition

_FORMATS = ("table", "csv", "ndjson", "json", "parquet")
_KINDS = ("table", "view", "materialized-view")

#: What ``--check`` alone checks: the rules of every view.
_RULES = "rules"
_CHECKS = (_RULES, "shareable", "tabular")

#: System types whose values are no texts, and which a constant of the view can have.
_NOT_TEXT = ("Boolean", "Integer", "Decimal")


@click.command(
    "view",
    cls=Taught,
    examples=(
        ("Files of a folder, read in place", "fhir4ds view demographics.json export/"),
        (
            "Into a file that other programs read",
            "fhir4ds view demographics.json export/ -o patients.parquet",
        ),
        (
            "A server, with another value for a constant of the view",
            "fhir4ds view demographics.json postgresql://ada@db/clinic --constant use=official",
        ),
        (
            "A table in the database, which is replaced when it is made again",
            "fhir4ds view demographics.json postgresql://ada@db/clinic --materialize table --index id",
        ),
        (
            "The rules of a view that is to be shared, without a database",
            "fhir4ds view demographics.json --check shareable",
        ),
    ),
    meanings={
        0: "All rows were written, or nobody wanted to read more; the view is valid.",
        1: "It failed, or the view is not valid. FILE, or the table, is as it was.",
    },
)
@click.argument("view")
@click.argument("source", nargs=-1)
@click.option("--format", "format_name", type=click.Choice(_FORMATS), help="Default: by the ending of -o, or table.")
@click.option("-o", "--output", metavar="FILE", help="Write a file, which appears when it is complete.")
@click.option("--limit", type=click.IntRange(min=1), metavar="ROWS", help="Stop after so many rows.")
@timeout_option
@click.option(
    "--constant",
    "constants",
    multiple=True,
    metavar="NAME[:TYPE]=VALUE",
    help="Value of a constant of the view, instead of its own; may be given several times. Values are bound, never pasted.",
)
@click.option(
    "--check",
    type=click.Choice(_CHECKS),
    is_flag=False,
    flag_value=_RULES,
    metavar="[shareable|tabular]",
    help="Only check the view, and the rules of a profile if one is named; needs no SOURCE.",
)
@click.option("--materialize", "kind", type=click.Choice(_KINDS), help="Keep the rows in the database.")
@click.option("--schema", metavar="NAME", help="Schema of what --materialize makes.")
@click.option("--name", metavar="NAME", help="Name of what --materialize makes; that of the view by default.")
@click.option("--index", "indexes", multiple=True, metavar="COLUMN", help="Index a column of it; may be repeated.")
@click.option("--to", "target", metavar="URL", help="The database for --materialize, where SOURCE is files.")
@table_option
@model_option
@click.pass_context
def command(ctx: click.Context, /, view: str, source: tuple[str, ...], **options: Any) -> None:
    """Run the ViewDefinition in the file VIEW over the resources of SOURCE.

    SOURCE is files, folders and patterns of NDJSON, JSON and Bundles, plain or gzipped, which are read in place; or one
    database, by its URL or its .duckdb file. The view is one statement that the database runs.

    A table on a terminal shows the first 50 rows; everything else is complete. With --materialize the rows stay in the
    database: as a table, a view, or a view that is stored with its rows (PostgreSQL). What was made so before is replaced
    in one transaction, and anything else under that name is left alone.
    """
    from fhir4ds.views.reading import read_view

    if options["check"] is not None:
        _forbid(options, "--check", "format_name", "output", "limit", "kind")
        faults = _faults(Path(view), options)
        click.echo("\n".join(map(_shown, faults)) if faults else f"{view} is valid")
        if faults:
            ctx.exit(ExitCode.FAILURE)
        return
    if not source:
        raise click.UsageError("name the files or the database to read, or --check the view")
    file = Path(view)
    definition = read_view(file)
    if options["kind"] is None:
        _forbid(options, "--materialize", "schema", "name", "indexes", "target", without=True)
        _write(file, definition, source, options)
    else:
        _forbid(options, "--materialize", "format_name", "output", "limit", "timeout")
        _materialize(file, definition, source, options)


def _write(file: Path, view: ViewDefinition, source: Sequence[str], options: dict[str, Any]) -> None:
    from fhir4ds.cli.opening import open_to_read, source_of
    from fhir4ds.cli.output import format_of, write_rows
    from fhir4ds.cli.progress import counted
    from fhir4ds.store.exports.formats import EXPORT_BATCH

    url, files = source_of(source)
    format = format_of(options["output"], options["format_name"])
    limit = options["limit"]
    settings = {} if options["timeout"] is None else {"query_timeout": options["timeout"]}
    with open_to_read(url, model=read_model(options["model"]), table=options["table"], **settings) as database:
        query = database.view(file, files=files or None, **_constants(view, options["constants"]))
        batches = query.stream(batch_size=min(limit or EXPORT_BATCH, EXPORT_BATCH))
        wanted = not sys.stdout.isatty() or options["output"] is not None
        write_rows(counted(batches, wanted=wanted), query.columns, options["output"], format, limit=limit)


def _materialize(file: Path, view: ViewDefinition, source: Sequence[str], options: dict[str, Any]) -> None:
    from fhir4ds.cli.opening import open_to_read, source_of
    from fhir4ds.store.materializing import KINDS

    url, files = source_of(source)
    if files and options["target"] is None:
        raise click.UsageError("name the database to keep the rows in with --to URL")
    if not files and options["target"] is not None:
        raise click.UsageError("the rows of a database are kept there; --to is for files")
    name = options["name"] or view.name
    if name is None:
        raise click.UsageError("the view has no name; give one with --name")
    constants = _constants(view, options["constants"])
    if not files:
        # So that a mistyped name, or a view that is wrong, makes no new file.
        with open_to_read(url, model=read_model(options["model"]), table=options["table"]) as database:
            database.view(file, **constants)
    with _open_to_write(options["target"] or url, options) as database:
        query = database.view(file, files=files or None, **constants)
        rows = query.materialize(name, kind=options["kind"], schema=options["schema"], indexes=options["indexes"])
    place = name if options["schema"] is None else f"{options['schema']}.{name}"
    count = "" if rows is None else f": {rows:,} row{'s' * (rows != 1)}"
    click.echo(f"{KINDS[options['kind']].lower()} {place}{count}")


def _open_to_write(url: str, options: dict[str, Any]) -> Database:
    from fhir4ds.database import connect

    table, model = read_table(options["table"]), read_model(options["model"])
    return connect(url, table=table, model=model, log_statements=call().verbose)


def _faults(file: Path, options: dict[str, Any]) -> Sequence[InvalidView]:
    from fhir4ds.compiler.variables import variable_types
    from fhir4ds.errors import InvalidView
    from fhir4ds.views.compiling import check_view
    from fhir4ds.views.profiles import Profile
    from fhir4ds.views.reading import read_view

    try:
        definition = read_view(file)
    except InvalidView as error:
        return error.faults
    profiles = () if options["check"] == _RULES else (Profile(options["check"]),)
    declared = {constant.name for constant in definition.constants}
    given = _constants(definition, options["constants"])
    outside = variable_types({name: value for name, value in given.items() if name not in declared})
    return check_view(definition, model=read_model(options["model"]), profiles=profiles, variables=dict(outside))


def _constants(view: ViewDefinition, given: Sequence[str]) -> dict[str, Any]:
    """Values of ``--constant``, each of the type that the view says."""
    from fhir4ds.views.constants import CONSTANT_TYPES

    declared = {constant.name: CONSTANT_TYPES[constant.type].name for constant in view.constants}
    types = {name: type for name, type in declared.items() if type in _NOT_TEXT}
    return read_parameters(given, option="--constant", taken=("files",), types=types)


def _shown(fault: InvalidView) -> str:
    hint = "" if fault.hint is None else f"\n  hint: {fault.hint}"
    text = str(fault).removesuffix(f"\nhint: {fault.hint}")
    return printable(f"{text} [{fault.rule}]{hint}")


def _forbid(options: dict[str, Any], option: str, *names: str, without: bool = False) -> None:
    """Refuse options that mean nothing with another one, or without it."""
    spelled = {"format_name": "format", "kind": "materialize", "indexes": "index", "target": "to"}
    for name in names:
        if options[name]:
            raise click.UsageError(
                f"--{spelled.get(name, name)} goes {'only ' * without}with{'out' * (not without)} {option}"
            )
