"""How SQLite spells things: arrays are JSON texts, walked by table-valued functions and recursive queries.

JSON stands in an array as a text of its own, and comes out of it as it went in. Whatever SQLite marks as JSON would be
taken apart instead, so the words that make JSON end in ``|| ''``, which takes the mark away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from fhir4ds.plugin import ColumnKind, ColumnType, ItemForm, SqlType, Step, Syntax

#: The JSON of a row of JSON_EACH, whose values are those of SQL.
_ITEM = "(IIF({0}type IN ('true', 'false'), {0}type, JSON_QUOTE({0}value)) || '')"
_ROW = _ITEM.format("")

#: The rows of an array, and a second argument. Both stand apart from JSON_EACH, whose columns, such as ``key``, hide others.
_EACH = "(SELECT {0} AS list) AS l, JSON_EACH(l.list)"
_EACH_OF_TWO = "(SELECT {0} AS list, {1} AS other) AS l, JSON_EACH(l.list)"

#: What SQLite calls the JSON of a type, and how it is read.
_KINDS = {SqlType.BOOLEAN: "'true', 'false'", SqlType.INTEGER: "'integer'", SqlType.DECIMAL: "'integer', 'real'"}
_READ = "CASE WHEN JSON_TYPE({0}) NOT IN ({1}, 'null') THEN FAIL('no such value') ELSE {0} ->> '$' END"


class SQLiteSyntax(Syntax):
    """SQLite from 3.46 on, with the functions that the driver adds."""

    types: ClassVar[Mapping[SqlType, str]] = {
        **Syntax.types,
        SqlType.INTEGER: "INTEGER",
        SqlType.DECIMAL: "REAL",
        SqlType.JSON: "JSONTEXT",  # the letters TEXT give a column the affinity that leaves numbers as they are
    }

    column_types: ClassVar[Mapping[ColumnKind, str]] = {
        **dict.fromkeys((ColumnKind.DATE, ColumnKind.TIME, ColumnKind.TIMESTAMP, ColumnKind.INSTANT), "TEXT"),
        ColumnKind.BINARY: "BLOB",
        ColumnKind.JSON: "JSONTEXT",
    }
    collation: ClassVar[str | None] = None
    comment: ClassVar[str | None] = None
    records: ClassVar[bool] = True
    field: ClassVar[str] = "({record} ->> '{name}')"

    differences: ClassVar[Mapping[str, str]] = {
        "coalesce": "COALESCE({*}, NULL)",
        "text_less": "({0} < {1})",
        "json_equal": "(JSON({0}) = JSON({1}) OR ({0} ->> '$' = {1} ->> '$' "
        "AND JSON_TYPE({0}) || JSON_TYPE({1}) IN ('integerreal', 'realinteger', 'realreal')))",
        "least": "MIN({*})",
        "greatest": "MAX({*})",
        "add": "FIX({0} + {1})",
        "subtract": "FIX({0} - {1})",
        "decimal_text": "DECIMAL_TEXT({0})",
        "decimal_digits": "LENGTH(SUBSTR(DECIMAL_TEXT({0}), INSTR(DECIMAL_TEXT({0}) || '.', '.') + 1))",
        "remainder": "FIX({0} - {1} * CAST(FIX({0} / {1}) AS INTEGER))",
        "multiply_decimal": "FIX({0} * {1})",
        "divide_decimal": "FIX({0} / {1})",
        "quotient_decimal": "CAST(FIX({0} / {1}) AS INTEGER)",
        "fitting": "(CASE WHEN ABS({0}) < 1e26 THEN {0} END)",
        "scale": "(CASE WHEN ABS({0} * {1}) < 1e26 THEN FIX({0} * {1}) END)",
        "scale_ratio": "(CASE WHEN ABS({0} * {1}) < 1e26 THEN FIX({0} * {1} / {2}) END)",
        "ceiling": "(CAST({0} AS INTEGER) + ({0} > CAST({0} AS INTEGER)))",
        "floor": "(CAST({0} AS INTEGER) - ({0} < CAST({0} AS INTEGER)))",
        "truncate": "CAST({0} AS INTEGER)",
        "exponential": "REAL('exp', 8, {0})",
        "natural_logarithm": "REAL('log', 8, {0})",
        "logarithm": "REAL('log', 8, {0}, {1})",
        "square_root": "REAL('sqrt', 8, {0})",
        "power": "REAL('pow', 12, {0}, {1})",
        "length": "LENGTH({0})",
        "left": "SUBSTR({0}, 1, {1})",
        "right": "SUBSTR({0}, LENGTH({0}) - {1} + 1)",
        "substring": "SUBSTR({0}, {1}, {2})",
        "position": "INSTR({0}, {1})",
        "pad_right": "SUBSTR({0} || REPLACE(HEX(ZEROBLOB({1})), '00', {2}), 1, {1})",
        "characters": "STRING_TO_ARRAY({0}, '')",
        "text_join": f"(SELECT GROUP_CONCAT(value, other) FROM {_EACH_OF_TWO})",
        "regexp_matches": "REGEXP_LIKE({0}, {1})",
        "regexp_group": "REGEXP_GROUP({0}, {1}, {2})",
        "line_mode": "'m'",
        "encode_base64": "ENCODE(CONVERT_TO({0}, 'UTF8'), 'base64')",
        "to_utc": "(STRFTIME('%Y-%m-%dT%H:%M:%S', REPLACE(REGEXP_REPLACE({0}, '\\.[0-9]+', ''), ':60', ':59'), "
        "(INSTR({0}, ':60') > 0) || ' seconds') || '.' || "
        "SUBSTR(COALESCE(REGEXP_GROUP({0}, '\\.([0-9]+)', 1), '') || '000000', 1, 6))",
        "now": "STRFTIME('%Y-%m-%dT%H:%M:%fZ', 'now')",
        "today": "DATE('now')",
        "time_of_day": "STRFTIME('%H:%M:%f', 'now')",
        "microseconds": "(UNIXEPOCH(SUBSTR(REPLACE({0}, ':60', ':59'), 1, 19)) * 1000000 "
        "+ SUBSTR(SUBSTR({0}, 21) || '000000', 1, 6))",
        "from_microseconds": "(STRFTIME('%Y-%m-%dT%H:%M:%S', ({0} + 62135596800000000) / 1000000 - 62135596800, "
        "'unixepoch') || PRINTF('.%06d', ({0} + 62135596800000000) % 1000000))",
        "add_months": "MIN(DATE({0}, {1} || ' months'), DATE({0}, 'start of month', ({1} + 1) || ' months', '-1 day'))",
        "array_length": "JSON_ARRAY_LENGTH({0})",
        "array_at": "JSON_EXTRACT({0}, '$[' || ({1} - 1) || ']')",
        "array_slice": "SLICE({0}, {1}, {2})",
        "array_concat": "CONCAT_ARRAYS(COALESCE({0}, '[]'), COALESCE({1}, '[]'))",
        "array_contains": "(SELECT other IN (SELECT value FROM JSON_EACH(l)) FROM (SELECT {0} AS l, {1} AS other))",
        "array_sum": f"(SELECT FIX(SUM(value)) FROM {_EACH})",
        "array_least": f"(SELECT MIN(value) FROM {_EACH})",
        "array_greatest": f"(SELECT MAX(value) FROM {_EACH})",
        "json_places": f"(SELECT JSON_GROUP_ARRAY(1 + n) FROM (SELECT MIN(key) OVER (PARTITION BY IIF(JSON_TYPE(value) IN ('integer', 'real'), value ->> '$', value), IIF(value IS NULL, key, 0)) AS n FROM {_EACH} ORDER BY key))",
        "json_kind": "CASE WHEN JSON_TYPE({0}) IN ('integer', 'real') THEN 'number' WHEN JSON_TYPE({0}) IN ('true', 'false') THEN 'boolean' ELSE REPLACE(JSON_TYPE({0}), 'text', 'string') END",
        "json_text": "CASE SUBSTR({0}, 1, 1) WHEN '\"' THEN {0} ->> '$' ELSE NULLIF({0}, 'null') END",
        "json_numeral": "NULLIF({0}, 'null')",
        "json_same": "({0} = {1})",
        "json_has": f"EXISTS (SELECT 1 FROM {_EACH_OF_TWO} WHERE key = other)",
        "look_up": f"(SELECT value FROM {_EACH_OF_TWO} WHERE key = other)",
        "json_members": "(SELECT JSON_GROUP_ARRAY(item) FROM "
        f"(SELECT JSON_OBJECT('key', key, 'value', JSON({_ROW})) || '' AS item FROM {_EACH_OF_TWO} "
        "WHERE JSON_TYPE(list) = 'object' AND key NOT IN (SELECT o.value FROM JSON_EACH(other) AS o) ORDER BY key))",
        "json_items": f"(SELECT JSON_GROUP_ARRAY({_ROW}) FROM (SELECT {{0}} AS list) AS l, "
        "JSON_EACH(CASE JSON_TYPE(list) WHEN 'array' THEN list ELSE '[' || list || ']' END))",
        "to_json": "(JSON_QUOTE({0}) || '')",
        "json_boolean": "(CASE {0} WHEN TRUE THEN 'true' WHEN FALSE THEN 'false' END)",
        "json_object": "(JSON_OBJECT({*}) || '')",
        "json_member": "JSON({0})",
    }

    def column_type(self, type: ColumnType) -> str:
        return "JSONTEXT" if type.many else super().column_type(type)

    def cast(self, expression: str, type: SqlType) -> str:
        return f"({expression} IN ('true', 1))" if type is SqlType.BOOLEAN else super().cast(expression, type)

    def raise_error(self, message: str, type: SqlType, *, many: bool) -> str:
        return f"FAIL({message})"

    def extract(self, json: str, steps: Sequence[Step], type: SqlType) -> str:
        return self.from_json(f"(NULLIF({self._member(json, steps)}, 'null') || '')", type)

    def _member(self, json: str, steps: Sequence[Step]) -> str:
        path = "$" + "".join(f'."{step.name}"' for step in steps)
        if path.count('"') == 2 * len(steps) and "\\" not in path:
            return f"{json} -> {self.text(path)}"
        for step in steps:  # some name of which no path of SQLite can hold
            json = f"(SELECT {_ROW} FROM {_EACH.replace('{0}', json)} WHERE key = {self.text(step.name)})"
        return json

    def extract_array(self, json: str, steps: Sequence[Step], type: SqlType) -> str:
        value, rows = (json, []) if json.isidentifier() else ("whole", [f"(SELECT {json} AS whole) AS w"])
        inner: list[Step] = []
        for place, step in enumerate(steps, start=1):
            inner.append(step)
            if step.each is False and place < len(steps):
                continue
            found = value if all(step.here for step in inner) else f"({self._member(value, inner)})"
            one = f"'[' || {found} || ']'"  # NULL, which has no rows, where it is missing
            many = f"CASE JSON_TYPE({found}) WHEN 'array' THEN {found} ELSE '[' || NULLIF({found}, 'null') || ']' END"
            rows.append(f"JSON_EACH({one if step.each is False else many}) AS e{place}")
            value, inner = _ITEM.format(f"e{place}."), []
        found = ", ".join(rows) + f" WHERE {value} <> 'null'" * any(step.each is None for step in steps)
        return f"(SELECT JSON_GROUP_ARRAY({self.from_json(value, type)}) FROM {found})"

    def from_json(self, json: str, type: SqlType) -> str:
        return self.cast(_READ.format(json, _KINDS[type]), type) if type in _KINDS else super().from_json(json, type)

    def record(self, fields: Mapping[str, str]) -> str:
        return self.apply("json_object", *(part for name in fields for part in (self.text(name), fields[name])))

    def array(self, items: Sequence[str], type: SqlType | None) -> str:
        return f"JSON_ARRAY({', '.join(items)})"

    def array_rows(self, array: str) -> str:
        return array

    def _scan(self, rows: str, variable: str, index: str | None, where: str | None) -> str:
        place = "" if index is None else f", key + 1 AS {index}"
        condition = "" if where is None else f" WHERE {where}"
        return f"FROM (SELECT value AS {variable}{place} FROM {_EACH.replace('{0}', rows)}){condition}"

    def each(
        self, rows: str, variable: str, index: str | None, where: str | None, body: str, *, complete: bool = False
    ) -> str:
        kept = "{}" if complete or body == variable else "WITHOUT_NULLS({})"
        return f"(SELECT {kept.format(f'JSON_GROUP_ARRAY({body})')} {self._scan(rows, variable, index, where)})"

    def first_each(self, rows: str, variable: str, index: str | None, where: str | None, body: str) -> str:
        # LIMIT keeps SQLite from merging the queries, which would evaluate the body twice.
        items = f"SELECT {body} AS item {self._scan(rows, variable, index, where)} LIMIT -1"
        return f"(SELECT item FROM ({items}) WHERE item IS NOT NULL LIMIT 1)"

    def flat_each(
        self, rows: str, variable: str, index: str | None, where: str | None, body_rows: str, inner: str, item: str
    ) -> str:
        found = f"(SELECT {body_rows} AS list {self._scan(rows, variable, index, where)}) AS l, JSON_EACH(l.list) AS i"
        if item == inner:
            return f"(SELECT JSON_GROUP_ARRAY(i.value) FROM {found})"
        return f"(SELECT JSON_GROUP_ARRAY({item}) FROM (SELECT i.value AS {inner} FROM {found}))"

    def fold(self, array: str, accumulator: str, variable: str, initial: str, body: str) -> str:
        steps, all, place = (f"{accumulator}_{name}" for name in ("steps", "all", "place"))
        return (
            f"(WITH RECURSIVE {steps} ({accumulator}, {variable}, {all}, {place}) AS ("
            f"SELECT {initial}, JSON_EXTRACT({all}, '$[0]'), {all}, 1 FROM (SELECT {array} AS {all}) UNION ALL "
            f"SELECT {body}, JSON_EXTRACT({all}, '$[' || {place} || ']'), {all}, {place} + 1 FROM {steps} "
            f"WHERE {place} <= JSON_ARRAY_LENGTH({all})) "
            f"SELECT {accumulator} FROM {steps} ORDER BY {place} DESC LIMIT 1)"
        )

    def sort_each(self, rows: str, variable: str, key: str, sort_key: str, *, descending: bool) -> str:
        ordered = f"ORDER BY ({key} IS NOT NULL), {sort_key}{' DESC' * descending}, {variable}_place"
        items = f"SELECT {variable} {self._scan(rows, variable, f'{variable}_place', None)} {ordered}"
        return f"(SELECT JSON_GROUP_ARRAY({variable}) FROM ({items}))"

    def repeat(
        self, initial: str, variable: str, body: str, type: SqlType, *, distinct: bool, levels: int, overflow: str
    ) -> str:
        steps, seen, depth = (f"{variable}_{name}" for name in ("steps", "seen", "depth"))
        # What was seen is one level behind, since a row of a recursion can name what it computes only in the next one.
        after = f"CASE {depth} WHEN 0 THEN '[]' ELSE {self.apply('array_concat', seen, variable)} END"
        each = _EACH_OF_TWO.replace("{1}", after).replace("{0}", body)
        known = "SELECT o.value FROM JSON_EACH(other) AS o"
        fresh = f"SELECT value AS item FROM {each} WHERE value NOT IN ({known}) GROUP BY value ORDER BY MIN(key)"
        new = f"(SELECT JSON_GROUP_ARRAY(item) FROM ({fresh}))" if distinct else body
        return (
            f"(WITH RECURSIVE {steps} ({variable}, {seen}, {depth}) AS (SELECT {initial}, '[]', 0 UNION ALL SELECT "
            f"{new}, {after}, {depth} + 1 FROM {steps} WHERE JSON_ARRAY_LENGTH({variable}) > 0 AND {depth} < {levels}) "
            f"SELECT CASE JSON_ARRAY_LENGTH({variable}) WHEN 0 THEN {seen} ELSE {overflow} END "
            f"FROM (SELECT * FROM {steps} ORDER BY {depth} DESC LIMIT 1))"
        )

    def bind(self, variable: str, value: str, body: str) -> str:
        return f"(SELECT {body} FROM (SELECT {value} AS {variable} LIMIT 1))"

    def unnested(self, source: str, kept: Sequence[str], array: str, item: str) -> str:
        found = f"SELECT {', '.join([*kept, array])} AS items FROM {source} LIMIT -1"  # which keeps the order
        return f"SELECT s.*, e.value AS {item}, e.key + 1 AS ordinal FROM ({found}) AS s, JSON_EACH(s.items) AS e"

    def focus(self, source: str, keys: Sequence[str], item: str, form: ItemForm, type: SqlType) -> str:
        if form is ItemForm.SCALAR:
            return f"SELECT {', '.join(keys)}, {item} AS value FROM {source} LIMIT -1"
        return self.unnested(source, keys, item, "value")

    def columns(self, table: str, schema: str | None) -> str:
        named = f"t.schema = {self.text(schema or 'main')} AND t.name = {self.text(table)}"
        rows = "PRAGMA_TABLE_LIST AS t, PRAGMA_TABLE_INFO(t.name, t.schema) AS i"
        return f"SELECT i.name, i.type FROM {rows} WHERE {named} ORDER BY i.cid"

    def relation_kind(self, name: str, schema: str | None) -> str:
        named = f"schema = {self.text(schema or 'main')} AND name = {self.text(name)}"
        return f"SELECT type, NULL FROM PRAGMA_TABLE_LIST WHERE {named}"

    def begin(self, *, read_only: bool) -> str:
        return "BEGIN" if read_only else "BEGIN IMMEDIATE"

    def session(self) -> str:
        return "SELECT 'SQLite ' || SQLITE_VERSION(), SESSION()"
