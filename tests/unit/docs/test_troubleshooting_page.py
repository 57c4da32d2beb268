"""Every message that docs/guides/troubleshooting.md explains still reads so, and it explains every kind of error."""

from __future__ import annotations

import inspect
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import fhir4ds
from fhir4ds import errors
from fhir4ds.database import Database
from fhir4ds.errors import Fhir4dsError
from fhir4ds.registry import Registry, registry
from tests.support.documentation import DOCS, Block, Clinic, blocks, is_as_shown
from tests.support.postgres_databases import administrator
from tests.unit.conftest import Install

_PAGE = DOCS / "guides" / "troubleshooting.md"
_MESSAGES = {block.note: block for block in blocks(_PAGE) if block.language == "text"}

_ADA = {"resourceType": "Patient", "id": "p1", "name": [{"given": ["Ada"]}, {"given": ["Eve"]}]}

#: What provokes each message, by its name in the page. It gets the fixtures that it names.
_PROVOCATIONS: dict[str, Callable[..., object]] = {}


def _provokes(name: str) -> Callable[[Callable[..., object]], Callable[..., object]]:
    def add(provocation: Callable[..., object]) -> Callable[..., object]:
        assert name not in _PROVOCATIONS
        _PROVOCATIONS[name] = provocation
        return provocation

    return add


# --- finding a dialect ------------------------------------------------------------------------------------------------


@_provokes("not-installed")
def _() -> None:
    Registry(group=None).get("duckdb")


@_provokes("unknown-scheme")
def _() -> None:
    registry.for_url("mysql://ada@localhost/clinic")


@_provokes("switched-off")
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIR4DS_DISABLE", "postgres")
    registry.get("postgres")


@_provokes("no-url")
def _() -> None:
    fhir4ds.connect("clinic.db")


@_provokes("malformed-url")
def _() -> None:
    fhir4ds.connect("postgresql://ada:a/b@localhost/clinic")


@_provokes("broken-plugin")
def _(install: Install) -> None:
    install("acme", source="import acme_driver").get("acme")


@_provokes("two-providers")
def _(install: Install) -> None:
    install("acme", distribution="acme-sql")
    install("acme").get("acme")


@_provokes("other-api")
def _(install: Install) -> None:
    install("acme", api=2).get("acme")


@_provokes("missing-driver")
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    monkeypatch.delitem(sys.modules, "fhir4ds_postgres.driver", raising=False)
    _query("postgresql://ada@localhost/clinic")


@_provokes("missing-library")
def _(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with _loaded() as database:
        database.query("Patient.id").to_polars()


@_provokes("invalid-setting")
def _() -> None:
    fhir4ds.connect(pool_size=0)


# --- connecting -------------------------------------------------------------------------------------------------------


@_provokes("refused")
def _(clinic: Clinic) -> None:
    # Port 1 is reserved and nobody's; the page has the port of PostgreSQL.
    url = clinic.url("ada").replace(clinic.port, "1")
    try:
        _query(url, attempts=4, backoff=0)
    except errors.ConnectFailed as error:
        raise type(error)(error.message.replace(":1/", "/").replace("port 1 ", "port 5432 "), hint=error.hint) from None


@_provokes("unknown-host")
def _() -> None:
    _query("postgresql://ada@db.invalid/clinic")


@_provokes("wrong-password")
def _(clinic: Clinic) -> None:
    clinic.create()
    _query(clinic.url("ada", "wrong"))


@_provokes("no-password")
def _(clinic: Clinic) -> None:
    clinic.create()
    _query(clinic.url("ada"))


@_provokes("no-database")
def _(clinic: Clinic) -> None:
    clinic.create()
    _query(clinic.url("ada", clinic.PASSWORD).replace("/clinic", "/clinik"))


@_provokes("no-ssl")
def _(clinic: Clinic) -> None:
    clinic.create()
    _query(clinic.url("ada", clinic.PASSWORD) + "?sslmode=require")


@_provokes("unknown-option")
def _(clinic: Clinic) -> None:
    _query(clinic.url("ada") + "?sslmod=require")


@_provokes("too-many")
def _(clinic: Clinic) -> None:
    clinic.create()
    with administrator(clinic.admin_url) as cursor:
        cursor.execute(f"ALTER ROLE {clinic.name('ada')} CONNECTION LIMIT 0")
    _query(clinic.url("ada", clinic.PASSWORD))


@_provokes("silent")
def _(clinic: Clinic) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = str(silent.getsockname()[1])
        try:
            _query(clinic.url("ada").replace(clinic.port, port), pool_timeout=0.2)
        except errors.ConnectFailed as error:
            raise type(error)(error.message.replace(port, clinic.port), hint=error.hint) from None


@_provokes("duckdb-locked")
def _(tmp_path: Path) -> None:
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "clinic.duckdb")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdout.readline()
        try:
            _query(f"duckdb:///{tmp_path}/clinic.duckdb")
        except errors.ConnectFailed as error:
            message = error.message.replace(str(tmp_path), "/data").replace(str(holder.pid), "4711")
            raise type(error)(message, hint=error.hint) from None
        finally:
            holder.stdin.close()


