"""What the compiler gives: statements, their columns and parameters, and the same object for the same question."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest
from fhir4ds_duckdb.syntax import DuckDBSyntax
from fhir4ds_postgres.syntax import PostgresSyntax

from fhir4ds.compiler.compiler import Compiled, compile_expression
from fhir4ds.compiler.options import Options
from fhir4ds.compiler.variables import bound_value, variable_types
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import Fhir4dsError, InvalidArguments, Unsupported
from fhir4ds.plan.source import FileSource, InlineSource, TableSource
from tests.compliance.fhirpath.path_navigation import PATH_NAVIGATION

_DUCKDB, _POSTGRES = DuckDBSyntax(), PostgresSyntax()
_TABLE = TableSource()


def _compile(text: str, syntax: Syntax = _DUCKDB, **options: object) -> Compiled:
    return compile_expression(text, syntax, _TABLE, Options(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize("syntax", [_DUCKDB, _POSTGRES])
def test_equal_questions_have_the_same_answer(syntax: Syntax) -> None:
    """A statement is compiled once; anything that changes its meaning is another statement."""
    first = compile_expression("Patient.name.given", syntax, TableSource(), Options())
    assert compile_expression("Patient.name.given", syntax, TableSource(), Options()) is first
    others = [
        compile_expression("Patient.name.family", syntax, TableSource(), Options()),
        compile_expression("Patient.name.given", syntax, TableSource(name="other"), Options()),
        compile_expression("Patient.name.given", syntax, TableSource(), Options(model="R5")),
        compile_expression("Patient.name.given", syntax, TableSource(), Options(model=None)),
        compile_expression("Patient.name.given", syntax, TableSource(), Options(strict=True)),
    ]
    assert all(other is not first for other in others)


def test_dialects_do_not_share_statements() -> None:
    """Each dialect has its own words."""
    assert _compile("Patient.name", _DUCKDB).statement.sql != _compile("Patient.name", _POSTGRES).statement.sql


def test_a_value_does_not_change_the_statement() -> None:
    """Only the types of variables count, so a prepared question stays compiled."""
    one = _compile("Patient.where(gender = %g).id", variables=variable_types({"g": "female"}))
    other = _compile("Patient.where(gender = %g).id", variables=variable_types({"g": "male"}))
    assert one is other
    assert one.parameters == ("g",)
    assert dict(one.statement.parameters) == {}


def test_parameters_are_those_that_are_used() -> None:
    """Each once, in the order of their first use; a variable that is given but not used is none."""
    variables = variable_types({"a": 1, "b": "x", "c": True})
    compiled = _compile("Patient.where(gender = %b and name.count() = %a and gender != %b).id", variables=variables)
    assert set(compiled.parameters) == {"a", "b"}
    assert len(compiled.parameters) == 2


@pytest.mark.parametrize(
    ("expression", "type", "fhir_type"),
    [
        ("Patient.birthDate", SqlType.TEXT, "FHIR.date"),
        ("Patient.active", SqlType.BOOLEAN, "FHIR.boolean"),
        ("Patient.name", SqlType.JSON, "FHIR.HumanName"),
        ("Patient.name.given", SqlType.TEXT, "FHIR.string"),
        ("Patient.multipleBirth.ofType(integer)", SqlType.INTEGER, "FHIR.integer"),
        ("Observation.value.ofType(Quantity).value", SqlType.DECIMAL, "FHIR.decimal"),
        ("Observation.value", SqlType.JSON, None),
        ("Patient.name.count()", SqlType.INTEGER, "System.Integer"),
        ("Patient.name.exists()", SqlType.BOOLEAN, "System.Boolean"),
        ("1.50", SqlType.DECIMAL, "System.Decimal"),
        ("@2015-02", SqlType.TEXT, "System.Date"),
        ("'x'", SqlType.TEXT, "System.String"),
    ],
)
@pytest.mark.parametrize("syntax", [_DUCKDB, _POSTGRES])
def test_columns_say_what_they_hold(syntax: Syntax, expression: str, type: SqlType, fhir_type: str | None) -> None:
    """The result's type is known before anything runs."""
    id, value = _compile(expression, syntax).statement.columns
    assert (id.name, id.type) == ("id", None)
    assert (value.name, value.type, value.fhir_type) == ("value", type, fhir_type)


def test_statements_say_what_they_are() -> None:
    """The expression goes along for messages, and a summary for events."""
    statement = _compile("Patient\n  .name").statement
    assert statement.expression == "Patient .name"
    assert statement.summary == "fhirpath Patient .name"


@pytest.mark.parametrize("syntax", [_DUCKDB, _POSTGRES])
@pytest.mark.parametrize("case", PATH_NAVIGATION, ids=lambda case: case.expression)
def test_path_navigation_is_one_extraction(syntax: Syntax, case: object) -> None:
    """A run of plain navigation reaches into the JSON once."""
    sql = _compile(case.expression, syntax).statement.sql  # type: ignore[attr-defined]
    body = sql.split("resourceType", 1)[1]
    reads = sum(body.count(word) for word in ("JSON_EXTRACT", "jsonb_path_query", " ->> ", " -> "))
    assert reads == 1
    assert "UNNEST(ARRAY" not in sql


