"""The PostgreSQL dialect: what it says about itself, and how it is found."""

from __future__ import annotations

import inspect
import subprocess
import sys

import attrs
import fhir4ds_postgres
import pytest
from fhir4ds_postgres.syntax import PostgresSyntax

from fhir4ds.dialect.driver import Driver
from fhir4ds.dialect.types import SqlType
from fhir4ds.plugin import SUPPORTED_API
from fhir4ds.registry import registry
from fhir4ds.target import Target

DIALECT = registry.get("postgres")


def test_it_is_found_by_its_name_and_alias() -> None:
    """``postgresql``, as the scheme has it, means the same."""
    assert DIALECT.name == "postgres"
    assert registry.get("postgresql") is DIALECT
    assert "postgres" in registry and "postgresql" in registry


@pytest.mark.parametrize("url", ["postgresql://localhost/x", "postgres://postgres:postgres@localhost:5432/postgres"])
def test_it_serves_its_schemes(url: str) -> None:
    """Both spellings of the scheme lead here."""
    assert registry.for_url(url) is DIALECT


def test_the_url_of_the_original_design_is_read() -> None:
    """User, password, host, port and database are in their places, and the password is never shown."""
    target = Target.parse("postgresql://postgres:postgres@localhost:5432/postgres")
    assert attrs.asdict(target, filter=lambda field, _: field.name != "options") == {
        "scheme": "postgresql",
        "user": "postgres",
        "password": "postgres",
        "host": "localhost",
        "port": 5432,
        "database": "postgres",
    }
    assert str(target) == "postgresql://postgres:***@localhost:5432/postgres"


def test_it_says_what_it_is() -> None:
    """The record is complete: plugin API, names for telemetry, capabilities, requirement."""
    assert DIALECT.api in SUPPORTED_API
    assert DIALECT.system == "postgresql"
    assert DIALECT.requires == "psycopg2-binary>=2.9"
    assert attrs.asdict(DIALECT.capabilities) == {
        "read_only": True,
        "statement_timeout": True,
        "server_cursor": True,
        "bulk_load": True,
        "files": False,
        "exact_decimals": True,
        "typed_results": True,
        "embedded": False,
    }


def test_it_is_one_record_per_process() -> None:
    """A dialect is a value; the hook gives one."""
    [dialect] = fhir4ds_postgres.fhir4ds_dialects()
    assert dialect.name == DIALECT.name
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        DIALECT.name = "other"  # type: ignore[misc]


def test_psycopg2_is_imported_by_the_first_connection_only() -> None:
    """Compiling for PostgreSQL, and finding the dialect, need no driver."""
    program = (
        "import sys\n"
        "from fhir4ds.registry import registry\n"
        "from fhir4ds.compiler.compiler import compile_expression\n"
        "from fhir4ds.compiler.options import Options\n"
        "from fhir4ds.plan.source import TableSource\n"
        "dialect = registry.get('postgresql')\n"
        "compile_expression('Patient.name', dialect.syntax, TableSource(), Options())\n"
        "assert 'psycopg2' not in sys.modules\n"
        "dialect.load_driver()\n"
        "assert 'psycopg2' in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_its_driver_has_the_whole_contract() -> None:
    """Every method of the contract, with the contract's parameters."""
    made = DIALECT.load_driver()(Target.parse("postgresql://localhost/x"))
    for name, method in inspect.getmembers(Driver, inspect.isfunction):
        if not name.startswith("_"):
            own = inspect.signature(getattr(made, name))
            assert list(own.parameters) == list(inspect.signature(method).parameters)[1:]
    assert issubclass(made.errors, Exception)


def test_its_syntax_needs_no_state() -> None:
    """Words are pure text: two instances say the same."""
    first, second = PostgresSyntax(), PostgresSyntax()
    assert vars(first) == vars(second) == {}
    assert first.cast("a", SqlType.JSON) == second.cast("a", SqlType.JSON) == "CAST(a AS jsonb)"


def test_it_reads_no_files() -> None:
    """A server does not see the files of its clients."""
    assert DIALECT.syntax.read_files(["a.ndjson"], lines=True) is None


def test_values_of_sql_are_quoted_whatever_the_server_thinks_of_backslashes() -> None:
    """A literal means the same with and without standard_conforming_strings."""
    assert PostgresSyntax().text("it's") == "'it''s'"
    assert PostgresSyntax().text("\\'") == "E'\\\\'''"
