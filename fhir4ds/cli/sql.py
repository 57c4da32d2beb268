"""``fhir4ds sql``."""

from __future__ import annotations

from typing import Any

import click

from fhir4ds.cli.command import Taught
from fhir4ds.cli.options import expression_options, read_model, read_parameters, read_table


@click.command(
    "sql",
    cls=Taught,
    examples=(
        ("For DuckDB", "fhir4ds sql 'Patient.name.given'"),
        ("For PostgreSQL", "fhir4ds sql 'Patient.name.given' --dialect postgres"),
        ("With a value, which stays a placeholder", "fhir4ds sql 'Patient.where(gender = %g).id' --param g=female"),
    ),
)
@click.argument("expression")
@click.option("--dialect", "name", default="duckdb", show_default=True, help="Name of a dialect; see fhir4ds dialects.")
@expression_options
def command(expression: str, name: str, **options: Any) -> None:
    """Print the SQL that EXPRESSION becomes.

    No database and no database driver is needed. The table is taken to be one that 'fhir4ds load' makes. Values of
    --param decide types; in the SQL they stay placeholders.
    """
    from fhir4ds.compiler.compiler import compile_expression
    from fhir4ds.compiler.options import Options
    from fhir4ds.compiler.variables import variable_types
    from fhir4ds.plan.source import TableSource
    from fhir4ds.registry import registry

    table = read_table(options["table"])
    schema, table_name = (None, table) if isinstance(table, str) else table
    resource_type = options["resource_type"]
    compiled = compile_expression(
        expression,
        registry.get(name).syntax,
        TableSource(name=table_name, schema=schema, resource_type="resource_type"),
        Options(
            model=read_model(options["model"]),
            strict=options["strict"],
            context=() if resource_type is None else (resource_type,),
            variables=variable_types(read_parameters(options["parameters"])),
        ),
    )
    click.echo(compiled.statement.sql)
