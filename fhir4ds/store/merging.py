"""Getting rows of resources into a table, so that each resource is there once, as it came last.

Rows first go to a temporary table as fast as the database takes them. What a later row of the same load replaces and
what is in the table already is then removed from there, and the rest is written. So a load that changes nothing writes
nothing, whatever its size, and no more than a batch of rows is ever in this process.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from fhir4ds.dialect.syntax import Syntax
from fhir4ds.dialect.types import SqlType
from fhir4ds.runtime.session import Session
from fhir4ds.store.table import ID, RESOURCE, RESOURCE_TYPE, LoadTable

#: Names of the temporary table: a second one, because it would hide a table that bears the first.
_STAGING = ("fhir4ds_staging", "fhir4ds_staging_2")
_POSITION = "position"


@attrs.frozen
class Merged:
    """What became of the rows, by resource type; each mapping leaves out types with a count of zero.

    Parameters
    ----------
    kept : Mapping of str to int
        Rows without those that a later one replaced.
    written : Mapping of str to int
        Of these, how many were new or different.
    inserted : Mapping of str to int
        Of these, how many were new.
    """

    kept: Mapping[str, int]
    written: Mapping[str, int]
    inserted: Mapping[str, int]


def merge(session: Session, syntax: Syntax, table: LoadTable, rows: Iterable[tuple[str, str, str]]) -> Merged:
    """Insert or update rows.

    Parameters
    ----------
    session : Session
        Where; nothing is committed here.
    syntax : Syntax
        The dialect's words.
    table : LoadTable
        The table; it is made where there is none.
    rows : iterable of (str, str, str)
        Type, id and JSON of each resource.

    Returns
    -------
    Merged
    """
    quote = syntax.quote
    staging = quote(next(name for name in _STAGING if name != table.name.lower()))
    position, type, id, resource = map(quote, (_POSITION, RESOURCE_TYPE, ID, RESOURCE))
    session.execute(
        f"CREATE TEMPORARY TABLE {staging} ({position} {syntax.types[SqlType.INTEGER]}, {type} {syntax.key_type()}, "
        f"{id} {syntax.key_type()}, {resource} {syntax.types[SqlType.JSON]}){syntax.table_options}"
    )
    session.load(staging, [position, type, id, resource], ((str(n), *row) for n, row in enumerate(rows)))
    # Only now, so that loads that run at the same time wait for each other as short as possible.
    table.secure(session)

    def stored(column: str) -> str:
        # A scalar subquery, since it goes through the index of the table, however large that is; a join would read all
        # of it for a load of a few rows, or write both sides to disk to match them.
        return (
            f"(SELECT stored.{column} FROM {table.sql} AS stored "
            f"WHERE stored.{type} = {staging}.{type} AND stored.{id} = {staging}.{id})"
        )

    session.execute(
        f"DELETE FROM {staging} WHERE EXISTS (SELECT 1 FROM {staging} AS later WHERE later.{type} = {staging}.{type} "
        f"AND later.{id} = {staging}.{id} AND later.{position} > {staging}.{position})"
    )
    kept: dict[str, int] = dict(session.execute(f"SELECT {type}, COUNT(*) FROM {staging} GROUP BY {type}").rows)
    same = syntax.apply("json_same", stored(resource), f"{staging}.{resource}")
    session.execute(f"DELETE FROM {staging} WHERE {same}")
    changes = session.execute(
        f"SELECT {type}, COUNT(*), COUNT(*) - COUNT(found) FROM "
        f"(SELECT {type}, {stored(id)} AS found FROM {staging}) AS staged GROUP BY {type}"
    ).rows
    if changes:
        session.execute(table.upsert(staging))
    session.execute(f"DROP TABLE {staging}")
    return Merged(kept, {name: written for name, written, _ in changes}, {name: new for name, _, new in changes})
