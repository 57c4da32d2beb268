"""The numbered sentences of SQL on FHIR that concern a runner, one test each, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.errors import EvaluationError, InvalidView
from tests.integration.views.conftest import Stored

pytestmark = pytest.mark.postgres

_US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"
_RESOURCES: list[dict[str, Any]] = [
    {
        "resourceType": "Patient",
        "id": "p1",
        "active": True,
        "birthDate": "1980-05",
        "extension": [{"url": _US_CORE, "valueCode": "F"}],
        "name": [{"use": "official", "family": "Ay", "given": ["Bee", "Cee"]}, {"family": "Dee"}],
        "multipleBirthInteger": 2,
        "link": [{"other": {"reference": "#r1"}, "type": "seealso"}],
        "contained": [{"resourceType": "RelatedPerson", "id": "r1", "patient": {"reference": "#"}}],
    },
    {"resourceType": "Patient", "id": "p2"},
    {
        "resourceType": "Observation",
        "id": "o1",
        "subject": {"reference": "Patient/p1"},
        "focus": [
            {"reference": "urn:uuid:4f6c1e2a-0000-4000-8000-000000000000"},
            {"display": "somebody"},
            {"reference": "nonsense"},
        ],
        "valueQuantity": {"value": 1.50},
        "effectiveInstant": "2024-03-01T08:30:00+01:00",
    },
]


@pytest.fixture(scope="module")
def databases(stored: Stored) -> Iterator[tuple[Database, Database]]:
    with stored(_RESOURCES) as both:
        yield both


def rows(databases: tuple[Database, Database], resource: str, *selects: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a view, which are the same on both databases."""
    view = {"resource": resource, "select": list(selects)}
    first, second = (database.view(view).run().to_dicts() for database in databases)
    assert first == second
    return first


def columns(**paths: str) -> dict[str, Any]:
    return {"column": [{"name": name, "path": path} for name, path in paths.items()]}


def refusal(databases: tuple[Database, Database], *selects: dict[str, Any]) -> list[tuple[str | None, str | None]]:
    """Place and rule of the faults of a view of patients."""
    with pytest.raises(InvalidView) as raised:
        rows(databases, "Patient", *selects)
    return [(fault.path, fault.rule) for fault in raised.value.faults]


def test_shareable_1(databases: tuple[Database, Database]) -> None:
    """Every function and operator of the subset."""
    paths = {
        "literals": "'it''s' = 'it' and 1 = 1.0 or 1.5 < 2",
        "where": "name.where(use = 'official').family",
        "exists": "name.exists()",
        "exists_where": "name.exists(use = 'nickname')",
        "empty": "contact.empty()",
        "extension": f"extension('{_US_CORE}').value.ofType(code)",
        "of_type": "multipleBirth.ofType(integer)",
        "first": "name.given.first()",
        "logic": "(active and false) or name.exists().not()",
        "math": "(1 + 2 * 3 - 4) / 2",
        "compared": "1 != 2 and 2 > 1 and 1 <= 1 and 1 < 2 and 2 >= 2",
        "indexed": "name[1].family",
    }
    paths["literals"] = r"'it\'s' = 'it' and 1 = 1.0 or 1.5 < 2"
    assert rows(databases, "Patient", columns(**paths))[0] == {
        "literals": True,
        "where": "Ay",
        "exists": True,
        "exists_where": False,
        "empty": True,
        "extension": "F",
        "of_type": 2,
        "first": "Bee",
        "logic": False,
        "math": Decimal("1.5"),
        "compared": True,
        "indexed": "Dee",
    }


def test_viewdef_8_and_9(databases: tuple[Database, Database]) -> None:
    """Keys of resources and of references, with and without a type, are there."""
    both = columns(
        key="getResourceKey()", subject="subject.getReferenceKey()", patient="subject.getReferenceKey(Patient)"
    )
    [row] = rows(databases, "Observation", both)
    assert row["subject"] == row["patient"] is not None


