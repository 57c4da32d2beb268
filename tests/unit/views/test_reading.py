"""Views are read from dictionaries, text and files, with both headers, and all faults of their structure are told."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fhir4ds.errors import InvalidView, SourceError
from fhir4ds.views.reading import read_view

_COLUMN = {"name": "id", "path": "id"}
_VIEW = {"resource": "Patient", "select": [{"column": [_COLUMN]}]}


def _faults(view: Any) -> list[tuple[str | None, str | None]]:
    with pytest.raises(InvalidView) as caught:
        read_view(view)
    return [(fault.path, fault.rule) for fault in caught.value.faults]


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"resourceType": "ViewDefinition"},
        {"resourceType": "http://hl7.org/fhir/uv/sql-on-fhir/StructureDefinition/ViewDefinition"},
        {"resourceType": "https://sql-on-fhir.org/ig/StructureDefinition/ViewDefinition|2.0.0"},
        {
            "resourceType": "ViewDefinition",
            "resourceDefinition": "http://hl7.org/fhir/StructureDefinition/ViewDefinition",
        },
        {"status": "draft", "identifier": [{"value": "1"}], "fhirVersion": ["4.0"], "_status": {"extension": []}},
    ],
)
def test_headers(header: dict[str, Any], tmp_path: Path) -> None:
    """A dictionary, its text and a file of it are the same view."""
    view = {**header, **_VIEW}
    file = tmp_path / "view.json"
    file.write_text(json.dumps(view), encoding="utf-8")
    read = read_view(view)
    assert [column.name for column in read.columns()] == ["id"]
    assert read == read_view(json.dumps(view)) == read_view("\ufeff " + json.dumps(view)) == read_view(file)
    assert read == read_view(str(file))


def test_everything_is_read() -> None:
    """Each part is where it belongs, and says where it was."""
    view = read_view(
        {
            "name": "all",
            "url": "http://example.org/all",
            "resource": "Patient",
            "fhirVersion": ["4.0", "5.0"],
            "constant": [{"name": "n", "valueDecimal": 1.5}],
            "where": [{"path": "active", "description": "only some"}],
            "select": [
                {
                    "forEach": "name",
                    "column": [
                        {
                            "name": "given",
                            "path": "given",
                            "type": "http://hl7.org/fhir/StructureDefinition/string",
                            "collection": True,
                            "tag": [{"name": "ansi/type", "value": "DATE"}],
                            "description": "all of them",
                        }
                    ],
                    "select": [{"forEachOrNull": "period", "column": [{"name": "start", "path": "start"}]}],
                    "unionAll": [{"repeat": ["a", "b"], "column": [{"name": "x", "path": "x"}]}],
                }
            ],
        }
    )
    assert (view.name, view.url, view.fhir_versions) == ("all", "http://example.org/all", ("4.0", "5.0"))
    [constant], [condition], [select] = view.constants, view.where, view.select
    assert (constant.name, constant.type, constant.value, constant.at) == (
        "n",
        "decimal",
        Decimal("1.5"),
        "constant[0]",
    )
    assert (condition.path, condition.at) == ("active", "where[0]")
    [column] = select.columns
    assert (column.type, column.collection, column.at) == ("string", True, "select[0].column[0]")
    assert [(tag.name, tag.value, tag.at) for tag in column.tags] == [
        ("ansi/type", "DATE", "select[0].column[0].tag[0]")
    ]
    assert (select.for_each, select.selects[0].for_each_or_null) == ("name", "period")
    assert (select.union_all[0].repeat, select.union_all[0].at) == (("a", "b"), "select[0].unionAll[0]")
    assert [column.name for column in view.columns()] == ["given", "start", "x"]


def test_decimals_of_text_are_exact() -> None:
    """A number in JSON text does not go through binary floating point."""
    text = '{"resource": "Patient", "constant": [{"name": "n", "valueDecimal": 1.10}], "select": [{"column": []}]}'
    assert str(read_view(text).constants[0].value) == "1.10"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"resource": None}, [("resource", "required")]),
        ({"resource": 5}, [("resource", "type")]),
        ({"resource": " "}, [("resource", "not-empty")]),
        ({"select": []}, [("$", "required")]),
        ({"select": {}}, [("select", "type")]),
        ({"select": ["id"]}, [("select[0]", "type")]),
        ({"selects": []}, [("selects", "unknown-key")]),
        ({"resourceType": "Patient"}, [("resourceType", "resource-type")]),
        ({"where": [{}]}, [("where[0].path", "required")]),
        ({"where": [{"path": "id", "paht": "x"}]}, [("where[0].paht", "unknown-key")]),
        ({"constant": [{"name": "x"}]}, [("constant[0]", "required")]),
        ({"constant": [{"name": "x", "valueString": "a", "valueCode": "b"}]}, [("constant[0]", "required")]),
        (
            {"constant": [{"name": "x", "valueQuantity": {}}]},
            [("constant[0].valueQuantity", "unknown-key"), ("constant[0]", "required")],
        ),
        ({"constant": [{"valueString": "x"}]}, [("constant[0].name", "required")]),
        ({"constant": [{"name": "x", "valueInteger": "1"}]}, [("constant[0].valueInteger", "type")]),
        ({"constant": [{"name": "x", "valueInteger": 2**31}]}, [("constant[0].valueInteger", "type")]),
        ({"constant": [{"name": "x", "valueBoolean": "true"}]}, [("constant[0].valueBoolean", "type")]),
        ({"constant": [{"name": "x", "valueDate": "01.02.2020"}]}, [("constant[0].valueDate", "type")]),
        ({"constant": [{"name": "x", "valueTime": "25:00"}]}, [("constant[0].valueTime", "type")]),
        ({"constant": [{"name": "x", "valueInstant": "2020"}]}, [("constant[0].valueInstant", "type")]),
        ({"constant": [{"name": "x", "valuePositiveInt": 0}]}, [("constant[0].valuePositiveInt", "type")]),
        ({"constant": [{"name": "x", "valueDecimal": "1"}]}, [("constant[0].valueDecimal", "type")]),
        ({"fhirVersion": "4.0"}, [("fhirVersion", "type")]),
    ],
)
def test_faults_of_a_view(change: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """What stands in the wrong place, or is missing, is named by its path and the rule."""
    assert _faults({**_VIEW, **change}) == expected


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ({"colunm": []}, [("select[0].colunm", "unknown-key")]),
        ({"forEach": 1}, [("select[0].forEach", "type")]),
        ({"forEachOrNull": ["a"]}, [("select[0].forEachOrNull", "type")]),
        ({"repeat": "item"}, [("select[0].repeat", "type")]),
        ({"repeat": ["item", 1]}, [("select[0].repeat[1]", "type")]),
        ({"repeat": []}, [("select[0].repeat", "not-empty")]),
        ({"unionAll": []}, [("select[0].unionAll", "not-empty")]),
        ({"column": [{"name": "x"}]}, [("select[0].column[0].path", "required")]),
        ({"column": [{"path": "x"}]}, [("select[0].column[0].name", "required")]),
        ({"column": [{**_COLUMN, "collection": "yes"}]}, [("select[0].column[0].collection", "type")]),
        ({"column": [{**_COLUMN, "tag": [{"name": "x"}]}]}, [("select[0].column[0].tag[0].value", "required")]),
        ({"select": [{"select": [{"column": [5]}]}]}, [("select[0].select[0].select[0].column[0]", "type")]),
    ],
)
def test_faults_of_a_select(select: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """The same at any depth."""
    assert _faults({**_VIEW, "select": [select]}) == expected


def test_all_faults_at_once() -> None:
    """One look is enough to repair a view."""
    view = {"selects": 1, "name": "x", "select": [{"column": [{"nme": "a", "path": 1}]}]}
    with pytest.raises(InvalidView) as caught:
        read_view(view)
    assert str(caught.value).splitlines()[0] == "the view 'x' has 5 faults"
    assert [fault.path for fault in caught.value.faults] == [
        "selects",
        "resource",
        "select[0].column[0].nme",
        "select[0].column[0].name",
        "select[0].column[0].path",
    ]
    assert "hint: did you mean 'select'?" in str(caught.value)


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1, "a": 2}', '{"resource": NaN'])
def test_what_is_no_object_of_json(text: str) -> None:
    """Text that no database sees."""
    assert _faults(text) == [(None, "json")]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Says which, and what a view can be."""
    with pytest.raises(SourceError, match=r"cannot read the view .*none\.json"):
        read_view(tmp_path / "none.json")
    (tmp_path / "latin.json").write_bytes(b'{"name": "\xe9"}')
    with pytest.raises(InvalidView, match="is not UTF-8"):
        read_view(tmp_path / "latin.json")


def test_a_nesting_without_end() -> None:
    """No stack of ours overflows."""
    view: dict[str, Any] = {"column": [_COLUMN]}
    for _ in range(3000):
        view = {"select": [view]}
    assert _faults({"resource": "Patient", "select": [view]})[0][1] == "nesting"
    assert _faults('{"a": ' * 100_000) == [(None, "json")]
