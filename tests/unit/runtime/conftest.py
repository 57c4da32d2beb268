"""Logging as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _structlog() -> Iterator[None]:
    yield
    structlog.reset_defaults()
