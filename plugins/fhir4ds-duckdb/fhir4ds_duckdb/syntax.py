"""How DuckDB spells things."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from fhir4ds.plugin import SqlType, Syntax


class DuckDBSyntax(Syntax):
    """DuckDB 1.4 to 2.0."""

    types: ClassVar[Mapping[SqlType, str]] = {
        SqlType.BOOLEAN: "BOOLEAN",
        SqlType.INTEGER: "BIGINT",
        SqlType.DECIMAL: "DECIMAL(38, 12)",
        SqlType.TEXT: "VARCHAR",
        SqlType.JSON: "JSON",
    }

    def begin(self, *, read_only: bool) -> str:
        return "BEGIN TRANSACTION READ ONLY" if read_only else "BEGIN TRANSACTION"
