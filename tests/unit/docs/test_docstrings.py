"""Examples in docstrings run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from types import ModuleType

import fhir4ds_duckdb
import fhir4ds_postgres
import pytest

import fhir4ds
from tests.support.documentation import DOCTEST_FLAGS

#: Programs, which do their work when they are imported.
_PROGRAMS = ("fhir4ds.__main__", "fhir4ds.fhir.generate", "fhir4ds.ucum.generate")


def _modules() -> list[str]:
    found = []
    for package in (fhir4ds, fhir4ds_duckdb, fhir4ds_postgres):
        found.append(package.__name__)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.startswith(_PROGRAMS):
                found.append(module.name)
    return found


def _examples(module: ModuleType) -> list[doctest.DocTest]:
    return [test for test in doctest.DocTestFinder(exclude_empty=True).find(module) if test.examples]


@pytest.mark.parametrize("name", _modules())
def test_examples_run(name: str) -> None:
    runner = doctest.DocTestRunner(verbose=False, optionflags=DOCTEST_FLAGS | doctest.NORMALIZE_WHITESPACE)
    report: list[str] = []
    for test in _examples(importlib.import_module(name)):
        runner.run(test, out=report.append)
    assert runner.failures == 0, "".join(report)


@pytest.mark.parametrize("name", fhir4ds.__all__)
def test_public_names_have_an_example(name: str) -> None:
    member = getattr(fhir4ds, name)
    assert ">>>" in (member.__doc__ or ""), f"fhir4ds.{name}"
