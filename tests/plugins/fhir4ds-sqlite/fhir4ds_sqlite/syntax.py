"""How SQLite spells things: arrays are JSON texts, walked by table-valued functions and recursive queries.

JSON stands in an array as a text of its own, and comes out of it as it went in. Whatever SQLite marks as JSON would be
taken apart instead, so the words that make JSON end in ``|| ''``, which takes the mark away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import ClassVar

from fhir4ds.plugin import ColumnKind, ColumnType, ItemForm, SqlType, Step, Syntax

#: The JSON of a row of JSON_EACH, whose values are those of SQL.
_ITEM = "(IIF({0}type IN ('true', 'false'), {0}type, JSON_QUOTE({0}value)) || '')"
_ROW = _ITEM.format("")

#: The rows of an array, and of what a second argument is to them. The arguments stand apart from JSON_EACH, whose columns
#: would hide those of the same names, such as ``key``, that an argument means.
_EACH = "(SELECT {0} AS list) AS l, JSON_EACH(l.list)"
_EACH_OF_TWO = "(SELECT {0} AS list, {1} AS other) AS l, JSON_EACH(l.list)"


class SQLiteSyntax(Syntax):
    """SQLite from 3.38 on, with the functions that the driver adds."""

    types: ClassVar[Mapping[SqlType, str]] = {
        SqlType.BOOLEAN: "BOOLEAN",
        SqlType.INTEGER: "INTEGER",
        SqlType.DECIMAL: "REAL",
        SqlType.TEXT: "TEXT",
        SqlType.JSON: "JSONTEXT",  # the letters TEXT give a column the affinity that leaves numbers as they are
    }

    column_types: ClassVar[Mapping[ColumnKind, str]] = {
        **dict.fromkeys((ColumnKind.TEXT, ColumnKind.DATE, ColumnKind.TIME), "TEXT"),
        **dict.fromkeys((ColumnKind.TIMESTAMP, ColumnKind.INSTANT), "TEXT"),
        ColumnKind.BINARY: "BLOB",
        ColumnKind.JSON: "JSONTEXT",
    }

    key_type: ClassVar[str] = "TEXT"

    lateral: ClassVar[bool] = False

    comments: ClassVar[bool] = False

    differences: ClassVar[Mapping[str, str]] = {
        "coalesce": "COALESCE({*}, NULL)",
        "text_less": "({0} < {1})",
        "json_equal": (
            "(JSON({0}) = JSON({1}) OR (JSON_TYPE({0}) IN ('integer', 'real') "
            "AND JSON_TYPE({1}) IN ('integer', 'real') AND {0} ->> '$' = {1} ->> '$'))"
        ),
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
        "round": "ROUND_HALF_UP({0}, {1})",
        "exponential": "DIGITS(EXP({0}))",
        "natural_logarithm": "DIGITS(LN({0}))",
        "logarithm": "DIGITS(LN({0}) / LN({1}))",
        "square_root": "DIGITS(SQRT({0}))",
        "power": "DIGITS(POWER({0}, {1}))",
        "length": "LENGTH({0})",
        "left": "SUBSTR({0}, 1, {1})",
        "right": "SUBSTR({0}, LENGTH({0}) - {1} + 1)",
        "substring": "SUBSTR({0}, {1}, {2})",
        "position": "INSTR({0}, {1})",
        "fold_text": "TRIM(REGEXP_REPLACE(LOWER({0}), '\\s+', ' '))",
        "pad_right": "SUBSTR({0} || REPLACE(HEX(ZEROBLOB({1})), '00', {2}), 1, {1})",
        "characters": (
            "(WITH RECURSIVE c (place) AS (SELECT 1 WHERE {0} <> '' UNION ALL SELECT place + 1 FROM c "
            "WHERE place < LENGTH({0})) SELECT JSON_GROUP_ARRAY(SUBSTR({0}, place, 1)) FROM c)"
        ),
        "split": "SPLIT({0}, {1})",
        "split_part": "COALESCE(JSON_EXTRACT(SPLIT({0}, {1}), '$[' || ({2} - 1) || ']'), '')",
        "text_join": f"(SELECT GROUP_CONCAT(value, other) FROM {_EACH_OF_TWO})",
        "regexp_matches": "REGEXP_LIKE({0}, {1})",
        "regexp_replace": "REGEXP_REPLACE({0}, {1}, {2})",
        "regexp_remove": "REGEXP_REPLACE({0}, {1}, '')",
        "regexp_group": "REGEXP_GROUP({0}, {1}, {2})",
        "line_mode": "'m'",
        "encode_hex": "LOWER(HEX({0}))",
        "decode_hex": "UNHEX_TEXT({0})",
        "encode_base64": "TO_BASE64({0})",
        "decode_base64": "FROM_BASE64({0})",
        "base64_to_hex": "LOWER(HEX(FROM_BASE64({0})))",
        "to_utc": "TO_UTC({0})",
        "now": "STRFTIME('%Y-%m-%dT%H:%M:%fZ', 'now')",
        "today": "DATE('now')",
        "time_of_day": "STRFTIME('%H:%M:%f', 'now')",
        "microseconds": (
            "(CAST(STRFTIME('%s', SUBSTR(REPLACE({0}, ':60', ':59'), 1, 19)) AS INTEGER) * 1000000 "
            "+ CAST(SUBSTR(SUBSTR({0}, 21) || '000000', 1, 6) AS INTEGER))"
        ),
        "from_microseconds": (
            "(STRFTIME('%Y-%m-%dT%H:%M:%S', ({0} - ({0} % 1000000 + 1000000) % 1000000) / 1000000, 'unixepoch') "
            "|| PRINTF('.%06d', ({0} % 1000000 + 1000000) % 1000000))"
        ),
        "add_months": (
            "MIN(DATE({0}, {1} || ' months'), DATE({0}, 'start of month', ({1} + 1) || ' months', '-1 day'))"
        ),
        "array_length": "JSON_ARRAY_LENGTH({0})",
        "array_at": "JSON_EXTRACT({0}, '$[' || ({1} - 1) || ']')",
        "array_slice": "SLICE({0}, {1}, {2})",
        "array_concat": "CONCAT_ARRAYS({0}, {1})",
        "array_contains": f"(SELECT MAX(value = other) FROM {_EACH_OF_TWO})",
        "array_sum": f"(SELECT FIX(SUM(value)) FROM {_EACH})",
        "array_least": f"(SELECT MIN(value) FROM {_EACH})",
        "array_greatest": f"(SELECT MAX(value) FROM {_EACH})",
        "json_kind": (
            "CASE JSON_TYPE({0}) WHEN 'text' THEN 'string' WHEN 'integer' THEN 'number' WHEN 'real' THEN 'number' "
            "WHEN 'true' THEN 'boolean' WHEN 'false' THEN 'boolean' ELSE JSON_TYPE({0}) END"
        ),
        "json_text": "CASE SUBSTR({0}, 1, 1) WHEN '\"' THEN {0} ->> '$' ELSE NULLIF({0}, 'null') END",
        "json_same": "({0} = {1})",
        "json_has": f"EXISTS (SELECT 1 FROM {_EACH_OF_TWO} WHERE key = other)",
        "look_up": f"(SELECT value FROM {_EACH_OF_TWO} WHERE key = other)",
        "json_members": (
            f"(SELECT JSON_GROUP_ARRAY(item) FROM (SELECT JSON_OBJECT('key', key, 'value', JSON({_ROW})) || '' AS item "
            f"FROM {_EACH_OF_TWO} WHERE JSON_TYPE(list) = 'object' "
            "AND key NOT IN (SELECT o.value FROM JSON_EACH(other) AS o) ORDER BY key))"
        ),
        "json_items": (
            f"(SELECT JSON_GROUP_ARRAY({_ROW}) FROM (SELECT {{0}} AS list) AS l, "
            "JSON_EACH(CASE JSON_TYPE(list) WHEN 'array' THEN list ELSE '[' || list || ']' END))"
        ),
        "to_json": "(JSON_QUOTE({0}) || '')",
        "json_boolean": "(CASE {0} WHEN TRUE THEN 'true' WHEN FALSE THEN 'false' END)",
        "json_object": "(JSON_OBJECT({*}) || '')",
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
        for plain, group in groupby(steps, lambda step: not set(step.name) & set('"\\')):
            names = [step.name for step in group]
            if plain:
                json += " -> " + self.text("$" + "".join(f'."{name}"' for name in names))
                continue
            for name in names:  # which no path of SQLite can hold
                json = f"(SELECT {_ROW} FROM {_EACH.replace('{0}', json)} WHERE key = {self.text(name)})"
        return json

    def extract_array(self, json: str, steps: Sequence[Step], type: SqlType) -> str:
        value, rows, inner = json, [], []
        if not json.isidentifier():
            value, rows = "whole", [f"(SELECT {json} AS whole) AS w"]
        for place, step in enumerate(steps):
            inner.append(step)
            if step.each is False:
                continue
            reached = value if all(step.here for step in inner) else self._member(value, inner)
            one = f"'[' || NULLIF({reached}, 'null') || ']'"
            rows.append(f"JSON_EACH(CASE JSON_TYPE({reached}) WHEN 'array' THEN {reached} ELSE {one} END) AS e{place}")
            value, inner = _ITEM.format(f"e{place}."), []
        found = self.extract(value, inner, type) if inner else self.from_json(value, type)
        return f"(SELECT JSON_GROUP_ARRAY({found}) FROM {', '.join(rows) or '(SELECT 1)'})"

    def from_json(self, json: str, type: SqlType) -> str:
        if type in (SqlType.JSON, SqlType.TEXT):
            return super().from_json(json, type)
        value = f"({json} ->> '$')"
        return value if type is SqlType.BOOLEAN else self.cast(value, type)

    def array(self, items: Sequence[str], type: SqlType) -> str:
        return f"JSON_ARRAY({', '.join(items)})"

    def array_rows(self, array: str) -> str:
        return array

    def _scan(self, rows: str, variable: str, index: str | None, where: str | None) -> str:
        place = "" if index is None else f", key + 1 AS {index}"
        condition = "" if where is None else f" WHERE {where}"
        # An array with a name of its own needs no query, of which SQLite can nest so many only.
        each = f"JSON_EACH({rows})" if rows.isidentifier() else _EACH.replace("{0}", rows)
        return f"FROM (SELECT value AS {variable}{place} FROM {each}){condition}"

    def each(
        self, rows: str, variable: str, index: str | None, where: str | None, body: str, *, complete: bool = False
    ) -> str:
        items = f"JSON_GROUP_ARRAY({body})"
        kept = items if complete or body == variable else f"WITHOUT_NULLS({items})"
        return f"(SELECT {kept} {self._scan(rows, variable, index, where)})"

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
        steps, place = f"{accumulator}_steps", f"{accumulator}_place"
        following = f"JSON_EXTRACT({accumulator}_items, '$[' || {place} || ']')"
        return (
            f"(WITH RECURSIVE {steps} ({accumulator}, {variable}, {accumulator}_items, {place}) AS ("
            f"SELECT {initial}, JSON_EXTRACT({accumulator}_all, '$[0]'), {accumulator}_all, 1 "
            f"FROM (SELECT {array} AS {accumulator}_all) "
            f"UNION ALL SELECT {body}, {following}, {accumulator}_items, {place} + 1 FROM {steps} "
            f"WHERE {place} <= JSON_ARRAY_LENGTH({accumulator}_items)) "
            f"SELECT {accumulator} FROM {steps} ORDER BY {place} DESC LIMIT 1)"
        )

    def sort_each(self, rows: str, variable: str, key: str, sort_key: str, *, descending: bool) -> str:
        place, direction = f"{variable}_place", " DESC" if descending else ""
        ordered = f"ORDER BY ({key} IS NOT NULL), {sort_key}{direction}, {place}"
        return (
            f"(SELECT JSON_GROUP_ARRAY({variable}) FROM "
            f"(SELECT {variable} {self._scan(rows, variable, place, None)} {ordered}))"
        )

    def repeat(
        self, initial: str, variable: str, body: str, type: SqlType, *, distinct: bool, levels: int, overflow: str
    ) -> str:
        steps, seen, depth = f"{variable}_levels", f"{variable}_seen", f"{variable}_depth"
        # What was seen is one level behind, since a row of a recursion can name what it computes only in the next one.
        after = f"CASE {depth} WHEN 0 THEN '[]' ELSE {self.apply('array_concat', seen, variable)} END"
        new = body
        if distinct:
            each = _EACH_OF_TWO.replace("{1}", after).replace("{0}", body)
            known = "SELECT o.value FROM JSON_EACH(other) AS o"
            fresh = f"SELECT value AS item FROM {each} WHERE value NOT IN ({known}) GROUP BY value ORDER BY MIN(key)"
            new = f"(SELECT JSON_GROUP_ARRAY(item) FROM ({fresh}))"
        return (
            f"(WITH RECURSIVE {steps} ({variable}, {seen}, {depth}) AS (SELECT {initial}, '[]', 0 UNION ALL "
            f"SELECT {new}, {after}, {depth} + 1 FROM {steps} "
            f"WHERE JSON_ARRAY_LENGTH({variable}) > 0 AND {depth} < {levels}) "
            f"SELECT CASE JSON_ARRAY_LENGTH({variable}) WHEN 0 THEN {seen} ELSE {overflow} END "
            f"FROM (SELECT * FROM {steps} ORDER BY {depth} DESC LIMIT 1))"
        )

    def bind(self, variable: str, value: str, body: str) -> str:
        return f"(SELECT {body} FROM (SELECT {value} AS {variable} LIMIT 1))"

    def focus(self, source: str, keys: Sequence[str], item: str, form: ItemForm, type: SqlType) -> str:
        if form is ItemForm.SCALAR:
            return f"SELECT {', '.join(keys)}, {item} AS value FROM {source} LIMIT -1"
        found = f"SELECT {', '.join(keys)}, {item} AS items FROM {source}"
        return f"SELECT s.*, e.value AS value, e.key + 1 AS ordinal FROM ({found}) AS s, JSON_EACH(s.items) AS e"

    def sort_key(self, key: str, type: SqlType) -> str:
        return key

    def columns(self, table: str, schema: str | None) -> str:
        place, name = self.text(schema or "main"), self.text(table)
        return (
            "SELECT i.name, i.type FROM PRAGMA_TABLE_LIST AS t, PRAGMA_TABLE_INFO(t.name, t.schema) AS i "
            f"WHERE t.schema = {place} AND t.name = {name} ORDER BY i.cid"
        )

    def relation_kind(self, name: str, schema: str | None) -> str:
        place = self.text(schema or "main")
        return f"SELECT type, NULL FROM PRAGMA_TABLE_LIST WHERE schema = {place} AND name = {self.text(name)}"

    def begin(self, *, read_only: bool) -> str:
        return "BEGIN" if read_only else "BEGIN IMMEDIATE"

    def session(self) -> str:
        return "SELECT 'SQLite ' || SQLITE_VERSION(), SESSION()"
