"""The statements of some expressions, as text: a change of the SQL shows in the diff of a golden file.

``python -m tests.unit.compiler.test_goldens`` writes the files anew.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from fhir4ds_duckdb.syntax import DuckDBSyntax
from fhir4ds_postgres.syntax import PostgresSyntax

from fhir4ds.compiler.compiler import compile_expression
from fhir4ds.compiler.options import Options
from fhir4ds.compiler.variables import variable_types
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.source import FileSource, InlineSource, Source, TableSource

FOLDER = Path(__file__).parent / "goldens"
SYNTAXES: dict[str, Syntax] = {"duckdb": DuckDBSyntax(), "postgres": PostgresSyntax()}

_TABLE = TableSource(resource_type="resource_type")
_FOREIGN = TableSource(name="Fhir Data", schema="odd", key="pk", resource="doc", key_type=SqlType.INTEGER)

EXPRESSIONS: dict[str, tuple[str, Source, Options]] = {
    "scalar": ("Patient.birthDate", _TABLE, Options()),
    "boolean": ("Patient.active", _TABLE, Options()),
    "array": ("Patient.name.given", _TABLE, Options()),
    "complex": ("Patient.name", _TABLE, Options()),
    "filter": ("Patient.name.where(use = 'official').given.first()", _TABLE, Options()),
    "partial-date": ("Patient.birthDate < @1980-01", _TABLE, Options()),
    "choice": ("Observation.value.ofType(Quantity).value > 1.5", _TABLE, Options()),
    "extension": ("Patient.birthDate.extension('http://example.org/x').value", _TABLE, Options()),
    "parameter": ("Patient.where(gender = %g).id", _TABLE, Options(variables=variable_types({"g": "female"}))),
    "foreign-table": ("Patient.active.not()", _FOREIGN, Options()),
    "all-types": ("Resource.id", _TABLE, Options()),
    "untyped": ("Patient.name.given", _TABLE, Options(model=None)),
    "inline": ("name.given", InlineSource(), Options(context=("Patient",))),
    "files": ("Patient.name.given", FileSource(ndjson=("a.ndjson",), documents=("b.json",)), Options()),
}

#: Only a dialect that reads files in place has this one.
_DUCKDB_ONLY = ("files",)

_CASES = [
    (name, dialect) for name in EXPRESSIONS for dialect in SYNTAXES if dialect == "duckdb" or name not in _DUCKDB_ONLY
]


def compiled(name: str, dialect: str) -> str:
    """The SQL of an expression."""
    text, source, options = EXPRESSIONS[name]
    return f"-- {text}\n{compile_expression(text, SYNTAXES[dialect], source, options).statement.sql}\n"


@pytest.mark.parametrize(("name", "dialect"), _CASES)
def test_sql_is_that_of_the_golden_file(name: str, dialect: str) -> None:
    """The statement is the one in the golden file, word for word."""
    golden = (FOLDER / f"{name}.{dialect}.sql").read_text("utf-8")
    assert compiled(name, dialect).splitlines() == golden.splitlines()


def test_there_are_no_other_golden_files() -> None:
    """A golden file that nothing compares proves nothing."""
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.{dialect}.sql" for name, dialect in _CASES}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, dialect in _CASES:
        (FOLDER / f"{name}.{dialect}.sql").write_bytes(compiled(name, dialect).encode("utf-8"))
