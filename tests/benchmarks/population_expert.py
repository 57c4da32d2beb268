"""What an expert would write by hand for ten expressions over a population, on the table that our loader makes."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from fhir4ds.dialect.statement import Column, Statement
from fhir4ds.dialect.types import SqlType

_PATIENTS = "FROM resource WHERE resource_type = 'Patient'"
_SEX = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"
_SSN = "http://hl7.org/fhir/sid/us-ssn"


@attrs.frozen
class Expert:
    """SQL of both databases: what is selected beside the id, or a whole query of ids and values without its order."""

    duckdb: str
    postgres: str
    type: SqlType = SqlType.TEXT
    whole: bool = False


def _items(condition: str, value: str, path: str) -> str:
    """One row for each JSON item at a path for which a condition holds, in PostgreSQL."""
    return (
        f"SELECT id, {value} AS value FROM resource CROSS JOIN LATERAL JSONB_PATH_QUERY(resource, '{path}') "
        f"WITH ORDINALITY AS item (item, place) WHERE resource_type = 'Patient' AND {condition} "
        'ORDER BY id COLLATE "C", place'
    )


def _unnested(path: str, condition: str, value: str) -> str:
    """The same in DuckDB."""
    items = f"LIST_FILTER(JSON_EXTRACT(resource, '{path}'), LAMBDA x: {condition})"
    return (
        f"SELECT id, UNNEST(LIST_TRANSFORM({items}, LAMBDA x: {value})) AS value "
        f"FROM (SELECT id, resource {_PATIENTS} ORDER BY id)"
    )


EXPERT: Mapping[str, Expert] = {
    "Patient.name.where(use = 'official').given.first()": Expert(
        "JSON_EXTRACT_STRING(LIST_FILTER(JSON_EXTRACT(resource, '$.name[*]'), "
        "LAMBDA x: JSON_EXTRACT_STRING(x, '$.use') = 'official')[1], '$.given[0]')",
        "JSONB_PATH_QUERY_FIRST(resource, '$.name[*] ? (@.use == \"official\").given[*]') #>> '{}'",
    ),
    "Patient.name.first().use.upper()": Expert(
        "UPPER(JSON_EXTRACT_STRING(resource, '$.name[0].use'))", "UPPER(resource #>> '{name,0,use}')"
    ),
    "Patient.telecom.count()": Expert(
        "COALESCE(CAST(JSON_ARRAY_LENGTH(resource, '$.telecom') AS BIGINT), 0)",
        "COALESCE(JSONB_ARRAY_LENGTH(resource -> 'telecom'), 0)",
        SqlType.INTEGER,
    ),
    "Patient.birthDate < @1970-01-01": Expert(
        "JSON_EXTRACT_STRING(resource, '$.birthDate') < '1970-01-01'",
        "resource ->> 'birthDate' COLLATE \"C\" < '1970-01-01'",
        SqlType.BOOLEAN,
    ),
    "Patient.gender = 'female'": Expert(
        "JSON_EXTRACT_STRING(resource, '$.gender') = 'female'", "resource ->> 'gender' = 'female'", SqlType.BOOLEAN
    ),
    "Patient.name.given.count()": Expert(
        "CAST(LEN(JSON_EXTRACT(resource, '$.name[*].given[*]')) AS BIGINT)",
        "(SELECT COUNT(*) FROM JSONB_PATH_QUERY(resource, '$.name[*].given[*]'))",
        SqlType.INTEGER,
    ),
    f"Patient.identifier.where(system = '{_SSN}').value": Expert(
        _unnested(
            "$.identifier[*]", f"JSON_EXTRACT_STRING(x, '$.system') = '{_SSN}'", "JSON_EXTRACT_STRING(x, '$.value')"
        ),
        _items(f"item ->> 'system' = '{_SSN}'", "item ->> 'value'", "$.identifier[*]"),
        whole=True,
    ),
    "Patient.address.exists(state = 'KS')": Expert(
        "COALESCE(LIST_CONTAINS(JSON_EXTRACT_STRING(resource, '$.address[*].state'), 'KS'), FALSE)",
        "resource @@ '$.address[*].state == \"KS\"'",
        SqlType.BOOLEAN,
    ),
    f"Patient.extension.where(url = '{_SEX}').value.ofType(code)": Expert(
        _unnested(
            "$.extension[*]", f"JSON_EXTRACT_STRING(x, '$.url') = '{_SEX}'", "JSON_EXTRACT_STRING(x, '$.valueCode')"
        ),
        _items(f"item ->> 'url' = '{_SEX}'", "item ->> 'valueCode'", "$.extension[*]"),
        whole=True,
    ),
    "Patient.name.first().given.join(' ')": Expert(
        "ARRAY_TO_STRING(JSON_EXTRACT_STRING(resource, '$.name[0].given[*]'), ' ')",
        "(SELECT STRING_AGG(item, ' ' ORDER BY place) FROM JSONB_ARRAY_ELEMENTS_TEXT(resource #> '{name,0,given}') "
        "WITH ORDINALITY AS item (item, place))",
    ),
}


def expert_statement(expression: str, dialect: str) -> Statement:
    """The statement of an expert, to go the way of a compiled one."""
    expert = EXPERT[expression]
    sql = expert.duckdb if dialect == "duckdb" else expert.postgres
    if not expert.whole:
        order = "id" if dialect == "duckdb" else 'id COLLATE "C"'
        sql = (
            f"WITH v AS MATERIALIZED (SELECT id, {sql} AS value {_PATIENTS}) "
            f"SELECT id, value FROM v WHERE value IS NOT NULL ORDER BY {order}"
        )
    return Statement(
        sql=sql,
        columns=(Column(name="id"), Column(name="value", type=expert.type)),
        summary=f"expert {expression}",
    )
