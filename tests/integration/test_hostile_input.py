"""Hostile strings, everywhere a string can come in: the right value or an error of ours, and an untouched database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from fhir4ds.database import Database, connect
from fhir4ds.errors import Fhir4dsError
from tests.support.postgres_server import SECRET

HOSTILE = {
    "drop table": "'; DROP TABLE victim; --",
    "drop resource": "x'); DROP TABLE resource; SELECT ('",
    "double quote": '"; DROP TABLE victim; --',
    "closing quote": '" OR "1"="1',
    "always true": "' OR '1'='1",
    "union": "' UNION SELECT 'secret', 'secret' --",
    "stacked": "1; DELETE FROM victim; COMMIT; --",
    "comment": "x' --",
    "block comment": "x' /* ' */ OR 1=1",
    "open comment": "/*",
    "line comment": "// comment",
    "single quote": "'",
    "two quotes": "''",
    "three quotes": "'''",
    "backslash": "\\",
    "backslash quote": "\\'",
    "trailing backslashes": "x\\\\\\",
    "escape string": "E'\\''; DROP TABLE victim; --'",
    "octal escape": "\\047; DROP TABLE victim; --",
    "unicode escape": "U&'\\0027; DROP TABLE victim; --'",
    "unicode quotes": "\u2019; DROP TABLE victim; \u2018 \u02bc \uff07 \u300d",
    "dollar quotes": "$$; DROP TABLE victim; $$",
    "tagged dollar quotes": "$fhir$; DROP TABLE victim; $fhir$",
    "numbered placeholder": "$1 $2 ?1",
    "question marks": "? ?? ?| ?&",
    "percent s": "%s %d %",
    "percent name": "%(v)s %(fhir4ds_resource)s %%(v)s",
    "named placeholder": "$v $fhir4ds_resource :v @v",
    "format braces": "{0} {1} {*} {} {{}} {v!r} ${v}",
    "semicolons": ";;; ;",
    "json path end": '"].resource ? (1 == 1)',
    "json path wildcard": '*"].** ',
    "json pointer": "/name/0/given~1~0",
    "json path escape": 'a"."b\\".c',
    "json": '{"resourceType": "Patient", "id": "injected"}',
    "json end": '"}], "resourceType": "Other',
    "newlines": "a\nb\r\nc\x0bd\x0ce\u2028f\u0085g",
    "tabs": "a\tb\x1f\x7f",
    "copy end": "\\.\n\\N\t\x01\x02",
    "empty": "",
    "blank": "   ",
    "regular expression": "(a+)+$ [[:alpha:]] \\d{3} (?=x) .*",
    "like": "%_\\%",
    "catastrophe": "(x+x+)+y" + "x" * 30,
    "right to left": "\u202e'; elbat pord\u202c",
    "combining": "a\u0301\u0300 \ufb03 \u0130",
    "astral": "\U0001f600'\U0001f4a9;--",
    "byte order mark": "\ufeff';--",
    "function call": "pg_sleep(10)",
    "file function": "read_text('/etc/passwd')",
    "subquery": "(SELECT password FROM users LIMIT 1)",
    "cast": "x'::text::int",
    "backtick": "` OR true or `",
    "fhirpath": "').union(%resource) | ('",
    "fhirpath comment": "' // ",
    "search path": "public.victim",
    "dotted": 'public"."victim',
    "long": "x'; DROP TABLE victim; --" * 4000,
}

#: What no database can hold in a text.
IMPOSSIBLE = {"nul": "a\x00b'; DROP TABLE victim; --", "only nul": "\x00", "lone surrogate": "a\ud800b"}

_EVERYTHING = {**HOSTILE, **IMPOSSIBLE}
_ALL = pytest.mark.parametrize("hostile", [pytest.param(value, id=name) for name, value in _EVERYTHING.items()])
_POSSIBLE = pytest.mark.parametrize("hostile", [pytest.param(value, id=name) for name, value in HOSTILE.items()])
_NO_TABLE_NAME = ("", *IMPOSSIBLE.values())


def _key(hostile: str) -> str:
    """The id of the patient who bears a hostile string."""
    return f"p{list(_EVERYTHING.values()).index(hostile)}"


def _literal(value: str) -> str:
    """A string literal of FHIRPath."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _name(value: str) -> str:
    """A delimited identifier of FHIRPath."""
    return "`" + value.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _patient(hostile: str) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": _key(hostile),
        "name": [{"family": hostile, "given": ["x", hostile]}],
        hostile or "empty": "found",
    }


