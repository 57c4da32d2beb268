"""``fhir4ds query``: every format and source, whole outputs, and refusals."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

import fhir4ds
from tests.integration.cli.running import HARD_CASES, PATIENTS, Outcome, run, run_process

_OFFICIAL = "Patient.where(id = 'patient-001').name.where(use = 'official')"
_NAME = '{"use": "official", "family": "Family1", "given": ["Given1", "Alias1"]}'


@pytest.mark.parametrize(
    ("format", "out"),
    [
        ("table", f"id           value\npatient-001  {_NAME}\n1 row\n"),
        ("json", f'[\n  {{"id": "patient-001", "value": {_NAME}}}\n]\n'),
        ("ndjson", f'{{"id": "patient-001", "value": {_NAME}}}\n'),
        ("csv", 'id,value\npatient-001,"{}"\n'.format(_NAME.replace('"', '""'))),
    ],
)
def test_formats(format: str, out: str) -> None:
    assert run("query", _OFFICIAL, PATIENTS, "--format", format) == Outcome(0, out, "")


def test_a_table_that_is_piped_is_complete() -> None:
    shown = run("query", "Patient.birthDate", PATIENTS)
    lines = shown.out.splitlines()
    assert (shown.code, shown.err, len(lines)) == (0, "", 102)
    assert lines[:2] == ["id           value", "patient-001  1971-02-02"]
    assert lines[-1] == "100 rows"


def test_all_formats_say_what_the_library_says() -> None:
    with fhir4ds.connect() as database:
        rows = database.query("Patient.name", files=HARD_CASES).rows
    assert rows
    read = json.loads(run("query", "Patient.name", HARD_CASES, "--format", "json").out, parse_float=Decimal)
    assert [(row["id"], row["value"]) for row in read] == rows
    lines = run("query", "Patient.name", HARD_CASES, "--format", "ndjson").out.rstrip("\n").split("\n")
    assert [json.loads(line, parse_float=Decimal) for line in lines] == read
    table = run("query", "Patient.name", HARD_CASES, "--format", "csv").out
    head, *cells = csv.reader(io.StringIO(table, newline=""))
    assert head == ["id", "value"]
    assert [(id, json.loads(value, parse_float=Decimal)) for id, value in cells] == rows


@pytest.mark.postgres
def test_decimals_keep_their_digits(postgres_url: str, tmp_path: Path) -> None:
    """As far as the database does, which PostgreSQL does: 1.50 does not become 1.5."""
    file = tmp_path / "o.ndjson"
    file.write_text('{"resourceType":"Observation","id":"o","valueQuantity":{"value":1.50,"unit":"mm"}}\n')
    place = (postgres_url, "--table", "decimals")
    assert run("load", str(file), "--to", *place).code == 0
    assert (
        run("query", "Observation.value.ofType(Quantity).value", *place, "--format", "csv").out == "id,value\no,1.50\n"
    )
    assert run("query", "Observation.value", *place, "--format", "ndjson").out == (
        '{"id": "o", "value": {"unit": "mm", "value": 1.50}}\n'
    )


@pytest.mark.parametrize(
    ("name", "out"),
    [
        ("rows.csv", "id,value\npatient-001,1971-02-02\n"),
        ("rows.json", '[\n  {"id": "patient-001", "value": "1971-02-02"}\n]\n'),
        ("rows.jsonl", '{"id": "patient-001", "value": "1971-02-02"}\n'),
        ("rows", "id           value\npatient-001  1971-02-02\n1 row\n"),
    ],
)
def test_output_file(tmp_path: Path, name: str, out: str) -> None:
    target = tmp_path / name
    assert run("query", "Patient.birthDate", PATIENTS, "--limit", "1", "-o", str(target)) == Outcome(0, "", "")
    assert target.read_text() == out
    assert list(tmp_path.iterdir()) == [target]


def test_parquet_has_the_types_of_items(tmp_path: Path) -> None:
    target = tmp_path / "rows.parquet"
    for expression, type in (("Patient.birthDate", "string"), ("Patient.active", "bool"), ("Patient.name", "string")):
        assert run("query", expression, PATIENTS, "-o", str(target)) == Outcome(0, "", "")
        table = pq.read_table(target)
        assert [(field.name, str(field.type)) for field in table.schema] == [("id", "string"), ("value", type)]
        with fhir4ds.connect() as database:
            assert table == database.query(expression, files=PATIENTS).to_arrow()
    assert list(tmp_path.iterdir()) == [target]


def test_output_file_stays_as_it_was_when_the_query_fails(tmp_path: Path) -> None:
    target = tmp_path / "rows.csv"
    target.write_text("before")
    assert run("query", "Patient.name.single()", PATIENTS, "-o", str(target)).code == 1
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_limit_stops_early() -> None:
    assert run("query", "Patient.name.given", PATIENTS, "--limit", "2", "--format", "csv") == Outcome(
        0, "id,value\npatient-001,Given1\npatient-001,Alias1\n", ""
    )


def test_folder_and_pattern_read_in_place(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.ndjson").write_text(f'{{"resourceType":"Patient","id":"{name}"}}\n')
    whole = Outcome(0, "id,value\na,a\nb,b\n", "")
    for source in ([str(tmp_path)], [f"{tmp_path}/*.ndjson"], [f"{tmp_path}/b.ndjson", f"{tmp_path}/a.ndjson"]):
        assert run("query", "Patient.id", *source, "--format", "csv") == whole


@pytest.mark.parametrize(
    ("condition", "parameter", "rows"),
    [
        ("gender = %v", "v=female", 25),
        ("gender = %v", "v=' or 1=1 --", 0),
        ("active = %v", "v:Boolean=true", None),
        ("name.count() = %v", "v:Integer=2", None),
        ("1.5 = %v", "v:Decimal=1.50", 100),
        ("birthDate <= %v", "v:Date=1971-02-02", None),
        ("@2000-01-01T00:00:00Z < %v", "v:DateTime=2000-01-01T00:00:01Z", 100),
        ("@T12:00:00 = %v", "v:Time=12:00:00", 100),
        ("id = %v", "v:String=patient-001", 1),
    ],
)
def test_parameters_are_typed_and_bound(condition: str, parameter: str, rows: int | None) -> None:
    asked = run("query", f"Patient.where({condition}).id", PATIENTS, "--param", parameter, "--format", "csv")
    assert (asked.code, asked.err) == (0, "")
    found = len(asked.out.splitlines()) - 1
    assert found == rows if rows is not None else found > 0


def test_options_of_the_language(tmp_path: Path) -> None:
    assert run("query", "birthDate", PATIENTS, "--resource-type", "Patient", "--limit", "1", "--format", "csv").out == (
        "id,value\npatient-001,1971-02-02\n"
    )
    file = tmp_path / "a.ndjson"
    file.write_text('{"resourceType":"Patient","id":"a","madeUp":{"deep":1}}\n')
    assert run("query", "Patient.madeUp.deep", str(file)).code == 1
    assert run("query", "Patient.madeUp.deep", str(file), "--model", "none", "--format", "csv").out == "id,value\na,1\n"
    strict = run("query", "Observation.valueQuantity", str(file), "--strict")
    assert (strict.code, strict.out) == (1, "")


def test_any_table_of_a_database_file(tmp_path: Path) -> None:
    """Also one with keys that JSON has no type for; and asking does not lock others out."""
    path = str(tmp_path / "theirs.duckdb")
    with duckdb.connect(path) as connection:
        connection.execute("CREATE SCHEMA fhir")
        connection.execute("CREATE TABLE fhir.Patients (id UUID, resource JSON)")
        patient = '{"resourceType": "Patient", "birthDate": "1980"}'
        connection.execute("INSERT INTO fhir.Patients VALUES ('00000000-0000-0000-0000-000000000007', ?)", [patient])
    asked = ("query", "Patient.birthDate", path, "--table", "fhir.Patients", "--format")
    with duckdb.connect(path, read_only=True):
        assert run_process(*asked, "ndjson") == Outcome(
            0, '{"id": "00000000-0000-0000-0000-000000000007", "value": "1980"}\n', ""
        )
    assert run(*asked, "csv").out == "id,value\n00000000-0000-0000-0000-000000000007,1980\n"


@pytest.mark.parametrize(
    ("arguments", "code", "err"),
    [
        (["qurey"], 2, "error: there is no command 'qurey'; did you mean 'query'?\nhint: fhir4ds --help\n"),
        (["frobnicate"], 2, "error: there is no command 'frobnicate'\nhint: fhir4ds --help\n"),
        (["query", "Patient.id"], 2, "error: Missing argument 'SOURCE...'.\nhint: fhir4ds query --help\n"),
        (
            ["query", "Patient.id", PATIENTS, "--limit", "0"],
            2,
            "error: Invalid value for '--limit': 0 is not in the range x>=1.\nhint: fhir4ds query --help\n",
        ),
        (
            ["query", "Patient.id", PATIENTS, "--timeout", "0"],
            2,
            "error: Invalid value for '--timeout': 0.0 is not in the range x>0.\nhint: fhir4ds query --help\n",
        ),
        (
            ["query", "Patient.brthDate", PATIENTS],
            1,
            "error: Patient has no element 'brthDate' (line 1, column 9)\n    Patient.brthDate\n            ^\n"
            "hint: did you mean 'birthDate'?\n",
        ),
        (
            ["query", "Patient\n  .name.single()", PATIENTS],
            1,
            "error: expected a single item but found several (line 2, column 9)\n      .name.single()\n            ^\n"
            "    on the resource with the id patient-001\n",
        ),
        (
            ["query", "Patient.id", "/no/such/file.ndjson"],
            1,
            "error: no such file or folder: /no/such/file.ndjson\n"
            "hint: check the path; it is taken from the current folder\n",
        ),
        (
            ["query", "Patient.id", "mysql://root:s3cret@h/d"],
            1,
            "error: no dialect serves mysql://...\nhint: installed dialects: duckdb, postgres\n",
        ),
        (
            ["query", "Patient.id", PATIENTS, "-o", "/no/such/folder/a.csv"],
            1,
            "error: cannot write /no/such/folder/a.csv: No such file or directory\n",
        ),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, list) else None,
)
def test_refusals_are_one_message_on_stderr(arguments: list[str], code: int, err: str) -> None:
    assert run(*arguments) == Outcome(code, "", err)


@pytest.mark.postgres
def test_server_says_what_the_files_say(postgres_url: str) -> None:
    assert run("load", PATIENTS, HARD_CASES, "--to", postgres_url).code == 0
    for expression in ("Patient.birthDate", "Patient.name.given", "Patient.name", "Patient.multipleBirth"):
        files = run("query", expression, PATIENTS, HARD_CASES, "--format", "ndjson")
        server = run("query", expression, postgres_url, "--format", "ndjson")
        assert (server.code, server.err) == (files.code, files.err) == (0, "")
        assert [json.loads(line) for line in server.out.rstrip("\n").split("\n")] == [
            json.loads(line) for line in files.out.rstrip("\n").split("\n")
        ]


@pytest.mark.postgres
def test_timeout_of_a_server(postgres_url: str) -> None:
    """It covers everything that the command asks, and the hint names the option."""
    with fhir4ds.connect(postgres_url) as holding, holding.dispatcher.connection() as lender:
        with lender.cursor() as cursor:
            cursor.execute("CREATE TABLE busy (id text, resource jsonb)")
            cursor.execute("BEGIN; LOCK TABLE busy")
        asked = run("query", "Patient.id", postgres_url, "--table", "busy", "--timeout", "0.5")
        assert (asked.code, asked.out) == (1, "")
        assert "within its 0.5 s" in asked.err
        assert asked.err.splitlines()[-1] == "hint: give it more time with --timeout SECONDS, or select less"
