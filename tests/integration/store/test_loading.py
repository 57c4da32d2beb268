"""Loading: what comes in is there once, as it came last, and the report says what happened."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from fhir4ds.database import Database
from fhir4ds.errors import QueryFailed, RejectedResource, SourceError
from fhir4ds.store.report import UNKNOWN_TYPE, Counts, Rejection
from tests.integration.store.conftest import Open, contents, exact, spelled, tables, write_lines
from tests.support.sample_data import data_dir

FIXTURES = Path(__file__).parents[2] / "fixtures" / "fhir"


def patient(id: str, **elements: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id, **elements}


# --- real data --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["synthea-10", "synthea-100"])
def test_real_data_is_there_to_the_last_digit_and_again_changes_nothing(db: Database, name: str) -> None:
    folder = data_dir() / name
    given: dict[tuple[str, str], str] = {}
    read: dict[str, int] = {}
    for file in sorted(folder.glob("*.ndjson")):
        for line in file.read_text("utf-8").split("\n"):
            if line.strip():
                resource = json.loads(line)
                given[resource["resourceType"], resource["id"]] = line
                read[resource["resourceType"]] = read.get(resource["resourceType"], 0) + 1
    once = {type: sum(1 for of, _ in given if of == type) for type in read}

    report = db.load(folder)
    assert report.types == {
        type: Counts(inserted=once[type], superseded=read[type] - once[type]) for type in sorted(read)
    }
    stored = contents(db)
    assert {key: exact(value) for key, value in stored.items()} == {
        key: exact(spelled(text)) for key, text in given.items()
    }

    again = db.load([folder / "*.ndjson"])
    assert again.types == {
        type: Counts(unchanged=once[type], superseded=read[type] - once[type]) for type in sorted(read)
    }
    assert contents(db) == stored


def test_hard_cases_and_patients(db: Database) -> None:
    report = db.load([FIXTURES / "hard-cases.ndjson", FIXTURES / "patients.json"], strict=True)
    patients = json.loads((FIXTURES / "patients.json").read_text())
    hard = (FIXTURES / "hard-cases.ndjson").read_text("utf-8").rstrip("\n").split("\n")
    assert report.inserted == len(hard) + len(patients)
    stored = contents(db)
    for text in hard:
        resource = spelled(text)
        assert stored[resource["resourceType"], resource["id"]] == resource
    for resource in patients:
        assert stored["Patient", resource["id"]] == resource


# --- once, as it came last --------------------------------------------------------------------------------------------


def test_an_edited_resource_is_updated_and_nothing_else(db: Database) -> None:
    assert db.load([patient(f"p{n}", active=True) for n in range(5)]).total == Counts(inserted=5)
    edited = [
        patient("p0", active=True),
        patient("p1", active=False),
        patient("p5"),
        {**patient("p0"), "resourceType": "Group"},
    ]
    report = db.load(edited)
    assert report.types == {
        "Group": Counts(inserted=1),
        "Patient": Counts(inserted=1, updated=1, unchanged=1),
    }
    stored = contents(db)
    assert set(stored) == {("Group", "p0"), *(("Patient", f"p{n}") for n in range(6))}
    assert (stored["Patient", "p1"], stored["Patient", "p2"]) == (edited[1], patient("p2", active=True))
    assert db.query("Patient.active").rows == [("p0", True), ("p1", False), ("p2", True), ("p3", True), ("p4", True)]


@pytest.mark.parametrize(("before", "after"), [("1.5", "1.50"), ("100", "100.0"), ("1", "2"), ("0.1", "0.10")])
def test_a_digit_is_an_edit(db: Database, before: str, after: str) -> None:
    def observation(number: str) -> str:
        return f'{{"resourceType": "Observation", "id": "o", "valueDecimal": {number}}}'

    assert db.load([observation(before)]).total == Counts(inserted=1)
    assert db.load([observation(before)]).total == Counts(unchanged=1)
    assert db.load([observation(after)]).total == Counts(updated=1)
    assert str(contents(db)["Observation", "o"]["valueDecimal"]) == after


def test_the_last_of_several_in_one_load_counts(db: Database, tmp_path: Path) -> None:
    first = write_lines(tmp_path / "a.ndjson", [patient("p", active=n % 2 == 0) for n in range(5)])
    second = write_lines(
        tmp_path / "b.ndjson", [patient("q"), patient("p", gender="other"), {**patient("p"), "resourceType": "Group"}]
    )
    report = db.load([first, second])
    assert report.types == {"Group": Counts(inserted=1), "Patient": Counts(inserted=2, superseded=5)}
    assert contents(db)["Patient", "p"] == patient("p", gender="other")
    report = db.load([patient("p"), patient("p", gender="other")])
    assert report.total == Counts(unchanged=1, superseded=1)


def test_many_batches(db: Database) -> None:
    report = db.load(patient(f"p{n % 5000:05}", multipleBirthInteger=n, text={"div": "x" * 50}) for n in range(7000))
    assert report.total == Counts(inserted=5000, superseded=2000)
    stored = contents(db)
    assert [stored["Patient", f"p{n:05}"]["multipleBirthInteger"] for n in range(5000)] == [
        *range(5000, 7000),
        *range(2000, 5000),
    ]


def test_nothing_to_load_is_not_an_error(db: Database) -> None:
    for nothing in ([], iter([])):
        report = db.load(nothing)
        assert (report.types, report.total) == ({}, Counts())
    assert contents(db) == {}


def test_large_resources(db: Database) -> None:
    resources = [patient(f"p{size}", text={"div": "x" * size}) for size in (7_000, 9_000, 100_000, 3_000_000)]
    assert db.load(resources).total == Counts(inserted=4)
    assert contents(db) == {("Patient", item["id"]): item for item in resources}
    assert db.load(resources).total == Counts(unchanged=4)
    assert db.load([patient("p3000000", text={"div": "x" * 2_999_999 + "y"})]).total == Counts(updated=1)


# --- wherever they come from ------------------------------------------------------------------------------------------

RESOURCES = [
    '{"resourceType":"Observation","id":"o","valueQuantity":{"value":1.50,"x":[1e2,123456789012345678901234567890.10]}}',
    '{ "resourceType" : "Patient", "id": "p", "name": [{"family": "O\'Quote \\"x\\" \u00e9\u2028\\u00e9 \U0001f600"}] }',
    '{"id":"g","resourceType":"Group","extension":[{"url":"a","valueString":"%s {} $1 ? \\\\ \\u0001"}]}',
]
BUNDLE = (
    '{"resourceType": "Bundle", "type": "x", "entry": [' + ", ".join(f'{{"resource": {r}}}' for r in RESOURCES) + "]}"
)


def pretty(text: str) -> str:
    return text.replace(",", "\n  ,\n\t")


SOURCES: dict[str, Callable[[Path], Any]] = {
    "ndjson": lambda folder: save(folder / "x.ndjson", "\n".join(RESOURCES)),
    "ndjson.gz": lambda folder: save(folder / "x.ndjson.gz", "\r\n".join(RESOURCES)),
    "json lines": lambda folder: save(folder / "x.jsonl", "\n\n".join(RESOURCES) + "\n"),
    "lines named json": lambda folder: save(folder / "x.json", "\n".join(RESOURCES)),
    "array": lambda folder: save(folder / "x.json", pretty(f"[{','.join(RESOURCES)}]")),
    "array.gz": lambda folder: save(folder / "x.json.gz", f"[{','.join(RESOURCES)}]"),
    "bundle": lambda folder: save(folder / "x.json", pretty(BUNDLE)),
    "bundle.gz": lambda folder: save(folder / "x.json.gz", BUNDLE),
    "array of bundles": lambda folder: save(folder / "x.json", f"[{BUNDLE}, {BUNDLE}]"),
    "single": lambda folder: [save(folder / f"{n}.json", text) for n, text in enumerate(RESOURCES)],
    "folder": lambda folder: save(folder / "deep" / "er" / "x.ndjson", "\n".join(RESOURCES)).parents[2],
    "pattern": lambda folder: str(save(folder / "deep" / "x.ndjson", "\n".join(RESOURCES)).parents[1] / "**" / "*.nd*"),
    "text": lambda _: RESOURCES,
    "bytes": lambda _: (text.encode() for text in RESOURCES),
    "open file": lambda folder: save(folder / "x.txt", "\n".join(RESOURCES)).open("rb"),
    "dictionaries": lambda _: [json.loads(text, parse_float=Decimal) for text in RESOURCES],
    "generator": lambda _: (json.loads(text, parse_float=Decimal) for text in RESOURCES),
    "bundle as a dictionary": lambda _: json.loads(BUNDLE, parse_float=Decimal),
    "bundle as text": lambda _: BUNDLE,
}


def save(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(text.encode()) if file.suffix == ".gz" else text.encode())
    return file


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_every_kind_of_source_gives_the_same(db: Database, tmp_path: Path, name: str) -> None:
    report = db.load(SOURCES[name](tmp_path), strict=True)
    assert (report.inserted, report.rejected) == (3, 0)
    expected = {(spelled(text)["resourceType"], spelled(text)["id"]): spelled(text) for text in RESOURCES}
    stored = contents(db)
    assert stored == expected
    numbers = stored["Observation", "o"]["valueQuantity"]
    assert [str(numbers["value"]), str(numbers["x"][1])] == ["1.50", "123456789012345678901234567890.10"]
    if db.dialect.name == "duckdb" and name not in ("dictionaries", "generator", "bundle as a dictionary"):
        assert str(numbers["x"][0]) == "1E+2"  # written 1e2; jsonb keeps the value, not the exponent


# --- what is no resource ----------------------------------------------------------------------------------------------

BAD_LINES = [
    '{"resourceType": "Patient", "id": "good-1"}',
    "not json",
    json.dumps(patient("good-2", active=True)),
    '{"resourceType": "Patient"}',
    "",
    '{"resourceType": "Patient", "id": "p", "name": [{"family": "x\\u0000y"}]}',
    '{"resourceType": "Device", "id": "d", "id": "e"}',
    '{"resourceType": "Device", "id": 7}',
    '{"resourceType": "Device", "id": "d", "n": NaN}',
    "[]",
    json.dumps({**patient("good-3"), "resourceType": "Device"}),
]
REJECTED = [
    (2, "not JSON: Expecting value at column 1", None),
    (4, "no id", "Patient"),
    (6, "the character \\u0000, which PostgreSQL cannot store", "Patient"),
    (7, 'duplicate key "id": databases differ in which of the two they keep', None),
    (8, "id is a number instead of a string", "Device"),
    (9, "not JSON: NaN", None),
    (10, "an array instead of a JSON object", None),
]


def test_a_bad_line_is_rejected_by_file_and_line_and_the_rest_goes_on(db: Database, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "bad.ndjson", BAD_LINES)
    report = db.load([file, write_lines(tmp_path / "good.ndjson", [patient("good-4")])])
    assert report.rejections == tuple(Rejection(str(file), line, reason, type) for line, reason, type in REJECTED)
    assert report.types == {
        "Device": Counts(inserted=1, rejected=1),
        "Patient": Counts(inserted=3, rejected=2),
        UNKNOWN_TYPE: Counts(rejected=4),
    }
    assert sorted(contents(db)) == [("Device", "good-3"), *(("Patient", f"good-{n}") for n in (1, 2, 4))]


def test_values_are_rejected_by_number(db: Database) -> None:
    report = db.load([patient("p"), {"resourceType": "Patient"}, 7, b"\xff", "{"])  # type: ignore[list-item]
    assert [str(rejection) for rejection in report.rejections] == [
        "resource 2: no id",
        "resource 3: cannot be written as JSON: TypeError",
        "resource 4: not Unicode text",
        "resource 5: not JSON: Expecting property name enclosed in double quotes at column 2",
    ]
    assert set(contents(db)) == {("Patient", "p")}


def test_rejections_are_counted_beyond_those_that_are_kept(db: Database) -> None:
    report = db.load({"resourceType": "Patient", "n": n} for n in range(1500))
    assert (report.rejected, len(report.rejections)) == (1500, 1000)
    assert report.rejections[-1].line == 1000


def test_strict_stops_and_undoes_everything(db: Database, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "bad.ndjson", [*(patient(f"p{n}") for n in range(5000)), '{"resourceType": "X"}'])
    with pytest.raises(RejectedResource) as error:
        db.load(file, strict=True)
    assert (error.value.message, error.value.file, error.value.line) == (f"{file}:5001: no id", str(file), 5001)
    assert db.table not in tables(db)

    db.load([patient("p0", active=True)])
    for bad in (file, [patient("p0"), patient("p1"), "{"], [patient("p0"), 7]):
        with pytest.raises(RejectedResource):
            db.load(bad, strict=True)  # type: ignore[arg-type]
    assert contents(db) == {("Patient", "p0"): patient("p0", active=True)}


def test_a_load_that_fails_leaves_nothing(db: Database) -> None:
    def broken() -> Any:
        for n in range(5000):
            yield patient(f"p{n}")
        raise LookupError("the caller's own")

    with pytest.raises(LookupError, match="the caller's own"):
        db.load(broken())
    assert db.table not in tables(db)
    assert db.load([patient("p")]).inserted == 1


#: What one database or the other refuses, or both read otherwise than it is written.
DELICATE = [
    *(f'"{escape}"' for escape in ("\\u0000", "\\ud800", "\\udc00", "\\ud83d\\ud83d", "\\ude00\\ud83d", "\\uFFFF", "\\ud83d\\ude00")),
    '"\\\\u0000"', '"\uffff\ufdd0\U0010ffff"', '"\x7f\x80\u200b\ufeff"', '"\\u0001\\u0002\\u001f"', '"\\b\\f\\n\\r\\t\\/\\"\\\\"',
    "1e400", "1e1000", "1e1001", "-1e1000", "1e-1000", "1e-1001", "1.5e-999", "1e131072", "1e-16384", "-0", "-0.0", "0e0", "1E+05",
    "9" * 1000, "9" * 1001, "0." + "1" * 998, "0." + "1" * 17000, "NaN", "Infinity", "1.", ".5", "+1", "0x10", "01",
    '{"a": 1, "a": 1}', '{"a": 1, "\\u0061": 2}', '{"": {"": 1}}', '{"a b": 1, "$": 2, "\\"": 3}', "[[1,],]", "{,}", "[1 2]", "'x'",
    "[" * 498 + "]" * 498, "[" * 500 + "]" * 500, "[" * 5000 + "]" * 5000, '{"a":' * 498 + "1" + "}" * 498,
    '"' + "x" * 300_000 + '"', "[" + "1," * 50_000 + "1]", "tru", "null", "/* x */ 1", "1 // x", "undefined", "\x00", '"\x01"', "\u00a01",
]  # fmt: skip


def test_what_is_accepted_is_what_both_databases_take(db: Database) -> None:
    texts = [f'{{"resourceType": "X", "id": "{n}", "v": {value}}}' for n, value in enumerate(DELICATE)]
    report = db.load(texts)
    taken = {int(id) for _, id in contents(db)}
    rejected = {rejection.line - 1 for rejection in report.rejections}
    assert taken | rejected == set(range(len(DELICATE)))
    assert not taken & rejected
    # The same on every database, as the list is made before a database sees it.
    assert {DELICATE[n][:20] for n in taken} == {
        '"\\uFFFF"', '"\\ud83d\\ude00"', '"\\\\u0000"', '"\uffff\ufdd0\U0010ffff"', '"\x7f\x80\u200b\ufeff"', '"\\u0001\\u0002\\u001f"',
        '"\\b\\f\\n\\r\\t\\/\\"\\\\"', "1e400", "1e1000", "-1e1000", "1e-1000", "1.5e-999", "-0", "-0.0", "0e0", "1E+05", "9" * 20,
        "0." + "1" * 18, '{"": {"": 1}}', '{"a b": 1, "$": 2, "', "[" * 20, '{"a":' * 4, '"' + "x" * 19, "[" + "1," * 9 + "1", "null",
    }  # fmt: skip


# --- names and ids that mean mischief ---------------------------------------------------------------------------------

HOSTILE = [
    "'; DROP TABLE victim; --", '"; DROP TABLE victim; --', "x'); DELETE FROM victim; --", "' OR '1'='1", '" OR "1"="1', "'", '"', "''", '""',
    "\\", "\\'", "\\\\", "E'\\''", "U&'\\0027'", "$$; DROP TABLE victim; $$", "$1", "%s", "%(id)s", "%", "?", ":name", "@p", "{0}", "{}", "${x}",
    ";", "--", "/*", "*/", "x -- y", "#", "`x`", "[x]", "public.victim", 'public"."victim', "pg_catalog", "NULL", "null", "true", "7", "1e3",
    "select", "victim", "\u2019", "\u00e9\u00c9", "\U0001f600", "a b", " lead", "trail ", "..", "../../etc/passwd", "CON", "-", "\u05d0\u05d1",
    "x" * 63, "\u00e9" * 60, "x" * 255, "\\.", "\\N", "(SELECT 1)", "current_user", "fhir4ds_staging", "FHIR4DS_STAGING", "information_schema.tables",
]  # fmt: skip
REFUSED = [
    "",
    "a\nb",
    "\n\\.\n",
    "a\tb",
    "a\x00b",
    "a\x01b\x02",
    "\x7f",
    "\u2028",
    "x" * 256,
    "\u202e",
    "\x1b[31m",
    "a\rb",
]


def victim(database: Database) -> list[Any]:
    """The rows of a table that nothing may touch; made at the first call."""
    if "victim" not in tables(database):
        database.execute_query("CREATE TABLE victim (id INTEGER, note VARCHAR(20))")
        database.execute_query("INSERT INTO victim VALUES (1, 'untouched'), (2, 'too')")
    return database.execute_query("SELECT * FROM victim ORDER BY id")


def test_hostile_ids_and_types_are_only_text(db: Database) -> None:
    untouched = victim(db)
    resources = [{"resourceType": name, "id": name, "v": name} for name in HOSTILE]
    resources += [{"resourceType": "Patient", "id": name} for name in HOSTILE]
    resources += [{"resourceType": name, "id": "p"} for name in HOSTILE]
    assert len(HOSTILE) > 40
    assert db.load(resources, strict=True).inserted == 3 * len(HOSTILE)
    assert contents(db) == {(item["resourceType"], item["id"]): item for item in resources}
    assert db.load(resources).total == Counts(unchanged=3 * len(HOSTILE))

    bad = [{"resourceType": name, "id": "p"} for name in REFUSED] + [patient(name) for name in REFUSED]
    report = db.load([*bad, patient("last")])
    assert (report.inserted, report.rejected) == (1, 2 * len(REFUSED))
    assert victim(db) == untouched


def test_hostile_table_names_are_only_names(db: Database, open_: Open) -> None:
    untouched = victim(db)
    for name in HOSTILE:
        before = tables(db)
        if name.lower() in {known.lower() for known in before}:
            continue  # the victim itself, or a name that differs in case only
        with open_(table=name) as database:
            assert database.load([patient("p")]).inserted == 1
            assert database.load([patient("p"), patient("q")]).total == Counts(inserted=1, unchanged=1)
            assert set(contents(database)) == {("Patient", "p"), ("Patient", "q")}
            [made] = tables(db) - before
            # PostgreSQL cuts names at 63 bytes.
            assert made == name or name.encode().startswith(made.encode())
            db.execute_query(f"DROP TABLE {db.dialect.syntax.quote(name)}")
    assert victim(db) == untouched


def test_a_table_that_is_not_ours_is_not_loaded_into(db: Database, open_: Open) -> None:
    untouched = victim(db)
    with pytest.raises(SourceError) as error:
        open_(table="victim").load([patient("p")])
    assert error.value.message.startswith("table 'victim' cannot be loaded into: it needs a column 'id' of type")
    assert victim(db) == untouched


def test_a_schema_that_does_not_exist_is_an_error(open_: Open) -> None:
    with pytest.raises(QueryFailed):
        open_(table=("'; DROP TABLE victim; --", "resource")).load([patient("p")])


# --- while it goes on -------------------------------------------------------------------------------------------------


def test_progress_goes_from_nothing_to_everything(db: Database, tmp_path: Path) -> None:
    files = [
        write_lines(tmp_path / f"{n}.ndjson", [patient(f"p{n}-{m}") for m in range(1200)] + ["{"]) for n in range(3)
    ]
    size = sum(file.stat().st_size for file in files)
    told: list[tuple[int, int | None, int]] = []
    db.load(tmp_path, progress=lambda *figures: told.append(figures))
    assert told[0] == (0, size, 0) or told[0][2] == 0
    assert told[-1] == (size, size, 3603)
    assert told == sorted(told)
    assert len(told) > 5
    told.clear()
    db.load((patient(f"p{n}") for n in range(700)), progress=lambda *figures: told.append(figures))
    assert [(total, read) for _, total, read in told] == [(None, 0), (None, 500), (None, 700)]


def test_a_load_is_reported_as_an_event(db: Database) -> None:
    with capture_logs() as entries:
        report = db.load([patient("p"), "{"])
    structlog.reset_defaults()
    [entry] = [entry for entry in entries if entry["event"] == "load.done"]
    assert entry == {
        "event": "load.done",
        "log_level": "debug",
        "db.query.summary": "load",
        "duration": report.elapsed,
        "db.operation.batch.size": 1,
    }
    assert report.elapsed > 0


def test_nothing_is_left_in_the_session(open_: Open) -> None:
    database = open_(pool_size=1)
    for n in range(3):
        assert database.load([patient(f"p{n}")]).inserted == 1
    assert "fhir4ds_staging" not in tables(database)
