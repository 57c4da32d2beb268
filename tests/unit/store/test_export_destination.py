"""Files appear when they are complete, and failing leaves what was there."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from fhir4ds.errors import DestinationError
from fhir4ds.store.exports.destination import destination


def test_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "rows.csv"
    with destination(str(target)) as out:
        out.write("id\n")
        out.flush()
        assert not target.exists()
    assert target.read_bytes() == b"id\n"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_was_there_stays_when_writing_fails(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "rows.csv"
    target.write_text("before")
    with pytest.raises(error), destination(str(target)) as out:
        out.write("half")
        raise error
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_permissions(tmp_path: Path) -> None:
    """A new file has those that any new file gets, an old one keeps its own."""
    new, old = tmp_path / "new", tmp_path / "old"
    old.touch(mode=0o600)
    before = os.umask(0o027)
    try:
        for target in (new, old):
            with destination(str(target)) as out:
                out.write("x")
    finally:
        os.umask(before)
    assert [stat.S_IMODE(target.stat().st_mode) for target in (new, old)] == [0o640, 0o600]


def test_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("before")
    link.symlink_to(real)
    with destination(str(link)) as out:
        out.write("after")
    assert link.is_symlink()
    assert real.read_text() == "after"


def test_device_stays_a_device(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    with destination(str(pipe)) as out:
        out.write("x\n")
    reader.join(10)
    assert read == ["x\n"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("no/such/folder/rows.csv", "No such file or directory"),
        (".", "Is a directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_places_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, reason: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DestinationError) as raised, destination(path):
        pytest.fail("there is nowhere to write")
    assert raised.value.message == f"cannot write {path}: {reason}"


def test_everything_that_json_can_spell_can_be_written(tmp_path: Path) -> None:
    target = tmp_path / "rows.json"
    with destination(str(target)) as out:
        out.write('"\ud800 é 東"\n')
    assert target.read_bytes() == '"\\ud800 é 東"\n'.encode()


def test_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    with destination(None) as out:
        out.write("x\n")
    assert capsys.readouterr().out == "x\n"
