"""A compiled statement: what the compiler hands to the runtime, and the runtime to a driver."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from fhir4ds.dialect.types import ColumnType, SqlType

#: Starts the text of an error that a statement raises by itself; a JSON object with message, position and key follows.
RAISE_MARKER = "fhir4ds:"

#: The column in which a statement that does not raise says why a resource has no items: message and position, as JSON.
FAILURE = "failure"


@attrs.frozen(kw_only=True)
class Column:
    """One column of a result.

    Parameters
    ----------
    name : str
        As the user sees it.
    type : SqlType, optional
        How the values are delivered; None where the values go through as the driver gives them (keys).
    fhir_type : str, optional
        FHIR or System type of the values, such as ``"date"``; None where it is not known before running.
    many : bool
        Whether each value is an array, of values of ``type``.
    sql : ColumnType, optional
        The type that the column has in a table of the database.
    native : bool
        Whether the values are delivered as those of ``sql``; otherwise as FHIR has them.
    """

    name: str
    type: SqlType | None = None
    fhir_type: str | None = None
    many: bool = False
    sql: ColumnType | None = None
    native: bool = False


@attrs.frozen(kw_only=True)
class Statement:
    """SQL text of one dialect, the values of its named placeholders, and the shape of what comes back.

    Parameters
    ----------
    sql : str
        One statement, formatted to be read.
    parameters : Mapping of str to object
        Values of the named placeholders; empty where there are none.
    columns : tuple of Column
        The result's columns, in order.
    summary : str
        Low-cardinality name of the work for events (OpenTelemetry ``db.query.summary``).
    expression : str, optional
        The FHIRPath text it came from, for messages.
    rough : bool
        Whether the database may have changed how numbers in JSON are written, and the last of very many digits.
    """

    sql: str
    parameters: Mapping[str, object] = attrs.field(factory=dict, repr=False)
    columns: tuple[Column, ...] = ()
    summary: str = "statement"
    expression: str | None = None
    rough: bool = False
