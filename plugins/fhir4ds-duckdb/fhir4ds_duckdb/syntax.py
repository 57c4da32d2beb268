"""How DuckDB spells things: lists, lambdas and JSON paths."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from fhir4ds.plugin import ColumnKind, ItemForm, LambdaSyntax, SqlType, Step

#: Bytes of the largest JSON document that is read whole. DuckDB sets a buffer of this size aside for each thread.
_LARGEST_DOCUMENT = 512 * 1024 * 1024

_DECIMAL = "DECIMAL(38, 12)"
_NUMBERS = "('UBIGINT', 'BIGINT', 'DOUBLE')"

#: A name as a part of a JSON pointer.
_POINTER = "'/' || REPLACE(REPLACE(m, '~', '~0'), '/', '~1')"

#: JSON in pieces: names, values and what stands between them. Objects that do not have the same pieces need not be taken apart.
_PIECE = '"(?:[^"\\\\]|\\\\.)*":?|[0-9.eE+-]+|true|false|null|\\{{\\}}|\\[\\]|[{{}}\\[\\],]'

#: The values of an object ``o`` with the ways to them, in an order of their own: piece by piece, with the way ``w`` to where the
#: next value is, whose last part is a name or a place, and the values ``v`` so far. Functions within one another take longer to plan.
_LEAVES = (
    f"LIST_SORT(STRING_SPLIT(LIST_REDUCE(LIST_TRANSFORM([''] || REGEXP_EXTRACT_ALL(o, '{_PIECE}'), LAMBDA t: "
    "{{'p': t, 'w': CAST([] AS VARCHAR[]), 'v': ''}}), LAMBDA q, r: {{'p': '', 'w': CASE WHEN r.p IN ('{{', '[') THEN q.w || ['0'] "
    "WHEN r.p IN ('}}', ']') THEN q.w[1:LEN(q.w) - 1] WHEN SUFFIX(r.p, '\":') THEN q.w[1:LEN(q.w) - 1] || [r.p] "
    "WHEN r.p = ',' AND NOT SUFFIX(q.w[-1], ':') THEN q.w[1:LEN(q.w) - 1] || [CAST(CAST(q.w[-1] AS INTEGER) + 1 AS VARCHAR)] "
    "ELSE q.w END, 'v': CASE WHEN r.p IN ('', '{{', '}}', '[', ']', ',') OR SUFFIX(r.p, '\":') THEN q.v "
    "ELSE q.v || CHR(10) || LIST_AGGREGATE(q.w, 'listagg', '/') || '/' || r.p END}}).v, CHR(10)))"
)


#: JSON functions read a number as a binary fraction, but leave one as it is that is too large for that, as any number is with
#: this behind it, even zero.
_MARK = "1e+000000999999"

#: A search is fast if what it looks for begins with a certain character. Where there may be a number that is no whole one:
_POINT, _EXPONENT = "[.][0-9]+\\s*[,}}\\]]", "[eE][+-]?[0-9]+\\s*[,}}\\]]"

#: Where there may be a number of more than 15 digits, which a binary fraction is not.
_LONG = "[0-9][0-9.]{{15,}}\\s*[,}}\\]]"

#: Where marking may take more than a look at what stands around: in an array, where a number looks like one in a text, with an
#: exponent, below zero and yet zero, and where a text has a member in it.
_ODD = (",\\s*-?[0-9]+[.]", "\\[\\s*-?[0-9]+[.]", _EXPONENT, "-0[.]0+\\s*[,}}\\]]", '\\\\"\\s*:\\s*-?[0-9]')

#: A member from its quote up to its number, and what ends it.
_MEMBER, _END = '"(\\s*:\\s*-?[0-9]+[.][0-9]+)', "(\\s*[,}}])"

#: JSON as parts that are numbers, and parts without one: texts are passed over as a whole, whatever stands in them.
_PART = '(?:"(?:[^"\\\\]|\\\\.)*"|[^"0-9-])+|-?[0-9][0-9.eE+-]*'

#: A number ``t`` without its exponent: its parts ``m``, which are sign, whole, part and exponent, and then where its point comes
#: to be, ``n``, and its digits with zeros up to there, ``d``.
_MOVED = (
    "LIST_TRANSFORM(LIST_TRANSFORM(LIST_TRANSFORM([REGEXP_EXTRACT(t, '^(-?)([0-9]+)[.]?([0-9]*)[eE](.*)$', "
    "['s', 'w', 'p', 'e'])], LAMBDA m: {{'s': CASE WHEN LTRIM(m.w || m.p, '0') = '' THEN '' ELSE m.s END, "
    "'n': LENGTH(m.w) + CAST(m.e AS INTEGER), 'd': m.w || m.p}}), LAMBDA m: {{'s': m.s, "
    "'n': GREATEST(m.n, 1), 'd': REPEAT('0', 1 - m.n) || m.d || REPEAT('0', m.n - LENGTH(m.d))}}), "
    "LAMBDA m: m.s || LTRIM(LEFT(m.d, m.n - 1), '0') || SUBSTRING(m.d, m.n, 1) || CASE WHEN "
    f"LENGTH(m.d) > m.n THEN '.' || SUBSTRING(m.d, m.n + 1) || '{_MARK}' ELSE '' END)[1]"
)

#: A part ``t`` of JSON that is kept as it is. More than three digits in an exponent are more zeros than anyone wants to read.
_MARKED = (
    f"CASE WHEN REGEXP_MATCHES(t, '^-?[0-9]+[.][0-9]+$') THEN REGEXP_REPLACE(t, '^-(0[.]0+)$', '\\1') || '{_MARK}' "
    f"WHEN REGEXP_MATCHES(t, '^-?[0-9.]+[eE][+-]?0*[0-9]{{{{1,3}}}}$') THEN {_MOVED} ELSE t END"
)


def _plain(json: str) -> str:
    """JSON, or the text of a number, as it was before anything was marked."""
    return f"REPLACE({json}, '{_MARK}', '')"


#: How JSON is read: as it is written, quotes and all. A cast would round to whole numbers, and take a number for a truth.
_READ = {SqlType.DECIMAL: _plain("{0}"), SqlType.INTEGER: "REPLACE(REPLACE({0}, '.', '?'), 'e-', '?')"}
_READ[SqlType.BOOLEAN] = "RTRIM({0}, '01')"


def _any_of(*patterns: str) -> str:
    """Whether any pattern is in JSON."""
    return " OR ".join(f"REGEXP_MATCHES({{0}}, '{pattern}')" for pattern in patterns)


def _each_part(json: str, change: str) -> str:
    """JSON with each part ``t`` of it changed."""
    # Not ARRAY_TO_STRING, a macro that computes its list twice.
    return f"LIST_AGGREGATE(LIST_TRANSFORM(REGEXP_EXTRACT_ALL({json}, '{_PART}'), LAMBDA t: {change}), 'listagg', '')"


def _units(decimal: str) -> str:
    """A decimal in units of its last digit, which its text without the point has, as a text."""
    return f"REPLACE(CAST({decimal} AS VARCHAR), '.', '')"


#: A document whose numbers are marked.
_READY = (
    f"CAST(CASE WHEN {_any_of(*_ODD)} THEN {_each_part('{0}', _MARKED)} "
    f"ELSE REGEXP_REPLACE({{0}}, '{_MEMBER}{_END}', '\"\\1{_MARK}\\2', 'g') END AS JSON)"
)


#: A number without what can be written in another way: one of few digits is its binary fraction, one of many stays marked.
_SHORT = f"RTRIM(RTRIM({_plain('t')}, '0'), '.')"
_NUMBER = (
    f"CASE WHEN NOT CONTAINS(t, '{_MARK}') THEN REGEXP_REPLACE(t, '^(?:-(0)|(-?[0-9]+))[.]0$', '\\1\\2') "
    f"WHEN LENGTH(LTRIM({_SHORT}, '-')) > 16 THEN {_SHORT} || '{_MARK}' ELSE {_SHORT} END"
)

#: An object ``s`` with such numbers.
_SETTLED = f"CASE WHEN CONTAINS(s, '.0') OR CONTAINS(s, '{_MARK}') THEN JSON({_each_part('s', _NUMBER)}) ELSE s END"


def _same(left: str, right: str) -> str:
    """Whether two objects are the same, in whatever order their members are and however their numbers are written."""
    alike = " = ".join(f"LIST_SORT(REGEXP_EXTRACT_ALL(p[{place}], '{_PIECE}'))" for place in (1, 2))
    return (
        f"LEN(LIST_DISTINCT(LIST_TRANSFORM(LIST_TRANSFORM([LIST_TRANSFORM([JSON({left}), JSON({right})], LAMBDA s: {_SETTLED})], "
        f"LAMBDA p: CASE WHEN LENGTH(p[1]) = LENGTH(p[2]) THEN CASE WHEN {alike} THEN p ELSE [] END ELSE [] END)[1], LAMBDA o: {_LEAVES}))) = 1"
    )


#: Whether JSON is equal. The texts are compared, so numbers, which can be written in several ways, are read, and objects of the
#: same length are taken apart, as their members can be in any order.
_EQUAL = (
    f"CASE WHEN {{0}} = {{1}} THEN TRUE WHEN JSON_TYPE({{0}}) = 'OBJECT' AND JSON_TYPE({{1}}) = 'OBJECT' THEN {_same('{0}', '{1}')} "
    f"ELSE {{0}} = {{1}} OR (JSON_TYPE({{0}}) IN {_NUMBERS} AND JSON_TYPE({{1}}) IN {_NUMBERS} AND TRY_CAST({_plain('{0}')} AS {_DECIMAL}) = TRY_CAST({_plain('{1}')} AS {_DECIMAL})) END"
)

#: The places of the first of all items that are equal. What items are, member by member, is only asked if any have the same pieces.
_PLACES = (
    f"LIST_TRANSFORM([LIST_TRANSFORM([LIST_TRANSFORM(LIST_TRANSFORM({{0}}, LAMBDA n: JSON(n)), LAMBDA s: {_SETTLED})], LAMBDA a: CASE WHEN "
    f"LEN(LIST_DISTINCT(LIST_TRANSFORM(a, LAMBDA o: LIST_SORT(REGEXP_EXTRACT_ALL(o, '{_PIECE}'))))) = LEN(a) THEN LIST_TRANSFORM(a, LAMBDA o: "
    f"[CAST(o AS VARCHAR)]) ELSE LIST_TRANSFORM(a, LAMBDA o: CASE WHEN o IS NOT NULL THEN COALESCE({_LEAVES}, [CAST(o AS VARCHAR)]) END) END)[1]], "
    "LAMBDA k: LIST_TRANSFORM(k, LAMBDA v, i: CASE WHEN v IS NULL THEN i ELSE LIST_POSITION(k, v) END))[1]"
)


class DuckDBSyntax(LambdaSyntax):
    """DuckDB 1.4 to 2.0. Its ``json`` functions are built in; no extension is ever installed."""

    types: ClassVar[Mapping[SqlType, str]] = {**LambdaSyntax.types, SqlType.DECIMAL: _DECIMAL, SqlType.TEXT: "VARCHAR"}

    column_types: ClassVar[Mapping[ColumnKind, str]] = {
        ColumnKind.TEXT: "VARCHAR",
        ColumnKind.BINARY: "BLOB",
        ColumnKind.DOUBLE: "DOUBLE",
    }

    repeats_expressions: ClassVar[bool] = True

    function: ClassVar[str] = "LAMBDA {variables}: {body}"
    mapped: ClassVar[str] = "LIST_TRANSFORM({array}, {function})"
    filtered: ClassVar[str] = "LIST_FILTER({array}, {function})"
    reduced: ClassVar[str] = "LIST_REDUCE({array}, {function}, {initial})"

    collation: ClassVar[str | None] = None

    renames_indexed: ClassVar[bool] = False

    differences: ClassVar[Mapping[str, str]] = {
        "text_less": "({0} < {1})",
        "length": "LENGTH({0})",
        "position": "STRPOS({0}, {1})",
        "characters": "STRING_SPLIT(NULLIF({0}, ''), '')",
        "split": "STRING_SPLIT({0}, {1})",
        # ARRAY_TO_STRING takes only a constant separator.
        "text_join": "LIST_REDUCE({0}, LAMBDA t, u: COALESCE(t || {1} || u, u, t), CAST(NULL AS VARCHAR))",
        "regexp_matches": "REGEXP_MATCHES({0}, {1}, 's')",
        "regexp_replace": "REGEXP_REPLACE({0}, {1}, {2}, 'gs')",
        "fold_text": "TRIM(REGEXP_REPLACE(LOWER({0}), '[\\s\\v\\x{{85}}\\pZ]+', ' ', 'g'))",
        "word_boundary": "'\\b'",
        "line_mode": "'m'",
        "encode_hex": "LOWER(HEX({0}))",
        "decode_hex": "DECODE(UNHEX({0}))",
        "encode_base64": "TO_BASE64(ENCODE({0}))",
        "decode_base64": "FROM_BASE64({0})",
        "base64_to_hex": "LOWER(HEX(FROM_BASE64({0})))",
        "regexp_group": "NULLIF(REGEXP_EXTRACT({0}, {1}, {2}), '')",
        "quotient": "({0} // {1})",
        "remainder": "({0} % {1})",
        # A product has twice the digits after the point, which leaves room for 14 before it: multiply larger ones by parts.
        "multiply_decimal": (
            "COALESCE(TRY(CAST({0} * {1} AS DECIMAL(38, 12))), TRUNC({0}) * {1} + CAST({0} % 1 AS DECIMAL(12, 12)) "
            "* CAST(TRUNC({1}) AS DECIMAL(26, 0)) + CAST(CAST({0} % 1 AS DECIMAL(12, 12)) "
            "* CAST({1} % 1 AS DECIMAL(12, 12)) AS DECIMAL(38, 12)))"
        ),
        # There is no exact division of decimals: divide them as whole numbers of units of the last digit, and digit by
        # digit where that leaves no room for 12 more.
        "divide_decimal": (
            "(CAST(CAST(SIGN({0}) * SIGN({1}) AS HUGEINT) * COALESCE(TRY("
            "(2 * CAST(ABS({0}) * 1000000000000 AS HUGEINT) * 1000000000000 + CAST(ABS({1}) * 1000000000000 AS HUGEINT))"
            " // (2 * CAST(ABS({1}) * 1000000000000 AS HUGEINT))), "
            f"LIST_TRANSFORM([CAST({_units('ABS({0})')} AS UHUGEINT)], LAMBDA a: LIST_TRANSFORM([CAST({_units('ABS({1})')} AS UHUGEINT)], LAMBDA b: LIST_TRANSFORM(["
            "LIST_REDUCE(LIST_TRANSFORM(RANGE(12), LAMBDA i: {{'q': a, 'r': b}}), "
            "LAMBDA s, i: {{'q': s.q * 10 + s.r * 10 // b, 'r': s.r * 10 % b}}, {{'q': a // b, 'r': a % b}})"
            "], LAMBDA s: CAST(s.q + s.r * 2 // b AS HUGEINT))[1])[1])[1]) AS DECIMAL(38, 0)) * 0.000000000001)"
        ),
        "fitting": "TRY(CAST({0} AS DECIMAL(38, 12)))",
        "scale": "TRY({0} * {1})",
        "scale_ratio": f"TRY(CAST(CAST(SIGN({{0}}) AS HUGEINT) * ((2 * CAST({_units('ABS({0})')} AS HUGEINT) * {{1}} + {{2}}) "
        "// (2 * CAST({2} AS HUGEINT))) AS DECIMAL(38, 0)) * 0.000000000001)",
        "quotient_decimal": f"(CAST({_units('{0}')} AS HUGEINT) // CAST({_units('{1}')} AS HUGEINT))",
        # ROUND takes only a constant number of digits, so the digits wanted are moved before the point and back, without
        # those that stand there already.
        "round": (
            "LIST_TRANSFORM([{0}], LAMBDA r: TRUNC(r) + CAST(ROUND(CAST(r % 1 AS DECIMAL(38, 12)) * CAST('1e' || ({1} - "
            "GREATEST({1} - 12, 0)) AS DECIMAL(13, 0)), 0) AS DECIMAL(38, 0)) * CAST('1e-' || ({1} - GREATEST({1} - 12, 0)) "
            "AS DECIMAL(13, 12)))[1]"
        ),
        "exponential": "ROUND(CAST(PRINTF('%.12e', EXP({0})) AS DECIMAL(38, 12)), 8)",
        "natural_logarithm": "CAST(ROUND(LN({0}), 8) AS DECIMAL(38, 12))",
        "logarithm": "ROUND(CAST(PRINTF('%.12e', LN({0}) / LN({1})) AS DECIMAL(38, 12)), 8)",
        "square_root": "ROUND(CAST(PRINTF('%.12e', SQRT({0})) AS DECIMAL(38, 12)), 8)",
        "power": "CAST(PRINTF('%.12e', POWER({0}, {1})) AS DECIMAL(38, 12))",
        "decimal_digits": "(12 - (LENGTH(CAST({0} AS VARCHAR)) - LENGTH(RTRIM(CAST({0} AS VARCHAR), '0'))))",
        "decimal_text": "RTRIM(RTRIM(CAST({0} AS VARCHAR), '0'), '.')",
        # A leap second, which DuckDB does not read, is the moment after second 59.
        "to_utc": (
            "STRFTIME(CAST(REPLACE({0}, ':60', ':59') AS TIMESTAMPTZ) AT TIME ZONE 'UTC' "
            "+ TO_SECONDS(CAST(CONTAINS({0}, ':60') AS INTEGER)), '%Y-%m-%dT%H:%M:%S.%f')"
        ),
        "now": "STRFTIME(CURRENT_TIMESTAMP AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%gZ')",
        "today": "STRFTIME(CURRENT_TIMESTAMP AT TIME ZONE 'UTC', '%Y-%m-%d')",
        "time_of_day": "STRFTIME(CURRENT_TIMESTAMP AT TIME ZONE 'UTC', '%H:%M:%S.%g')",
        "microseconds": "EPOCH_US(CAST(REPLACE({0}, ':60', ':59') AS TIMESTAMP))",
        "from_microseconds": "STRFTIME(MAKE_TIMESTAMP({0}), '%Y-%m-%dT%H:%M:%S.%f')",
        "add_months": "STRFTIME(CAST({0} AS DATE) + TO_MONTHS(CAST({1} AS INTEGER)), '%Y-%m-%d')",
        "array_length": "LEN({0})",
        "array_sum": "LIST_SUM({0})",
        "array_least": "LIST_MIN({0})",
        "array_greatest": "LIST_MAX({0})",
        "array_concat": "LIST_CONCAT({0}, {1})",
        "array_contains": "LIST_CONTAINS({0}, {1})",
        "json_equal": _EQUAL,
        "json_places": _PLACES,
        "json_kind": f"CASE WHEN JSON_TYPE({{0}}) IN {_NUMBERS} THEN 'number' ELSE REPLACE(LOWER(JSON_TYPE({{0}})), 'varchar', 'string') END",
        "json_members": f"LIST_TRANSFORM(LIST_SORT(LIST_FILTER(COALESCE(JSON_KEYS({{0}}), []), LAMBDA m: NOT LIST_CONTAINS({{1}}, m))), LAMBDA m: JSON_OBJECT('key', m, 'value', JSON_EXTRACT({{0}}, {_POINTER})))",
        "json_items": "CASE COALESCE(JSON_TYPE({0}), '') WHEN 'ARRAY' THEN JSON_EXTRACT({0}, '$[*]') WHEN '' THEN [] ELSE [{0}] END",
        "json_same": "({0} = {1})",
        "json_text": "JSON_EXTRACT_STRING({0}, '$')",
        "json_exact": f"CASE WHEN {_any_of(_POINT, _EXPONENT)} THEN {_READY} ELSE {{0}} END",
        "json_precise": f"CASE WHEN {_any_of(_LONG)} THEN {_READY} ELSE {{0}} END",
        "json_numeral": f"NULLIF({_plain('{0}')}, 'null')",
        "json_plain": _plain("{0}"),
        "json_mentions": "CONTAINS(CAST({0} AS VARCHAR), {1})",
        "json_has": "JSON_EXISTS({0}, {1})",
        "look_up": "CAST({0} AS MAP(VARCHAR, VARCHAR))[{1}]",
        "to_json": "TO_JSON({0})",
        "json_boolean": "TO_JSON({0})",
        "json_object": "JSON_OBJECT({*})",
    }

    def placeholder(self, name: str) -> str:
        return f"${name}"

    def raise_error(self, message: str, type: SqlType, *, many: bool) -> str:
        return f"CAST(ERROR({message}) AS {self.types[type]}{'[]' if many else ''})"

    def extract(self, json: str, steps: Sequence[Step], type: SqlType) -> str:
        return self._extract(json, self._path(steps), type)

    def _extract(self, json: str, path: str, type: SqlType) -> str:
        if type is SqlType.TEXT:
            return f"JSON_EXTRACT_STRING({json}, {path})"
        value = f"JSON_EXTRACT({json}, {path})"
        return f"NULLIF({value}, 'null')" if type is SqlType.JSON else self.from_json(value, type)

    def extract_front(self, json: str, steps: Sequence[Step], type: SqlType) -> str:
        return self._extract(json, self._path(steps, "[0]"), type)

    def extract_array(self, json: str, steps: Sequence[Step], type: SqlType) -> str:
        if any(step.each is None for step in steps):
            return self._extract_unknown(json, steps, type)
        items = f"JSON_EXTRACT{'_STRING' * (type is SqlType.TEXT)}({json}, {self._path(steps)})"
        return f"LIST_TRANSFORM({items}, LAMBDA t: {self.from_json('t', type)})" if type in _READ else items

    def from_json(self, json: str, type: SqlType) -> str:
        return super().from_json(_READ.get(type, "{0}").format(json), type)

    def _extract_unknown(self, json: str, steps: Sequence[Step], type: SqlType) -> str:
        # A path takes arrays only where it says [*], and then nothing else; so what a member is decides step by step.
        items = f"[{json}]"
        for step in steps:
            value, values = (self._path([Step(step.name, each, here=step.here)]) for each in (False, True))
            one, several = f"[JSON_EXTRACT(z, {value})]", f"JSON_EXTRACT(z, {values})"
            if step.each is None:
                several = f"CASE JSON_TYPE(z, {value}) WHEN 'ARRAY' THEN {several} ELSE {one} END"
            items = f"FLATTEN(LIST_TRANSFORM({items}, LAMBDA z: {one if step.each is False else several}))"
        return self.each(items, "z", None, "z <> 'null'", self.from_json("z", type))

    def _path(self, steps: Sequence[Step], items: str = "[*]") -> str:
        return self.text("$" + "".join(self._member(step) + (items if step.each else "") for step in steps))

    def _member(self, step: Step) -> str:
        return "" if step.here else '."' + step.name.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def extract_several(self, json: str, paths: Sequence[Sequence[Step]]) -> str:
        return f"JSON_EXTRACT({json}, [{', '.join(self._path(steps, '[0]') for steps in paths)}])"

    def array(self, items: Sequence[str], type: SqlType | None) -> str:
        return f"[{', '.join(items)}]" if type is None else f"CAST([{', '.join(items)}] AS {self.types[type]}[])"

    def sort_each(self, rows: str, variable: str, key: str, sort_key: str, *, descending: bool) -> str:
        # Structs sort by their fields from left to right; the place keeps the order of equal keys.
        keyed = f"LAMBDA {variable}, {variable}_place: {{'key': {key}, 'place': {'-' * descending}{variable}_place, 'item': {variable}}}"
        known = f"LAMBDA r: {{'known': r.key IS {'' if descending else 'NOT '}NULL, 'key': r.key, 'place': r.place, 'item': r.item}}"
        ready = f"LIST_TRANSFORM(LIST_TRANSFORM({rows}, {keyed}), {known})"
        return f"LIST_TRANSFORM(LIST_SORT({ready}, '{'DESC' if descending else 'ASC'}'), LAMBDA s: s.item)"

    def unnested(self, source: str, kept: Sequence[str], array: str, item: str) -> str:
        return f"SELECT {', '.join([*kept, f'UNNEST({array})'])} AS {item} FROM {source}"

    def focus(self, source: str, keys: Sequence[str], item: str, form: ItemForm, type: SqlType) -> str:
        selected = ", ".join(keys)
        named, order = ("value", "") if form is ItemForm.SCALAR else ("items", f" ORDER BY {selected}")
        return f"SELECT {selected}, {item} AS {named} FROM {source}{order}"

    def result(
        self, focus: str, keys: Sequence[str], order: Sequence[str], value: str, form: ItemForm, *, kept: str | None
    ) -> str:
        if form is ItemForm.SCALAR:
            return super().result(focus, keys, order, value, form, kept=kept)
        # The focus is in order, and DuckDB keeps the order of a subquery through SELECT, UNNEST and WHERE.
        rows = self.unnested(focus, keys, "items", "value")
        if value != "value":
            rows = f"SELECT * REPLACE ({value} AS value) FROM ({rows})"
        return rows if kept is None else f"SELECT * FROM ({rows}) WHERE {kept}"

    def read_files(self, paths: Sequence[str], *, lines: bool) -> str:
        # DuckDB takes a path for a pattern, in which a character in brackets is only that character.
        files = "[" + ", ".join(self.text(re.sub(r"[*?\[]", r"[\g<0>]", path)) for path in paths) + "]"
        if lines:
            return f"SELECT json AS resource FROM READ_NDJSON_OBJECTS({files})"
        return f"SELECT json AS resource FROM READ_JSON_OBJECTS({files}, maximum_object_size = {_LARGEST_DOCUMENT})"

    def columns(self, table: str, schema: str | None) -> str:
        # Names of DuckDB do not depend on case, even when they are quoted.
        place = "CURRENT_SCHEMA()" if schema is None else self.text(schema)
        return (
            "SELECT column_name, data_type FROM DUCKDB_COLUMNS() WHERE database_name = CURRENT_DATABASE() "
            f"AND LOWER(schema_name) = LOWER({place}) AND LOWER(table_name) = LOWER({self.text(table)}) ORDER BY column_index"
        )

    def relation_kind(self, name: str, schema: str | None) -> str:
        place = "CURRENT_SCHEMA()" if schema is None else self.text(schema)
        return " UNION ALL ".join(
            f"SELECT '{kind}', comment FROM DUCKDB_{kind.upper()}S() WHERE database_name = CURRENT_DATABASE() "
            f"AND LOWER(schema_name) = LOWER({place}) AND LOWER({kind}_name) = LOWER({self.text(name)})"
            for kind in ("table", "view")
        )

    def claim(self, table: str, *, exists: bool) -> str | None:
        # Any change of the catalog conflicts with another one of the same table, as making the table does.
        return f"COMMENT ON TABLE {table} IS 'FHIR resources, one in each row'" if exists else None

    def session(self) -> str:
        return "SELECT VERSION(), CAST(CURRENT_CONNECTION_ID() AS VARCHAR)"
