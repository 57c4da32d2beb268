"""How PostgreSQL spells things: jsonb, SQL/JSON paths, arrays and correlated subqueries."""

from __future__ import annotations

import json as text_json
from collections.abc import Mapping, Sequence
from typing import ClassVar

from fhir4ds.plugin import ColumnKind, SqlType, Step, Syntax


class PostgresSyntax(Syntax):
    """PostgreSQL 14 to 18."""

    types: ClassVar[Mapping[SqlType, str]] = {
        SqlType.BOOLEAN: "boolean",
        SqlType.INTEGER: "bigint",
        SqlType.DECIMAL: "numeric(38, 12)",
        SqlType.TEXT: "text",
        SqlType.JSON: "jsonb",
    }

    column_types: ClassVar[Mapping[ColumnKind, str]] = {
        ColumnKind.TEXT: "text",
        ColumnKind.BINARY: "bytea",
        ColumnKind.JSON: "jsonb",
    }

    # Rows of up to 8 KB then stay inline and uncompressed, which is worth a factor of ten and more in reading.
    table_options: ClassVar[str] = " WITH (toast_tuple_target = 8160)"

    doubles_percent: ClassVar[bool] = True

    materialized_views: ClassVar[bool] = True

    def text(self, value: str) -> str:
        # With a backslash the E form means the same whatever standard_conforming_strings says.
        if "\\" in value:
            return "E'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
        return super().text(value)

    def placeholder(self, name: str) -> str:
        return f"%({name})s"

    def extract(self, json: str, steps: Sequence[Step], type: SqlType) -> str:
        return self._go(json, [self.text(step.name) for step in steps], type)

    def extract_front(self, json: str, steps: Sequence[Step], type: SqlType) -> str:
        names = ([] if step.here else [self.text(step.name)] for step in steps)
        places = ([] if step.each is False else ["0"] for step in steps)
        return self._go(json, [key for pair in zip(names, places, strict=True) for part in pair for key in part], type)

    def _go(self, json: str, keys: Sequence[str], type: SqlType) -> str:
        *inner, last = keys
        parent = "".join(f"{name} -> " for name in (json, *inner))
        if type is SqlType.TEXT:
            return f"({parent.removesuffix(' -> ')} ->> {last})"
        return f"NULLIF({parent}{last}, 'null')" if type is SqlType.JSON else self.from_json(f"{parent}{last}", type)

    def from_json(self, json: str, type: SqlType) -> str:
        # A number that is no whole one would be rounded; the text of one is not read.
        whole = f"NULLIF({json}, 'null')::numeric::text::bigint"
        return whole if type is SqlType.INTEGER else super().from_json(json, type)

    def extract_array(self, json: str, steps: Sequence[Step], type: SqlType) -> str:
        return f"ARRAY(SELECT {self.from_json('item', type)} FROM {self.extract_rows(json, steps)} AS item)"

    def extract_rows(self, json: str, steps: Sequence[Step]) -> str:
        return f"jsonb_path_query({json}, {self._path(steps)})"

    def extract_exists(self, json: str, steps: Sequence[Step]) -> str:
        return f"jsonb_path_exists({json}, {self._path(steps)})"

    def extract_first(self, json: str, steps: Sequence[Step]) -> str:
        *parents, last = ("item" if step.here else step.each for step in steps)
        if any(each is not False for each in parents) or last is not True:
            return f"jsonb_path_query_first({json}, {self._path(steps)})"
        # Where only the last member is an array, going to it and its first item costs half of a path.
        return "(" + " -> ".join((json, *(self.text(step.name) for step in steps), "0")) + ")"

    def extract_first_where(
        self, json: str, steps: Sequence[Step], member: str, equals: str, onward: Sequence[Step]
    ) -> str:
        name, wanted = (text_json.dumps(text, ensure_ascii=False) for text in (member, equals))
        path = f"{self._steps(steps)} ? (@.{name} == {wanted}){self._steps(onward)} ? (@ != null)"
        return f"jsonb_path_query_first({json}, {self.text('$' + path)})"

    def _path(self, steps: Sequence[Step]) -> str:
        *parents, last = steps
        start, member = "$" + self._steps(parents), self._steps([last])
        if any(step.each is None for step in steps):
            return self.text(f"{start}{member} ? (@ != null)")
        if last.here or not last.each:
            return self.text(start + member)
        # A null in the place of an array would be an item; those inside of it stay where they are.
        return self.text(f'{start} ? (@{self._steps([Step(last.name)])}.type() != "null"){member}')

    def _steps(self, steps: Sequence[Step]) -> str:
        members = (("" if step.here else "." + text_json.dumps(step.name, ensure_ascii=False), step) for step in steps)
        # In lax mode [*] also takes a value that is no array, so it serves where that is not known beforehand.
        return "".join(name + ("" if step.each is False else "[*]") for name, step in members)

    def fetched(self, json: str) -> str:
        # A long value stands compressed outside of its row, and each use of the column would fetch it again.
        return f"({json} || '{{}}')"

    def columns(self, table: str, schema: str | None) -> str:
        # The catalog itself: information_schema has no materialized views, and does not say what a domain is based on.
        name = self.quote(table) if schema is None else f"{self.quote(schema)}.{self.quote(table)}"
        return (
            "SELECT a.attname, format_type(COALESCE(NULLIF(t.typbasetype, 0), t.oid), NULL) "
            "FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid "
            f"WHERE a.attrelid = to_regclass({self.text(name)}) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
        )

    def relation_kind(self, name: str, schema: str | None) -> str:
        place = "current_schema()" if schema is None else self.text(schema)
        return (
            "SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view' "
            "WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' WHEN 'i' THEN 'index' "
            "WHEN 'S' THEN 'sequence' ELSE 'type' END, obj_description(c.oid, 'pg_class') "
            "FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace "
            f"WHERE n.nspname = {place} AND c.relname = {self.text(name)}"
        )

    def claim(self, table: str, *, exists: bool) -> str:
        # Not LOCK TABLE, which needs the table and more than the right to write into it.
        return f"SELECT pg_advisory_xact_lock(hashtextextended({self.text(table)}, 0))"

    def begin(self, *, read_only: bool) -> str:
        return "BEGIN READ ONLY" if read_only else "BEGIN"

    def limit_time(self, milliseconds: int) -> str:
        return f"SET LOCAL statement_timeout = {milliseconds}"

    def query_at_once(self, sql: str, milliseconds: int | None) -> str:
        # The statements of one simple query message are one transaction (PostgreSQL documentation, 55.2.2.1).
        limit = "" if milliseconds is None else f"{self.limit_time(milliseconds)}; "
        return f"SET TRANSACTION READ ONLY; {limit}{sql}"

    def session(self) -> str:
        return "SELECT version(), pg_backend_pid()::text"
