"""The official suites of SQL on FHIR: read, run in a database, judged strictly, and reported as the working group asks.

A file of a suite has resources of several types and tests of views over them. They are stored in a table of their own, with
a key for each, as some have no id; the table is gone at the end.
"""

from __future__ import annotations

import json
import math
import os
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs

from fhir4ds.conformance.report import Report
from fhir4ds.conformance.run import HOPELESS, Progress
from fhir4ds.database import Database
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import CompileError, EvaluationError, Fhir4dsError, SourceError
from fhir4ds.runtime.answer import decode_json, encode_json
from fhir4ds.runtime.result import Result
from fhir4ds.runtime.session import Session

_HINT: Final = "name the folder that holds the files of the suite, such as basic.json"

#: What a test may expect; each has exactly one of these.
_EXPECTATIONS: Final = ("expect", "expectCount", "expectError")


@attrs.frozen(kw_only=True)
class ViewTest:
    """A test of a view.

    Parameters
    ----------
    title : str
        Unique in its file.
    view : Mapping
        The ViewDefinition.
    expected : Mapping
        ``expect``, ``expectCount`` or ``expectError``, and ``expectColumns``.
    """

    title: str
    view: Mapping[str, Any] = attrs.field(repr=False)
    expected: Mapping[str, Any] = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class ViewFile:
    """A file of a suite: tests over the same resources."""

    name: str
    resources: tuple[Mapping[str, Any], ...] = attrs.field(repr=False)
    tests: tuple[ViewTest, ...] = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class ViewOutcome:
    """What came of a test: its rows, or the error that ended it."""

    file: str
    test: ViewTest
    given: Result | Exception

    @property
    def group(self) -> str:
        """The file, without its ending."""
        return Path(self.file).stem

    @property
    def wants_error(self) -> bool:
        """Whether it is an error test."""
        return bool(self.test.expected.get("expectError"))

    @property
    def passed(self) -> bool:
        """Whether the rows are those that are expected; or whether an error is our own refusal of the view.

        An error of any other kind, such as a crash, passes no test.
        """
        if isinstance(self.given, Exception):
            return self.wants_error and isinstance(self.given, CompileError | EvaluationError)
        if self.wants_error:
            return False
        expected = self.test.expected
        names = [column.name for column in self.given.columns]
        if expected.get("expectColumns", names) != names:
            return False
        if "expectCount" in expected:
            return bool(len(self.given) == expected["expectCount"])
        return Counter(map(_comparable, self.given.to_dicts())) == Counter(map(_comparable, expected["expect"]))

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "id": f"{self.group}/{self.test.title}",
            "group": self.group,
            "kind": "error" if self.wants_error else "value",
            "expression": encode_json(self.test.view),
            "passed": self.passed,
            "expected": encode_json(dict(self.test.expected)),
            "got": _told(self.given) if isinstance(self.given, Exception) else encode_json(self.given.to_dicts()),
        }


def read_view_suite(directory: str | os.PathLike[str]) -> tuple[ViewFile, ...]:
    """Read the files of a suite.

    Parameters
    ----------
    directory : path
        The folder that holds them.

    Returns
    -------
    tuple of ViewFile
        By name.

    Raises
    ------
    SourceError
        If there are none, or one is no file of a suite.
    """
    files = sorted(Path(directory).glob("*.json"))
    if not files:
        raise SourceError(f"there is no suite in {os.fspath(directory)}", hint=_HINT)
    return tuple(map(_read, files))


