"""The tests of FHIR4DS."""