@_provokes("duckdb-path")
def _() -> None:
    _query("duckdb:////no/such/folder/clinic.duckdb")


# --- the pool ---------------------------------------------------------------------------------------------------------


@_provokes("pool-exhausted")
def _(clinic: Clinic) -> None:
    clinic.create()
    with fhir4ds.connect(clinic.url("ada", clinic.PASSWORD), pool_size=1, pool_timeout=0.2) as database:
        with database.dispatcher.connection():
            database.query("Patient.id")


@_provokes("pool-closed")
def _() -> None:
    database = fhir4ds.connect()
    database.close()
    database.query("Patient.id")


@_provokes("not-on-loan")
def _() -> None:
    with fhir4ds.connect() as database:
        connection = database.dispatcher.get_connection()
        database.dispatcher.release_connection(connection)
        database.dispatcher.release_connection(connection)


# --- running ----------------------------------------------------------------------------------------------------------


@_provokes("timeout")
def _(database: Database) -> None:
    database.execute_query("SELECT pg_sleep(10)", timeout=0.2)


@_provokes("cancelled-here")
def _(database: Database) -> None:
    with database.dispatcher.connection():
        work = database.stream("Patient.id", batch_size=1)
        next(work)
        database.dispatcher.cancel()
        next(work)


@_provokes("cancelled-on-server")
def _(database: Database) -> None:
    database.execute_query("SELECT pg_cancel_backend(pg_backend_pid())")


@_provokes("lost")
def _(database: Database) -> None:
    database.execute_query("SELECT pg_terminate_backend(pg_backend_pid())")


@_provokes("outcome-unknown")
def _(database: Database) -> None:
    database.execute_query(
        """
        CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$
        """
    )
    database.execute_query(
        "CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON resource DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION die()"
    )
    database.load([{"resourceType": "Patient", "id": "p2"}])


@_provokes("conflict")
def _(database: Database) -> None:
    with database.dispatcher.connection() as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE resource")
        database.run(
            lambda session: [
                session.execute("SET LOCAL lock_timeout = '10ms'"),
                session.execute("DELETE FROM resource"),
            ],
            summary="clean up",
        )


@_provokes("sql-syntax")
def _(database: Database) -> None:
    database.execute_query("SELEC 1")


@_provokes("missing-relation")
def _(database: Database) -> None:
    database.execute_query("SELECT count(*) FROM observation")


@_provokes("permission")
def _(database: Database, clinic: Clinic) -> None:
    with administrator(clinic.admin_url) as cursor:
        cursor.execute(f"CREATE ROLE {clinic.name('analyst')} LOGIN PASSWORD '{clinic.PASSWORD}'")
    _query(clinic.url("analyst", clinic.PASSWORD))


@_provokes("read-only")
def _(database: Database) -> None:
    database.run(lambda session: session.execute("DELETE FROM resource"), read_only=True, summary="clean up")


@_provokes("several-items")
def _() -> None:
    with _loaded() as database:
        database.query("Patient.name.single()")


@_provokes("no-number")
def _() -> None:
    observation = {"resourceType": "Observation", "id": "o", "valueQuantity": {"value": "1.5", "unit": "mg"}}
    fhir4ds.evaluate("value.ofType(Quantity).value + 1", observation)


@_provokes("files-in-place")
def _(database: Database, export: Path) -> None:
    database.query("Patient.id", files=export)


# --- expressions ------------------------------------------------------------------------------------------------------


@_provokes("syntax")
def _() -> None:
    fhir4ds.evaluate("Patient.name.", _ADA)


@_provokes("element")
def _() -> None:
    fhir4ds.evaluate("Patient.brthDate", _ADA)


@_provokes("which-type")
def _() -> None:
    with _loaded() as database:
        database.query("name.given")


@_provokes("function")
def _() -> None:
    fhir4ds.evaluate("Patient.name.frist()", _ADA)


@_provokes("type")
def _() -> None:
    fhir4ds.evaluate("Observation.value.ofType(Quantty)", {"resourceType": "Observation"})


@_provokes("variable")
def _() -> None:
    fhir4ds.evaluate("Patient.where(gender = %g)", _ADA)


@_provokes("arguments")
def _() -> None:
    fhir4ds.evaluate("Patient.name.where()", _ADA)


@_provokes("operation")
def _() -> None:
    fhir4ds.evaluate("Patient.birthDate + 1", _ADA)


@_provokes("left-out")
def _() -> None:
    fhir4ds.evaluate("Patient.name.given = '\\u0000'", _ADA)


@_provokes("model")
def _() -> None:
    fhir4ds.evaluate("Patient.name", _ADA, model="R3")


# --- loading ----------------------------------------------------------------------------------------------------------


def _column(name: str, path: str) -> dict[str, str]:
    return {"name": name, "path": path}


@contextmanager
def _view(*columns: dict[str, str]) -> Iterator[Any]:
    with fhir4ds.connect() as database:
        database.load([_ADA])
        yield database.view({"resource": "Patient", "select": [{"column": list(columns)}]})


