"""What an expert would write by hand for the ten expressions, on the table that our loader makes.

Same rows, same order (resources by code point of their id, then the document), nothing that is not needed for it.
"""

from __future__ import annotations

import attrs

from fhir4ds.dialect.statement import Column, Statement
from fhir4ds.dialect.types import SqlType
from tests.compliance.fhirpath.path_navigation import Case

#: Elements of the ten paths that repeat.
_REPEATING = {"name", "given", "telecom", "identifier", "address", "line"}

_COMPLEX = {"name", "telecom", "identifier", "address"}


@attrs.frozen
class _Path:
    names: tuple[str, ...]

    @property
    def many(self) -> bool:
        return any(name in _REPEATING for name in self.names)

    @property
    def complex(self) -> bool:
        return self.names[-1] in _COMPLEX

    @property
    def text(self) -> str:
        return "$" + "".join(f".{name}" + "[*]" * (name in _REPEATING) for name in self.names)


def _duckdb(path: _Path) -> str:
    extract = "json_extract" if path.complex else "json_extract_string"
    value = f"{extract}(resource, '{path.text}')"
    if path.many:
        return (
            f"SELECT id, unnest(items) AS value FROM (SELECT id, {value} AS items FROM resource "
            "WHERE resource_type = 'Patient' ORDER BY id)"
        )
    if path.names == ("active",):
        value = f"CAST({value} AS BOOLEAN)"
    # Materialized, as DuckDB would otherwise extract the value once more for the condition.
    return (
        f"WITH v AS MATERIALIZED (SELECT id, {value} AS value FROM resource WHERE resource_type = 'Patient') "
        "SELECT id, value FROM v WHERE value IS NOT NULL ORDER BY id"
    )


def _postgres(path: _Path) -> str:
    if path.many:
        value = "item.value" if path.complex else "item.value #>> '{}'"
        return (
            f"SELECT id, {value} AS value FROM resource CROSS JOIN LATERAL jsonb_path_query(resource, '{path.text}') "
            "WITH ORDINALITY AS item (value, ordinal) WHERE resource_type = 'Patient' "
            'ORDER BY id COLLATE "C", ordinal'
        )
    value = f"resource ->> '{path.names[0]}'"
    delivered = f"({value})::boolean" if path.names == ("active",) else value
    return (
        f"SELECT id, {delivered} AS value FROM resource WHERE resource_type = 'Patient' AND {value} IS NOT NULL "
        'ORDER BY id COLLATE "C"'
    )


_WRITERS = {"duckdb": _duckdb, "postgres": _postgres}


def expert_statement(case: Case, dialect: str) -> Statement:
    """The statement of an expert, to go the way of a compiled one."""
    path = _Path(case.path)
    type = SqlType.JSON if path.complex else SqlType.BOOLEAN if path.names == ("active",) else SqlType.TEXT
    return Statement(
        sql=_WRITERS[dialect](path),
        columns=(Column(name="id"), Column(name="value", type=type)),
        summary=f"expert {case.expression}",
    )
