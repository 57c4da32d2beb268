"""How PostgreSQL spells things."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from fhir4ds.plugin import SqlType, Syntax


class PostgresSyntax(Syntax):
    """PostgreSQL 14 to 18."""

    # Rows of up to 8 KB then stay inline and uncompressed, which is worth a factor of ten and more in reading.
    table_options: ClassVar[str] = " WITH (toast_tuple_target = 8160)"

    types: ClassVar[Mapping[SqlType, str]] = {
        SqlType.BOOLEAN: "boolean",
        SqlType.INTEGER: "bigint",
        SqlType.DECIMAL: "numeric",
        SqlType.TEXT: "text",
        SqlType.JSON: "jsonb",
    }

    def begin(self, *, read_only: bool) -> str:
        return "BEGIN READ ONLY" if read_only else "BEGIN"

    def limit_time(self, milliseconds: int) -> str:
        return f"SET LOCAL statement_timeout = {milliseconds}"
