"""SQLite passes the conformance kit."""

from fhir4ds.testing.suite import *
