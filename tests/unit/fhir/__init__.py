"""Tests of the FHIR model and of the resources that are made up for tests."""
