"""Every primitive of the core's table: what it means, on every database."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fhir4ds.dialect.types import SqlType
from fhir4ds.testing.cases.literals import Literal, array, boolean, decimal, integer, json, text

_NO_TEXTS = array(SqlType.TEXT)

#: What a primitive gives for arguments, on every database. JSON results are compared as values.
MEANINGS: dict[str, list[tuple[tuple[Literal, ...], Any]]] = {
    "add_months": [
        ((text("2020-01-31"), integer(1)), "2020-02-29"),
        ((text("2020-03-31"), integer(-13)), "2019-02-28"),
        ((text(None), integer(1)), None),
    ],
    "microseconds": [
        ((text("1970-01-01T00:00:01.5"),), 1_500_000),
        ((text("1969-12-31T23:59:59"),), -1_000_000),
        ((text(None),), None),
    ],
    "from_microseconds": [
        ((integer(1_500_000),), "1970-01-01T00:00:01.500000"),
        ((integer(-1_000_000),), "1969-12-31T23:59:59.000000"),
    ],
    "regexp_group": [
        ((text("12 mg"), text("([0-9]+) ([a-z]+)"), integer(2)), "mg"),
        ((text("mg"), text("([0-9]+) ([a-z]+)"), integer(1)), None),
    ],
    "and": [
        ((boolean(True), boolean(True)), True),
        ((boolean(False), boolean(None)), False),
        ((boolean(True), boolean(None)), None),
    ],
    "or": [
        ((boolean(False), boolean(True)), True),
        ((boolean(True), boolean(None)), True),
        ((boolean(False), boolean(None)), None),
    ],
    "not": [((boolean(True),), False), ((boolean(False),), True), ((boolean(None),), None)],
    "is_null": [((text(None),), True), ((text(""),), False), ((_NO_TEXTS,), False)],
    "is_not_null": [((integer(None),), False), ((integer(0),), True)],
    "is_true": [((boolean(True),), True), ((boolean(False),), False), ((boolean(None),), False)],
    "coalesce": [
        ((text(None), text("b"), text("c")), "b"),
        ((integer(7),), 7),
        ((decimal(None), decimal(None)), None),
    ],
    "null_if": [((text("a"), text("a")), None), ((text("a"), text("b")), "a")],
    "equal": [
        ((text("a"), text("a")), True),
        ((text("a"), text("A")), False),
        ((text("e\u0301"), text("\u00e9")), False),
        ((text("a"), text("a ")), False),
        ((integer(1), decimal("1.00")), True),
        ((boolean(True), boolean(None)), None),
    ],
    "unequal": [((integer(1), integer(2)), True), ((text(""), text(None)), None)],
    "less": [
        ((integer(-2), integer(-1)), True),
        ((decimal("0.1"), decimal("0.10")), False),
        ((integer(1), integer(None)), None),
    ],
    "less_or_equal": [((decimal("1.5"), decimal("1.50")), True), ((integer(2), integer(1)), False)],
    "text_less": [
        ((text("B"), text("a")), True),
        ((text("a"), text("a-")), True),
        ((text("z"), text("\u00e9")), True),
        ((text("\uffff"), text("\U0001f600")), True),
        ((text("10"), text("9")), True),
        ((text("a"), text(None)), None),
    ],
    "json_equal": [
        ((json('"a"'), json('"a"')), True),
        ((json("1"), json('"1"')), False),
        ((json("1"), json("1.0")), True),
        ((json("-1.50"), json("-1.5")), True),
        ((json("1"), json("2.0")), False),
        ((json("1"), json(None)), None),
        ((json('{"a": 1, "b": [2]}'), json('{"a": 1, "b": [2]}')), True),
        ((json('{"a": 1}'), json('{"a": 2}')), False),
        ((json('{"a": [1, {"b": "c:", "d": {}}]}'), json('{"a": [1, {"b": "c:", "d": {}}]}')), True),
        ((json('{"a": [1, 22]}'), json('{"a": [12, 2]}')), False),
        ((json("true"), json(None)), None),
    ],
    "least": [((integer(3), integer(1), integer(2)), 1)],
    "greatest": [((integer(3), integer(1), integer(2)), 3)],
    "negate": [((integer(5),), -5), ((decimal("-1.5"),), Decimal("1.5"))],
    "add": [((integer(1), integer(-2)), -1), ((decimal("0.1"), decimal("0.2")), Decimal("0.3"))],
    "subtract": [((integer(1), integer(3)), -2), ((decimal("0.3"), decimal("0.1")), Decimal("0.2"))],
    "multiply": [((integer(-4), integer(3)), -12), ((decimal("0.1"), decimal("0.2")), Decimal("0.02"))],
    "concat": [((text("a'b"), text("\\c")), "a'b\\c"), ((text("a"), text(None)), None), ((text(""), text("")), "")],
    "length": [((text("a\u0301\U0001f600"),), 3), ((text(""),), 0), ((text(None),), None)],
    "left": [((text("\U0001f600bc"), integer(2)), "\U0001f600b"), ((text("ab"), integer(9)), "ab")],
    "right": [((text("abc"), integer(2)), "bc"), ((text("ab"), integer(9)), "ab"), ((text("ab"), integer(0)), "")],
    "substring": [
        ((text("abcd"), integer(2), integer(2)), "bc"),
        ((text("abcd"), integer(4), integer(9)), "d"),
        ((text("abcd"), integer(5), integer(1)), ""),
        ((text("\U0001f600bc"), integer(2), integer(1)), "b"),
    ],
    "position": [
        ((text("abcabc"), text("c")), 3),
        ((text("abc"), text("z")), 0),
        ((text("abc"), text("")), 1),
        ((text("\U0001f600b"), text("b")), 2),
    ],
    # Beyond ASCII, some databases follow a locale.
    "lower": [((text("ABC1"),), "abc1"), ((text(None),), None)],
    "upper": [((text("abc1"),), "ABC1"), ((text("wei\u00df"),), "WEISS"), ((text(None),), None)],
    "replace": [
        ((text("abcabc"), text("b"), text("")), "acac"),
        ((text("a.c"), text("."), text("\\1")), "a\\1c"),
        ((text("abc"), text("z"), text("x")), "abc"),
    ],
    "characters": [((text("a\U0001f600\u00e9"),), ["a", "\U0001f600", "\u00e9"]), ((text(None),), None)],
    "split": [((text("a,b,,c"), text(",")), ["a", "b", "", "c"]), ((text("abc"), text(";")), ["abc"])],
    "split_part": [
        ((text("a b"), text(" "), integer(2)), "b"),
        ((text("a b"), text(" "), integer(3)), ""),
        ((text(None), text(" "), integer(1)), None),
    ],
    "text_join": [
        ((text("a", "b", ""), text(", ")), "a, b, "),
        ((text("a", None, "b"), text("")), "ab"),
        ((_NO_TEXTS, text(",")), None),
    ],
    "encode_hex": [((text("a\u00e9\U0001f600"),), "61c3a9f09f9880"), ((text(""),), ""), ((text(None),), None)],
    "decode_hex": [((text("61c3a9f09f9880"),), "a\u00e9\U0001f600"), ((text(""),), "")],
    "encode_base64": [((text("a\u00e9"),), "YcOp"), ((text("x" * 60),), "eHh4" * 20)],
    "decode_base64": [((text("aGVsbG8K"),), b"hello\n"), ((text(""),), b"")],
    "base64_to_hex": [((text("YcOp"),), "61c3a9"), ((text(None),), None)],
    "pad_right": [((text("12"), integer(4), text("0")), "1200"), ((text("1234"), integer(4), text("0")), "1234")],
    "regexp_matches": [
        ((text("abc"), text("b")), True),
        ((text("abc"), text("^b")), False),
        ((text("a\nc"), text("a.c")), True),
        ((text("2015T10:00Z"), text("T.*(Z|[-+][0-9]{2}:[0-9]{2})$")), True),
    ],
    "regexp_replace": [
        ((text("abcabc"), text("[ac]"), text("x")), "xbxxbx"),
        ((text("john doe"), text("(\\w+) (\\w+)"), text("\\2 \\1")), "doe john"),
        ((text("a\nb"), text("a.b"), text("x")), "x"),
    ],
    "regexp_remove": [((text("m{a}[b]{c}"), text("\\{[^}]*\\}")), "m[b]")],
    "quotient": [((integer(7), integer(2)), 3), ((integer(-7), integer(2)), -3), ((integer(7), integer(-2)), -3)],
    "remainder": [
        ((integer(7), integer(3)), 1),
        ((integer(-7), integer(3)), -1),
        ((decimal("2.2"), decimal("1.8")), Decimal("0.4")),
    ],
    "multiply_decimal": [
        ((decimal("0.1"), decimal("0.2")), Decimal("0.02")),
        ((decimal("-1.5"), decimal("2")), Decimal(-3)),
        ((decimal("0.000001"), decimal("0.0000001")), Decimal(0)),
        ((decimal("-12345678901234.5"), decimal("1000000.000001")), Decimal("-12345678901246845678.9012345")),
    ],
    "divide_decimal": [
        ((decimal("10"), decimal("4")), Decimal("2.5")),
        ((decimal("1"), decimal("3")), Decimal("0.333333333333")),
        ((decimal("-2"), decimal("3")), Decimal("-0.666666666667")),
        ((decimal("0"), decimal("3")), Decimal(0)),
        ((decimal("12345678.9"), decimal("0.001")), Decimal(12345678900)),
        ((decimal("-200000000000000.5"), decimal("3")), Decimal("-66666666666666.833333333333")),
        ((decimal("99999999999999999999"), decimal("7000000000000000000")), Decimal("14.285714285714")),
    ],
    "fitting": [
        ((decimal("-99999999999999999999999999.5"),), Decimal("-99999999999999999999999999.5")),
        ((integer(-(10**26)),), None),
        ((decimal(None),), None),
    ],
    "quotient_decimal": [
        ((decimal("5.5"), decimal("0.7")), 7),
        ((decimal("-5.5"), decimal("0.7")), -7),
        ((decimal("200000000000000.5"), decimal("-0.5")), -400000000000001),
    ],
    "scale": [
        ((decimal("1.5"), integer(3)), Decimal("4.5")),
        ((decimal("-0.001"), integer(1000)), Decimal(-1)),
        ((decimal("99999999999999"), integer(10**15)), None),
    ],
    "scale_ratio": [
        ((decimal("1"), integer(1), integer(3)), Decimal("0.333333333333")),
        ((decimal("-2"), integer(1), integer(3)), Decimal("-0.666666666667")),
        ((decimal("2.5"), integer(9), integer(5)), Decimal("4.5")),
    ],
    "absolute": [((integer(-5),), 5), ((decimal("-1.5"),), Decimal("1.5"))],
    "ceiling": [((decimal("1.1"),), 2), ((decimal("-1.1"),), -1)],
    "floor": [((decimal("1.9"),), 1), ((decimal("-1.1"),), -2)],
    "truncate": [((decimal("1.9"),), 1), ((decimal("-1.9"),), -1)],
    "round": [
        ((decimal("2.5"), integer(0)), Decimal(3)),
        ((decimal("-2.5"), integer(0)), Decimal(-3)),
        ((decimal("1.005"), integer(2)), Decimal("1.01")),
        ((decimal("1.2345"), integer(3)), Decimal("1.235")),
        ((decimal("1.5"), integer(20)), Decimal("1.5")),
        ((decimal("200000000000000.55"), integer(1)), Decimal("200000000000000.6")),
        ((decimal("1.5"), integer(None)), None),
    ],
    "exponential": [
        ((decimal("1"),), Decimal("2.71828183")),
        ((decimal("0"),), Decimal(1)),
        ((decimal("50"),), Decimal(5184705528587000000000)),
    ],
    "natural_logarithm": [((decimal("10"),), Decimal("2.30258509")), ((decimal("1"),), Decimal(0))],
    "logarithm": [((decimal("100"), decimal("10")), Decimal(2)), ((decimal("8"), decimal("2")), Decimal(3))],
    "square_root": [((decimal("2"),), Decimal("1.41421356")), ((decimal("81"),), Decimal(9))],
    "power": [((decimal("2"), decimal("3")), Decimal(8)), ((decimal("2"), decimal("-1")), Decimal("0.5"))],
    "decimal_digits": [((decimal("1.50"),), 1), ((decimal("100"),), 0), ((decimal("0.001"),), 3), ((decimal("0"),), 0)],
    "fold_text": [
        ((text("  A\tb\n C "),), "a b c"),
        ((text("\u00a0A\u2003\u3000b\u200b"),), "a b\u200b"),
        ((text(""),), ""),
    ],
    "array_sum": [
        ((integer(1, 2, 3),), 6),
        ((decimal("0.1", "0.2"),), Decimal("0.3")),
        ((array(SqlType.INTEGER),), None),
    ],
    "array_least": [((integer(3, 1, 2),), 1), ((array(SqlType.INTEGER),), None)],
    "array_greatest": [((decimal("1.5", "1.25"),), Decimal("1.5")), ((array(SqlType.INTEGER),), None)],
    "json_same": [
        ((json('{"a": [1.50, "x"]}'), json('{"a": [1.50, "x"]}')), True),
        ((json('{"a": 1}'), json('{"a": 2}')), False),
        ((json('{"a": 1.5}'), json('{"a": 1.50}')), False),
    ],
    "look_up": [((json('{"a": "x", "b": "y"}'), text("b")), "y"), ((json('{"a": "x"}'), text("z")), None)],
    "json_members": [
        (
            (json('{"b": 1, "a": {"c": 2}, "x/y~": 3, "it\'s": 4}'), text("b", "z")),
            [{"key": "a", "value": {"c": 2}}, {"key": "it's", "value": 4}, {"key": "x/y~", "value": 3}],
        ),
        ((json("{}"), text("b", "z")), []),
    ],
    "json_items": [
        ((json('[1, "a", {}]'),), [1, "a", {}]),
        ((json("3"),), [3]),
        ((json("[]"),), []),
        ((json(None),), []),
    ],
    "decimal_text": [
        ((decimal("1.5"),), "1.5"),
        ((decimal("-0.25"),), "-0.25"),
    ],
    "to_utc": [
        ((text("2015-02-07T13:28:17Z"),), "2015-02-07T13:28:17.000000"),
        ((text("2015-02-07T13:28:17.239+02:00"),), "2015-02-07T11:28:17.239000"),
        ((text("2015-12-31T20:00:00-11:30"),), "2016-01-01T07:30:00.000000"),
        ((text("2016-12-31T23:59:60Z"),), "2017-01-01T00:00:00.000000"),
        ((text("2016-12-31T23:59:60.250-11:30"),), "2017-01-01T11:30:00.250000"),
        ((text(None),), None),
    ],
    "array_length": [((text("a", "b"),), 2), ((_NO_TEXTS,), 0), ((integer(1, None),), 2)],
    "array_at": [
        ((text("a", "b"), integer(2)), "b"),
        ((text("a", "b"), integer(3)), None),
        ((text("a", "b"), integer(None)), None),
        ((_NO_TEXTS, integer(1)), None),
    ],
    "array_slice": [
        ((text("a", "b", "c"), integer(2), integer(3)), ["b", "c"]),
        ((text("a", "b", "c"), integer(2), integer(9)), ["b", "c"]),
        ((text("a", "b", "c"), integer(3), integer(2)), []),
        ((text("a", "b", "c"), integer(1), integer(0)), []),
        ((_NO_TEXTS, integer(1), integer(1)), []),
    ],
    "array_concat": [((text("a", "b"), text("b", "c")), ["a", "b", "b", "c"]), ((_NO_TEXTS, _NO_TEXTS), [])],
    "array_contains": [
        ((text("a", "b"), text("b")), True),
        ((integer(1, 2), integer(3)), False),
        ((_NO_TEXTS, text("a")), False),
    ],
    "json_places": [
        ((json('"a"', '{"a": 1}', '"a"', '"1"', "1", '{"a": 1}'),), [1, 2, 1, 4, 5, 2]),
        ((json("1", "1.0", "1.50", "2", "1.5"),), [1, 1, 3, 4, 3]),
        ((json('"a"', None, '"a"', None),), [1, 2, 1, 4]),
        ((array(SqlType.JSON),), []),
    ],
    "json_kind": [
        ((json('"a"'),), "string"),
        ((json("1.50"),), "number"),
        ((json("-1"),), "number"),
        ((json("1e2"),), "number"),
        ((json("true"),), "boolean"),
        ((json("{}"),), "object"),
        ((json("[1]"),), "array"),
        ((json("null"),), "null"),
        ((json(None),), None),
    ],
    "json_text": [
        ((json('"a\\"b\\u00e9"'),), 'a"b\u00e9'),
        ((json("-7"),), "-7"),
        ((json("false"),), "false"),
        ((json("null"),), None),
    ],
    "json_exact": [((json('{"a": [1, "x: 1.50,"]}'),), {"a": [1, "x: 1.50,"]}), ((json(None),), None)],
    "json_precise": [((json('{"a": [1, "x: 1.50,"]}'),), {"a": [1, "x: 1.50,"]}), ((json(None),), None)],
    "json_numeral": [((json("1.5"),), "1.5"), ((json("-12"),), "-12"), ((json("null"),), None), ((json(None),), None)],
    "json_plain": [((json('{"a": 1.5}'),), {"a": Decimal("1.5")}), ((json(None),), None)],
    "json_mentions": [((json('{"a": [{"b": null}]}'), text('"b"')), True), ((json('{"b": 1}'), text('"b"')), True)],
    "json_has": [((json('{"a": null}'), text("a")), True), ((json('{"a": 1}'), text("b")), False)],
    "to_json": [
        ((text('a"b'),), 'a"b'),
        ((integer(3),), 3),
        ((decimal("1.5"),), Decimal("1.5")),
    ],
    "json_boolean": [((boolean(True),), True), ((boolean(False),), False), ((boolean(None),), None)],
    "json_object": [((text("a"), integer(1), text("b"), text("x")), {"a": 1, "b": "x"})],
    "json_member": [((json('{"a": [1, null]}'),), {"a": [1, None]}), ((json("null"),), None)],
}

#: Primitives whose value depends on the moment: the shape of the text.
CLOCKS = {
    "now": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "today": r"\d{4}-\d\d-\d\d",
    "time_of_day": r"\d\d:\d\d:\d\d\.\d{3}",
}

#: Primitives that are parts of a regular expression, which is all that they can be judged by.
PATTERNS = ("word_boundary", "line_mode")

JSON_RESULTS = (
    "to_json",
    "json_boolean",
    "json_object",
    "json_member",
    "json_members",
    "json_items",
    "json_exact",
    "json_plain",
)

#: Primitives whose result is a whole number, of whichever SQL type; the compiler casts it.
WHOLE = ("quotient_decimal", "ceiling", "floor", "truncate", "array_sum")

#: Primitives whose arguments must have a type of their own, which a bare text literal of SQL has not.
TYPED = ("to_json", "json_boolean")
