"""FHIR4DS: FHIRPath and SQL on FHIR as SQL, run where the data lives.

Examples
--------
>>> import fhir4ds
>>> fhir4ds.evaluate("name.given.first()", {"resourceType": "Patient", "name": [{"given": ["Ada"]}]})
['Ada']
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fhir4ds.database import Database, connect, evaluate
    from fhir4ds.executor import FHIRPathExecutor
    from fhir4ds.runtime.result import Result

__all__ = ["Database", "FHIRPathExecutor", "Result", "connect", "evaluate"]

#: Where the public names live; each is imported when it is first used, which keeps the command line quick.
_HOMES = {
    "Database": "fhir4ds.database",
    "FHIRPathExecutor": "fhir4ds.executor",
    "Result": "fhir4ds.runtime.result",
    "connect": "fhir4ds.database",
    "evaluate": "fhir4ds.database",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