@pytest.fixture(scope="module", params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A DuckDB file, then a live PostgreSQL."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return f"duckdb:///{tmp_path_factory.mktemp('hostile') / 'hostile.duckdb'}"


@pytest.fixture(scope="module")
def database(url: str) -> Iterator[Database]:
    """A database with hostile patients, and a table beside them that nothing may touch."""
    with connect(url, attempts=1) as database:
        database.load([_patient(hostile) for hostile in HOSTILE.values()], strict=True)
        database.execute_query("CREATE TABLE victim (id INTEGER, note VARCHAR)")
        database.execute_query("INSERT INTO victim VALUES (1, 'untouched'), (2, 'too')")
        yield database


def _state(database: Database) -> dict[str, tuple[int, str]]:
    """Rows and checksum of every table."""
    tables = database.execute_query(
        "SELECT table_schema, table_name FROM information_schema.tables "
        "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY table_schema, table_name"
    )
    state = {}
    for schema, table in tables:
        quoted = f"{database.dialect.syntax.quote(schema)}.{database.dialect.syntax.quote(table)}"
        rows = sorted(map(repr, database.execute_query(f"SELECT * FROM {quoted}")))
        state[f"{schema}.{table}"] = len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return state


@pytest.fixture(scope="module")
def before(database: Database) -> dict[str, tuple[int, str]]:
    """Every table as it was at first."""
    state = _state(database)
    assert {name.split(".")[1] for name in state} == {"resource", "victim"}
    return state


@pytest.fixture(autouse=True)
def _intact(database: Database, before: dict[str, tuple[int, str]]) -> Iterator[None]:
    yield
    assert _state(database) == before


def _ours(call: Callable[[], Any]) -> Any:
    """What a call gives, or None where it ends in an error of ours that gives no password away."""
    try:
        return call()
    except Fhir4dsError as error:
        assert SECRET not in str(error) + repr(error)
        return None


def test_there_are_more_than_forty() -> None:
    """The list is as long as it claims to be, and holds no string twice."""
    assert len(_EVERYTHING) == len(set(_EVERYTHING.values())) > 40


@_POSSIBLE
def test_literal(database: Database, hostile: str) -> None:
    """A literal is the text that it is: it selects the one patient who bears it, and comes back unharmed."""
    assert database.query(f"Patient.where(name.family = {_literal(hostile)}).id").values() == [_key(hostile)]
    assert database.query(f"Patient.where(id = 'p0').select({_literal(hostile)})").values() == [hostile]


@_POSSIBLE
def test_parameter(database: Database, hostile: str) -> None:
    """A bound value is the text that it is."""
    assert database.query("Patient.where(name.family = %v).id", v=hostile).values() == [_key(hostile)]
    assert database.query("Patient.where(id = 'p0').select(%v)", v=hostile).values() == [hostile]


@pytest.mark.parametrize("hostile", [pytest.param(value, id=name) for name, value in IMPOSSIBLE.items()])
def test_what_cannot_be_text_is_refused(database: Database, hostile: str) -> None:
    """No database takes it, so the caller hears it from us."""
    for call in (
        lambda: database.query(f"Patient.where(name.family = {_literal(hostile)}).id").values(),
        lambda: database.query("Patient.where(name.family = %v).id", v=hostile).values(),
    ):
        assert _ours(call) in (None, [])


@_ALL
def test_resource_type(database: Database, hostile: str) -> None:
    """A type that is none finds nothing."""
    assert _ours(lambda: database.query("id", resource_type=hostile).values()) in (None, [])
    assert _ours(lambda: database.query(f"{_name(hostile)}.id").values()) in (None, [])
    untyped = Database(database.dispatcher, table=database.table, model=None)
    assert _ours(lambda: untyped.query("id", resource_type=hostile).values()) in (None, [])


@_ALL
def test_element_name(database: Database, hostile: str) -> None:
    """Without a model any name is an element: the one patient who has it is found, and nothing else."""
    untyped = Database(database.dispatcher, table=database.table, model=None)
    found = _ours(lambda: untyped.query(f"Patient.{_name(hostile)}", resource_type="Patient").rows)
    if hostile and hostile in HOSTILE.values():
        assert found == [(_key(hostile), "found")]
    else:
        assert found in (None, [])


@_ALL
def test_element_name_in_filters(database: Database, hostile: str) -> None:
    """A name inside a condition is a name, too."""
    untyped = Database(database.dispatcher, table=database.table, model=None)
    text = f"Patient.where({_name(hostile)} = 'found').id"
    found = _ours(lambda: untyped.query(text, resource_type="Patient").values())
    assert found == [_key(hostile)] if hostile and hostile in HOSTILE.values() else found in (None, [])


@_ALL
def test_element_name_with_a_model(database: Database, hostile: str) -> None:
    """With a model no such element exists."""
    assert _ours(lambda: database.query(f"Patient.{_name(hostile)}").rows) is None


@_ALL
def test_variable_name(database: Database, hostile: str) -> None:
    """The name of a variable is never a part of the statement."""
    text = f"Patient.where(id = 'p0').select(%{_name(hostile)})"
    assert _ours(lambda: database.query(text, **{hostile: "bound"}).values()) in (None, ["bound"])
    unused = _ours(lambda: database.query("Patient.where(id = %v).id", v="p1", **{hostile: "unused"}).values())
    assert unused in (None, ["p1"])


@_ALL
def test_expression(database: Database, hostile: str) -> None:
    """As a whole expression, or in the middle of one, it is refused or harmless."""
    for text in (hostile, f"Patient.{hostile}", f"Patient.where({hostile}).id", f"Patient.name.take(1 {hostile}"):
        _ours(lambda text=text: database.query(text).rows)  # type: ignore[misc]


@_ALL
def test_table_name(url: str, database: Database, hostile: str) -> None:
    """A table of that name is missing until there is one; then it is that table."""
    with connect(url, table=hostile, attempts=1) as other:
        assert _ours(lambda: other.query("Patient.id").rows) is None
        report = _ours(lambda: other.load([{"resourceType": "Patient", "id": "only"}], strict=True))
        if hostile in _NO_TABLE_NAME:
            assert report is None
            return
        if report is None:
            return
        assert other.query("Patient.id").rows == [("only", "only")]
        other.execute_query(f"DROP TABLE {other.dialect.syntax.quote(hostile)}")


@_ALL
def test_schema_name(url: str, hostile: str) -> None:
    """A schema that does not exist has no tables, and none is made."""
    for place in ((hostile, "resource"), (hostile, hostile)):
        with connect(url, table=place, attempts=1) as other:
            assert _ours(lambda other=other: other.query("Patient.id").rows) is None  # type: ignore[misc]
            assert _ours(lambda other=other: other.load([{"resourceType": "Patient", "id": "x"}])) is None  # type: ignore[misc]


@_ALL
def test_one_resource(database: Database, hostile: str) -> None:
    """A resource that comes with the statement is data."""
    resource = {"resourceType": "Patient", "id": "x", "name": [{"family": hostile}]}
    assert _ours(lambda: database.evaluate("name.family", resource)) == (
        [hostile] if hostile in HOSTILE.values() else None
    )
    assert _ours(lambda: database.evaluate("name.family", hostile)) is None


@_ALL
def test_loaded_resource(database: Database, hostile: str) -> None:
    """What is no resource, or has an id that is none, is rejected; the rest of the load is done."""
    for bad in (hostile, {"resourceType": hostile, "id": "x"}, {"resourceType": "Patient", "id": hostile}):
        report = _ours(lambda bad=bad: database.load([bad], strict=True))  # type: ignore[misc]
        if report is not None:
            key = (hostile, "x") if isinstance(bad, dict) and bad["id"] == "x" else ("Patient", hostile)
            resource_type, id = key
            assert report.inserted == 1
            database.run(lambda session, key=key: session.execute(*_delete(database, key)))  # type: ignore[misc]


def _delete(database: Database, key: tuple[str, str]) -> tuple[str, tuple[str, str]]:
    mark = "?" if database.dialect.name == "duckdb" else "%s"
    return f"DELETE FROM resource WHERE resource_type = {mark} AND id = {mark}", key


@_ALL
def test_url_pieces(url: str, tmp_path: Path, hostile: str) -> None:
    """Every piece of a URL is that piece and nothing else: no piece leads into the database of another."""
    escaped = quote(hostile.encode("utf-8", "surrogatepass"), safe="")
    if url.startswith("duckdb"):
        urls = [
            f"duckdb:///{tmp_path}/no-such-folder/{escaped}",
            f"duckdb://?threads={escaped}",
            f"duckdb://?{escaped or 'x'}=1",
            f"duckdb://?access_mode={escaped}",
        ]
    else:
        head, _, tail = url.partition("@")
        server = tail.split("/")[0]
        urls = [
            f"{head}@{server}/{escaped or 'none'}",
            f"postgresql://{escaped or 'none'}:x@{tail}",
            f"postgresql://postgres:{escaped or 'none'}@{tail}",
            f"{head}@{tail}?sslmode={escaped or 'none'}",
            f"{head}@{tail}?{escaped or 'x'}=1",
        ]
    for odd in [*urls, hostile, f"{url.split(':')[0]}://{hostile}"]:
        _refused(odd)


def _refused(url: str) -> None:
    if url in ("duckdb://", "duckdb://   "):
        return
    with pytest.raises(Fhir4dsError) as caught, connect(url, attempts=1, pool_timeout=5) as other:
        other.query("Patient.id")
    assert SECRET not in str(caught.value)


@_POSSIBLE
def test_file_name(database: Database, tmp_path: Path, hostile: str) -> None:
    """A file of that name is read in place where the database can, and is that file."""
    path = tmp_path / (hostile.replace("/", "|")[:80] + ".ndjson")
    path.write_text('{"resourceType": "Patient", "id": "filed"}\n')
    if database.dialect.capabilities.files:
        assert database.query("Patient.id", files=path).rows == [("filed", "filed")]
    else:
        assert _ours(lambda: database.query("Patient.id", files=path).rows) is None
