"""The official FHIRPath suite as it stands in files: cases, their inputs, and what is asked of an engine."""

from __future__ import annotations

import enum
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from fhir4ds.errors import SourceError

#: FHIR version of the suite, and the folder that is named after it.
MODEL: Final = "R4"

_TESTS: Final = "tests.json"
_INPUT: Final = "input"
_HINT: Final = f"name the folder that holds {_TESTS} and {_INPUT}/, or its parent"

#: The input of an expression that needs none.
_NOTHING: Final = "{}"


class Stage(enum.Enum):
    """When an engine refuses an expression: while parsing, checking it against types, or evaluating.

    Examples
    --------
    >>> Stage.SYNTAX.reached_by(Stage.EXECUTION), Stage.EXECUTION.reached_by(Stage.SEMANTIC)
    (False, True)
    """

    SYNTAX = "syntax"
    SEMANTIC = "semantic"
    EXECUTION = "execution"

    def reached_by(self, other: Stage) -> bool:
        """Whether an error of another stage came in time: early is good, late is not."""
        order = list(Stage)
        return order.index(other) <= order.index(self)


@attrs.frozen
class Output:
    """One item of an expected result.

    Parameters
    ----------
    type : str, optional
        Its type; without one, the value is written as a FHIRPath literal.
    value : str
        Its text.
    """

    type: str | None
    value: str

    def __str__(self) -> str:
        return self.value if self.type is None else f"{self.value} ({self.type})"


@attrs.frozen(kw_only=True)
class Case:
    """One test.

    Parameters
    ----------
    id : str
        Unique in the suite.
    group : str
        Where it belongs.
    expression : str
        FHIRPath.
    resource : str
        JSON text of its input.
    outputs : tuple of Output
        The items that must come; they mean nothing where an error is asked for.
    invalid : Stage, optional
        The stage at which an error must come.
    strict : bool
        Whether it asks for the specification's strict rules.
    predicate : bool
        Whether the result is turned into one boolean before it is judged.
    ordered : bool
        Whether the order of the items is judged.
    """

    id: str
    group: str
    expression: str
    resource: str = attrs.field(default=_NOTHING, repr=False)
    outputs: tuple[Output, ...] = ()
    invalid: Stage | None = None
    strict: bool = False
    predicate: bool = False
    ordered: bool = True

    @property
    def resource_type(self) -> str | None:
        """What the input is, if it is anything."""
        found = json.loads(self.resource).get("resourceType")
        return found if isinstance(found, str) else None


def read_suite(directory: str | os.PathLike[str]) -> tuple[Case, ...]:
    """Read the cases of a suite.

    Parameters
    ----------
    directory : path
        The folder of ``tests.json``, or its parent.

    Returns
    -------
    tuple of Case
        In the order of the suite.

    Raises
    ------
    SourceError
        If there is no suite, or one that cannot be read; it says where.
    """
    given = Path(directory)
    root = next((place for place in (given, given / MODEL.lower()) if (place / _TESTS).is_file()), None)
    if root is None:
        what = f"there is no {_TESTS} in {given}" if given.is_dir() else f"there is no folder {given}"
        raise SourceError(f"{what}: this is no FHIRPath test suite", hint=_HINT)
    file = root / _TESTS
    tests = _json(file)
    if not isinstance(tests, list) or not tests:
        raise SourceError(f"{file} is no list of tests", hint=_HINT)
    resources: dict[str, str] = {}
    cases: dict[str, Case] = {}
    for place, test in enumerate(tests, start=1):
        try:
            case = _case(test, root / _INPUT, resources)
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(f"{file}: test {place} cannot be read: {_reason(error)}", hint=_HINT) from error
        if case.id in cases:
            raise SourceError(f"{file}: the id {case.id!r} is there twice")
        cases[case.id] = case
    return tuple(cases.values())


def _case(test: Mapping[str, Any], inputs: Path, resources: dict[str, str]) -> Case:
    name = test.get("inputfile")
    if name is not None and name not in resources:
        resources[name] = _resource(inputs / _text(name))
    invalid = test.get("invalid")
    return Case(
        id=_text(test["id"]),
        group=_text(test["group"]),
        expression=_text(test["expression"]),
        resource=_NOTHING if name is None else resources[name],
        outputs=tuple(_output(output) for output in test["outputs"]),
        invalid=None if invalid is None else Stage(invalid),
        strict=test.get("mode") == "strict",
        predicate=bool(test.get("predicate")),
        ordered=bool(test.get("ordered", True)),
    )


def _output(output: Mapping[str, Any]) -> Output:
    type = output.get("type")
    return Output(None if type is None else _text(type), _text(output["value"]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{json.dumps(value)} is no text")
    return value


def _resource(file: Path) -> str:
    """The text of a resource, which keeps its numbers exactly as they are written."""
    if not isinstance(_json(file), dict):
        raise SourceError(f"{file} is no resource", hint="an input is one JSON object")
    return file.read_text("utf-8")


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror or type(error).__name__}", hint=_HINT) from error
    except ValueError as error:
        raise SourceError(f"{file} is no JSON: {error}") from error


def _reason(error: Exception) -> str:
    return f"it has no {error.args[0]!r}" if isinstance(error, KeyError) else str(error)
