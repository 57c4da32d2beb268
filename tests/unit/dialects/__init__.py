"""Tests of the dialects' words and of PostgreSQL's driver."""
