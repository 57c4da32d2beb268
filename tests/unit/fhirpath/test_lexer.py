from __future__ import annotations

import pytest

from fhir4ds.errors import FHIRPathSyntaxError
from fhir4ds.fhirpath.lexer import Token, TokenKind, tokenize

K = TokenKind


def kinds(text: str) -> list[tuple[TokenKind, str]]:
    return [(token.kind, token.text) for token in tokenize(text)[:-1]]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("name", K.WORD),
        ("_x9", K.WORD),
        ("and", K.WORD),
        ("`a b`", K.DELIMITED),
        (r"`a\`b`", K.DELIMITED),
        ("``", K.DELIMITED),
        ("$this", K.VARIABLE),
        ("''", K.STRING),
        (r"'it\'s'", K.STRING),
        ("'two\nlines'", K.STRING),
        (r"'\\'", K.STRING),
        (r"'\'", K.STRING),
        ("0", K.INTEGER),
        ("007", K.INTEGER),
        ("42L", K.LONG),
        ("1.50", K.DECIMAL),
        ("@2015", K.DATE),
        ("@2015-02", K.DATE),
        ("@2015-02-04", K.DATE),
        ("@2015T", K.DATETIME),
        ("@2015-02T", K.DATETIME),
        ("@2015-02-04T", K.DATETIME),
        ("@2015-02-04T14", K.DATETIME),
        ("@2015-02-04T14:34", K.DATETIME),
        ("@2015-02-04T14:34:28Z", K.DATETIME),
        ("@2015-02-04T14:34:28.123+10:00", K.DATETIME),
        ("@2015T14-05:00", K.DATETIME),
        ("@T14", K.TIME),
        ("@T14:34", K.TIME),
        ("@T14:34:28.123", K.TIME),
        *((symbol, K.SYMBOL) for symbol in [*"+-*/&|<>=~.,:%()[]{}", "<=", ">=", "!=", "!~"]),
    ],
)
def test_one_token(text: str, kind: TokenKind) -> None:
    assert tokenize(text) == [Token(kind, text, 0), Token(K.END, "", len(text))]


@pytest.mark.parametrize(
    ("text", "texts"),
    [
        ("1.a", ["1", ".", "a"]),
        ("1.5.a", ["1.5", ".", "a"]),
        ("1year", ["1", "year"]),
        ("12La", ["12L", "a"]),
        ("a.b<=c!~d", ["a", ".", "b", "<=", "c", "!~", "d"]),
        ("@2015.a", ["@2015", ".", "a"]),
        ("@2015-1", ["@2015", "-", "1"]),
        ("@T14:34.5", ["@T14:34", ".", "5"]),
        ("@2015-02-04T14:3", ["@2015-02-04T14", ":", "3"]),
        ("%a", ["%", "a"]),
        ("'a''b'", ["'a'", "'b'"]),
        ("a//b\nc/**/d/*\n*/", ["a", "c", "d"]),
        ("a / b", ["a", "/", "b"]),
        ("/* // */ a // /*", ["a"]),
        (" \t\r\n", []),
        ("", []),
    ],
)
def test_longest_token_wins(text: str, texts: list[str]) -> None:
    assert [token for _, token in kinds(text)] == texts


def test_positions_count_characters_with_blanks_and_comments() -> None:
    assert [(token.text, token.position, token.end) for token in tokenize(" /* é🔥 */ a\n.b")] == [
        ("a", 10, 11),
        (".", 12, 13),
        ("b", 13, 14),
        ("", 14, 14),
    ]


@pytest.mark.parametrize(
    ("text", "position", "message", "hint"),
    [
        ("2 /* x", 2, "this comment is never closed", "a comment that starts with /* ends with */"),
        ("/*/", 0, "this comment is never closed", "a comment that starts with /* ends with */"),
        (
            "a = 'b",
            4,
            "this string is never closed",
            r"strings end with a single quote; one inside a string is written \'",
        ),
        ("a.`b", 2, "this name in backticks is never closed", "add a backtick at its end"),
        ('a = "b c"', 4, "double quotes mean nothing in FHIRPath", "strings stand in single quotes: 'b c'"),
        ('a = "b\'c"', 4, "double quotes mean nothing in FHIRPath", "strings stand in single quotes"),
        ('a = "', 4, "double quotes mean nothing in FHIRPath", "strings stand in single quotes"),
        ("a == b", 2, "'==' is not an operator of FHIRPath", "equality is '='"),
        ("a === b", 2, "'===' is not an operator of FHIRPath", "equality is '='"),
        ("a !== b", 2, "'!==' is not an operator of FHIRPath", "inequality is '!='"),
        ("a <> b", 2, "'<>' is not an operator of FHIRPath", "inequality is '!='"),
        ("a =< b", 2, "'=<' is not an operator of FHIRPath", "less or equal is '<='"),
        ("a => b", 2, "'=>' is not an operator of FHIRPath", "greater or equal is '>='"),
        ("a && b", 2, "'&&' is not an operator of FHIRPath", "the logical operator is 'and'"),
        (
            "a || b",
            2,
            "'||' is not an operator of FHIRPath",
            "the logical operator is 'or'; the union of two collections is '|'",
        ),
        ("!a", 0, "'!' is not an operator of FHIRPath", "negation is a function: active.not()"),
        ("@T14:34:28Z", 0, "a time has no time zone", "write @T14:34:28, or a date and time with a zone"),
        ("@T14:34+10:00", 0, "a time has no time zone", "write @T14:34, or a date and time with a zone"),
        (
            "a > @15-02-04",
            4,
            "unexpected '@'",
            "a date is written @2015-02-04, a date and time @2015-02-04T14:34:28Z, a time @T14:34",
        ),
        ("$.a", 0, "unexpected '$'", "the variables of an iteration are $this, $index and $total"),
        ("a ? b : c", 2, "unexpected '?'", "a choice is a function: iif(condition, value, otherwise)"),
        ("a;", 1, "unexpected ';'", "an expression ends where its text ends"),
        ("a # b", 2, "unexpected '#'", "a comment starts with //"),
        ("a ^ 2", 2, "unexpected '^'", "powers are a function: value.power(2)"),
        ("a.\\b", 2, "unexpected '\\'", "a backslash has a meaning only inside quotes or backticks"),
        ("a = ‘b’", 4, "unexpected '‘' (left single quotation mark)", "strings stand in straight single quotes: '...'"),
        ("a – b", 2, "unexpected '–' (en dash)", "the minus sign is the ASCII hyphen '-'"),
        ("a − b", 2, "unexpected '−' (minus sign)", "the minus sign is the ASCII hyphen '-'"),
        ("a\u00a0and b", 1, "unexpected no-break space", "only space, tab and line breaks may separate words"),
        ("a\x00", 1, "unexpected character U+0000", "only space, tab and line breaks may separate words"),
        (
            "naïve",
            2,
            "unexpected 'ï' (latin small letter i with diaeresis)",
            "names with other characters than ASCII letters, digits and _ stand in backticks: `...`",
        ),
        ("a 🔥", 2, "unexpected '🔥' (fire)", "such characters belong in strings or comments"),
        (
            "'a' = '\udc80'",
            7,
            "U+DC80 is half a character, not a character",
            "the text was read in the wrong encoding; it should be UTF-8",
        ),
    ],
)
def test_what_is_no_token_is_explained(text: str, position: int, message: str, hint: str) -> None:
    with pytest.raises(FHIRPathSyntaxError) as caught:
        tokenize(text)
    fault = caught.value
    assert (fault.message, fault.hint, fault.position, fault.expression) == (message, hint, position, text)
