"""The table of resources: finding out what somebody's looks like, and making our own."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from fhir4ds.dialect.statement import Statement
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import QueryFailed, SourceError
from fhir4ds.plan.source import TableSource
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.session import Session

#: The columns of a table that resources are loaded into.
ID, RESOURCE_TYPE, RESOURCE = "id", "resource_type", "resource"

_ANOTHER_TABLE: Final = "name a table that does not exist yet: table='...' or --table NAME"

#: Names that standard SQL has for types beside those that a dialect uses itself.
_STANDARD: Final[Mapping[str, SqlType]] = MappingProxyType(
    {
        "text": SqlType.TEXT,
        "character varying": SqlType.TEXT,
        "character": SqlType.TEXT,
        "smallint": SqlType.INTEGER,
        "integer": SqlType.INTEGER,
        "bigint": SqlType.INTEGER,
    }
)


def describe_table(dispatcher: Dispatcher, name: str, *, schema: str | None = None) -> TableSource:
    """Find out how resources lie in a table or view, whoever made it.

    Parameters
    ----------
    dispatcher : Dispatcher
        The database.
    name : str
        The table, unquoted.
    schema : str, optional
        Its schema, unquoted.

    Returns
    -------
    TableSource

    Raises
    ------
    SourceError
        If there is no such table, or it lacks a column.
    """
    syntax = dispatcher.dialect.syntax
    statement = Statement(sql=syntax.columns(name, schema), summary="describe table")
    columns: dict[str, str] = dict(dispatcher.query(statement).rows)
    if not columns:
        raise SourceError(
            f"there is no table {_shown(name, schema)} in {dispatcher.target}",
            hint="load resources, which makes it: fhir4ds load PATH --to URL; or name another table: table='...' or --table NAME",
        )
    key, resource = (_named(columns, wanted) for wanted in (ID, RESOURCE))
    if key is None or resource is None:
        raise SourceError(
            f"table {_shown(name, schema)} has no column {(ID if key is None else RESOURCE)!r}: {_listed(columns)}",
            hint="resources are read from a column 'resource' with a key in 'id'; a view can give these names",
        )
    resource_type = _named(columns, RESOURCE_TYPE)
    if resource_type is not None and _type(syntax, columns[resource_type]) is not SqlType.TEXT:
        resource_type = None
    key_type = _type(syntax, columns[key])
    return TableSource(
        name=name,
        schema=schema,
        key=key,
        resource=resource,
        resource_type=resource_type,
        key_type=key_type if key_type in (SqlType.TEXT, SqlType.INTEGER) else None,
        is_json=_type(syntax, columns[resource]) is SqlType.JSON,
    )


class LoadTable:
    """The table that resources are loaded into: ours, or one of the same shape.

    Parameters
    ----------
    syntax : Syntax
        The dialect's words.
    name : str
        The table, unquoted.
    schema : str, optional
        Its schema, unquoted.
    """

    def __init__(self, syntax: Syntax, name: str, schema: str | None = None) -> None:
        self._syntax = syntax
        self.name = name
        self._schema = schema
        self._shown = _shown(name, schema)
        #: The name as it stands in SQL.
        self.sql = syntax.quote(name) if schema is None else f"{syntax.quote(schema)}.{syntax.quote(name)}"

    def upsert(self, rows: str) -> str:
        """Insert the resources of another table, or give those that are there already their content."""
        quote = self._syntax.quote
        type, id, resource = quote(RESOURCE_TYPE), quote(ID), quote(RESOURCE)
        # Without WHERE a parser may take ON for the condition of a join.
        return (
            f"INSERT INTO {self.sql} ({type}, {id}, {resource}) SELECT {type}, {id}, {resource} FROM {rows} WHERE TRUE "
            f"ON CONFLICT ({type}, {id}) DO UPDATE SET {resource} = EXCLUDED.{resource}"
        )

    def check(self, session: Session) -> None:
        """Make sure, before anything is read, that resources can be loaded into the table, if there is one.

        Raises
        ------
        SourceError
            If its shape, its key or a missing right is in the way.
        """
        if not self._exists(session):
            return
        try:
            session.execute(f"EXPLAIN {self.upsert(self.sql)}")
        except QueryFailed as error:
            raise SourceError(
                # after "check table failed on ...", which this says better
                f"table {self._shown} cannot be loaded into: {error.message.partition(': ')[2] or error.message}",
                hint=f"needed are a primary key of {RESOURCE_TYPE} and {ID} and the right to insert and update; or "
                + _ANOTHER_TABLE,
            ) from error

    def secure(self, session: Session) -> None:
        """Have the table, and keep other loads out of it until the transaction ends."""
        exists = self._exists(session)
        claim = self._syntax.claim(self.sql, exists=exists)
        if claim is not None:
            session.execute(claim)
        # Another load may have made it while this one waited.
        if not exists and not self._exists(session):
            session.execute(self._definition())

    def _exists(self, session: Session) -> bool:
        columns: dict[str, str] = dict(session.execute(self._syntax.columns(self.name, self._schema)).rows)
        for wanted, type in ((ID, SqlType.TEXT), (RESOURCE_TYPE, SqlType.TEXT), (RESOURCE, SqlType.JSON)):
            if columns and (wanted not in columns or _type(self._syntax, columns[wanted]) is not type):
                raise SourceError(
                    f"table {self._shown} cannot be loaded into: it needs a column {wanted!r} of type "
                    f"{self._syntax.types[type]}, and {_listed(columns)}",
                    hint=f"it can be queried as it is; to load, {_ANOTHER_TABLE}",
                )
        return bool(columns)

    def _definition(self) -> str:
        quote, json = self._syntax.quote, self._syntax.types[SqlType.JSON]
        return (
            f"CREATE TABLE {self.sql} ({quote(ID)} {self._syntax.key_type()} NOT NULL, "
            f"{quote(RESOURCE_TYPE)} {self._syntax.key_type()} NOT NULL, {quote(RESOURCE)} {json} NOT NULL, "
            f"PRIMARY KEY ({quote(RESOURCE_TYPE)}, {quote(ID)})){self._syntax.table_options}"
        )


def _named(columns: Mapping[str, str], wanted: str) -> str | None:
    """The column of a name, however its letters are cased."""
    if wanted in columns:
        return wanted
    similar = [name for name in columns if name.lower() == wanted]
    return similar[0] if len(similar) == 1 else None


def _type(syntax: Syntax, name: str) -> SqlType | None:
    own = {spelled.lower(): type for type, spelled in syntax.types.items()}
    return own.get(name.lower(), _STANDARD.get(name.lower()))


def _shown(name: str, schema: str | None) -> str:
    return repr(name if schema is None else f"{schema}.{name}")


def _listed(columns: Mapping[str, str]) -> str:
    return "it has " + ", ".join(f"{name} {type}" for name, type in columns.items())
