"""Rows out: into files and streams of the usual formats."""
