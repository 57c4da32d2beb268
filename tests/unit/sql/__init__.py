"""Tests of the way from a plan to SQL text."""
