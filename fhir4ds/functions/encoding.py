"""Encodings and escapes of text (FHIRPath, section "Additional String Functions")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidArguments
from fhir4ds.functions import characters
from fhir4ds.functions.declaration import Call, Example, Parameter, function
from fhir4ds.functions.strings import GROUP, computed, operands
from fhir4ds.plan.collection import STRING, Collection
from fhir4ds.plan.nodes import Apply, Case, Cast, Constant, FromJson, Node, apply, bind, integer, null, text
from fhir4ds.suggestion import did_you_mean

#: How a value is brought into a form.
_Form: TypeAlias = Callable[[Call, Node], Node]

#: Well-formed UTF-8 (Unicode, table 3-7) without U+0000, as lower-case hexadecimal digits.
_UTF8 = text(
    "^(?:0[1-9a-f]|[1-7][0-9a-f]"
    "|(?:c[2-9a-f]|d[0-9a-f])[89ab][0-9a-f]"
    "|(?:e0[ab]|e[1-9a-cef][89ab]|ed[89])[0-9a-f][89ab][0-9a-f]"
    "|(?:f0[9ab]|f[1-3][89ab]|f48)[0-9a-f](?:[89ab][0-9a-f]){2})*$"
)

#: Base64 (RFC 4648, section 4), with or without padding.
_BASE64 = text("^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$")

_HEX = "[0-9a-fA-F]"

#: The inside of a JSON string (RFC 8259, section 7) without U+0000 and without halves of characters.
_JSON = text(
    rf'^(?:[^"\\{chr(1)}-{chr(31)}]|\\["\\/bfnrt]|\\u(?:'
    rf"000[1-9a-fA-F]|00[1-9a-fA-F]{_HEX}|0[1-9a-fA-F]{_HEX}{{2}}|[1-9a-cefA-CEF]{_HEX}{{3}}|[dD][0-7]{_HEX}{{2}}"
    rf"|[dD][89abAB]{_HEX}{{2}}\\u[dD][c-fC-F]{_HEX}{{2}}))*$"
)

#: What stands for a character in HTML; the first one must be escaped first and unescaped last.
_HTML = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;"))
#: What other writers put for quotes.
_OTHER_HTML = (("'", "&apos;"), ('"', "&#34;"))

#: What JSON cannot hold as it is, but a string that is to be unescaped may. Pairs of backslashes come first, so that
#: what follows them is not taken for escaped.
_JSON_RAW = (
    ("\\\\", "\\u005c"),
    ('\\"', '"'),
    ('"', "\\u0022"),
    ("\n", "\\n"),
    ("\r", "\\r"),
    ("\t", "\\t"),
)


def _text(primitive: str, *arguments: Node) -> Node:
    return Apply(primitive, arguments, SqlType.TEXT)


def _replaced(value: Node, *pairs: tuple[str, str]) -> Node:
    for old, new in pairs:
        value = _text("replace", value, text(old), text(new))
    return value


def _if_matches(call: Call, value: Node, pattern: Node, body: Callable[[Node], Node]) -> Node:
    """``body`` of a value that matches; of NULL, and never of the value, if it does not.

    PostgreSQL evaluates constants while planning, also where a condition around them does not hold.
    """

    def checked(value: Node) -> Node:
        valid = Case(((apply("regexp_matches", value, pattern), value),), null(SqlType.TEXT))
        return bind(call.names.fresh(), valid, body)

    return bind(call.names.fresh(), value, checked)


def _from_hex(call: Call, value: Node) -> Node:
    return _if_matches(call, _text("lower", value), _UTF8, lambda digits: _text("decode_hex", digits))


def _from_base64(call: Call, value: Node) -> Node:
    return _from_hex(call, _if_matches(call, value, _BASE64, lambda valid: _text("base64_to_hex", _padded(valid))))


def _padded(value: Node) -> Node:
    over = apply("remainder", apply("length", value, type=SqlType.INTEGER), integer(4), type=SqlType.INTEGER)
    return Case(
        (
            (apply("equal", over, integer(2)), _text("concat", value, text("=="))),
            (apply("equal", over, integer(3)), _text("concat", value, text("="))),
        ),
        value,
    )


def _escape_json(call: Call, value: Node) -> Node:
    quoted = Cast(Apply("to_json", (Cast(value, SqlType.TEXT),), SqlType.JSON), SqlType.TEXT)

    def inside(quoted: Node) -> Node:
        size = apply("subtract", apply("length", quoted, type=SqlType.INTEGER), integer(2), type=SqlType.INTEGER)
        return _text("substring", quoted, integer(2), size)

    return bind(call.names.fresh(), quoted, inside)


def _unescape_json(call: Call, value: Node) -> Node:
    def read(inside: Node) -> Node:
        quoted = _text("concat", _text("concat", text('"'), inside), text('"'))
        return FromJson(Cast(quoted, SqlType.JSON), SqlType.TEXT)

    return _if_matches(call, _replaced(value, *_JSON_RAW), _JSON, read)


_ENCODINGS: Mapping[str, _Form] = {
    "hex": lambda _, value: _text("encode_hex", value),
    "base64": lambda _, value: _text("encode_base64", value),
    "urlbase64": lambda _, value: _replaced(_text("encode_base64", value), ("+", "-"), ("/", "_")),
    "ascii": lambda _, value: _text(
        "regexp_replace", value, text(characters.written([(1, 127)], negated=True)), text("?")
    ),
}
_DECODINGS: Mapping[str, _Form] = {
    "hex": _from_hex,
    "base64": _from_base64,
    "urlbase64": lambda call, value: _from_base64(call, _replaced(value, ("-", "+"), ("_", "/"))),
}
_ESCAPES: Mapping[str, _Form] = {"html": lambda _, value: _replaced(value, *_HTML), "json": _escape_json}
_UNESCAPES: Mapping[str, _Form] = {
    "html": lambda _, value: _replaced(
        value, *((escaped, plain) for plain, escaped in reversed((*_HTML, *_OTHER_HTML)))
    ),
    "json": _unescape_json,
}


def _brought(call: Call, parameter: str, forms: Mapping[str, _Form]) -> Collection:
    """The input brought into the form that the argument names."""
    given = operands(call, "an encoding or an escape", parameter)
    name = given[1] if given is not None else None
    if given is None or not isinstance(name, Constant):
        return computed(call, given, STRING, SqlType.TEXT, lambda value, name: _by_name(call, value, name, forms))
    form = forms.get(str(name.value))
    if form is None:
        known = ", ".join(map(repr, forms))
        hint = did_you_mean(str(name.value), forms) or f"the choices are {known}"
        raise call.error(InvalidArguments, f"there is no {parameter} {name.value!r}", hint)
    return computed(call, given[:1], STRING, SqlType.TEXT, lambda value: form(call, value))


def _by_name(call: Call, value: Node, name: Node, forms: Mapping[str, _Form]) -> Node:
    """A form whose name is only known when it is met; empty if it is none."""
    branches = ((apply("equal", name, text(known)), form(call, value)) for known, form in forms.items())
    return Case(tuple(branches), null(SqlType.TEXT))


@function(
    "encode",
    Parameter("format"),
    group=GROUP,
    returns="String",
    examples=(
        Example(expression="'test'.encode('base64')", result=("dGVzdA==",)),
        Example(expression="'subjects?_d'.encode('urlbase64')", result=("c3ViamVjdHM_X2Q=",)),
        Example(expression="'test'.encode('hex')", result=("74657374",)),
        Example(expression=r"'caf\u00e9'.encode('ascii')", result=("caf?",)),
    ),
)
def encode(call: Call) -> Collection:
    """The UTF-8 bytes of the string as ``hex``, ``base64`` or ``urlbase64``, or ``ascii`` with ``?`` for the rest."""
    return _brought(call, "format", _ENCODINGS)


@function(
    "decode",
    Parameter("format"),
    group=GROUP,
    returns="String",
    examples=(
        Example(expression="'dGVzdA=='.decode('base64')", result=("test",)),
        Example(expression="'c3ViamVjdHM_X2Q='.decode('urlbase64')", result=("subjects?_d",)),
        Example(expression="'74657374'.decode('hex')", result=("test",)),
        Example(expression="'ff'.decode('hex')", result=()),
    ),
)
def decode(call: Call) -> Collection:
    """The string whose UTF-8 bytes are given as ``hex``, ``base64`` or ``urlbase64``; empty if there is none."""
    return _brought(call, "format", _DECODINGS)


@function(
    "escape",
    Parameter("target"),
    group=GROUP,
    returns="String",
    examples=(
        Example(expression="""'"1<2"'.escape('html')""", result=("&quot;1&lt;2&quot;",)),
        Example(expression="""'"1<2"'.escape('json')""", result=('\\"1<2\\"',)),
    ),
)
def escape(call: Call) -> Collection:
    """The string as it can stand in ``html`` or inside a string of ``json``."""
    return _brought(call, "target", _ESCAPES)


@function(
    "unescape",
    Parameter("target"),
    group=GROUP,
    returns="String",
    examples=(
        Example(expression="'&quot;1&lt;2&quot;'.unescape('html')", result=('"1<2"',)),
        Example(expression=r"""'caf\\u00e9'.unescape('json')""", result=("caf\u00e9",)),
        Example(expression=r"""'\\q'.unescape('json')""", result=()),
    ),
)
def unescape(call: Call) -> Collection:
    """The string that ``escape`` has made, or another writer of ``html`` or ``json``; empty if JSON has no such escape."""
    return _brought(call, "target", _UNESCAPES)
