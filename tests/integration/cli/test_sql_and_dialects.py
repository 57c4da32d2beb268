"""``fhir4ds sql`` and ``fhir4ds dialects``: what can be known without any database."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import fhir4ds
from fhir4ds.compiler.compiler import compile_expression
from fhir4ds.compiler.options import Options
from fhir4ds.plan.source import TableSource
from fhir4ds.registry import registry
from tests.integration.cli.running import Outcome, run, run_process

_VERSIONS = {name: metadata.version(f"fhir4ds-{name}") for name in ("duckdb", "postgres")}

_TABLE = """\
name      aliases     distribution{pad}  api  schemes              capabilities                                                                      driver     status
duckdb                fhir4ds-duckdb {duckdb}{gap}  1    duckdb               read_only,server_cursor,bulk_load,files,exact_decimals,typed_results,embedded     installed  ok
postgres  postgresql  fhir4ds-postgres {postgres}  1    postgresql,postgres  read_only,statement_timeout,server_cursor,bulk_load,exact_decimals,typed_results  installed  ok
""".format(pad=" " * (len(_VERSIONS["postgres"]) + 5), gap="  ", **_VERSIONS)


def test_sql_is_what_the_library_runs() -> None:
    """On a table that `load` makes, and with values only as placeholders."""
    expression = "Patient.where(gender = %g and name.count() = %n).id"
    with fhir4ds.connect() as database:
        database.load([{"resourceType": "Patient", "id": "p1"}])
        sql = database.sql(expression, g="female", n=2)
    asked = run("sql", expression, "--param", "g=female", "--param", "n:Integer=2")
    assert asked == Outcome(0, sql + "\n", "")
    assert "female" not in sql


@pytest.mark.parametrize("name", ["duckdb", "postgres", "postgresql"])
def test_sql_of_each_dialect_by_name_and_alias(name: str) -> None:
    compiled = compile_expression(
        "birthDate",
        registry.get(name).syntax,
        TableSource(schema="analytics", name="Resource", resource_type="resource_type"),
        Options(model="R5", strict=True, context=("Patient",)),
    )
    options = ("--table", "analytics.Resource", "--model", "r5", "--strict", "--resource-type", "Patient")
    assert run("sql", "birthDate", "--dialect", name, *options) == Outcome(0, compiled.statement.sql + "\n", "")


def test_sql_is_for_duckdb_unless_asked_otherwise() -> None:
    assert run("sql", "Patient.id") == run("sql", "Patient.id", "--dialect", "duckdb")


def test_sql_needs_no_driver() -> None:
    code = (
        "import sys; sys.modules['duckdb'] = sys.modules['psycopg2'] = None\n"
        "from fhir4ds.cli import main; main(['sql', 'Patient.name.given', '--dialect', sys.argv[1]])"
    )
    for dialect in ("duckdb", "postgres"):
        done = subprocess.run([sys.executable, "-c", code, dialect], capture_output=True, text=True, check=True)
        assert done.stdout == run("sql", "Patient.name.given", "--dialect", dialect).out


@pytest.mark.parametrize(
    ("arguments", "err"),
    [
        (["--dialect", "postgrs"], "error: no dialect named 'postgrs'\nhint: did you mean 'postgres'?\n"),
        (["--dialect", "acme"], "error: no dialect named 'acme'\nhint: installed dialects: duckdb, postgres\n"),
    ],
)
def test_sql_of_a_dialect_that_is_not_there(arguments: list[str], err: str) -> None:
    assert run("sql", "Patient.id", *arguments) == Outcome(1, "", err)


def test_dialects_for_people() -> None:
    assert run("dialects") == Outcome(0, _TABLE, "")


def test_dialects_for_programs() -> None:
    shown = run("dialects", "--json")
    assert (shown.code, shown.err) == (0, "")
    duckdb, postgres = json.loads(shown.out)
    assert duckdb == {
        "name": "duckdb",
        "status": "ok",
        "origin": {"distribution": "fhir4ds-duckdb", "version": _VERSIONS["duckdb"]},
        "reason": None,
        "aliases": [],
        "schemes": ["duckdb"],
        "api": 1,
        "capabilities": {
            "read_only": True,
            "statement_timeout": False,
            "server_cursor": True,
            "bulk_load": True,
            "files": True,
            "exact_decimals": True,
            "typed_results": True,
            "embedded": True,
        },
        "driver": True,
    }
    assert (postgres["name"], postgres["aliases"], postgres["driver"]) == ("postgres", ["postgresql"], True)


def test_dialect_that_is_switched_off() -> None:
    shown = run("dialects", FHIR4DS_DISABLE="duckdb")
    assert [line.split("  ")[-1].strip() for line in shown.out.splitlines()] == [
        "status",
        "off: switched off by FHIR4DS_DISABLE",
        "ok",
    ]
    assert run("sql", "Patient.id", FHIR4DS_DISABLE="duckdb") == Outcome(
        1, "", "error: no dialect named 'duckdb'\nhint: 'duckdb' is switched off by FHIR4DS_DISABLE\n"
    )


def test_dialect_that_is_broken(tmp_path: Path) -> None:
    """It is listed with the reason, and the others work."""
    (tmp_path / "broken.py").write_text("raise ValueError('no good')\n")
    information = tmp_path / "fhir4ds_broken-0.1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: fhir4ds-broken\nVersion: 0.1\n")
    (information / "entry_points.txt").write_text("[fhir4ds]\nbroken = broken\n")
    shown = run_process("dialects", PYTHONPATH=str(tmp_path))
    reason = "plugin 'broken' (fhir4ds-broken 0.1) failed to load: ValueError: no good"
    assert [line.split()[0] for line in shown.out.splitlines()] == ["name", "broken", "duckdb", "postgres"]
    assert shown.out.splitlines()[1].endswith(f"broken: {reason}")
    asked = run_process("sql", "Patient.id", "--dialect", "broken", PYTHONPATH=str(tmp_path))
    assert (asked.code, asked.out, asked.err) == (1, "", f"error: {reason}\n")


def test_no_dialect_at_all() -> None:
    code = (
        "from unittest.mock import patch\nfrom fhir4ds import registry\nfrom fhir4ds.cli import main\n"
        "with patch.object(registry, 'registry', registry.Registry(group=None)): main(['dialects'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert Outcome(done.returncode, done.stdout, done.stderr) == Outcome(
        0,
        "name  aliases  distribution  api  schemes  capabilities  driver  status\n",
        "hint: pip install fhir4ds-duckdb or fhir4ds-postgres\n",
    )
