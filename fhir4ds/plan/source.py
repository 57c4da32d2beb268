"""Where the resources of a statement come from."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from fhir4ds.dialect.types import SqlType


@attrs.frozen(kw_only=True)
class TableSource:
    """A table with one resource in each row; anyone's, as long as it has a key and the resource.

    Parameters
    ----------
    name : str
        Table name, unquoted.
    schema : str, optional
        Its schema, unquoted; None for what the session finds by name alone.
    key : str
        Column that tells the rows apart.
    resource : str
        Column that holds the resource as JSON.
    resource_type : str, optional
        Column that holds the resource type; None where only the JSON says it.
    key_type : SqlType, optional
        What the keys are, which decides their order; None for any other type.
    is_json : bool
        Whether the resources have the type that the dialect has for JSON; otherwise they are converted when read.
    """

    name: str = "resource"
    schema: str | None = None
    key: str = "id"
    resource: str = "resource"
    resource_type: str | None = None
    key_type: SqlType | None = SqlType.TEXT
    is_json: bool = True


@attrs.frozen(kw_only=True)
class FileSource:
    """Files that a database reads in place; the key of a resource is its id.

    Parameters
    ----------
    ndjson : tuple of str
        Files with one resource in each line, plain or gzipped.
    documents : tuple of str
        JSON files that hold one resource, an array of them or a Bundle.
    """

    ndjson: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class InlineSource:
    """One resource that comes with the statement, as the value of a parameter; it has no key.

    Parameters
    ----------
    parameter : str
        Name of the parameter that holds the JSON text.
    """

    parameter: str = "fhir4ds_resource"


Source: TypeAlias = TableSource | FileSource | InlineSource
