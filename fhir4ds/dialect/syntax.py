"""The first half of the contract: how a database spells things. Pure text in, SQL text out."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import ClassVar

from fhir4ds.dialect.types import SqlType


class Syntax(ABC):
    """A dialect's spelling, as a list of differences from standard SQL."""

    types: ClassVar[Mapping[SqlType, str]] = {}

    #: What follows the closing parenthesis when the table of resources is made, such as storage settings.
    table_options: ClassVar[str] = ""

    def quote(self, name: str) -> str:
        """Quote an identifier."""
        return '"' + name.replace('"', '""') + '"'

    def begin(self, *, read_only: bool) -> str:
        """Open a transaction."""
        return "START TRANSACTION READ ONLY" if read_only else "START TRANSACTION"

    def limit_time(self, milliseconds: int) -> str | None:
        """Limit every statement of the open transaction; None where the server cannot."""
        return None