@_provokes("view")
def _() -> None:
    with _view(_column("given", "name.givn"), _column("given", "id")):
        pass


@_provokes("no-format")
def _() -> None:
    with _view(_column("id", "id")) as view:
        view.write("patients.xlsx")


@_provokes("not-ours")
def _() -> None:
    with _view(_column("id", "id")) as view:
        view.materialize("resource")


@_provokes("no-table")
def _(clinic: Clinic) -> None:
    clinic.create()
    _query(clinic.url("ada", clinic.PASSWORD))


@_provokes("no-column")
def _(database: Database) -> None:
    database.execute_query("CREATE TABLE patients (id integer PRIMARY KEY, body jsonb)")
    _query(_url(database), table="patients")


@_provokes("cannot-load-into")
def _(database: Database) -> None:
    database.execute_query("CREATE TABLE patients (id integer PRIMARY KEY, resource jsonb)")
    with fhir4ds.connect(_url(database), table="patients") as other:
        other.load([_ADA])


@_provokes("no-file")
def _(export: Path) -> None:
    _load("exprot/")


@_provokes("no-ending")
def _(export: Path) -> None:
    (export / "Patient.txt").write_text("{}")
    _load("export/Patient.txt")


@_provokes("rejections")
def _(export: Path) -> str:
    lines = (
        b'{"resourceType": "Patient", "id": "p1"}',
        b'{"resourceType": "Patient", "id": "p2"',
        b'{"resourceType": "Patient"}',
        b"[]",
        b'{"resourceType": "Patient", "id": "p5", "name": [{"text": "\\u0000"}]}',
        b'{"resourceType": "Patient", "id": "p6", "active": true, "active": false}',
        b'{"resourceType": "Patient", "id": "\xe9"}',
    )
    (export / "Patient.ndjson").write_bytes(b"\n".join(lines))
    with fhir4ds.connect() as database:
        return "\n".join(map(str, database.load("export/Patient.ndjson").rejections))


@_provokes("strict-load")
def _(export: Path) -> None:
    (export / "Patient.ndjson").write_text('{"resourceType": "Patient"}')
    with fhir4ds.connect() as database:
        database.load("export/Patient.ndjson", strict=True)


# --- the tests --------------------------------------------------------------------------------------------------------


def _parameters() -> Iterator[Any]:
    for name, provocation in _PROVOCATIONS.items():
        needs = inspect.signature(provocation).parameters
        marks = [pytest.mark.postgres] if {"clinic", "database"} & set(needs) else []
        yield pytest.param(name, provocation, marks=marks, id=name)


@pytest.mark.parametrize(("name", "provocation"), list(_parameters()))
def test_message(name: str, provocation: Callable[..., object], request: pytest.FixtureRequest) -> None:
    fixtures = {needed: request.getfixturevalue(needed) for needed in inspect.signature(provocation).parameters}
    try:
        told = provocation(**fixtures)
        assert isinstance(told, str), f"{name}: nothing was raised"
        kind = None
    except Fhir4dsError as error:
        told, kind = str(error), type(error).__name__
    clinic = fixtures.get("clinic") or (request.getfixturevalue("clinic") if "database" in fixtures else None)
    told = told if clinic is None else clinic.shown(told)
    block = _MESSAGES.get(name, Block(_PAGE, 0, "text", name, ""))
    assert is_as_shown(block.text, told), f"{block.place} should be:\n{kind}\n```text {name}\n{told}\n```"
    if kind is not None:
        assert f"`{kind}`" in _heading(block), f"{block.place} is not under a heading that names {kind}"


def test_page_has_no_message_that_is_not_provoked() -> None:
    assert set(_MESSAGES) == set(_PROVOCATIONS)


def test_page_explains_every_error() -> None:
    named = "\n".join(_heading(block) for block in _MESSAGES.values())
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Fhir4dsError)]
    raised = [kind.__name__ for kind in kinds if not kind.__subclasses__()]
    assert [kind for kind in raised if f"`{kind}`" not in named] == []


def _heading(block: Block) -> str:
    """The last heading before a block."""
    lines = block.page.read_text("utf-8").splitlines()[: block.line]
    return next((line for line in reversed(lines) if line.startswith("#")), "")


# --- what the provocations need ---------------------------------------------------------------------------------------


@pytest.fixture
def database(clinic: Clinic) -> Iterator[Database]:
    """The clinic with one resource."""
    clinic.create()
    url = clinic.url("ada", clinic.PASSWORD)
    with fhir4ds.connect(url, attempts=1) as database:
        database.load([_ADA])
        yield database


def _url(database: Database) -> str:
    target = database.dispatcher.target
    return str(target).replace("***", str(target.password))


@contextmanager
def _loaded() -> Iterator[Database]:
    with fhir4ds.connect() as database:
        database.load([_ADA])
        yield database


def _query(url: str, **settings: Any) -> None:
    with fhir4ds.connect(url, **{"attempts": 1, **settings}) as database:
        database.query("Patient.id")


def _load(path: str) -> None:
    with fhir4ds.connect() as database:
        database.load(path)
