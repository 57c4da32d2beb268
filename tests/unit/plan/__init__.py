"""Tests of plans and of their simplification."""
