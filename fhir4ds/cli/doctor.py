"""``fhir4ds doctor``."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import click

from fhir4ds.cli.command import Taught, call
from fhir4ds.cli.exits import ExitCode, printable, redacted
from fhir4ds.cli.options import table_option
from fhir4ds.errors import Fhir4dsError

if TYPE_CHECKING:
    from fhir4ds.database import Database
    from fhir4ds.dialect.driver import Row
    from fhir4ds.plan.source import TableSource

T = TypeVar("T")

#: A query that has an answer wherever there are resources.
_QUESTION = "Resource.id"

#: Seconds that a port may take to answer.
_PATIENCE = 5.0


class _Sick(Fhir4dsError):
    """What the doctor finds before a database is asked."""


@click.command(
    "doctor",
    cls=Taught,
    examples=(
        (
            "A server; PGPASSWORD or ~/.pgpass has the password",
            "fhir4ds doctor postgresql://ada@db.example:5432/clinic",
        ),
        ("A file", "fhir4ds doctor clinic.duckdb"),
        ("Another table", "fhir4ds doctor clinic.duckdb --table staging"),
    ),
    meanings={0: "Every step is ok: 'fhir4ds query' works.", 1: "A step failed; the last line says what to do."},
)
@click.argument("url")
@table_option
def command(url: str, table: str) -> None:
    """Walk the way to the database at URL and stop at the first step that fails.

    The steps: dialect, URL, driver, host name, port, login, version, table, and a first query; files have no host and port.
    Each is a line, and the last one says what to do. Nothing is changed, and a password never appears.
    """
    from fhir4ds.cli.opening import open_to_read
    from fhir4ds.database import dialect_target
    from fhir4ds.registry import registry
    from fhir4ds.runtime.engine import load_driver
    from fhir4ds.store.table import describe_table

    dialect = _step(
        "dialect", lambda: registry.for_url(url), lambda found: f"{found.name}, {registry.origin(found.name)}"
    )
    target = _step("url", lambda: dialect_target(dialect, url), str)
    _step("driver", lambda: load_driver(dialect), lambda _: _version(dialect.driver_module))
    host, port = target.host, target.port or dialect.port
    # Without a host, the driver decides by itself where the server is, such as at a Unix socket.
    if host is not None:
        _step("host name", lambda: _resolve(host), ", ".join)
        if port is not None:
            _step("port", lambda: _reach(host, port), lambda _: f"{port} answers")
    with open_to_read(url, table=table, attempts=1) as database:
        session = _step(
            "login", database.session, lambda _: "the server lets us in" if host is not None else "it opens"
        )
        _step("version", lambda: session[0], str)
        read_table = partial(describe_table, database.dispatcher, database.table, schema=database.schema)
        _step("table", read_table, lambda found: _described(table, found))
        _step("query", lambda: next(database.stream(_QUESTION, batch_size=1), []), _answered)
        _note_letters(database)


def _step(name: str, work: Callable[[], T], describe: Callable[[T], str]) -> T:
    """Do one step and say how it went; where it fails, the walk ends."""
    try:
        result = work()
    except Fhir4dsError as error:
        _say(f"failed  {name}: {error.message}")
        if error.hint is not None:
            _say(f"        try: {error.hint}")
        click.get_current_context().exit(ExitCode.FAILURE)
    _say(f"ok      {name}: {describe(result)}")
    return result


def _say(line: str) -> None:
    click.echo(printable(redacted(line, call().arguments)))


def _version(module: str) -> str:
    return f"{module} {getattr(sys.modules[module], '__version__', '')}".rstrip()


def _resolve(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not spelled as a host name is"
        raise _Sick(f"{host} has no address: {reason}", hint="check the spelling of the host in the URL") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _reach(host: str, port: int) -> None:
    try:
        socket.create_connection((host, port), timeout=_PATIENCE).close()
    except OSError as error:
        reason = f"no answer in {_PATIENCE:g} s" if isinstance(error, TimeoutError) else error.strerror
        raise _Sick(
            f"{host}:{port} cannot be reached: {reason}",
            hint="is the server running, does it listen at this address and port, does a firewall let you through?",
        ) from error


def _described(name: str, table: TableSource) -> str:
    types = "" if table.resource_type is None else f", their types in {table.resource_type}"
    slow = "" if table.is_json else "; they are not stored as JSON, which makes queries slower"
    return f"{name} has keys in {table.key}, resources in {table.resource}{types}{slow}"


def _note_letters(database: Database) -> None:
    """Say so where upper and lower case are those of ASCII alone, which is how some databases are made."""
    if database.evaluate("'\u00c9'.lower()", {}) != ["\u00e9"]:
        _say(
            "note    letters: beyond ASCII this database knows no upper and lower case, which upper(), lower() and ~ ask for"
        )
        _say("        try: a database with a UTF-8 locale, where that matters")


def _answered(rows: list[Row]) -> str:
    return f"{_QUESTION} gives {'rows' if rows else 'no rows, the table is empty'}"
