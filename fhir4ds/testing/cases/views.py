"""Views over a few resources, and the rows that they have on every database."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import attrs

RESOURCES: list[dict[str, Any]] = [
    {
        "resourceType": "Patient",
        "id": "ada",
        "active": True,
        "gender": "female",
        "birthDate": "1980-05-17",
        "name": [
            {"use": "official", "family": "O'Hara", "given": ["Ada", "\u00c9lise"]},
            {"use": "nickname", "given": ["Addie"]},
        ],
        "contact": [{"telecom": [{"value": "1"}, {"value": "2"}]}, {}, {"telecom": [{"value": "3"}]}],
    },
    {"resourceType": "Patient", "id": "bob", "active": False, "birthDate": "1975", "multipleBirthInteger": 2},
    {"resourceType": "Patient", "id": "eve", "name": [{"family": "Eve"}]},
    {
        "resourceType": "Observation",
        "id": "weight",
        "status": "final",
        "subject": {"reference": "Patient/ada"},
        "effectiveDateTime": "2020-01-02T03:04:05Z",
        "valueQuantity": {"value": 70.25, "unit": "kg"},
    },
    {"resourceType": "Observation", "id": "note", "status": "final", "valueString": "a 'quoted' \\ note"},
    {
        "resourceType": "QuestionnaireResponse",
        "id": "answers",
        "status": "completed",
        "item": [
            {"linkId": "1", "item": [{"linkId": "1.1", "item": [{"linkId": "1.1.1"}]}, {"linkId": "1.2"}]},
            {"linkId": "2"},
        ],
    },
]


def _column(name: str, path: str, type: str | None = None, **more: object) -> dict[str, Any]:
    return {"name": name, "path": path, **({} if type is None else {"type": type}), **more}


def _view(resource: str, *select: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"resource": resource, "status": "active", "select": list(select), **more}


@attrs.frozen
class ViewCase:
    """A view and its rows, in any order."""

    view: dict[str, Any]
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


_ID = _column("id", "getResourceKey()", "id")

VIEWS = {
    "columns-of-every-type": ViewCase(
        _view(
            "Patient",
            {
                "column": [
                    _ID,
                    _column("active", "active", "boolean"),
                    _column("births", "multipleBirth.ofType(integer)", "integer"),
                    _column("born", "birthDate", "date"),
                    _column("family", "name.first().family", "string"),
                ]
            },
        ),
        ("id", "active", "births", "born", "family"),
        [
            ("ada", True, None, "1980-05-17", "O'Hara"),
            ("bob", False, 2, "1975", None),
            ("eve", None, None, None, "Eve"),
        ],
    ),
    "where": ViewCase(
        _view("Patient", {"column": [_ID]}, where=[{"path": "active"}, {"path": "gender = 'female'"}]),
        ("id",),
        [("ada",)],
    ),
    "for-each": ViewCase(
        _view("Patient", {"column": [_ID]}, {"forEach": "name", "column": [_column("use", "use", "code")]}),
        ("id", "use"),
        [("ada", "official"), ("ada", "nickname"), ("eve", None)],
    ),
    "for-each-or-null": ViewCase(
        _view(
            "Patient",
            {"column": [_ID]},
            {"forEachOrNull": "name", "column": [_column("family", "family", "string")]},
        ),
        ("id", "family"),
        [("ada", "O'Hara"), ("ada", None), ("bob", None), ("eve", "Eve")],
    ),
    "row-index": ViewCase(
        _view(
            "Patient",
            {
                "forEach": "contact",
                "column": [_column("contact", "%rowIndex", "integer")],
                "select": [
                    {
                        "forEach": "telecom",
                        "column": [_column("place", "%rowIndex", "integer"), _column("value", "value", "string")],
                    }
                ],
            },
        ),
        ("contact", "place", "value"),
        [(0, 0, "1"), (0, 1, "2"), (2, 0, "3")],
    ),
    "union-all": ViewCase(
        _view(
            "Patient",
            {"column": [_ID]},
            {
                "unionAll": [
                    {"forEach": "name.given", "column": [_column("text", "$this", "string")]},
                    {"forEach": "contact.telecom", "column": [_column("text", "value", "string")]},
                ]
            },
        ),
        ("id", "text"),
        [("ada", text) for text in ("Ada", "\u00c9lise", "Addie", "1", "2", "3")],
    ),
    "repeat": ViewCase(
        _view("QuestionnaireResponse", {"repeat": ["item"], "column": [_column("link", "linkId", "string")]}),
        ("link",),
        [("1",), ("1.1",), ("1.1.1",), ("1.2",), ("2",)],
    ),
    "constants": ViewCase(
        _view(
            "Patient",
            {"column": [_ID, _column("given", "name.where(use = %use).given.first()", "string")]},
            constant=[{"name": "use", "valueCode": "nickname"}],
            where=[{"path": "name.where(use = %use).exists()"}],
        ),
        ("id", "given"),
        [("ada", "Addie")],
    ),
    "collections": ViewCase(
        _view(
            "Patient",
            {"column": [_ID, _column("given", "name.given", "string", collection=True)]},
            where=[{"path": "name.given.exists()"}],
        ),
        ("id", "given"),
        [("ada", ["Ada", "\u00c9lise", "Addie"])],
    ),
    "references-and-decimals": ViewCase(
        _view(
            "Observation",
            {
                "column": [
                    _ID,
                    _column("patient", "subject.getReferenceKey(Patient)", "string"),
                    _column("amount", "value.ofType(Quantity).value", "decimal"),
                    _column("text", "value.ofType(string)", "string"),
                ]
            },
        ),
        ("id", "patient", "amount", "text"),
        [("note", None, None, "a 'quoted' \\ note"), ("weight", "ada", Decimal("70.25"), None)],
    ),
    "native-types": ViewCase(
        _view(
            "Observation",
            {
                "column": [
                    _column(
                        "day",
                        "effective.ofType(dateTime).toString().substring(0, 10)",
                        "string",
                        tag=[{"name": "ansi/type", "value": "DATE"}],
                    )
                ]
            },
            where=[{"path": "effective.exists()"}],
        ),
        ("day",),
        [(date(2020, 1, 2),)],
    ),
}
