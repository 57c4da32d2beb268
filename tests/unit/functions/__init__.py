"""Tests of the declared functions and operators."""