def test_viewdef_10_and_12(databases: tuple[Database, Database]) -> None:
    """Keys are of a primitive type that both databases join by."""
    for database in databases:
        view = {
            "resource": "Observation",
            "select": [columns(key="getResourceKey()", subject="subject.getReferenceKey()")],
        }
        query = database.view(view)
        assert {column.sql_type.lower() for column in query.schema} <= {"varchar", "character varying", "text"}
        assert all(isinstance(value, str) for value in query.run().rows[0])


def test_viewdef_11_21_and_22(databases: tuple[Database, Database]) -> None:
    """What getReferenceKey gives is what getResourceKey gives on the resource that is referred to."""
    [observation] = rows(databases, "Observation", columns(subject="subject.getReferenceKey()"))
    patients = rows(databases, "Patient", columns(key="getResourceKey()"))
    assert len({row["key"] for row in patients}) == len(patients) == 2
    assert observation["subject"] == patients[0]["key"]


def test_viewdef_13(databases: tuple[Database, Database]) -> None:
    """A relative literal reference; of another type than asked for it is empty."""
    both = columns(patient="subject.getReferenceKey(Patient)", group="subject.getReferenceKey(Group)")
    [row] = rows(databases, "Observation", both)
    assert row["patient"] is not None
    assert row["group"] is None


def test_viewdef_14(databases: tuple[Database, Database]) -> None:
    """References that cannot be resolved are empty, and no error."""
    keys = {"name": "keys", "path": "focus.getReferenceKey(Patient)", "collection": True}
    assert rows(databases, "Observation", {"column": [keys]}) == [{"keys": []}]


def test_viewdef_15_and_16(databases: tuple[Database, Database]) -> None:
    """Branches of a union have the same columns, in number, name, order and type, or the view is refused."""
    good = columns(text="name.family.first()", flag="true")
    for bad, rule in (
        (columns(text="birthDate"), "union-columns"),
        (columns(text="birthDate", other="true"), "union-columns"),
        (columns(flag="true", text="birthDate"), "union-columns"),
        (columns(text="active", flag="true"), "union-types"),
    ):
        assert {rule} == {found for _, found in refusal(databases, {"unionAll": [good, bad]})}
    union = {"unionAll": [good, columns(text="gender", flag="false")]}
    assert len(rows(databases, "Patient", union)) == 4


def test_viewdef_17(databases: tuple[Database, Database]) -> None:
    """Columns of a select come first, then those of nested selects, then those of its union."""
    select = {"unionAll": [columns(d="1")], "select": [columns(b="1"), columns(c="1")], **columns(a="1")}
    assert [list(row) for row in rows(databases, "Patient", select, columns(e="1"))] == [list("abcde")] * 2


def test_viewdef_18(databases: tuple[Database, Database]) -> None:
    """A column has one type: that of its path, and no other may be declared."""
    declared = {"name": "active", "path": "active", "type": "date"}
    assert refusal(databases, {"column": [declared]}) == [("select[0].column[0].type", "column-type")]
    for database in databases:
        query = database.view({"resource": "Patient", "select": [columns(a="active", b="birthDate", n="name.count()")]})
        assert [column.fhir_type for column in query.schema] == ["boolean", "date", "integer"]


def test_viewdef_19(databases: tuple[Database, Database]) -> None:
    """A column that is no collection holds one value; several are an error with the key of the resource."""
    for database in databases:
        with pytest.raises(EvaluationError, match="several values") as raised:
            database.view({"resource": "Patient", "select": [columns(given="name.given")]}).run()
        assert raised.value.key is not None


def test_viewdef_5(databases: tuple[Database, Database]) -> None:
    """The schema is there before anything runs."""
    column = {"name": "given", "path": "name.given", "collection": True}
    for database in databases:
        [found] = database.view({"resource": "Patient", "select": [{"column": [column]}]}).schema
        assert (found.name, found.fhir_type, found.collection) == ("given", "string", True)
        assert found.sql_type.endswith("[]")


