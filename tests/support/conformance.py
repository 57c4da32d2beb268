"""Where the official test suites are. They are data of others and no part of the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

#: Names the directory that holds ``fhirpath/`` and ``sql-on-fhir/``.
VARIABLE = "FHIR4DS_CONFORMANCE"


def conformance_dir() -> Path:
    """Find the official suites, or skip the test or the module that asks for them.

    Returns
    -------
    Path
        What ``FHIR4DS_CONFORMANCE`` names, else ``../shared/conformance`` beside the project.
    """
    beside = Path(__file__).parents[3] / "shared" / "conformance"
    directory = Path(os.environ.get(VARIABLE) or beside)
    if (directory / "fhirpath").is_dir():
        return directory
    reason = f"the official test suites are not in {directory}; let {VARIABLE} name their directory"
    # A continuous build without the suites would be green and prove nothing.
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason, allow_module_level=True)
