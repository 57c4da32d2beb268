"""Tests of `fhir4ds.conformance`."""