def test_values_never_stand_in_the_text() -> None:
    """What is bound is bound: a statement with a variable holds its placeholder."""
    variables = variable_types({"secret": "hunter2"})
    for syntax, placeholder in ((_DUCKDB, "$secret"), (_POSTGRES, "%(secret)s")):
        sql = _compile("Patient.where(name.family = %secret).id", syntax, variables=variables).statement.sql
        assert placeholder in sql and "hunter2" not in sql


def test_tables_are_quoted() -> None:
    """Any table, schema and column name is taken as it is."""
    source = TableSource(name='T"1', schema="S 2", key="k;3", resource="r'4", resource_type="t--5")
    for syntax in (_DUCKDB, _POSTGRES):
        sql = compile_expression("Patient.id", syntax, source, Options()).statement.sql
        assert all(quoted in sql for quoted in ('"S 2"."T""1"', '"k;3"', '"r\'4"', '"t--5"'))


def test_files_are_read_in_place_where_that_can_be() -> None:
    """A dialect that cannot read files says what to do instead."""
    source = FileSource(ndjson=("a.ndjson",))
    assert "READ_NDJSON" in compile_expression("Patient.id", _DUCKDB, source, Options()).statement.sql
    with pytest.raises(Unsupported, match="load them first"):
        compile_expression("Patient.id", _POSTGRES, source, Options())


def test_one_resource_is_a_parameter() -> None:
    """An inline resource comes with the statement as a bound value."""
    source = InlineSource()
    for syntax in (_DUCKDB, _POSTGRES):
        compiled = compile_expression("name.given", syntax, source, Options(context=("Patient",)))
        assert compiled.parameters == (source.parameter,)


@pytest.mark.parametrize(
    ("value", "type", "bound"),
    [
        (True, "System.Boolean", True),
        (3, "System.Integer", 3),
        (Decimal("1.50"), "System.Decimal", Decimal("1.50")),
        (0.1, "System.Decimal", Decimal("0.1")),
        ("x", "System.String", "x"),
        (date(2015, 2, 7), "System.Date", "2015-02-07"),
        (datetime(2015, 2, 7, 13, 28, tzinfo=timezone.utc), "System.DateTime", "2015-02-07T13:28:00+00:00"),
        (time(13, 28), "System.Time", "13:28:00"),
        (2**31 - 1, "System.Integer", 2**31 - 1),
        (2**31, "System.Long", 2**31),
        (-(2**63), "System.Long", -(2**63)),
        (["x", 'y"'], "System.String", '["x", "y\\""]'),
        ((True, False), "System.Boolean", '["true", "false"]'),
        ([2, Decimal("1.50")], "System.Decimal", '["2", "1.50"]'),
        ([2, 2**31], "System.Long", '["2", "2147483648"]'),
        ([date(2015, 2, 7)], "System.Date", '["2015-02-07"]'),
        ([], "None", "[]"),
        (None, "None", None),
    ],
)
def test_values_of_variables(value: object, type: str, bound: object) -> None:
    """Each Python type has a FHIRPath type, and is bound as the database takes it."""
    [(name, found)] = variable_types({"x": value})
    assert (name, str(found.type)) == ("x", type)
    assert found.many is (isinstance(value, list | tuple) and bool(value))
    assert bound_value(value) == bound
    assert type != "System.Boolean" or found.many or bound_value(value) is True


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": 1}, "has a value of type 'dict', which FHIRPath has no type for"),
        ([b"x"], "has a value of type 'bytes', which FHIRPath has no type for"),
        ([[1]], "has a value of type 'list', which FHIRPath has no type for"),
        ([1, "a"], "has items of several types: Integer and String"),
        (2**63, "is too large for a Long"),
        (float("nan"), "is no number"),
        ([float("inf")], "is no number"),
        (Decimal("NaN"), "is no number"),
        (Decimal("1E+26"), "is too large for a Decimal"),
        ("a\0b", "has the character U+0000"),
        (["\ud800"], "has half a character"),
        (time(10, tzinfo=timezone.utc), "has a time zone, which a Time has not"),
        (datetime(2020, 1, 1, tzinfo=timezone(timedelta(seconds=3630))), "has a time zone with seconds"),
    ],
)
def test_values_of_no_type(value: object, message: str) -> None:
    with pytest.raises(InvalidArguments, match="variable %x") as caught:
        variable_types({"x": value})
    assert message in str(caught.value)


def test_every_error_is_ours() -> None:
    """Whatever text comes in, nothing but our own errors comes out."""
    for text in (
        "",
        " ",
        ".",
        "Patient.",
        "(",
        "'",
        "//",
        "/*",
        "%",
        "@",
        "$this",
        "{}",
        "{",
        "Patient.name[",
        "0x1",
        "\u2603",
    ):
        try:
            _compile(text)
        except Fhir4dsError:
            continue
