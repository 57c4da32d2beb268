"""Every rule of a view: where it is broken, the path of the fault and the name of the rule."""

from __future__ import annotations

from typing import Any

import pytest

from fhir4ds.errors import CompileError, InvalidView
from fhir4ds.views.compiling import check_view
from fhir4ds.views.profiles import Profile
from fhir4ds.views.reading import read_view


def _column(name: str, path: str = "id", **more: Any) -> dict[str, Any]:
    return {"name": name, "path": path, **more}


def _columns(**paths: str) -> dict[str, Any]:
    return {"column": [_column(name, path) for name, path in paths.items()]}


def _check(*select: dict[str, Any], model: str | None = "R4", **more: Any) -> list[tuple[str | None, str | None]]:
    view = {"resource": "Patient", "select": list(select), **more}
    return [(fault.path, fault.rule) for fault in check_view(read_view(view), model=model)]


@pytest.mark.parametrize("name", ["1a", "_a", "a-b", "a b", 'a"', "é", "a;--", "ａ"])
def test_names(name: str) -> None:
    """Names of views, constants and columns are plain."""
    assert _check({"column": [_column(name)]}) == [("select[0].column[0].name", "sql-name")]
    assert _check(_columns(id="id"), name=name) == [("name", "sql-name")]
    constant = {"name": name, "valueString": "x"}
    assert _check(_columns(id="id"), constant=[constant]) == [("constant[0].name", "sql-name")]


def test_names_are_unique() -> None:
    """Over the whole view; the branches of a union have the same ones."""
    assert _check(_columns(a="id"), _columns(b="id", a="id")) == [("select[1].column[1].name", "unique-columns")]
    nested = {**_columns(a="id"), "select": [_columns(a="id")]}
    assert _check(nested) == [("select[0].select[0].column[0].name", "unique-columns")]
    union = {"unionAll": [_columns(a="id"), _columns(a="gender")]}
    assert _check(union) == []
    assert _check(_columns(a="id"), union) == [
        ("select[1].unionAll[0].column[0].name", "unique-columns"),
        ("select[1].unionAll[1].column[0].name", "unique-columns"),
    ]
    assert _check(union, union)[0] == ("select[1].unionAll[0].column[0].name", "unique-columns")


@pytest.mark.parametrize(
    "given",
    [
        {"forEach": "name", "forEachOrNull": "name"},
        {"forEach": "name", "repeat": ["name"]},
        {"forEachOrNull": "name", "repeat": ["name"]},
        {"forEach": "name", "forEachOrNull": "name", "repeat": ["name"]},
    ],
)
def test_one_iteration(given: dict[str, Any]) -> None:
    """A select iterates once."""
    assert ("select[0]", "sql-expressions") in _check({**given, **_columns(u="use")})


@pytest.mark.parametrize(
    ("branches", "expected"),
    [
        ([_columns(a="id", b="id"), _columns(a="id", c="id")], ("select[0].unionAll[1]", "union-columns")),
        ([_columns(a="id", b="id"), _columns(b="id", a="id")], ("select[0].unionAll[1]", "union-columns")),
        ([_columns(a="id", b="id"), _columns(a="id")], ("select[0].unionAll[1]", "union-columns")),
        ([_columns(a="id"), _columns(a="active")], ("select[0].unionAll[1].column[0]", "union-types")),
        ([_columns(a="id"), _columns(a="name.first()")], ("select[0].unionAll[1].column[0]", "union-types")),
        (
            [{"column": [_column("a", type="id")]}, {"column": [_column("a", type="string")]}],
            ("select[0].unionAll[1].column[0]", "union-types"),
        ),
        (
            [_columns(a="id"), {"column": [_column("a", collection=True)]}],
            ("select[0].unionAll[1].column[0].collection", "union-types"),
        ),
    ],
)
def test_branches_of_a_union(branches: list[dict[str, Any]], expected: tuple[str, str]) -> None:
    """Same columns, in the same order, of the same types."""
    assert _check({"unionAll": branches}) == [expected]


