"""Measurements; not part of the ordinary test run."""
