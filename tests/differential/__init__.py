"""Differential tests: two databases, a third evaluator, and inputs that nobody wrote by hand."""