@pytest.mark.parametrize(
    ("path", "rule", "position"),
    [
        ("brthDate", "unknown-element", 0),
        ("name.where(use = 'x').famly", "unknown-element", 22),
        ("name.frist()", "unknown-function", 5),
        ("name.first(1)", "invalid-arguments", 5),
        ("name.where()", "invalid-arguments", 5),
        ("name.@@", "fhirpath-syntax-error", 5),
        ("name.ofType(Nothing)", "unknown-type", 5),
        ("1 + 'a'", "invalid-operation", 2),
        ("%undefined", "unknown-variable", 0),
        ("name.getResourceKey()", "invalid-operation", 5),
        ("name.getReferenceKey()", "invalid-operation", 5),
        ("managingOrganization.getReferenceKey(HumanName)", "invalid-arguments", 21),
    ],
)
def test_expressions(path: str, rule: str, position: int) -> None:
    """A fault of an expression keeps its position, and its place in the view is told wherever it is."""
    for select, place in (
        ({"column": [_column("a", path)]}, "select[0].column[0].path"),
        ({"forEach": path, **_columns(a="id")}, "select[0].forEach"),
        ({"select": [{"forEachOrNull": path, **_columns(a="id")}]}, "select[0].select[0].forEachOrNull"),
        ({"unionAll": [_columns(a="id"), _columns(a=path)]}, "select[0].unionAll[1].column[0].path"),
    ):
        [fault] = check_view(read_view({"resource": "Patient", "select": [select]}))
        assert (fault.path, fault.rule, fault.expression, fault.position) == (place, rule, path, position)
        assert isinstance(fault, CompileError)
    [fault] = check_view(read_view({"resource": "Patient", "where": [{"path": path}], "select": [_columns(a="id")]}))
    assert (fault.path, fault.rule, fault.position) == ("where[0].path", rule, position)


def test_paths_of_repeat() -> None:
    """Each has a place of its own; what no item has ends the way, as at the end of every way."""
    select = {"repeat": ["contact", "name.nothing()"], **_columns(a="id")}
    assert _check(select) == [("select[0].repeat[1]", "unknown-function")]
    assert _check({"repeat": ["item", "contact"], **_columns(a="gender")}) == []


@pytest.mark.parametrize("path", ["name.family", "birthDate", "1", "'true'", "name", "deceased"])
def test_conditions_are_boolean(path: str) -> None:
    """A condition that cannot be true is refused."""
    assert _check(_columns(id="id"), where=[{"path": "active"}, {"path": path}]) == [
        ("where[1].path", "boolean-condition")
    ]


@pytest.mark.parametrize("path", ["active", "name.exists()", "deceased.ofType(boolean)", "{}", "true", "%flag"])
def test_boolean_conditions(path: str) -> None:
    """What is boolean, or nothing, is a condition."""
    constant = [{"name": "flag", "valueBoolean": True}]
    assert _check(_columns(id="id"), where=[{"path": path}], constant=constant) == []


def test_constants() -> None:
    """Known by name, unique, and no variable that means something else."""
    select = _columns(id="name.where(use = %used).family")
    assert _check(select) == [("select[0].column[0].path", "unknown-variable")]
    assert _check(select, constant=[{"name": "used", "valueCode": "x"}]) == []
    twice = [{"name": "used", "valueCode": "x"}] * 2
    assert _check(select, constant=twice) == [("constant[1].name", "unique-constants")]
    reserved = [{"name": "resource", "valueCode": "x"}]
    assert _check(_columns(id="id"), constant=reserved) == [("constant[0].name", "reserved-name")]
    [fault] = check_view(
        read_view(
            {"resource": "Patient", "constant": [{"name": "use", "valueCode": "x"}], "select": [_columns(a="%usee")]}
        )
    )
    assert (fault.message, fault.hint) == ("there is no constant 'usee'", "did you mean 'use'?")


def test_resource_types() -> None:
    """Known to the model, with a suggestion; anything goes without one."""
    view = read_view({"resource": "Patiant", "select": [_columns(id="id")]})
    [fault] = check_view(view)
    assert (fault.path, fault.hint) == ("resource", "did you mean 'Patient'?")
    assert check_view(view, model=None) == ()


