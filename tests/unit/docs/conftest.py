"""The database and the files that the documentation speaks of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.documentation import ROOT, Clinic


@pytest.fixture
def export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder ``export/`` of the documentation, in the current folder, which is also the home of its reader."""
    for name in list(os.environ):
        if name.startswith(("PG", "FHIR4DS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "export"
    folder.mkdir()
    patients = (ROOT / "tests/fixtures/fhir/patients.json").read_text("utf-8")
    (folder / "Patient.json").write_text(patients, "utf-8")
    return folder


@pytest.fixture
def clinic(postgres_admin_url: str) -> Iterator[Clinic]:
    """The database ``clinic`` of the documentation; a page may make it itself."""
    clinic = Clinic(postgres_admin_url)
    yield clinic
    clinic.drop()
