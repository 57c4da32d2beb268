"""FHIR4DS: FHIRPath and SQL on FHIR as SQL, run where the data lives.

Examples
--------
>>> import fhir4ds
>>> fhir4ds.evaluate("name.given.first()", {"resourceType": "Patient", "name": [{"given": ["Ada"]}]})
['Ada']
"""

from fhir4ds.database import Database, connect, evaluate
from fhir4ds.executor import FHIRPathExecutor
from fhir4ds.registry import registry
from fhir4ds.runtime.result import Result

__all__ = ["Database", "FHIRPathExecutor", "Result", "connect", "evaluate", "registry"]