#: The default mappings, by the names that both databases have for the types. A decimal is a decimal and not text.
_MAPPINGS = {
    "active": ("boolean", "boolean"),
    "birthDate": ("character varying", "varchar"),
    "id": ("character varying", "varchar"),
    "gender": ("character varying", "varchar"),
    "multipleBirth.ofType(integer)": ("integer", "integer"),
    "meta.lastUpdated": ("timestamp with time zone", "timestamp with time zone"),
    "photo.data.first()": ("bytea", "blob"),
    "name.count()": ("integer", "integer"),
    "'text'": ("character varying", "varchar"),
    "1.5": ("numeric(38, 12)", "decimal(38, 12)"),
}


def test_viewdef_6_and_7(databases: tuple[Database, Database]) -> None:
    """Types of columns are those of the mapping, except that a decimal is a decimal."""
    view = {
        "resource": "Patient",
        "select": [{"column": [{"name": f"c{n}", "path": path} for n, path in enumerate(_MAPPINGS)]}],
    }
    duckdb, postgres = ([column.sql_type.lower() for column in database.view(view).schema] for database in databases)
    for found, (ours, theirs) in zip(zip(postgres, duckdb, strict=True), _MAPPINGS.values(), strict=True):
        synonyms = {"text": "character varying", "timestamptz": "timestamp with time zone", "int": "integer"}
        assert tuple(synonyms.get(type, type).replace("decimal", "numeric") for type in found) == (
            ours,
            theirs.replace("decimal", "numeric"),
        )


def test_viewdef_23(databases: tuple[Database, Database]) -> None:
    """Text has the form that FHIR has: dates keep their precision, moments their offset."""
    [row, _] = rows(databases, "Patient", columns(born="birthDate"))
    assert row == {"born": "1980-05"}
    [row] = rows(
        databases, "Observation", columns(at="effective.ofType(instant)", value="value.ofType(Quantity).value")
    )
    assert (row["at"], row["value"]) == ("2024-03-01T08:30:00+01:00", Decimal("1.5"))


def test_viewdef_24(databases: tuple[Database, Database]) -> None:
    """Parent and child repeat, siblings are multiplied, forEachOrNull keeps a row of nulls."""
    names = {"forEachOrNull": "name", **columns(family="family")}
    given = {"forEach": "name.given", **columns(given="$this")}
    assert rows(databases, "Patient", columns(id="id"), names) == [
        {"id": "p1", "family": "Ay"},
        {"id": "p1", "family": "Dee"},
        {"id": "p2", "family": None},
    ]
    assert [tuple(row.values()) for row in rows(databases, "Patient", names, given)] == [
        ("Ay", "Bee"),
        ("Ay", "Cee"),
        ("Dee", "Bee"),
        ("Dee", "Cee"),
    ]


def test_fm_1(databases: tuple[Database, Database]) -> None:
    """Keywords beside each other mean: forEach, then select, then unionAll, then column."""
    together = {
        "forEach": "name",
        **columns(family="family"),
        "select": [columns(use="use")],
        "unionAll": [columns(n="1"), columns(n="2")],
    }
    nested = {
        "forEach": "name",
        "select": [columns(family="family"), columns(use="use"), {"unionAll": [columns(n="1"), columns(n="2")]}],
    }
    found = rows(databases, "Patient", together)
    assert found == rows(databases, "Patient", nested)
    assert len(found) == 4


def test_viewdef_2(stored: Stored) -> None:
    """Absolute references, and those with a version, have the key of what they end in."""
    references = ["Patient/p1", "https://fhir.example/r4/Patient/p1", "Patient/p1/_history/2"]
    resources = [
        {"resourceType": "Observation", "id": f"o{number}", "subject": {"reference": reference}}
        for number, reference in enumerate(references)
    ]
    with stored(resources) as both:
        found = rows(both, "Observation", columns(key="subject.getReferenceKey(Patient)"))
    assert len(found) == 3
    assert {row["key"] for row in found} == {"p1"}
