"""Hostile strings, everywhere a string can come in: the right value or an error of ours, and an untouched database."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
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

EVERYTHING = {**HOSTILE, **IMPOSSIBLE}


def _key(hostile: str) -> str:
    """The id of the patient who bears a hostile string."""
    return f"p{list(EVERYTHING.values()).index(hostile)}"


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


def _ours(call: Callable[[], Any]) -> Any:
    """What a call gives, or None where it ends in an error of ours that gives no password away."""
    try:
        return call()
    except Fhir4dsError as error:
        assert SECRET not in str(error) + repr(error)
        return None


def _each(strings: dict[str, str], check: Callable[[str], None]) -> None:
    """Check every string, and tell of all that fail."""
    failures = {}
    for name, hostile in strings.items():
        try:
            check(hostile)
        except Exception as error:
            failures[name] = f"{type(error).__name__}: {error}"[:300]
    assert failures == {}


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


@pytest.fixture(scope="module")
def untyped(database: Database) -> Database:
    """The same database without a model, where any name is an element."""
    return Database(database.dispatcher, table=database.table, model=None)


def _state(database: Database) -> dict[str, tuple[int, str]]:
    """Rows and checksum of every table."""
    quoted = database.dialect.syntax.quote
    tables = database.execute_query(
        "SELECT table_schema, table_name FROM information_schema.tables "
        "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY table_schema, table_name"
    )
    state = {}
    for schema, table in tables:
        rows = sorted(map(repr, database.execute_query(f"SELECT * FROM {quoted(schema)}.{quoted(table)}")))
        state[f"{schema}.{table}"] = len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return state


@pytest.fixture(scope="module")
def before(database: Database) -> dict[str, tuple[int, str]]:
    """Every table as it was at first."""
    state = _state(database)
    assert {name.split(".")[1]: rows for name, (rows, _) in state.items()} == {"resource": len(HOSTILE), "victim": 2}
    return state


@pytest.fixture(autouse=True)
def _intact(database: Database, before: dict[str, tuple[int, str]]) -> Iterator[None]:
    yield
    assert _state(database) == before


def test_there_are_more_than_forty() -> None:
    """The list is as long as it claims to be, and holds no string twice."""
    assert len(EVERYTHING) == len(set(EVERYTHING.values())) > 40


def test_literals(database: Database) -> None:
    """A literal is the text that it is: it selects the one patient who bears it, and comes back unharmed."""

    def check(hostile: str) -> None:
        assert database.query(f"Patient.where(name.family = {_literal(hostile)}).id").values() == [_key(hostile)]
        assert database.query(f"Patient.where(id = 'p0').select({_literal(hostile)})").values() == [hostile]

    _each(HOSTILE, check)


def test_parameters(database: Database) -> None:
    """A bound value is the text that it is."""

    def check(hostile: str) -> None:
        assert database.query("Patient.where(name.family = %v).id", v=hostile).values() == [_key(hostile)]
        assert database.query("Patient.where(id = 'p0').select(%v)", v=hostile).values() == [hostile]

    _each(HOSTILE, check)


def test_what_cannot_be_text(database: Database) -> None:
    """No database takes it, so the caller hears it from us."""

    def check(hostile: str) -> None:
        literal, variable = f"Patient.where(name.family = {_literal(hostile)}).id", "Patient.where(name.family = %v).id"
        assert _ours(lambda: database.query(literal).values()) is None
        assert _ours(lambda: database.query(variable, v=hostile).values()) in (None, [])

    _each(IMPOSSIBLE, check)


def test_resource_types(database: Database, untyped: Database) -> None:
    """A type that is none finds nothing."""

    def check(hostile: str) -> None:
        assert _ours(lambda: database.query("id", resource_type=hostile).values()) in (None, [])
        assert _ours(lambda: database.query(f"{_name(hostile)}.id").values()) in (None, [])
        assert _ours(lambda: untyped.query("id", resource_type=hostile).values()) in (None, [])

    _each(EVERYTHING, check)


def test_element_names(database: Database, untyped: Database) -> None:
    """Without a model any name is an element: the one patient who has it is found, and nothing else."""

    def check(hostile: str) -> None:
        rows = _ours(lambda: untyped.query(f"Patient.{_name(hostile)}", resource_type="Patient").rows)
        condition = f"Patient.where({_name(hostile)} = 'found').id"
        ids = _ours(lambda: untyped.query(condition, resource_type="Patient").values())
        if hostile and hostile in HOSTILE.values():
            assert (rows, ids) == ([(_key(hostile), "found")], [_key(hostile)])
        else:
            assert rows in (None, []) and ids in (None, [])
        assert _ours(lambda: database.query(f"Patient.{_name(hostile)}").rows) is None

    _each(EVERYTHING, check)


def test_variable_names(database: Database) -> None:
    """The name of a variable is never a part of the statement."""

    def check(hostile: str) -> None:
        text = f"Patient.where(id = 'p0').select(%{_name(hostile)})"
        bound = _ours(lambda: database.query(text, **{hostile: "bound"}).values())
        assert bound == ["bound"] if hostile in HOSTILE.values() else bound in (None, ["bound"])
        assert database.query("Patient.where(id = %v).id", v="p1", **{hostile: "unused"}).values() == ["p1"]

    _each(EVERYTHING, check)


def test_variable_names_that_differ_in_case_only(database: Database) -> None:
    """They are two variables."""
    text = "Patient.where(id = 'p0').select(%Name | %name | %NAME)"
    assert database.query(text, Name="a", name="b", NAME="c").values() == ["a", "b", "c"]


def test_expressions(database: Database) -> None:
    """As a whole expression, or in the middle of one, it is refused or harmless."""

    def check(hostile: str) -> None:
        for text in (hostile, f"Patient.{hostile}", f"Patient.where({hostile}).id", f"Patient.name.take(1 {hostile})"):
            _ours(partial(database.query, text))

    _each(EVERYTHING, check)


def test_table_names(database: Database) -> None:
    """A table of that name is missing until there is one; then it is that table."""

    def check(hostile: str) -> None:
        other = Database(database.dispatcher, table=hostile)
        assert _ours(lambda: other.query("Patient.id").rows) is None
        report = _ours(lambda: other.load([{"resourceType": "Patient", "id": "only"}], strict=True))
        if report is not None:
            assert other.query("Patient.id").rows == [("only", "only")]
            other.execute_query(f"DROP TABLE {other.dialect.syntax.quote(hostile)}")
        else:
            # PostgreSQL cuts names off after 63 bytes, so it may refuse the long one as well.
            assert hostile in ("", HOSTILE["long"], *IMPOSSIBLE.values())

    _each(EVERYTHING, check)


def test_schema_names(database: Database) -> None:
    """A schema that does not exist has no tables, and none is made."""

    def check(hostile: str) -> None:
        for place in ((hostile, "resource"), (hostile, hostile)):
            other = Database(database.dispatcher, table=place)
            assert _ours(partial(other.query, "Patient.id")) is None
            assert _ours(partial(other.load, [{"resourceType": "Patient", "id": "x"}])) is None

    _each(EVERYTHING, check)


def test_one_resource(database: Database) -> None:
    """A resource that comes with the statement is data, and what is no resource is refused."""

    def check(hostile: str) -> None:
        resource = {"resourceType": "Patient", "id": "x", "name": [{"family": hostile}]}
        found = _ours(lambda: database.evaluate("name.family", resource))
        assert found == [hostile] if hostile in HOSTILE.values() else found in (None, [hostile])
        text = _ours(lambda: database.evaluate("name.family", hostile))
        assert text == [] if hostile == HOSTILE["json"] else text is None

    _each(EVERYTHING, check)


def test_loaded_resources(url: str, database: Database) -> None:
    """What is loaded comes back as it was, or is rejected; no id or type leads out of its table."""

    def check(hostile: str) -> None:
        bad = [{"resourceType": hostile, "id": "x"}, {"resourceType": "Patient", "id": hostile}]
        other.execute_query("DROP TABLE IF EXISTS other")
        report = _ours(lambda: other.load([*bad, {"resourceType": "Patient", "id": "good"}]))
        if report is not None:
            assert report.inserted + report.rejected == 3
            keys = other.execute_query("SELECT resource_type, id FROM other")
            assert len(keys) == report.inserted
            assert set(keys) <= {(hostile, "x"), ("Patient", hostile), ("Patient", "good")}

    with connect(url, table="other", attempts=1) as other:
        _each(EVERYTHING, check)
        other.execute_query("DROP TABLE IF EXISTS other")


def test_paths_to_load(database: Database) -> None:
    """What is the path of nothing is an error of ours."""

    def check(hostile: str) -> None:
        assert _ours(lambda: database.load(f"/no/such/folder/{hostile}")) is None

    _each(EVERYTHING, check)


def test_url_pieces(url: str, tmp_path: Path) -> None:
    """Every piece of a URL is that piece and nothing else: no piece leads into the database of another."""

    def check(hostile: str) -> None:
        escaped = quote(hostile.encode("utf-8", "surrogatepass"), safe="") or "none"
        if url.startswith("duckdb"):
            urls = [
                f"duckdb:///{tmp_path}/no-such-folder/{escaped}",
                f"duckdb://?threads={escaped}",
                f"duckdb://?{escaped}=1",
                f"duckdb://?access_mode={escaped}",
            ]
        else:
            head, _, tail = url.partition("@")
            urls = [
                f"{head}@{tail.split('/')[0]}/{escaped}",
                f"postgresql://{escaped}:x@{tail}",
                f"postgresql://postgres:{escaped}@{tail}",
                f"{head}@{tail}?sslmode={escaped}",
                f"{head}@{tail}?{escaped}=1",
            ]
        for odd in [*urls, hostile, f"{url.split(':', maxsplit=1)[0]}://127.0.0.1:1/{hostile}"]:
            if not (odd.startswith("duckdb://127") or odd == "duckdb://"):
                with pytest.raises(Fhir4dsError) as caught, connect(odd, attempts=1, pool_timeout=5) as other:
                    other.query("Patient.id")
                assert SECRET not in str(caught.value)

    _each(EVERYTHING, check)


def test_file_names(database: Database, tmp_path: Path) -> None:
    """A file of that name is read in place where the database can, and is that file."""

    def check(hostile: str) -> None:
        # A folder for each: a name that is a pattern, too, must not find its neighbours, which are tested below.
        path = tmp_path / _key(hostile) / (hostile.replace("/", "|")[:80] + ".ndjson")
        path.parent.mkdir()
        path.write_text('{"resourceType": "Patient", "id": "filed"}\n')
        rows = _ours(lambda: database.query("Patient.id", files=path).rows)
        # DuckDB has no way to name a file with a backslash as well as a character of patterns; it finds none.
        readable = "\\" not in hostile or not re.search(r"[*?\[]", hostile)
        assert rows == ([("filed", "filed")] if database.dialect.capabilities.files and readable else None)

    _each(HOSTILE, check)


def test_a_file_name_that_is_a_pattern_finds_itself_only(database: Database, tmp_path: Path) -> None:
    """Where a file of the name exists, the name is no pattern."""
    for name in ("a*b", "axb", "a?b", "a[x]b", "a{0}b"):
        (tmp_path / f"{name}.ndjson").write_text(json.dumps({"resourceType": "Patient", "id": name}) + "\n")
    for name in ("a*b", "a?b", "a[x]b", "a{0}b"):
        path = tmp_path / f"{name}.ndjson"
        if database.dialect.capabilities.files:
            assert database.query("Patient.id", files=path).values() == [name]
        with connect("duckdb://") as other:
            assert other.load(path, strict=True).inserted == 1
            assert other.query("Patient.id").values() == [name]