def run_view_suite(database: Database, files: Sequence[ViewFile], progress: Progress | None = None) -> Report:
    """Run the tests of a suite and judge them.

    Parameters
    ----------
    database : Database
        Where to run them. Tables are made in it, and dropped again.
    files : sequence of ViewFile
        The suite.
    progress : Progress, optional
        Called after each test.

    Returns
    -------
    Report
        Of outcomes of type `ViewOutcome`.

    Raises
    ------
    Fhir4dsError
        If the database cannot be used at all.
    """
    version, _ = database.session()
    total = sum(len(file.tests) for file in files)
    outcomes: list[ViewOutcome] = []
    for file in files:
        with _stored(database, file.resources) as own:
            for test in file.tests:
                outcomes.append(ViewOutcome(file=file.name, test=test, given=_run(own, test)))
                if progress is not None:
                    progress(len(outcomes), total)
    return Report(dialect=database.dialect.name, version=version, outcomes=tuple(outcomes))


def official_report(report: Report) -> dict[str, Any]:
    """A report as the working group collects them: of each file the tests, by title, and whether they passed.

    Parameters
    ----------
    report : Report
        What `run_view_suite` made.
    """
    files: dict[str, Any] = {}
    for outcome in report.outcomes:
        if isinstance(outcome, ViewOutcome):
            result: dict[str, Any] = {"passed": outcome.passed}
            if not outcome.passed:
                given = outcome.given
                result["error"] = _told(given) if isinstance(given, Exception) else "other rows than expected"
            tests = files.setdefault(outcome.file, {"tests": []})["tests"]
            tests.append({"name": outcome.test.title, "result": result})
    return files


def _read(file: Path) -> ViewFile:
    try:
        content = decode_json(file.read_text(encoding="utf-8"))
        tests = tuple(
            ViewTest(
                title=test["title"],
                view=test["view"],
                expected={name: test[name] for name in (*_EXPECTATIONS, "expectColumns") if name in test},
            )
            for test in content["tests"]
        )
        resources = tuple(content["resources"])
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, LookupError, TypeError) as error:
        raise SourceError(f"{file} is no file of a suite of SQL on FHIR", hint=_HINT) from error
    for test in tests:
        if sum(name in test.expected for name in _EXPECTATIONS) != 1:
            raise SourceError(f"{file}: the test {test.title!r} needs one of {', '.join(_EXPECTATIONS)}")
    return ViewFile(name=file.name, resources=resources, tests=tests)


@contextmanager
def _stored(database: Database, resources: Sequence[Mapping[str, Any]]) -> Iterator[Database]:
    """The resources in a table of their own, of the same database."""
    syntax, name = database.dialect.syntax, f"fhir4ds_suite_{secrets.token_hex(6)}"
    table, columns = syntax.quote(name), [syntax.quote("id"), syntax.quote("resource")]
    definition = f"CREATE TABLE {table} ({columns[0]} {syntax.key_type()}, {columns[1]} {syntax.types[SqlType.JSON]})"
    rows = [(f"{number:06}", encode_json(resource)) for number, resource in enumerate(resources)]

    def make(session: Session) -> None:
        session.execute(definition)
        session.load(table, columns, rows)

    def drop(session: Session) -> None:
        session.execute(f"DROP TABLE {table}")

    run = partial(database.dispatcher.run, timeout=math.inf, summary="suite")
    run(make)
    try:
        yield Database(database.dispatcher, table=name, model=database.model)
    finally:
        run(drop)


def _run(database: Database, test: ViewTest) -> Result | Exception:
    try:
        return database.view(test.view).run()
    except HOPELESS:
        raise
    except Exception as error:  # noqa: BLE001 - whatever goes wrong fails this test, and the others still count
        return error


def _told(error: Exception) -> str:
    message = error.message if isinstance(error, Fhir4dsError) else str(error)
    return f"{type(error).__name__}: {message}"


def _comparable(value: object) -> object:
    """A value that equals those that JSON has it equal to: numbers by value, nothing else of another kind."""
    match value:
        case dict():
            return frozenset((name, _comparable(member)) for name, member in value.items())
        case list() | tuple():
            return tuple(map(_comparable, value))
        case bool() | str() | None:
            return type(value).__name__, value
        case _:
            return "number", Decimal(str(value))
