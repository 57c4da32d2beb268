"""``fhir4ds conformance sql-on-fhir``: what it prints and writes, on both databases, and the official suites whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fhir4ds.database import connect
from tests.integration.cli.running import run
from tests.support.conformance import conformance_dir

_SELECT = [{"column": [{"name": "id", "path": "id"}]}]
_FILE: dict[str, Any] = {
    "title": "basic",
    "resources": [
        {"resourceType": "Patient", "id": "a", "name": [{"given": ["x", "y"]}]},
        {"resourceType": "Patient", "id": "a"},
        {"resourceType": "Observation"},
    ],
    "tests": [
        {"title": "rows", "view": {"resource": "Patient", "select": _SELECT}, "expect": [{"id": "a"}, {"id": "a"}]},
        {"title": "wrong", "view": {"resource": "Patient", "select": _SELECT}, "expect": [{"id": "a"}]},
        {"title": "refused", "view": {"resource": "Patient", "select": []}, "expectError": True},
        {
            "title": "fails",
            "view": {"resource": "Patient", "select": [{"column": [{"name": "g", "path": "name.given"}]}]},
            "expectError": True,
        },
        {"title": "empty", "view": {"resource": "Group", "select": _SELECT}, "expectError": True},
    ],
}
_OUT = """\
group  passed  failed
basic  3       2

failed: basic/wrong
  expression  {"resource": "Patient", "select": [{"column": [{"name": "id", "path": "id"}]}]}
  expected    {"expect": [{"id": "a"}]}
  got         [{"id": "a"}, {"id": "a"}]

failed: basic/empty
  expression  {"resource": "Group", "select": [{"column": [{"name": "id", "path": "id"}]}]}
  expected    {"expectError": true}
  got         []

value tests: 1 passed, 1 failed
error tests: 2 passed, 1 failed
3 passed, 2 failed
"""


@pytest.fixture
def suite(tmp_path: Path) -> str:
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "basic.json").write_text(json.dumps(_FILE))
    return str(folder)


def conformance(suite: str, *options: str, to: str = "duckdb://") -> Any:
    return run("conformance", "sql-on-fhir", "--suite", suite, "--to", to, *options)


@pytest.mark.postgres
def test_both_databases_say_the_same_and_keep_nothing(suite: str, postgres_url: str) -> None:
    for to, name in (("duckdb://", "duckdb: "), (postgres_url, "postgres: PostgreSQL ")):
        done = conformance(suite, to=to)
        head, _, rest = done.out.partition("\n\n")
        assert (done.code, done.err, rest) == (1, "", _OUT)
        assert head.startswith(name)
    with connect(postgres_url) as database:
        assert database.execute_query("SELECT COUNT(*) FROM pg_tables WHERE tablename LIKE 'fhir4ds_suite%'") == [(0,)]


def test_json_and_official_report(suite: str, tmp_path: Path) -> None:
    place = tmp_path / "report.json"
    done = conformance(suite, "--json", "--failures", "--report", str(place))
    assert (done.code, done.err) == (1, "")
    report = json.loads(done.out)
    assert (report["passed"], report["failed"]) == (3, 2)
    assert [test["id"] for test in report["tests"]] == ["basic/wrong", "basic/empty"]
    official = json.loads(place.read_text())
    assert list(official) == ["basic.json"]
    assert {test["name"]: test["result"]["passed"] for test in official["basic.json"]["tests"]} == {
        "rows": True,
        "wrong": False,
        "refused": True,
        "fails": True,
        "empty": False,
    }


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"tests": []}',
        '{"resources": [], "tests": [{"title": "t", "view": {}}]}',
        '{"resources": 1, "tests": 2}',
    ],
)
def test_what_is_no_suite(suite: str, content: str) -> None:
    (Path(suite) / "broken.json").write_text(content)
    done = conformance(suite)
    assert (done.code, done.out) == (1, "")
    assert "broken.json" in done.err


def test_no_suite(tmp_path: Path) -> None:
    done = conformance(str(tmp_path))
    assert (done.code, done.out) == (1, "")
    assert "there is no suite in" in done.err


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["duckdb", "postgres"])
@pytest.mark.parametrize(("name", "passed", "failed"), [("tests", 132, 2), ("tests-next", 148, 0)])
def test_official_suites(name: str, passed: int, failed: int, database: str, postgres_url: str) -> None:
    place = str(conformance_dir() / "sql-on-fhir" / name)
    done = conformance(place, "--json", "--failures", to="duckdb://" if database == "duckdb" else postgres_url)
    report = json.loads(done.out)
    assert (report["passed"], report["failed"], report["errors"]["failed"]) == (passed, failed, 0)
    known = ["fhirpath/string join", "fhirpath/string join: default separator"]
    assert [test["id"] for test in report["tests"]] == known[:failed]
