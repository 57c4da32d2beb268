"""Results that stay in the database: as a table, a view, or a view that is stored with its rows.

What is there under the name is replaced in one transaction: readers see the old rows until they see all of the new ones,
and a failure changes nothing. Only what was made here is ever replaced, which a comment on it tells.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from fhir4ds.dialect.statement import Statement
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.errors import DestinationError, Unsupported
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.session import Session
from fhir4ds.suggestion import did_you_mean

#: What a result can become, and how SQL calls it.
KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {"table": "TABLE", "view": "VIEW", "materialized-view": "MATERIALIZED VIEW"}
)

#: Begins the comment on everything that is made here.
_MARK: Final = "Made by fhir4ds"
_COMMENT: Final = f"{_MARK}, which replaces it when it is made again"


def materialize(
    dispatcher: Dispatcher,
    statement: Statement,
    *,
    kind: str = "table",
    schema: str | None = None,
    name: str,
    indexes: Sequence[str] = (),
) -> int | None:
    """Keep the result of a statement in its database, under a name.

    A table or view of this name that was made here before is replaced, in one transaction; anything else is left alone.

    Parameters
    ----------
    dispatcher : Dispatcher
        The database.
    statement : Statement
        What to keep. Its columns have native types, and values stand in it as literals: a view can bind none.
    kind : {"table", "view", "materialized-view"}
        What to make of it.
    schema : str, optional
        Where, unquoted; the schema must be there. By default it is the one that new tables get.
    name : str
        The name, unquoted.
    indexes : sequence of str
        Columns to index, each by itself.

    Returns
    -------
    int or None
        Rows that are stored; None for a view, which stores none.

    Raises
    ------
    Unsupported
        If the database has no such kind.
    DestinationError
        If the name belongs to something else, or a column to be indexed does not exist.
    FHIRPathExecutionError
        If the database fails. Nothing has been changed then.

    Examples
    --------
    >>> from fhir4ds.dialect.statement import Column
    >>> from fhir4ds.registry import registry
    >>> from fhir4ds.target import Target
    >>> ones = Statement(sql="SELECT 1 AS one", columns=(Column(name="one"),))
    >>> with Dispatcher(registry.get("duckdb"), Target.parse("duckdb://")) as dispatcher:
    ...     rows = materialize(dispatcher, ones, name="ones", indexes=["one"])
    ...     rows, dispatcher.execute_query("SELECT one FROM ones")
    (1, [(1,)])
    """
    _check(dispatcher, statement, kind, indexes)
    target = _Target(dispatcher.dialect.syntax, kind, schema, name)
    comment = target.comment()

    def work(session: Session) -> int | None:
        return target.replace(session, statement, comment, indexes)

    # However long it takes: the time limit is meant for questions.
    return dispatcher.run(work, retry=True, timeout=math.inf, summary="materialize")


def _check(dispatcher: Dispatcher, statement: Statement, kind: str, indexes: Sequence[str]) -> None:
    if kind not in KINDS:
        raise DestinationError(f"a result cannot become a {kind!r}", hint=f"known are {', '.join(KINDS)}")
    if kind == "materialized-view" and not dispatcher.dialect.syntax.materialized_views:
        raise Unsupported(
            f"{dispatcher.dialect.name} has no materialized views",
            hint="make a table, which is replaced as a whole when it is made again",
        )
    if kind == "view" and indexes:
        raise DestinationError("a view has no rows that could be indexed", hint="make a table or a materialized view")
    names = [column.name for column in statement.columns]
    for column in indexes:
        if column not in names:
            raise DestinationError(
                f"there is no column {column!r} to index",
                hint=did_you_mean(column, names) or f"there are {', '.join(names)}",
            )


class _Target:
    """What is made, and the names that it goes by."""

    def __init__(self, syntax: Syntax, kind: str, schema: str | None, name: str) -> None:
        self._syntax = syntax
        self._kind = kind
        self._schema = schema
        self._name = name
        self._shown = repr(name if schema is None else f"{schema}.{name}")

    def comment(self) -> str:
        """The statement that marks what is made as ours.

        Raises
        ------
        Unsupported
            If the database has no comments on relations, by which ours are told from others.
        """
        syntax = self._syntax
        if syntax.comment is None:
            raise Unsupported(
                "this database has no comments on tables, by which ours are told from others",
                hint="export the rows instead, or make the table with CREATE TABLE ... AS and the SQL of the view",
            )
        text = syntax.text(_COMMENT)
        return syntax.comment.format(kind=KINDS[self._kind], relation=self._sql(self._name), text=text)

    def replace(self, session: Session, statement: Statement, comment: str, indexes: Sequence[str]) -> int | None:
        """Make it anew under another name, and then give it its own."""
        quote, sql_kind = self._syntax.quote, KINDS[self._kind]
        exists = self._is_there(session)
        token = f"fhir4ds_{secrets.token_hex(6)}"
        fresh, final = self._sql(token), self._sql(self._name)
        stored = self._kind != "view"
        session.execute(f"CREATE {sql_kind} {fresh} AS {statement.sql}")
        early = self._syntax.renames_indexed  # so that readers wait for no index
        if early:
            self._index(session, fresh, token, indexes)
        count: int | None = session.execute(f"SELECT COUNT(*) FROM {fresh}").rows[0][0] if stored else None
        if exists:
            session.execute(f"DROP {sql_kind} {final}")
        session.execute(f"ALTER {sql_kind} {fresh} RENAME TO {quote(self._name)}")
        session.execute(comment)
        if not early:
            self._index(session, final, token, indexes)
        return count

    def _is_there(self, session: Session) -> bool:
        """Whether there is one already, which may be replaced.

        Raises
        ------
        DestinationError
            If the name belongs to anything else.
        """
        found = session.execute(self._syntax.relation_kind(self._name, self._schema)).rows
        if not found:
            return False
        kind, comment = found[0]
        if not (comment or "").startswith(_MARK):
            raise DestinationError(
                f"there is a {kind} {self._shown} that was not made by fhir4ds, and it is left alone",
                hint="choose another name, or drop it",
            )
        if kind != KINDS[self._kind].lower():
            raise DestinationError(
                f"there is a {kind} {self._shown}, which does not become a {KINDS[self._kind].lower()}",
                hint="choose another name, or drop it",
            )
        return True

    def _index(self, session: Session, relation: str, token: str, columns: Sequence[str]) -> None:
        quote = self._syntax.quote
        for number, column in enumerate(columns, start=1):
            # In the schema of the table, under a name that no index of the former table has.
            session.execute(f"CREATE INDEX {quote(f'{token}_{number}')} ON {relation} ({quote(column)})")

    def _sql(self, name: str) -> str:
        quote = self._syntax.quote
        return quote(name) if self._schema is None else f"{quote(self._schema)}.{quote(name)}"
