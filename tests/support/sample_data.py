"""Where material lies that nobody here made: beside the project, or where an environment variable says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def shared_dir() -> Path:
    """The folder with ``data`` and ``conformance``; skips the test where there is none.

    It is what ``FHIR4DS_CONFORMANCE`` names, the folder around that, or ``../shared`` beside the project.
    """
    named = os.environ.get("FHIR4DS_CONFORMANCE")
    beside = Path(__file__).resolve().parents[3] / "shared"
    for place in [Path(named), Path(named).resolve().parent] if named else [beside]:
        if (place / "data").is_dir() and (place / "conformance").is_dir():
            return place
    if named:
        pytest.fail("no sample data where FHIR4DS_CONFORMANCE says")
    pytest.skip("no sample data beside the project: set FHIR4DS_CONFORMANCE")


def data_dir() -> Path:
    """The folder of sample data, with NDJSON files below it."""
    return shared_dir() / "data"
