"""Runners that show what FHIR4DS does, on real databases."""
