"""The rules by which results are judged: each has cases that pass, and cases that only this rule fails."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir4ds import errors
from fhir4ds.conformance.judge import Items, Refusal, expectation, passes
from fhir4ds.conformance.suite import Case, Output, Stage

_SYNTAX = errors.FHIRPathSyntaxError("the text is wrong")
_SEMANTIC = (
    errors.UnknownElement("no such element"),
    errors.UnknownType("no such type"),
    errors.UnknownVariable("no such variable"),
    errors.InvalidArguments("too many"),
    errors.InvalidOperation("no such operands"),
)
_EXECUTION = errors.EvaluationError("several items")

#: What never makes a test pass: a missing function, a feature that is left out, a database or a program that failed.
_WITHOUT_MERIT = (
    errors.UnknownFunction("there is no function 'frobnicate'"),
    errors.UnsupportedFeature("not supported"),
    errors.Unsupported("the database cannot"),
    errors.QueryFailed("a message of the database"),
    errors.QueryTimeout("too slow"),
    errors.SourceError("no resource"),
    NotImplementedError("not implemented"),
    ZeroDivisionError("a fault of ours"),
    RecursionError("too deep"),
)


def case(*outputs: tuple[str | None, str], **keys: Any) -> Case:
    return Case(
        id="g/t", group="g", expression="x", outputs=tuple(Output(type, value) for type, value in outputs), **keys
    )


# --- rule 1: errors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "right", "late"),
    [
        (Stage.SYNTAX, [_SYNTAX], [*_SEMANTIC, _EXECUTION]),
        (Stage.SEMANTIC, [_SYNTAX, *_SEMANTIC], [_EXECUTION]),
        (Stage.EXECUTION, [_SYNTAX, *_SEMANTIC, _EXECUTION], []),
    ],
)
def test_error_is_of_the_language_and_in_time(wanted: Stage, right: list[Exception], late: list[Exception]) -> None:
    test = case(invalid=wanted)
    assert [error for error in right if not passes(test, Refusal(error))] == []
    assert [error for error in (*late, *_WITHOUT_MERIT) if passes(test, Refusal(error))] == []


@pytest.mark.parametrize("wanted", Stage)
@pytest.mark.parametrize("values", [(), (True,), (1, 2)])
def test_no_result_passes_an_error_test(wanted: Stage, values: tuple[Any, ...]) -> None:
    """Neither empty, nor what the outputs beside it say, which mean nothing there."""
    outputs = [("boolean", "true")] if values == (True,) else []
    assert not passes(case(*outputs, invalid=wanted), Items(values))


@pytest.mark.parametrize(
    ("error", "stage"),
    [
        (_SYNTAX, Stage.SYNTAX),
        *((error, Stage.SEMANTIC) for error in _SEMANTIC),
        (_EXECUTION, Stage.EXECUTION),
        *((error, None) for error in _WITHOUT_MERIT),
    ],
)
def test_stage_of_an_error(error: Exception, stage: Stage | None) -> None:
    assert Refusal(error).stage is stage


# --- rule 2: an unexpected error --------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [_SYNTAX, *_SEMANTIC, _EXECUTION, *_WITHOUT_MERIT])
@pytest.mark.parametrize("outputs", [[], [("boolean", "true")]])
def test_error_is_neither_a_value_nor_empty(error: Exception, outputs: list[tuple[str | None, str]]) -> None:
    assert not passes(case(*outputs), Refusal(error))
    assert not passes(case(*outputs, predicate=True), Refusal(error))


# --- rule 3: predicates -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "truth"),
    [
        ((), False),
        ((True,), True),
        ((False,), False),
        (("x",), True),
        ((0,), True),
        ((False, False), True),
        (({"a": 1},), True),
    ],
)
def test_predicate_is_one_boolean(values: tuple[Any, ...], truth: bool) -> None:
    for type in (None, "FHIR.date", "System.Boolean"):
        for said in (True, False):
            wanted = case(("boolean", str(said).lower()), predicate=True)
            assert passes(wanted, Items(values, type)) is (said is truth)


def test_without_predicate_the_result_is_taken_as_it_is() -> None:
    assert not passes(case(("boolean", "true")), Items(("1974-12-25",), "FHIR.date"))
    assert not passes(case(("boolean", "false")), Items(()))


# --- rules 4 and 5: count and order -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "ordered", "unordered"),
    [
        ((1, 1, 2), True, True),
        ((1, 2, 1), False, True),
        ((2, 1, 1), False, True),
        ((1, 2, 2), False, False),
        ((1, 1), False, False),
        ((1, 1, 2, 2), False, False),
        ((), False, False),
    ],
)
def test_count_and_order(values: tuple[int, ...], ordered: bool, unordered: bool) -> None:
    outputs = [("integer", "1"), ("integer", "1"), ("integer", "2")]
    assert passes(case(*outputs), Items(values)) is ordered
    assert passes(case(*outputs, ordered=False), Items(values)) is unordered


def test_no_outputs_mean_empty() -> None:
    assert passes(case(), Items((), "System.Integer"))
    assert not passes(case(), Items((False,)))


# --- rule 6: types ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "type", "value", "text"),
    [
        ("boolean", "System.Boolean", True, "true"),
        ("boolean", "FHIR.boolean", True, "true"),
        ("integer", "System.Integer", 4, "4"),
        ("decimal", "System.Decimal", Decimal(4), "4"),
        ("string", "FHIR.string", "x", "x"),
        ("string", "System.String", "x", "x"),
        ("code", "FHIR.code", "x", "x"),
        ("id", "FHIR.id", "x", "x"),
        ("date", "System.Date", "2014", "@2014"),
        ("dateTime", "FHIR.dateTime", "2014", "@2014"),
        ("time", "System.Time", "10:30", "@T10:30"),
        ("Quantity", "System.Quantity", {"value": 1, "unit": "mg"}, "1 'mg'"),
        ("Quantity", "FHIR.Quantity", {"value": 1, "unit": "milligram", "code": "mg"}, "1 'mg'"),
    ],
)
def test_type_is_the_one_that_is_named(wanted: str, type: str, value: object, text: str) -> None:
    assert passes(case((wanted, text)), Items((value,), type))
    others = {"FHIR.uri", "System.Long", "System.Any", "FHIR.Period", "FHIR.instant", "FHIR.canonical"}
    assert [other for other in others if passes(case((wanted, text)), Items((value,), other))] == []


@pytest.mark.parametrize(
    ("wanted", "type", "value", "text"),
    [
        ("string", "FHIR.code", "x", "x"),
        ("code", "FHIR.string", "x", "x"),
        ("id", "System.String", "x", "x"),
        ("date", "System.DateTime", "2014", "@2014"),
        ("dateTime", "System.Date", "2014", "@2014"),
        ("dateTime", "System.String", "2014", "@2014"),
        ("string", "System.Date", "2014", "2014"),
        ("integer", "System.Decimal", Decimal(4), "4"),
        ("decimal", "System.Integer", 4, "4"),
    ],
)
def test_related_type_is_another_type(wanted: str, type: str, value: object, text: str) -> None:
    assert not passes(case((wanted, text)), Items((value,), type))
    # Not knowing the type before running, one has the value alone.
    assert passes(case((wanted, text)), Items((value,)))


@pytest.mark.parametrize(
    ("wanted", "value", "text"),
    [
        ("boolean", "true", "true"),
        ("boolean", 1, "true"),
        ("integer", True, "1"),
        ("integer", "4", "4"),
        ("decimal", 4.0, "4"),
        ("string", 4, "4"),
        ("string", True, "true"),
        ("code", {"code": "x"}, "x"),
        ("date", 2014, "@2014"),
        ("Quantity", "1 'mg'", "1 'mg'"),
        ("Quantity", 1, "1 'mg'"),
    ],
)
def test_value_of_an_unknown_type_is_of_the_right_kind(wanted: str, value: object, text: str) -> None:
    assert not passes(case((wanted, text)), Items((value,)))


# --- rule 6 and 7: literals and values --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "type", "value", "wrong"),
    [
        ("true", "System.Boolean", True, [False, "true", 1]),
        ("false", "System.Boolean", False, [True, 0]),
        ("1.58650000", "System.Decimal", Decimal("1.5865"), [Decimal("1.5866"), "1.5865", True]),
        ("-0.0", "System.Decimal", Decimal(0), [Decimal("-0.1")]),
        ("5", "System.Integer", 5, [6, "5", Decimal("5.1")]),
        ("@2014-01", "System.Date", "2014-01", ["2014", "2014-01-01", "@2014-01"]),
        (
            "@2014-01-01T08:00:00.000+14:00",
            "System.DateTime",
            "2014-01-01T08:00:00.000+14:00",
            ["2014-01-01T08:00+14:00"],
        ),
        ("@T10:30:00.000", "System.Time", "10:30:00.000", ["10:30", "T10:30:00.000"]),
        ("1.5 'cm'", "System.Quantity", {"value": Decimal("1.50"), "unit": "cm"}, [{"value": 1, "unit": "cm"}]),
        ("4 days", "System.Quantity", {"value": 4, "unit": "days"}, [{"value": 4, "unit": "d"}, {"unit": "days"}]),
        ("plain text", "System.String", "plain text", ["Plain text", ""]),
    ],
)
def test_literal_without_a_type(text: str, type: str, value: object, wrong: list[object]) -> None:
    for known in (type, None):
        assert passes(case((None, text)), Items((value,), known))
        assert [other for other in wrong if passes(case((None, text)), Items((other,), known))] == []
    # A literal is of a kind, and items of another kind are not it.
    assert not passes(case((None, text)), Items((value,), "FHIR.HumanName" if type != "System.String" else "FHIR.date"))


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ({"value": Decimal("4.0"), "unit": "g"}, True),
        ({"value": 4, "unit": "gram", "code": "g"}, True),
        ({"value": 4, "unit": "g", "code": "kg"}, False),
        ({"value": 4, "unit": "mg"}, False),
        ({"value": 5, "unit": "g"}, False),
        ({"value": 4}, False),
    ],
)
def test_quantities_have_number_and_unit(given: dict[str, Any], same: bool) -> None:
    assert passes(case(("Quantity", "4 'g'")), Items((given,))) is same


def test_what_is_no_literal_of_its_type_is_nothing() -> None:
    """A fault of a suite fails its test and never passes it."""
    assert not passes(case(("integer", "four")), Items((4,), "System.Integer"))
    assert not passes(case(("boolean", "yes")), Items((True,), "System.Boolean"))
    assert not passes(case(("Quantity", "4")), Items(({"value": 4, "unit": "1"},), "System.Quantity"))


# --- in words ---------------------------------------------------------------------------------------------------------


def test_words() -> None:
    assert expectation(case()) == "empty"
    assert expectation(case(("code", "home"), (None, "@2014"))) == "home (code), @2014"
    assert expectation(case(("code", "home"), invalid=Stage.SEMANTIC)) == "semantic error"
    assert str(Items(())) == str(Items((), "FHIR.code")) == "empty"
    assert str(Items(("a", True, Decimal("1.50")))) == '"a", true, 1.50'
    assert str(Items(({"value": 1},), "FHIR.Quantity")) == '{"value": 1} (FHIR.Quantity)'
    assert str(Refusal(_SYNTAX)) == "syntax error: FHIRPathSyntaxError: the text is wrong"
    assert str(Refusal(ZeroDivisionError("0"))) == "no error of the language: ZeroDivisionError: 0"
