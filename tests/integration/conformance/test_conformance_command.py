"""``fhir4ds conformance fhirpath`` as it is called: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.running import run, run_process
from tests.unit.conformance.suites import FAILING, MIXED, PASSING, entry, write_suite

_GOOD = [test for test in MIXED if test["id"] in PASSING]


@pytest.fixture
def suite(tmp_path: Path) -> str:
    return str(write_suite(tmp_path / "r4", MIXED))


def fhirpath(suite: str, *options: str, to: str = "duckdb://") -> Any:
    return run("conformance", "fhirpath", "--suite", suite, "--to", to, *options)


def test_report_for_people(suite: str) -> None:
    done = fhirpath(suite)
    assert (done.code, done.err) == (1, "")
    head, table, *failures, last = done.out.split("\n\n")
    assert head.startswith("duckdb: ")
    assert table == "group  passed  failed\none    4       3\ntwo    4       3"
    assert failures[1].splitlines() == [
        "failed: one/no-type",
        "  expression  Patient.birthDate",
        "  expected    @1974-12-25 (dateTime)",
        '  got         "1974-12-25" (FHIR.date)',
    ]
    assert [failure.splitlines()[0] for failure in failures] == [f"failed: {id}" for id in FAILING]
    assert last == "value tests: 4 passed, 3 failed\nerror tests: 4 passed, 3 failed\n8 passed, 6 failed\n"


@pytest.mark.postgres
def test_both_databases_say_the_same(suite: str, postgres_url: str) -> None:
    left, right = (fhirpath(suite, "--failures", to=to) for to in ("duckdb://", postgres_url))
    assert left.code == right.code == 1
    assert right.out.startswith("postgres: PostgreSQL ")
    assert left.out.partition("\n")[2] == right.out.partition("\n")[2]


def test_all_is_well(tmp_path: Path) -> None:
    write_suite(tmp_path / "r4", _GOOD)
    done = fhirpath(str(tmp_path))
    assert (done.code, done.err) == (0, "")
    assert "failed:" not in done.out
    assert done.out.endswith("\nvalue tests: 4 passed, 0 failed\nerror tests: 4 passed, 0 failed\n8 passed, 0 failed\n")


def test_many_failures_are_shown_when_they_are_asked_for(tmp_path: Path) -> None:
    suite = str(write_suite(tmp_path, [entry(f"t{number}", "false", ("boolean", "true")) for number in range(12)]))
    few, all = fhirpath(suite), fhirpath(suite, "--failures")
    assert (few.out.count("failed: one/"), all.out.count("failed: one/")) == (10, 12)
    assert "\n\n2 more, see --failures\n\n" in few.out
    assert "more, see" not in all.out
    assert few.out.splitlines()[-3:] == all.out.splitlines()[-3:]


def test_report_for_programs(suite: str) -> None:
    done, failures = fhirpath(suite, "--json"), fhirpath(suite, "--json", "--failures")
    assert (done.code, done.err, failures.code, failures.err) == (1, "", 1, "")
    found, failed = json.loads(done.out), json.loads(failures.out)
    assert (found["passed"], found["failed"]) == (8, 6)
    assert [test["id"] for test in found["tests"]] == [test["id"] for test in MIXED]
    assert failed == {**found, "tests": [test for test in found["tests"] if not test["passed"]]}


def test_long_and_strange_results_stay_on_their_line(tmp_path: Path) -> None:
    tests = [entry("a", "\n'\\u001b[31m' &\n'" + "x" * 500 + "'\n", ("string", "y"), inputfile=None)]
    lines = fhirpath(str(write_suite(tmp_path, tests))).out.splitlines()
    shown = lines[lines.index("failed: one/a") + 1 :][:3]
    assert [line.split()[0] for line in shown] == ["expression", "expected", "got"]
    assert shown[0].startswith("  expression  '\\u001b[31m' &\\n'xxx")
    assert shown[0].endswith("x…")
    assert max(map(len, shown)) < 220
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize("missing", ["--suite", "--to"])
def test_wrong_use(missing: str, suite: str) -> None:
    options = {"--suite": suite, "--to": "duckdb://"}
    del options[missing]
    done = run("conformance", "fhirpath", *(word for option in options.items() for word in option))
    assert (done.code, done.out) == (2, "")
    assert f"Missing option '{missing}'" in done.err


def test_no_suite_there(tmp_path: Path) -> None:
    done = fhirpath(str(tmp_path))
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"error: there is no tests.json in {tmp_path}: this is no FHIRPath test suite\n"
        "hint: name the folder that holds tests.json and input/, or its parent\n"
    )


def test_no_database_there(suite: str, tmp_path: Path) -> None:
    """Nothing is counted, and nothing is made."""
    place = tmp_path / "mistyped.duckdb"
    done = fhirpath(suite, to=str(place))
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: ")
    assert not place.exists()


def test_other_suites_are_unknown() -> None:
    done = run("conformance", "fhirpth")
    assert (done.code, done.out) == (2, "")
    assert "No such command 'fhirpth'" in done.err


def test_as_a_process(suite: str) -> None:
    done = run_process("conformance", "fhirpath", "--suite", suite, "--to", "duckdb://")
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines()[-1] == "8 passed, 6 failed"
