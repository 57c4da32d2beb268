"""What a plugin hands over: one frozen record per dialect."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from fhir4ds.dialect.driver import Driver
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.target import Target


@attrs.frozen(kw_only=True)
class Capabilities:
    """What a database can do beyond the required minimum. Silence means no.

    Parameters
    ----------
    read_only : bool
        ``BEGIN`` in read-only mode is enforced by the server.
    statement_timeout : bool
        The server can stop a statement by itself (`Syntax.limit_time`).
    server_cursor : bool
        `Driver.stream` does not buffer the result on the client.
    bulk_load : bool
        `Driver.load` is better than INSERT.
    files : bool
        The database can read files of resources in place (`Syntax.read_files`).
    exact_decimals : bool
        Decimals are exact to 38 digits, 12 of them after the point; otherwise they are binary fractions.
    typed_results : bool
        `Cursor.columns` tells the types of columns; otherwise a user's own SQL answers with JSON as text.
    embedded : bool
        The database runs inside this process: there is no server, port or login.
    """

    read_only: bool = False
    statement_timeout: bool = False
    server_cursor: bool = False
    bulk_load: bool = False
    files: bool = False
    exact_decimals: bool = False
    typed_results: bool = False
    embedded: bool = False


@attrs.frozen(kw_only=True)
class Dialect:
    """A database product that FHIR4DS can speak to.

    Parameters
    ----------
    name : str
        Equals the name of the entry point, such as ``"postgres"``.
    api : int
        The plugin API that the plugin was written for, as a literal number.
    schemes : tuple of str
        URL schemes that it serves.
    system : str
        OpenTelemetry's ``db.system.name`` for the product.
    syntax : Syntax
        Its SQL, usable without any driver installed.
    load_driver : callable
        Imports the database API on first use and returns what makes a driver for a target.
    requires : str
        Requirement that brings the database API, for the hint when it is missing.
    driver_module : str
        Top-level module of the database API, so that its presence can be told without importing it.
    aliases : tuple of str
        Further names that users may say.
    suffixes : tuple of str
        File name endings that mean a database file of this product, such as ``".duckdb"``.
    port : int, optional
        Where a server of this product listens if nobody says otherwise.
    capabilities : Capabilities
        What it can do beyond the minimum.
    """

    name: str
    api: int
    schemes: tuple[str, ...]
    system: str
    syntax: Syntax
    load_driver: Callable[[], Callable[[Target], Driver]]
    requires: str
    driver_module: str
    aliases: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    port: int | None = None
    capabilities: Capabilities = Capabilities()