@pytest.mark.parametrize(
    ("path", "type"),
    [
        ("active", "string"),
        ("birthDate", "boolean"),
        ("name.count()", "string"),
        ("name.first()", "string"),
        ("id", "HumanName"),
    ],
)
def test_declared_types_that_are_not_those_of_the_path(path: str, type: str) -> None:
    """Refused before anything runs."""
    assert _check({"column": [_column("a", path, type=type)]}) == [("select[0].column[0].type", "column-type")]


@pytest.mark.parametrize(
    ("path", "type"),
    [
        ("birthDate.lowBoundary()", "dateTime"),
        ("name.count()", "decimal"),
        ("id", "string"),
        ("id", "http://hl7.org/fhirpath/System.String"),
        ("name.first()", "HumanName"),
        ("contact.first()", "Patient.contact"),
        ("deceased", "dateTime"),
        ("{}", "integer"),
        ("multipleBirth.ofType(integer)", "positiveInt"),
    ],
)
def test_declared_types_that_a_value_can_have(path: str, type: str) -> None:
    """What is stored alike may be called otherwise."""
    assert _check({"column": [_column("a", path, type=type)]}) == []


def test_types_that_fhir_does_not_have() -> None:
    """With a suggestion."""
    assert _check({"column": [_column("a", type="strng")]}) == [("select[0].column[0].type", "column-type")]


@pytest.mark.parametrize(
    ("path", "value"),
    [("id", "MONEY"), ("id", "DATE DATE"), ("id", "DECIMAL(50)"), ("active", "DATE"), ("name.first()", "INT")],
)
def test_types_of_tags(path: str, value: str) -> None:
    """Unknown ones, and those that values cannot be kept as."""
    tag = [{"name": "other", "value": "x"}, {"name": "ansi/type", "value": value}]
    assert _check({"column": [_column("a", path, tag=tag)]}) == [("select[0].column[0].tag[1].value", "ansi-type")]


def test_a_view_without_columns() -> None:
    """There is nothing to show."""
    assert _check({}) == [("select", "columns")]


def test_faults_of_all_kinds_come_together() -> None:
    """Rules of names and faults of expressions at once."""
    assert _check(_columns(a="nme", b="gendr"), {"column": [_column("1")]}) == [
        ("select[1].column[0].name", "sql-name"),
        ("select[0].column[0].path", "unknown-element"),
        ("select[0].column[1].path", "unknown-element"),
    ]


_SHARED = {
    "url": "http://example.org/v",
    "name": "v",
    "fhirVersion": ["4.0"],
    "resource": "Patient",
    "select": [{"column": [_column("id", type="id")]}],
}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"url": None}, "url"),
        ({"name": None}, "name"),
        ({"fhirVersion": None}, "fhirVersion"),
        ({"select": [{"select": [_columns(id="id")]}]}, "select[0].select[0].column[0].type"),
    ],
)
def test_shareable(change: dict[str, Any], path: str) -> None:
    """What the profile of views that are shared requires."""
    assert check_view(read_view(_SHARED), profiles=(Profile.SHAREABLE, Profile.TABULAR)) == ()
    [fault] = check_view(read_view({**_SHARED, **change}), profiles=(Profile.SHAREABLE,))
    assert (fault.path, fault.rule) == (path, "shareable")


@pytest.mark.parametrize(
    ("column", "path", "rule"),
    [
        (_column("a", "name.given", collection=True), "select[0].column[0].collection", "no-collections"),
        (_column("a", "name.first()", type="HumanName"), "select[0].column[0].type", "primitives-only"),
    ],
)
def test_tabular(column: dict[str, Any], path: str, rule: str) -> None:
    """What the profile of views that fit into a CSV file requires; a column without a type may be anything."""
    [fault] = check_view(
        read_view({"resource": "Patient", "select": [{"column": [column]}]}), profiles=(Profile.TABULAR,)
    )
    assert isinstance(fault, InvalidView)
    assert (fault.path, fault.rule) == (path, rule)
