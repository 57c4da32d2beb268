"""The guide for authors of dialects shows the code of the SQLite plugin, all of it, as it is."""

from __future__ import annotations

import pytest

from tests.support.documentation import DOCS, ROOT, blocks

_PLUGIN = ROOT / "tests" / "plugins" / "fhir4ds-sqlite"
_EXCERPTS = [block for block in blocks(DOCS / "guides" / "writing-a-dialect.md") if block.note.startswith("of=")]
_FILES = sorted({block.note.removeprefix("of=") for block in _EXCERPTS})


def test_every_file_is_shown() -> None:
    """Also those that are no code."""
    files = [path for path in _PLUGIN.rglob("*") if path.suffix in {".py", ".toml"} and path.is_file()]
    assert sorted(path.relative_to(_PLUGIN).as_posix() for path in files) == _FILES


@pytest.mark.parametrize("name", _FILES)
def test_excerpts_are_the_whole_file(name: str) -> None:
    """One after the other, they are the file, but for blank lines between them."""
    excerpts = [block.text for block in _EXCERPTS if block.note == f"of={name}"]
    shown = [line for excerpt in excerpts for line in excerpt.splitlines() if line.strip()]
    assert shown == [line for line in (_PLUGIN / name).read_text("utf-8").splitlines() if line.strip()]
