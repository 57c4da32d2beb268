"""``fhir4ds doctor``: every step ok, and every step failing, on real databases."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path
from urllib.parse import quote, urlsplit
from uuid import uuid4

import duckdb
import pytest

import fhir4ds
from tests.integration.cli.running import PATIENTS, Outcome, run, run_process
from tests.support.postgres_databases import administrator
from tests.support.postgres_server import SECRET

_STEPS = ["dialect", "url", "driver", "host name", "port", "login", "version", "table", "query"]


def walked(outcome: Outcome) -> list[str]:
    """The steps that were walked; the last one may have failed."""
    steps = []
    for line in outcome.out.splitlines():
        state, step = re.fullmatch(r"(ok     |failed |       ) (?:try|([a-z ]+)): .*", line).groups()  # type: ignore[union-attr]
        if step is not None:
            steps.append(step if state.strip() == "ok" else f"{step} failed")
    return steps


def test_file(tmp_path: Path) -> None:
    path = tmp_path / "clinic.duckdb"
    assert run("load", PATIENTS, "--to", str(path)).code == 0
    shown = run("doctor", str(path))
    version = duckdb.__version__
    distribution = metadata.version("fhir4ds-duckdb")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.splitlines() == [
        f"ok      dialect: duckdb, fhir4ds-duckdb {distribution}",
        f"ok      url: duckdb:///{path}",
        f"ok      driver: duckdb {version}",
        "ok      login: it opens",
        f"ok      version: v{version}",
        "ok      table: resource has keys in id, resources in resource, their types in resource_type",
        "ok      query: Resource.id gives rows",
    ]


def test_missing_file_is_not_made(tmp_path: Path) -> None:
    shown = run("doctor", str(tmp_path / "typo.duckdb"))
    assert (shown.code, walked(shown)) == (1, ["dialect", "url", "driver", "login failed"])
    assert shown.out.splitlines()[-1] == "        try: check the path and its permissions"
    assert list(tmp_path.iterdir()) == []


def test_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "text.duckdb").write_text("this is no database" * 1000)
    shown = run("doctor", str(tmp_path / "text.duckdb"))
    assert (shown.code, walked(shown)) == (1, ["dialect", "url", "driver", "login failed"])


def test_file_that_another_process_writes(tmp_path: Path) -> None:
    path = str(tmp_path / "clinic.duckdb")
    with duckdb.connect(path):
        shown = run_process("doctor", path)
    assert (shown.code, walked(shown)) == (1, ["dialect", "url", "driver", "login failed"])
    assert shown.out.splitlines()[-1].startswith("        try: another process has the database open")


def test_empty_table_and_table_of_text(tmp_path: Path) -> None:
    path = str(tmp_path / "theirs.duckdb")
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE resource (id INTEGER, resource VARCHAR)")
    shown = run("doctor", path)
    assert shown.code == 0
    assert shown.out.splitlines()[-2:] == [
        "ok      table: resource has keys in id, resources in resource;"
        " they are not stored as JSON, which makes queries slower",
        "ok      query: Resource.id gives no rows, the table is empty",
    ]


def test_table_of_another_shape(tmp_path: Path) -> None:
    path = str(tmp_path / "theirs.duckdb")
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE resource (id INTEGER, body JSON)")
    shown = run("doctor", path)
    assert (shown.code, walked(shown)[-1]) == (1, "table failed")


def test_content_that_is_no_json(tmp_path: Path) -> None:
    """The last step finds what the shape of the table does not show."""
    path = str(tmp_path / "theirs.duckdb")
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE resource (id INTEGER, resource VARCHAR)")
        connection.execute("INSERT INTO resource VALUES (1, 'no json')")
    shown = run("doctor", path)
    assert (shown.code, walked(shown)[-1]) == (1, "query failed")
    assert "no json" not in shown.out


@pytest.mark.parametrize(
    ("url", "out"),
    [
        ("clinic", "failed  dialect: a database is named by a URL, such as duckdb:///clinic.duckdb or"),
        ("mysql://ada:s3cret@h/d", "failed  dialect: no dialect serves mysql://..."),
    ],
)
def test_no_dialect(url: str, out: str) -> None:
    shown = run("doctor", url)
    assert (shown.code, walked(shown)) == (1, ["dialect failed"])
    assert shown.out.startswith(out)
    assert "s3cret" not in shown.out + shown.err


@pytest.mark.postgres
def test_server(postgres_url: str) -> None:
    empty = run("doctor", postgres_url)
    assert (empty.code, walked(empty)) == (1, [*_STEPS[:-2], "table failed"])
    assert empty.out.splitlines()[-1].startswith(
        "        try: load resources, which makes it: fhir4ds load PATH --to URL"
    )
    assert run("load", PATIENTS, "--to", postgres_url).code == 0
    shown = run("doctor", postgres_url)
    assert (shown.code, shown.err, walked(shown)) == (0, "", _STEPS)
    assert shown.out.splitlines()[-1] == "ok      query: Resource.id gives rows"
    for outcome in (empty, shown):
        assert SECRET not in outcome.out
        assert quote(SECRET, safe="") not in outcome.out


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("change", "step"),
    [
        (("@", "wrong@"), "login failed"),
        (("DATABASE", "nosuchdatabase"), "login failed"),
        (("PORT", "1"), "port failed"),
        (("HOST", "no-such-host.invalid"), "host name failed"),
        (("HOST", "a..b"), "host name failed"),
        (("PORT", "port"), "url failed"),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else value,
)
def test_each_step_that_fails_is_the_last(postgres_url: str, change: tuple[str, str], step: str) -> None:
    login, _, place = postgres_url.rpartition("@")
    host, _, rest = place.partition(":")
    port, _, database = rest.partition("/")
    url = f"{login}@HOST:PORT/DATABASE".replace(*change)
    url = url.replace("HOST", host).replace("PORT", port).replace("DATABASE", database)
    for more in ([], ["--debug"]):
        shown = run("doctor", url, *more)
        assert (shown.code, shown.err) == (1, "")
        assert walked(shown) == [*_STEPS[: _STEPS.index(step.removesuffix(" failed"))], step]
        assert SECRET not in shown.out
        assert quote(SECRET, safe="") not in shown.out


@pytest.mark.postgres
def test_table_that_may_not_be_read(postgres_url: str) -> None:
    with fhir4ds.connect(postgres_url) as database:
        database.execute_query("CREATE ROLE guest LOGIN PASSWORD 'guest'")
        database.execute_query("CREATE TABLE locked (id text, resource jsonb)")
    place = postgres_url.rpartition("@")[2]
    try:
        shown = run("doctor", f"postgresql://guest:guest@{place}", "--table", "locked")
        assert (shown.code, walked(shown)) == (1, [*_STEPS[:-1], "query failed"])
        assert shown.out.splitlines()[-1] == "        try: grant the user the right to read what the statement reads"
    finally:
        with fhir4ds.connect(postgres_url) as database:
            database.execute_query("DROP ROLE guest")


@pytest.mark.postgres
def test_nothing_is_changed(postgres_url: str) -> None:
    count = "SELECT count(*) FROM pg_catalog.pg_class"
    with fhir4ds.connect(postgres_url) as database:
        before = database.execute_query(count)
        run("doctor", postgres_url)
        assert database.execute_query(count) == before


@pytest.mark.postgres
def test_letters_of_ascii_alone(postgres_url: str, postgres_admin_url: str) -> None:
    """The walk goes on to its end, and says what such a database does not know."""
    name = f"fhir4ds_test_{uuid4().hex[:12]}"
    with administrator(postgres_admin_url) as cursor:
        provider = " LOCALE_PROVIDER libc" if cursor.connection.server_version >= 150000 else ""
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0 LC_CTYPE 'C' LC_COLLATE 'C'{provider}")
        try:
            url = urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
            assert run("load", PATIENTS, "--to", url).code == 0
            shown = run("doctor", url)
        finally:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
    assert (shown.code, shown.err) == (0, "")
    *steps, note, advice = shown.out.splitlines()
    assert steps[-1] == "ok      query: Resource.id gives rows"
    assert note.startswith("note    letters: beyond ASCII") and advice.startswith("        try: ")
