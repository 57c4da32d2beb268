"""The closed table of scalar SQL primitives that the compiler composes everything from.

Each entry is a template: ``{0}``, ``{1}`` are the arguments in order, ``{*}`` all of them separated by commas. The
spelling here is standard SQL; a dialect lists only its differences (`Syntax.differences`). A new FHIRPath function is
composed from these words in the core and touches no dialect.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PRIMITIVES: Mapping[str, str] = MappingProxyType(
    {
        # three-valued logic
        "and": "({0} AND {1})",
        "or": "({0} OR {1})",
        "not": "(NOT {0})",
        "is_null": "({0} IS NULL)",
        "is_not_null": "({0} IS NOT NULL)",
        "is_true": "({0} IS TRUE)",
        "coalesce": "COALESCE({*})",
        "null_if": "NULLIF({0}, {1})",
        # comparison; NULL on either side gives NULL
        "equal": "({0} = {1})",
        "unequal": "({0} <> {1})",
        "less": "({0} < {1})",
        "less_or_equal": "({0} <= {1})",
        # comparison of text by code point, whatever the collation of the database
        "text_less": '({0} COLLATE "C" < {1} COLLATE "C")',
        "json_equal": "({0} = {1})",
        "least": "LEAST({*})",
        "greatest": "GREATEST({*})",
        # arithmetic
        "negate": "(- {0})",
        "add": "({0} + {1})",
        "subtract": "({0} - {1})",
        # digits after the point, without zeros at the end
        "decimal_digits": "SCALE(TRIM_SCALE({0}))",
        "decimal_text": "CAST(TRIM_SCALE({0}) AS TEXT)",
        "multiply": "({0} * {1})",
        "quotient": "({0} / {1})",
        "remainder": "MOD({0}, {1})",
        # decimals have 12 digits after the point, whatever the database could hold
        "multiply_decimal": "TRIM_SCALE(ROUND({0} * {1}, 12))",
        "divide_decimal": "TRIM_SCALE(ROUND({0} / {1}, 12))",
        "quotient_decimal": "DIV({0}, {1})",
        # a computed decimal; NULL where it has more than 26 digits before the point
        "fitting": "NULLIF(NULLIF(LEAST(GREATEST({0}, -1e26), 1e26), 1e26), -1e26)",
        # a decimal times a whole number, and times one over another; NULL where that does not fit
        "scale": "(CASE WHEN ABS({0} * {1}) < 1e26 THEN {0} * {1} END)",
        "scale_ratio": "(CASE WHEN ABS({0} * {1}) < 1e26 THEN TRIM_SCALE(ROUND({0} * {1} / {2}, 12)) END)",
        "absolute": "ABS({0})",
        "ceiling": "CEIL({0})",
        "floor": "FLOOR({0})",
        "truncate": "TRUNC({0})",
        "round": "ROUND({0}, CAST({1} AS INTEGER))",
        # functions of real numbers, to 8 digits after the point and 13 in all, which double precision gives everywhere
        "exponential": "TRIM_SCALE(ROUND(CAST(TO_CHAR(EXP({0}), '9.999999999999EEEE') AS NUMERIC), 8))",
        "natural_logarithm": "TRIM_SCALE(ROUND(LN({0}), 8))",
        "logarithm": "TRIM_SCALE(ROUND(CAST(TO_CHAR(LN({0}) / LN({1}), '9.999999999999EEEE') AS NUMERIC), 8))",
        "square_root": "TRIM_SCALE(ROUND(CAST(TO_CHAR(SQRT({0}), '9.999999999999EEEE') AS NUMERIC), 8))",
        "power": "TRIM_SCALE(ROUND(CAST(TO_CHAR(POWER({0}, {1}), '9.999999999999EEEE') AS NUMERIC), 12))",
        # text
        "concat": "({0} || {1})",
        "length": "CHAR_LENGTH({0})",
        "left": "LEFT({0}, CAST({1} AS INTEGER))",
        "right": "RIGHT({0}, CAST({1} AS INTEGER))",
        "substring": "SUBSTRING({0}, CAST({1} AS INTEGER), CAST({2} AS INTEGER))",
        "position": "POSITION({1} IN {0})",
        "lower": "LOWER({0})",
        # character by character, but for the one that some databases leave as it is and others make a single letter of
        "upper": "UPPER(REPLACE({0}, '\u00df', 'SS'))",
        # without differences of case, and with each run of what Unicode calls white space as one space
        "fold_text": (
            "TRIM(REGEXP_REPLACE(LOWER({0}), '[\\t-\\r \\u0085\\u00A0\\u1680\\u2000-\\u200A\\u2028\\u2029\\u202F\\u205F\\u3000]+', ' ', 'g'))"
        ),
        "pad_right": "RPAD({0}, {1}, {2})",
        "replace": "REPLACE({0}, {1}, {2})",
        # array of the code points, and of the parts between separators that are not empty
        "characters": "STRING_TO_ARRAY({0}, NULL)",
        "split": "STRING_TO_ARRAY({0}, {1})",
        # the texts of an array with a separator between them; NULL if there are none
        "text_join": (
            "(SELECT STRING_AGG(item, {1} ORDER BY place) FROM UNNEST({0}) WITH ORDINALITY AS items (item, place))"
        ),
        # regular expressions: case counts, "." is any character, "^" and "$" are the ends of the whole text
        "regexp_matches": "({0} ~ {1})",
        # every match replaced by a text in which \1 to \9 are the groups and \\ is a backslash
        "regexp_replace": "REGEXP_REPLACE({0}, {1}, {2}, 'g')",
        # a pattern, as text, that is met where a word of ASCII letters, digits and underscores begins or ends
        "word_boundary": "'(?:(?<=[A-Za-z0-9_])(?![A-Za-z0-9_])|(?<![A-Za-z0-9_])(?=[A-Za-z0-9_]))'",
        # the letter, as text, of the option with which "^" and "$" are the ends of each line: (?x) before a pattern
        "line_mode": "'w'",
        # UTF-8 bytes of a text
        "encode_hex": "ENCODE(CONVERT_TO({0}, 'UTF8'), 'hex')",
        "decode_hex": "CONVERT_FROM(DECODE({0}, 'hex'), 'UTF8')",
        "encode_base64": "TRANSLATE(ENCODE(CONVERT_TO({0}, 'UTF8'), 'base64'), CHR(10), '')",
        # the bytes of a base64 text, as a binary value
        "decode_base64": "DECODE({0}, 'base64')",
        "base64_to_hex": "ENCODE(DECODE({0}, 'base64'), 'hex')",
        # the text of a group; NULL if it is empty or nothing matches
        "regexp_group": "NULLIF((REGEXP_MATCH({0}, {1}))[{2}], '')",
        "regexp_remove": "REGEXP_REPLACE({0}, {1}, '', 'g')",
        # the part with a number, counted from 1; empty text if there are fewer
        "split_part": "SPLIT_PART({0}, {1}, {2})",
        # dates and times, as ISO 8601 text; both give and take text
        # A leap second is the moment after second 59.
        "to_utc": (
            "TO_CHAR(CAST(REPLACE({0}, ':60', ':59') AS TIMESTAMPTZ) AT TIME ZONE 'UTC' "
            "+ CASE WHEN POSITION(':60' IN {0}) > 0 THEN INTERVAL '1' SECOND ELSE INTERVAL '0' SECOND END, "
            "'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
        ),
        "now": "TO_CHAR(CURRENT_TIMESTAMP AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')",
        "today": "TO_CHAR(CURRENT_TIMESTAMP AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
        "time_of_day": "TO_CHAR(CURRENT_TIMESTAMP AT TIME ZONE 'UTC', 'HH24:MI:SS.MS')",
        # microseconds from 1970 to a date or date-time without a zone, and back to a date-time
        "microseconds": "CAST(EXTRACT(EPOCH FROM CAST(REPLACE({0}, ':60', ':59') AS TIMESTAMP)) * 1000000 AS BIGINT)",
        "from_microseconds": (
            "TO_CHAR(TIMESTAMP '1970-01-01' + MAKE_INTERVAL(days => CAST({0} / 86400000000 AS INTEGER)) "
            "+ MOD({0}, 86400000000) * INTERVAL '1 microsecond', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
        ),
        # whole months after a date; the last day of a month that is too short
        "add_months": "TO_CHAR(CAST({0} AS DATE) + MAKE_INTERVAL(months => CAST({1} AS INTEGER)), 'YYYY-MM-DD')",
        # arrays
        "array_length": "CARDINALITY({0})",
        "array_at": "({0})[{1}]",
        "array_slice": "({0})[{1}:{2}]",
        "array_concat": "({0} || {1})",
        "array_contains": "({1} = ANY({0}))",
        "array_sum": "(SELECT SUM(item) FROM UNNEST({0}) AS item)",
        "array_least": "(SELECT MIN(item) FROM UNNEST({0}) AS item)",
        "array_greatest": "(SELECT MAX(item) FROM UNNEST({0}) AS item)",
        # JSON
        # for each item of an array the place of the first one that is equal to it; one that is NULL is equal to none
        "json_places": (
            "ARRAY(SELECT CASE WHEN item IS NULL THEN place ELSE MIN(place) OVER (PARTITION BY item) END "
            "FROM UNNEST({0}) WITH ORDINALITY AS items (item, place) ORDER BY place)"
        ),
        "json_kind": "JSONB_TYPEOF({0})",
        "json_text": "({0} #>> '{{}}')",
        # A document whose numbers keep all digits that they were written with, one with an exponent without it and zero
        # without a sign; the text of such a number, and the document as it was: for databases whose JSON functions read
        # numbers as binary fractions.
        "json_exact": "{0}",
        # A document whose numbers are their values to the last digit, however they were written: the same, of very long ones.
        "json_precise": "{0}",
        "json_numeral": "NULLIF(CAST({0} AS TEXT), 'null')",
        "json_plain": "{0}",
        # Whether two documents are the same to the last digit, by their bytes: to = 1.5 and 1.50 are equal, and slower.
        "json_same": "(CAST(ROW({0}) AS RECORD) *= CAST(ROW({1}) AS RECORD))",
        # whether a document may have a member of a name, given with its quotes, or of one that begins so, anywhere: a cheap
        # look, true where a database cannot tell cheaply
        "json_mentions": "TRUE",
        "json_has": "({0} ? {1})",
        # the text that a constant object has for a key; NULL if it has none
        "look_up": "({0} ->> {1})",
        # an object's members as objects of key and value, in the order of names, but for the names in the second argument
        "json_members": (
            "ARRAY(SELECT JSONB_BUILD_OBJECT('key', key, 'value', value) FROM JSONB_EACH(CASE JSONB_TYPEOF({0}) WHEN 'object' THEN {0} END) "
            'WHERE NOT key = ANY({1}) ORDER BY key COLLATE "C")'
        ),
        # the items of an array, or the value itself as the only item
        "json_items": "ARRAY(SELECT JSONB_PATH_QUERY({0}, '$[*]'))",
        "to_json": "TO_JSONB({0})",
        # apart from other values, since some databases have numbers for it
        "json_boolean": "TO_JSONB({0})",
        "json_object": "JSONB_BUILD_OBJECT({*})",
        # JSON that becomes a value of json_object, for databases that would take it for a text
        "json_member": "{0}",
    }
)
