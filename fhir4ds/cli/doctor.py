"""``fhir4ds doctor``."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import click

from fhir4ds.cli import FAILURE
from fhir4ds.cli.options import read_table
from fhir4ds.errors import Fhir4dsError

#: Seconds that a port may take to answer.
_PATIENCE = 5.0


class _Sick(Exception):
    """A step that failed, with what to do."""


@click.command("doctor", short_help="Find out why a database cannot be queried, step by step.")
@click.argument("url")
@click.option("--table", default="resource", show_default=True, help="Table of the resources: [SCHEMA.]NAME.")
@click.pass_context
def command(ctx: click.Context, url: str, table: str) -> None:
    r"""Walk the way to the database at URL: dialect, driver, host name, port, login, table, and a first query. Stops at the
    first step that fails and says what to do. A password never appears.

    \b
    fhir4ds doctor postgresql://ada@db.example/clinic
    fhir4ds doctor clinic.duckdb
    """
    for name, step in _steps(url, table):
        try:
            found = step()
        except (_Sick, Fhir4dsError) as error:
            message, _, hint = str(error).partition("\nhint: ")
            click.echo(f"failed  {name}: {message}")
            if hint:
                click.echo(f"        try: {hint}")
            ctx.exit(FAILURE)
        click.echo(f"ok      {name}: {found}")


def _steps(url: str, table: str) -> Iterator[tuple[str, Callable[[], str]]]:
    from fhir4ds.database import connect, dialect_target
    from fhir4ds.registry import registry

    yield "dialect", lambda: f"{registry.for_url(url).name}, from {registry.origin(registry.for_url(url).name)}"
    dialect = registry.for_url(url)
    target = dialect_target(dialect, url)
    yield "driver", lambda: _loaded(dialect.driver_module, dialect.requires)
    if not dialect.capabilities.embedded and target.host is not None and not target.host.startswith("/"):
        host, port = target.host, target.port or 5432
        yield "host name", lambda: _resolved(host)
        yield "port", lambda: _reached(host, port)
    with connect(url, table=read_table(table), attempts=1, query_timeout=_PATIENCE * 2) as database:
        yield "login", lambda: f"connected to {target}" if database.session() else ""
        yield "version", lambda: database.session()[0]
        yield "table", lambda: f"{table} can be read{_typed(database.sql('Resource.id'))}"
        yield "query", lambda: _asked(database.stream("Resource.id", batch_size=1))


def _typed(sql: str) -> str:
    return " by resource type" if '"resource_type"' in sql else ""


def _asked(batches: Iterator[object]) -> str:
    return "Resource.id gives rows" if next(iter(batches), None) else "Resource.id gives no rows: the table is empty"


def _loaded(module: str, requires: str) -> str:
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise _Sick(f"{module} is not installed\nhint: pip install '{requires}'")
    return f"{module} is installed"


def _resolved(host: str) -> str:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise _Sick(
            f"{host} has no address: {error.strerror}\nhint: check the spelling of the host in the URL"
        ) from None
    return f"{host} is {', '.join(dict.fromkeys(str(place[4][0]) for place in found))}"


def _reached(host: str, port: int) -> str:
    try:
        socket.create_connection((host, port), timeout=_PATIENCE).close()
    except OSError as error:
        reason = error.strerror or "no answer"
        raise _Sick(
            f"{host}:{port} does not answer: {reason}\nhint: is the server running, does it listen on this address and port?"
        ) from None
    return f"{host}:{port} answers"
