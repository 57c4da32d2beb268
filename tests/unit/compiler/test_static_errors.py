"""What cannot be right is refused before any database sees it, with its place and what to try."""

from __future__ import annotations

import pytest
from fhir4ds_duckdb.syntax import DuckDBSyntax

from fhir4ds.compiler.compiler import Compiled, compile_expression
from fhir4ds.compiler.options import Options
from fhir4ds.errors import (
    CompileError,
    FHIRPathSyntaxError,
    InvalidArguments,
    InvalidModel,
    InvalidOperation,
    UnknownElement,
    UnknownFunction,
    UnknownType,
    UnknownVariable,
    UnsupportedFeature,
)
from fhir4ds.plan.source import TableSource

_SYNTAX = DuckDBSyntax()


def _compile(text: str, **options: object) -> Compiled:
    return compile_expression(text, _SYNTAX, TableSource(), Options(**options))  # type: ignore[arg-type]


_OF_TYPE = "say which type is meant, such as value.ofType(integer)"

#: Expression, with a caret before what is wrong; class, message and hint.
ERRORS: list[tuple[str, type[CompileError], str, str | None]] = [
    ("Patient.^brthDate", UnknownElement, "Patient has no element 'brthDate'", "did you mean 'birthDate'?"),
    ("Patient.name.^gven", UnknownElement, "HumanName has no element 'gven'", "did you mean 'given'?"),
    ("Patient.contact.^nme", UnknownElement, "Patient.contact has no element 'nme'", "did you mean 'name'?"),
    ("Patient.gender.^xyzzy", UnknownElement, "code has no element 'xyzzy'", None),
    (
        "Observation.^valueQuantity.value",
        UnknownElement,
        "Observation has no element 'valueQuantity': it is a type of the element 'value'",
        "write value.ofType(Quantity)",
    ),
    (
        "Bundle.entry.resource.where(^resourceType = 'Patient')",
        UnknownElement,
        "'resourceType' is of JSON and no element of Resource",
        "ask for a type, such as ofType(Patient) or where($this is Patient)",
    ),
    ("Patient.where(name.where(^famly = 'x').exists())", UnknownElement, "HumanName has no element 'famly'", "did you mean 'family'?"),
    ("(1).^foo", UnknownElement, "Integer has no element 'foo'", None),
    (
        "^name.given",
        UnknownElement,
        "which resource type 'name' belongs to is not known",
        "start with the type, such as Patient.name, or say which resources are meant",
    ),
    ("Patient.name.^exits()", UnknownFunction, "there is no function 'exits'", "did you mean 'exists'?"),
    ("Patient.name.select(given.^frst())", UnknownFunction, "there is no function 'frst'", "did you mean 'first'?"),
    ("Patient.name.^ofType(Quantty)", UnknownType, "there is no type 'Quantty'", "did you mean 'Quantity'?"),
    ("Patient.name ^is Humanname", UnknownType, "there is no type 'Humanname'", "did you mean 'HumanName'?"),
    ("Patient.name.^where()", InvalidArguments, "where takes 1 argument, not 0", "write where(criteria)"),
    ("Patient.name.^where(given, family)", InvalidArguments, "where takes 1 argument, not 2", "write where(criteria)"),
    ("Patient.name.^first(1)", InvalidArguments, "first takes 0 arguments, not 1", "write first()"),
    ("Patient.name.^exists(use, use)", InvalidArguments, "exists takes 0 to 1 arguments, not 2", "write exists([criteria])"),
    ("Patient.name.^take('x')", InvalidArguments, "the number of items must be an Integer, not System.String", None),
    ("Patient.name.^skip(true)", InvalidArguments, "the number of items must be an Integer, not System.Boolean", None),
    ("Patient.^extension(1)", InvalidArguments, "the url of an extension must be a String", None),
    (
        "Patient.name.^ofType(1 + 1)",
        InvalidArguments,
        "expected the name of a type, such as Quantity or System.String",
        None,
    ),
    ("Patient.where(gender = ^%gendr)", UnknownVariable, "variable %gendr has no value", "give its value: query(..., gendr=...)"),
    ("^%resourc", UnknownVariable, "variable %resourc has no value", "did you mean 'resource'?"),
    ("Patient.name^['x']", InvalidOperation, "an index must be an Integer, not System.String", None),
    ("^$index", InvalidOperation, "$index has a meaning only inside the argument of an iteration", None),
    ("^$total", InvalidOperation, "$total has a meaning only inside aggregate", None),
    ("^-'a'", InvalidOperation, "- needs a number, not System.String", None),
    ("Patient.active ^< 1", InvalidOperation, "System.Boolean and System.Integer cannot be compared for order", None),
    ("Patient.multipleBirth ^< Patient.deceased", InvalidOperation, "items of several types and items of several types cannot be compared for order", _OF_TYPE),
    ("Patient.multipleBirth ^+ Patient.deceased", InvalidOperation, "the operator '+' does not take items of several types and items of several types", _OF_TYPE),
    ("^-Patient.deceased", InvalidOperation, "- needs a number, not items of several types", _OF_TYPE),
    ("'a' ^< 1", InvalidOperation, "System.String and System.Integer cannot be compared for order", None),
    ("Patient.name ^>= Patient.name", InvalidOperation, "FHIR.HumanName and FHIR.HumanName cannot be compared for order", None),
    (
        "Patient.name.^",
        FHIRPathSyntaxError,
        "expected the name of an element or function after '.', found the end of the expression",
        None,
    ),
    ("Patient.name[0^", FHIRPathSyntaxError, "missing ']' for the '[' at column 13", "add ']'"),
    (
        "^@2015-13-45",
        FHIRPathSyntaxError,
        "@2015-13-45 is not a date of the calendar",
        "dates run from @0001-01-01 to @9999-12-31",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("marked", "kind", "message", "hint"), ERRORS, ids=[marked for marked, *_ in ERRORS])
def test_error(marked: str, kind: type[CompileError], message: str, hint: str | None) -> None:
    """Class, message, place and hint are what a user gets to see."""
    text, position = marked.replace("^", ""), marked.index("^")
    with pytest.raises(CompileError) as caught:
        _compile(text)
    error = caught.value
    assert (type(error), error.message, error.position, error.hint, error.expression) == (
        kind,
        message,
        position,
        hint,
        text,
    )


def test_the_place_is_shown_by_line_and_column() -> None:
    """An expression over several lines is marked in the right one."""
    with pytest.raises(UnknownElement) as caught:
        _compile("Patient\n  .name\n  .gven")
    assert str(caught.value) == (
        "HumanName has no element 'gven' (line 3, column 4)\n      .gven\n       ^\nhint: did you mean 'given'?"
    )


def test_nesting_has_a_limit() -> None:
    """A hostile expression ends in an error of ours, not in one of the interpreter."""
    with pytest.raises(CompileError, match="nested"):
        _compile("(" * 5000 + "1" + ")" * 5000)
    with pytest.raises(CompileError, match=r"nested|too long"):
        _compile("Patient.name" + ".where(true" * 5000 + ")" * 5000)


def test_long_chains_compile() -> None:
    """What is long but flat is no hostile expression."""
    assert _compile(" or ".join(["Patient.active"] * 50)).statement.sql


def test_nul_cannot_be_sent_to_a_database() -> None:
    """No database takes U+0000 in text."""
    with pytest.raises(UnsupportedFeature, match=r"U\+0000") as caught:
        _compile("Patient.where(name.family = 'a\x00b')")
    assert caught.value.expression == "Patient.where(name.family = 'a\x00b')"


def test_an_unknown_model_is_refused() -> None:
    """Versions of FHIR that have no model are named."""
    with pytest.raises(InvalidModel, match="R3"):
        _compile("Patient.name", model="R3")


def test_strict_rules_refuse_the_wrong_resource() -> None:
    """A path of another resource is empty when lenient and an error in strict mode."""
    assert _compile("Encounter.status", context=("Patient",))
    with pytest.raises(UnknownElement, match="the resource is a Patient, not a Encounter"):
        _compile("Encounter.status", context=("Patient",), strict=True)


def test_given_variables_have_types() -> None:
    """A variable of the wrong type is refused like any other operand."""
    from fhir4ds.compiler.variables import variable_types

    options = {"variables": variable_types({"n": "one"})}
    with pytest.raises(InvalidArguments):
        _compile("Patient.name.take(%n)", **options)
    assert _compile("Patient.name.take(%n)", variables=variable_types({"n": 1})).parameters == ("n",)


def test_variables_without_a_type_are_refused() -> None:
    """FHIRPath has no type for an object of Python, alone or in a list."""
    from fhir4ds.compiler.variables import variable_types

    for value in (object(), [object()]):
        with pytest.raises(InvalidArguments, match="%x has a value of type 'object'"):
            variable_types({"x": value})
