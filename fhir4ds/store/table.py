"""What the table of resources looks like, whoever made it."""

from __future__ import annotations

import attrs

from fhir4ds.dialect.statement import Statement
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import QueryFailed, SourceError
from fhir4ds.plan.source import TableSource
from fhir4ds.runtime.dispatcher import Dispatcher

#: SQLSTATE of a table that does not exist; products without SQLSTATEs are recognised by their words.
_MISSING_TABLE = "42P01"


def describe_table(dispatcher: Dispatcher, name: str, *, schema: str | None = None) -> TableSource:
    """Find out which columns a table of resources has.

    Parameters
    ----------
    dispatcher : Dispatcher
        What runs statements.
    name : str
        The table.
    schema : str, optional
        Its schema.

    Returns
    -------
    TableSource
        With the column of resource types, if there is one, and the type of the keys.

    Raises
    ------
    SourceError
        If the table or one of the columns ``id`` and ``resource`` does not exist.
    """
    table = TableSource(name=name, schema=schema)
    shown = name if schema is None else f"{schema}.{name}"
    sql = f"SELECT * FROM {qualified_name(dispatcher.dialect.syntax, table)} LIMIT 0"
    try:
        answer = dispatcher.query(Statement(sql=sql, summary="describe table"))
    except QueryFailed as error:
        if error.code == _MISSING_TABLE or "does not exist" in error.message:
            raise SourceError(
                f"there is no table {shown!r} of resources yet", hint="load some: fhir4ds load PATH --to URL"
            ) from error
        raise
    columns = dict(answer.columns)
    for needed in (table.key, table.resource):
        if needed not in columns:
            raise SourceError(
                f"table {shown!r} has no column {needed!r}; it has {', '.join(columns)}",
                hint="a table of resources has at least the columns id and resource",
            )
    return attrs.evolve(
        table,
        resource_type="resource_type" if "resource_type" in columns else None,
        key_type=columns[table.key] if columns[table.key] in (SqlType.TEXT, SqlType.INTEGER) else None,
    )


def qualified_name(syntax: Syntax, table: TableSource) -> str:
    """The quoted name of a table, with its schema if it has one."""
    name = syntax.quote(table.name)
    return name if table.schema is None else f"{syntax.quote(table.schema)}.{name}"
