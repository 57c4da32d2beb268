"""Whether what an engine gave is what a test asks for; the rules are those of the reference test harness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import attrs

from fhir4ds.conformance.literals import equals, kind_of, kind_of_type, plain_name
from fhir4ds.conformance.suite import Case, Output, Stage
from fhir4ds.errors import (
    CompileError,
    EvaluationError,
    Fhir4dsError,
    FHIRPathSyntaxError,
    UnknownFunction,
    UnsupportedFeature,
)
from fhir4ds.runtime.answer import encode_json


@attrs.frozen
class Items:
    """The result of an expression.

    Parameters
    ----------
    values : tuple
        The items, in order.
    type : str, optional
        Their type, such as ``"FHIR.code"``; None where it is not known before running.
    """

    values: tuple[Any, ...]
    type: str | None = None

    def __str__(self) -> str:
        shown = ", ".join(encode_json(value) for value in self.values) or "empty"
        return shown if self.type is None or not self.values else f"{shown} ({self.type})"


@attrs.frozen
class Refusal:
    """An error instead of a result.

    Parameters
    ----------
    error : Exception
        What was raised.
    """

    error: Exception

    @property
    def stage(self) -> Stage | None:
        """The stage at which the language refused the expression; None for an error that is none of the language.

        An engine that has no such function, or that leaves a feature out, has not found a fault in the expression; nor
        has a database or a program that failed.
        """
        match self.error:
            case UnknownFunction() | UnsupportedFeature():
                return None
            case FHIRPathSyntaxError():
                return Stage.SYNTAX
            case CompileError():
                return Stage.SEMANTIC
            case EvaluationError():
                return Stage.EXECUTION
            case _:
                return None

    def __str__(self) -> str:
        stage = "no error of the language" if self.stage is None else f"{self.stage.value} error"
        message = self.error.message if isinstance(self.error, Fhir4dsError) else str(self.error)
        return f"{stage}: {type(self.error).__name__}: {message}"


Given: TypeAlias = Items | Refusal


def passes(case: Case, given: Given) -> bool:
    """Judge one test.

    Parameters
    ----------
    case : Case
        What is asked for.
    given : Items or Refusal
        What came.
    """
    if isinstance(given, Refusal):
        return case.invalid is not None and given.stage is not None and case.invalid.reached_by(given.stage)
    if case.invalid is not None:
        return False
    if case.predicate:
        given = Items((_truth(given.values),), "System.Boolean")
    values, outputs = given.values, case.outputs
    if len(values) != len(outputs) or not all(_type_fits(given.type, output) for output in outputs):
        return False
    if case.ordered:
        return all(equals(value, output) for value, output in zip(values, outputs, strict=True))
    return _same_in_any_order(values, outputs)


def expectation(case: Case) -> str:
    """What a test asks for, in words."""
    if case.invalid is not None:
        return f"{case.invalid.value} error"
    return ", ".join(map(str, case.outputs)) or "empty"


def _truth(values: Sequence[Any]) -> bool:
    match values:
        case []:
            return False
        case [bool(value)]:
            return value
        case _:
            return True


def _type_fits(type: str | None, output: Output) -> bool:
    """Whether items of a type can be what is expected; where the type is not known, their values alone decide."""
    if type is None:
        return True
    if output.type is None:
        return kind_of_type(type) is kind_of(output)
    return plain_name(type) == plain_name(output.type)


def _same_in_any_order(values: Sequence[Any], outputs: Sequence[Output]) -> bool:
    left = list(values)
    for output in outputs:
        place = next((place for place, value in enumerate(left) if equals(value, output)), None)
        if place is None:
            return False
        del left[place]
    return True
