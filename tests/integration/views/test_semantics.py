"""What the official suites do not ask: every combination of iterations, types, names and sources, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.errors import EvaluationError, InvalidArguments
from fhir4ds.testing.comparison import canonical_rows
from tests.integration.views.conftest import Stored

pytestmark = pytest.mark.postgres

_RESOURCES: list[dict[str, Any]] = [
    {
        "resourceType": "Patient",
        "id": "a",
        "active": True,
        "birthDate": "1980-05-17",
        "deceasedBoolean": False,
        "name": [
            {"use": "official", "family": "F", "given": ["A", "B"]},
            {"family": "G", "given": ["C"]},
            {"use": "old"},
        ],
        "contact": [
            {"name": {"family": "X", "given": ["x1", "x2"]}, "telecom": [{"value": "1"}, {"value": "2"}]},
            {"telecom": [{"value": "3"}]},
        ],
        "telecom": [{"system": "phone", "value": "t"}],
        "extension": [{"url": "u", "valueDecimal": 1.5}, {"url": "v", "valueString": "s"}],
    },
    {
        "resourceType": "Observation",
        "id": "o1",
        "valueQuantity": {"value": 1.25, "unit": "kg"},
        "subject": {"reference": "Patient/a"},
    },
    {"resourceType": "Patient", "id": "b", "deceasedDateTime": "2020-01-01", "name": []},
    {
        "resourceType": "Observation",
        "id": "o2",
        "valueString": "hello",
        "subject": {"reference": "http://x.org/fhir/Patient/b/_history/1"},
    },
    {"resourceType": "Observation", "id": "o3", "valueInteger": 7, "subject": {"reference": "Group/g"}},
    {"resourceType": "Observation", "id": "o4", "subject": {"reference": "#p"}},
    {"resourceType": "Observation", "id": "o5", "subject": {"display": "nobody"}},
]


@pytest.fixture(scope="module")
def databases(stored: Stored) -> Any:
    with stored(_RESOURCES) as both:
        yield both


def _columns(**paths: str) -> dict[str, Any]:
    return {"column": [{"name": name, "path": path} for name, path in paths.items()]}


def _rows(databases: tuple[Database, Database], *select: dict[str, Any], **more: Any) -> list[tuple[Any, ...]]:
    """The rows of a view, which both databases must give, by value, type and order."""
    view = {"resource": "Patient", "select": list(select), **more}
    left, right = (database.view(view) for database in databases)
    rows = left.run().rows
    assert canonical_rows(rows) == canonical_rows(right.run().rows)
    assert [(column.name, column.fhir_type) for column in left.schema] == [
        (column.name, column.fhir_type) for column in right.schema
    ]
    assert [row for batch in left.stream(batch_size=2) for row in batch] == rows
    return rows


_ID = _columns(id="id")


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        pytest.param(
            [
                _ID,
                {
                    "forEach": "contact",
                    **_columns(ci="%rowIndex"),
                    "select": [
                        {
                            "unionAll": [
                                {"forEach": "telecom", **_columns(v="value", i="%rowIndex")},
                                {
                                    "unionAll": [
                                        {
                                            "forEachOrNull": "name",
                                            "select": [{"forEach": "given", **_columns(v="$this", i="%rowIndex")}],
                                        },
                                        _columns(v="name.family", i="%rowIndex"),
                                    ]
                                },
                            ]
                        }
                    ],
                },
            ],
            [
                ("a", 0, "1", 0),
                ("a", 0, "2", 1),
                ("a", 0, "x1", 0),
                ("a", 0, "x2", 1),
                ("a", 0, "X", 0),
                ("a", 1, "3", 0),
                ("a", 1, None, 0),
                ("a", 1, None, 1),
            ],
            id="unions in unions in forEach",
        ),
        pytest.param(
            [
                {
                    "forEach": "name",
                    **_columns(f="family"),
                    "select": [
                        {"forEach": "given", **_columns(g="$this", gi="%rowIndex")},
                        {"forEachOrNull": "prefix", **_columns(p="$this", pi="%rowIndex", pj="%rowIndex + 1", k="'k'")},
                    ],
                }
            ],
            [
                ("F", "A", 0, None, 0, None, None),
                ("F", "B", 1, None, 0, None, None),
                ("G", "C", 0, None, 0, None, None),
            ],
            id="siblings in forEach, of which one is empty",
        ),
        pytest.param(
            [
                _ID,
                {
                    "forEachOrNull": "name",
                    **_columns(f="family"),
                    "select": [{"forEach": "given", **_columns(g="$this")}],
                },
            ],
            [("a", "F", "A"), ("a", "F", "B"), ("a", "G", "C"), ("b", None, None)],
            id="forEach in forEachOrNull gives no row for an item, and one where there is no item",
        ),
        pytest.param(
            [
                _ID,
                {
                    "forEachOrNull": "name",
                    **_columns(i="%rowIndex", x="'x'", e="family.exists()"),
                    "select": [{"forEachOrNull": "given", **_columns(g="$this", j="%rowIndex")}],
                },
            ],
            [
                ("a", 0, "x", True, "A", 0),
                ("a", 0, "x", True, "B", 1),
                ("a", 1, "x", True, "C", 0),
                ("a", 2, "x", False, None, 0),
                ("b", 0, None, None, None, 0),
            ],
            id="what would have a value without an item has none",
        ),
        pytest.param(
            [
                {"forEach": "name", **_columns(a="family")},
                {"unionAll": [{"forEach": "telecom", **_columns(b="value")}, _columns(b="id")]},
                _columns(z="id"),
            ],
            [("F", "t", "a"), ("F", "a", "a"), ("G", "t", "a"), ("G", "a", "a"), (None, "t", "a"), (None, "a", "a")],
            id="siblings at the top, the last varies fastest",
        ),
        pytest.param(
            [{"forEach": "name.given | name.family", **_columns(v="$this", l="$this.length()", i="%rowIndex")}],
            [("A", 1, 0), ("B", 1, 1), ("C", 1, 2), ("F", 1, 3), ("G", 1, 4)],
            id="computed items",
        ),
        pytest.param(
            [{"forEach": "name.count()", **_columns(v="$this", i="%rowIndex")}],
            [(3, 0), (0, 0)],
            id="one computed item",
        ),
        pytest.param(
            [_ID, {"forEach": "$this", **_columns(k="id", i="%rowIndex")}],
            [("a", "a", 0), ("b", "b", 0)],
            id="the resource itself",
        ),
        pytest.param(
            [{"forEach": "name.where(use = 'official').first()", **_columns(f="%context.family", r="%resource.id")}],
            [("F", "a")],
            id="context and resource",
        ),
        pytest.param(
            [{"forEach": "name", "select": [{"select": [_columns(a="family")]}, _columns(i="%rowIndex")]}],
            [("F", 0), ("G", 1), (None, 2)],
            id="the index passes selects that do not iterate",
        ),
        pytest.param(
            [_ID, {"forEachOrNull": "name.where(false)", **_columns(f="family")}],
            [("a", None), ("b", None)],
            id="nothing at all",
        ),
        pytest.param(
            [_ID, {"repeat": ["contact", "name", "given"], **_columns(i="%rowIndex", f="family")}],
            [("a", 0, None), ("a", 1, "X"), ("a", 2, None), ("a", 3, None), ("a", 4, None)]
            + [("a", 5, "F"), ("a", 6, None), ("a", 7, None), ("a", 8, "G"), ("a", 9, None), ("a", 10, None)],
            id="repeat over several types, depth first",
        ),
        pytest.param(
            [
                _columns(
                    key="id",
                    order="id",
                    resource="gender",
                    select="active",
                    c1="'c1'",
                    r1="'r1'",
                    Value="id",
                    value="gender",
                ),
                {"forEachOrNull": "name", **_columns(l1="family", o1="use", v1="given.first()", group="%rowIndex")},
            ],
            [
                ("a", "a", None, True, "c1", "r1", "a", None, "F", "official", "A", 0),
                ("a", "a", None, True, "c1", "r1", "a", None, "G", None, "C", 1),
                ("a", "a", None, True, "c1", "r1", "a", None, None, "old", None, 2),
                ("b", "b", None, None, "c1", "r1", "b", None, None, None, None, 0),
            ],
            id="names of keywords and of our own",
        ),
        pytest.param(
            [{"unionAll": [_columns(v="1"), _columns(v="2.50"), {"forEach": "name", **_columns(v="%rowIndex")}]}],
            "numbers",
            id="integers and decimals in one column",
        ),
        pytest.param(
            [{"unionAll": [_columns(v="{}", w="id"), _columns(v="id", w="{}")]}],
            [(None, "a"), ("a", None), (None, "b"), ("b", None)],
            id="nothing in one branch",
        ),
    ],
)
def test_rows(databases: tuple[Database, Database], select: list[dict[str, Any]], expected: Any) -> None:
    """The rows that the processing algorithm of the specification gives, in its order."""
    rows = _rows(databases, *select)
    if expected == "numbers":
        expected = [(number,) for number in ("1", "2.5", "0", "1", "2", "1", "2.5")]
        rows = [(str(value),) for (value,) in rows]
        expected = [("1",), ("2.5",), ("0",), ("1",), ("2",), ("1",), ("2.5",)]
    assert rows == expected


def test_choices(databases: tuple[Database, Database]) -> None:
    """Undecided they are JSON; a type decides, whether in the path or beside it."""
    columns = [
        {"name": "v", "path": "value"},
        {"name": "q", "path": "value.ofType(Quantity).value"},
        {"name": "s", "path": "value", "type": "string"},
        {"name": "n", "path": "value.ofType(integer)", "type": "decimal"},
    ]
    rows = _rows(databases, {"column": columns}, resource="Observation")
    assert [tuple(map(str, row)) for row in rows] == [
        ("{'value': Decimal('1.25'), 'unit': 'kg'}", "1.25", "None", "None"),
        ("hello", "None", "hello", "None"),
        ("7", "None", "None", "7"),
        ("None", "None", "None", "None"),
        ("None", "None", "None", "None"),
    ]
    each = _rows(databases, {"forEach": "value", **_columns(i="%rowIndex", u="unit")}, resource="Observation")
    assert each == [(0, "kg"), (0, None), (0, None)]


def test_reference_keys(databases: tuple[Database, Database]) -> None:
    """The id that a reference ends in, with or without a server before and a version behind it."""
    columns = _columns(k="subject.getReferenceKey()", p="subject.getReferenceKey(Patient)", r="getResourceKey()")
    assert _rows(databases, columns, resource="Observation") == [
        ("a", "a", "o1"),
        ("b", "b", "o2"),
        ("g", None, "o3"),
        (None, None, "o4"),
        (None, None, "o5"),
    ]


def test_collections(databases: tuple[Database, Database]) -> None:
    """Arrays in order, empty where there is nothing, null where there is no item that could have any."""
    paths = {
        "g": "name.given",
        "n": "name.use",
        "d": "extension.value.ofType(decimal)",
        "k": "name.count()",
        "x": "name",
    }
    columns = [{"name": name, "path": path, "collection": True} for name, path in paths.items()]
    photo = {"forEachOrNull": "photo", "column": [{"name": "p", "path": "url", "collection": True}]}
    first, second = _rows(databases, {"column": columns}, photo)
    assert first[:2] == (["A", "B", "C"], ["official", "old"])
    assert (list(map(str, first[2])), first[3], [name.get("family") for name in first[4]]) == (
        ["1.5"],
        [3],
        ["F", "G", None],
    )
    assert second == ([], [], [], [0], [], None)
    assert first[5] is None


@pytest.mark.parametrize(
    ("select", "message"),
    [
        (_columns(g="name.given"), "select[0].column[0]: the column has several values"),
        ({"forEach": "name", **_columns(g="given")}, "select[0].column[0]: the column has several values"),
        (_columns(g="name.given.upper()"), "select[0].column[0]: expected a single item"),
        ({"forEach": "name.given.upper()", **_columns(g="$this")}, "select[0].forEach: expected a single item"),
        (
            {"unionAll": [_columns(g="id"), _columns(g="name.family")]},
            "select[0].unionAll[1].column[0]: the column has",
        ),
    ],
)
def test_several_values(databases: tuple[Database, Database], select: dict[str, Any], message: str) -> None:
    """An error with the place in the view and the key of the resource, on both databases."""
    for database in databases:
        with pytest.raises(EvaluationError) as caught:
            database.view({"resource": "Patient", "select": [select]}).run()
        assert caught.value.message.startswith(message)
        assert caught.value.key == "0000"


def test_constants(databases: tuple[Database, Database]) -> None:
    """Bound, and replaced by what is given; a hostile value is only a value."""
    hostile = "'; DROP TABLE resource; -- %s $1 {0} \\"
    constants = [{"name": "use", "valueCode": hostile}, {"name": "n", "valueInteger": 1}]
    select = [_columns(id="id", f="name[%n].family"), {"forEachOrNull": "name.where(use = %use)", **_columns(u="use")}]
    view = {"resource": "Patient", "constant": constants, "select": select}
    for database in databases:
        query = database.view(view)
        assert "DROP" not in query.sql
        assert query.run().rows == [("a", "G", None), ("b", None, None)]
        assert database.view(view, use="official", n=0).run().rows == [("a", "F", "official"), ("b", None, None)]
        with pytest.raises(InvalidArguments, match="value given for the constant 'n' is not a whole number"):
            database.view(view, n="x")
        with pytest.raises(InvalidArguments, match="the view has no constant 'us'") as caught:
            database.view(view, us="x")
        assert caught.value.hint == "did you mean 'use'?"


def test_a_variable_from_outside(databases: tuple[Database, Database]) -> None:
    """What the view leaves open can be given."""
    for database in databases:
        query = database.view({"resource": "Patient", "select": [_columns(x="%given")]}, given=5)
        assert query.run().rows == [(5,), (5,)]


def test_conditions(databases: tuple[Database, Database]) -> None:
    """All must be true; nothing is not."""
    assert _rows(databases, _ID, where=[{"path": "active"}, {"path": "deceased.ofType(boolean).not()"}]) == [("a",)]
    assert _rows(databases, _ID, where=[{"path": "active.not()"}]) == []


def test_resources_of_other_types(databases: tuple[Database, Database]) -> None:
    """They give no rows, and a type of which there is none has its columns all the same."""
    select = [_ID, {"forEachOrNull": "type", **_columns(t="text")}]
    assert _rows(databases, *select, resource="Encounter") == []
    for database in databases:
        query = database.view({"resource": "Encounter", "select": select})
        assert query.run().to_arrow().column_names == ["id", "t"]
        assert query.run().to_dicts() == []


def test_an_empty_table(stored: Stored) -> None:
    """No rows, and no error."""
    with stored([]) as databases:
        assert _rows(databases, _ID, {"forEach": "name", **_columns(f="family")}) == []


def test_each_resource_is_read_once(databases: tuple[Database, Database]) -> None:
    """The table stands in the statement once, whatever the number of columns, iterations and branches."""
    union = {
        "unionAll": [{"forEach": "name", **_columns(x="family")}, {"forEach": "contact", **_columns(x="name.family")}]
    }
    view = {"resource": "Patient", "select": [_columns(id="id", g="gender", b="birthDate"), union]}
    for database in databases:
        sql = database.view(view).sql
        assert sql.count(database.dialect.syntax.quote(database.table)) == 1
        assert sql.count("JSON_EXTRACT(resource, ") == (1 if database.dialect.name == "duckdb" else 0)


def test_without_a_model(stored: Stored) -> None:
    """Elements are found by name; a declared type says what their values are."""
    given = {"resourceType": "Patient", "name": [{"given": ["A", None], "_given": [None, {"id": "x"}]}], "n": 1.5}
    columns = [
        {"name": "g", "path": "name.given", "type": "string", "collection": True},
        {"name": "j", "path": "name.given", "collection": True},
        {"name": "n", "path": "n", "type": "decimal"},
    ]
    view = {"resource": "Patient", "select": [{"column": columns}, {"forEachOrNull": "link", **_columns(o="other.id")}]}
    with stored([given]) as both:
        rows = []
        for database in both:
            with Database(database.dispatcher, table=database.table, model=None) as untyped:
                rows.append(untyped.view(view).run().rows)
    assert canonical_rows(rows[0]) == canonical_rows(rows[1])
    [(texts, items, number, other)] = rows[0]
    assert (texts, items, str(number), other) == (["A"], ["A"], "1.5", None)
