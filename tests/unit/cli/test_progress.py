"""What counts rows passes them on as they are, and writes to a terminal only."""

from __future__ import annotations

import io
import sys

import pytest

from fhir4ds.cli.progress import counted

_BATCHES = [[("a",), ("b",)], [], [("c",)]]


class Terminal(io.StringIO):
    """A text stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_rows_are_counted_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert list(counted(iter(_BATCHES), wanted=True)) == _BATCHES
    assert "rows" in sys.stderr.getvalue()


@pytest.mark.parametrize(("stream", "wanted"), [(io.StringIO(), True), (Terminal(), False)])
def test_nothing_is_said_elsewhere(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, wanted: bool) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    assert list(counted(iter(_BATCHES), wanted=wanted)) == _BATCHES
    assert stream.getvalue() == ""
