"""What docs/guides/postgresql-setup.md says of tables, settings and addresses is what the code has."""

from __future__ import annotations

import re
from typing import Any

import attrs
import pytest
from fhir4ds_postgres.driver import PostgresDriver
from psycopg2.extensions import parse_dsn

import fhir4ds
from fhir4ds.runtime.settings import Settings
from fhir4ds.target import Target
from tests.support.documentation import DOCS, Clinic, blocks

_PAGE = DOCS / "guides" / "postgresql-setup.md"
_TEXT = _PAGE.read_text("utf-8")

_COLUMNS = """
    SELECT attname, format_type(atttypid, atttypmod), attnotnull, collname
    FROM pg_attribute LEFT JOIN pg_collation ON pg_collation.oid = attcollation
    WHERE attrelid = 'resource'::regclass AND attnum > 0 ORDER BY attnum
"""
_KEY = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'resource'::regclass AND contype = 'p'"
_STORAGE = "SELECT reloptions FROM pg_class WHERE oid = 'resource'::regclass"


@pytest.mark.postgres
def test_the_table_is_the_one_that_a_load_makes(clinic: Clinic) -> None:
    clinic.create()
    [definition] = [
        block.text for block in blocks(_PAGE) if block.text.startswith("CREATE TABLE IF NOT EXISTS resource (")
    ]
    with fhir4ds.connect(clinic.url("ada", clinic.PASSWORD)) as database:
        database.load([{"resourceType": "Patient", "id": "p1"}])
        made = [database.execute_query(query) for query in (_COLUMNS, _KEY, _STORAGE)]
        database.execute_query("DROP TABLE resource")
        database.execute_query(definition)
        assert [database.execute_query(query) for query in (_COLUMNS, _KEY, _STORAGE)] == made


def test_every_setting_is_listed_with_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([\w.]+) \| ", _TEXT, re.MULTILINE)
    assert rows == [(field.name, _spelled(field.default)) for field in attrs.fields(Settings)]


def _spelled(default: Any) -> str:
    return str(default) if isinstance(default, bool) else f"{default:g}"


_ADDRESSES = re.findall(r"^\| `(postgresql://[^`]+)` \| ", _TEXT, re.MULTILINE)
_OPTIONS = [option for row in re.findall(r"^\| `(\w+=[^`]+)` \| ", _TEXT, re.MULTILINE) for option in [row]]


@pytest.mark.parametrize("url", [*_ADDRESSES, *(f"postgresql://ada@localhost/clinic?{option}" for option in _OPTIONS)])
def test_addresses_mean_what_libpq_takes_them_for(url: str) -> None:
    ours = {name: str(value) for name, value in PostgresDriver(Target.parse(url))._parameters.items()}
    theirs = parse_dsn(url)
    ours["options"] = ours["options"].split("DateStyle=ISO", 1)[1].strip()
    assert {name: ours.get(name) for name in theirs} == theirs
    named = {"host", "port", "user", "password", "dbname", "service", "sslmode", "sslrootcert", "target_session_attrs"}
    assert named & set(ours) == named & set(theirs)


def test_there_are_addresses_and_options() -> None:
    assert len(_ADDRESSES) >= 6
    assert len(_OPTIONS) >= 5
