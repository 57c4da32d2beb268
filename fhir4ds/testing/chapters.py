"""The chapters of the contract that the kit tests, each a module of `fhir4ds.testing.suite`."""

from __future__ import annotations

#: In the order in which an author meets them.
CHAPTERS = (
    "thinness",
    "syntax",
    "statements",
    "types",
    "driver",
    "faults",
    "loading",
    "streaming",
    "runtime",
    "fhirpath",
    "views",
)
