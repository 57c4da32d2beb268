"""Running a suite in a database, by the calls that everybody makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from fhir4ds.compiler.compiler import compile_expression
from fhir4ds.compiler.options import Options
from fhir4ds.conformance.judge import Given, Items, Refusal, passes
from fhir4ds.conformance.report import Outcome, Report
from fhir4ds.conformance.suite import Case
from fhir4ds.database import Database
from fhir4ds.errors import ConnectFailed, PoolClosed, PoolTimeout, RegistryError
from fhir4ds.plan.source import InlineSource

#: Called with the number of tests done and of all tests.
Progress: TypeAlias = Callable[[int, int], None]

#: Where no test can run, none has failed.
HOPELESS = (ConnectFailed, PoolClosed, PoolTimeout, RegistryError)


def run_suite(database: Database, cases: Sequence[Case], progress: Progress | None = None) -> Report:
    """Run tests, each in the mode that it asks for, and judge them.

    Parameters
    ----------
    database : Database
        Where to evaluate; nothing in it is read or changed.
    cases : sequence of Case
        The tests.
    progress : Progress, optional
        Called after each test.

    Returns
    -------
    Report

    Raises
    ------
    Fhir4dsError
        If the database cannot be used at all.
    """
    version, _ = database.session()
    outcomes = []
    for done, case in enumerate(cases, start=1):
        given = _evaluate(database, case)
        outcomes.append(Outcome(case, given, passed=passes(case, given)))
        if progress is not None:
            progress(done, len(cases))
    return Report(dialect=database.dialect.name, version=version, outcomes=tuple(outcomes))


def _evaluate(database: Database, case: Case) -> Given:
    try:
        values = database.evaluate(case.expression, case.resource, strict=case.strict)
        return Items(tuple(values), _static_type(database, case))
    except HOPELESS:
        raise
    except Exception as error:  # noqa: BLE001 - whatever goes wrong fails this test, and the others still count
        return Refusal(error)


def _static_type(database: Database, case: Case) -> str | None:
    """The type of the items as the compiler knows it; the statement itself is that of the evaluation, from the cache."""
    about = () if case.resource_type is None else (case.resource_type,)
    options = Options(model=database.model, strict=case.strict, context=about)
    compiled = compile_expression(case.expression, database.dialect.syntax, InlineSource(), options)
    return compiled.statement.columns[-1].fhir_type
