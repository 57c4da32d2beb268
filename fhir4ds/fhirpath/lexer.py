"""Cuts the text of an expression into tokens."""

from __future__ import annotations

import enum
import re
import unicodedata
from typing import NamedTuple

from fhir4ds.errors import FHIRPathSyntaxError


class TokenKind(enum.Enum):
    """The lexical classes of ``fhirpath.g4``, with the keywords among the words."""

    WORD = "word"
    DELIMITED = "name in backticks"
    VARIABLE = "variable"
    STRING = "string"
    INTEGER = "integer"
    LONG = "long integer"
    DECIMAL = "decimal"
    DATE = "date"
    DATETIME = "date and time"
    TIME = "time"
    SYMBOL = "symbol"
    END = "end"


class Token(NamedTuple):
    """A piece of the text.

    Parameters
    ----------
    kind : TokenKind
        Its lexical class.
    text : str
        The characters themselves, with quotes and escapes; empty for the end.
    position : int
        Offset of the first of them.
    """

    kind: TokenKind
    text: str
    position: int

    @property
    def end(self) -> int:
        """Offset behind the last character."""
        return self.position + len(self.text)


_DATE = r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?"
_TIME = r"[0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?"
_ZONE = r"(?:Z|[+-][0-9]{2}:[0-9]{2})"

# The first alternative that matches wins, so a longer form stands before its own beginnings. The groups that are not in
# TokenKind are faults: each character belongs to some group, and what no rule of the grammar takes ends up in one of them.
_TOKEN = re.compile(
    rf"""
      (?P<SPACE> [ \r\n\t]+ | //[^\r\n]* | /\*[\s\S]*?\*/ )
    | (?P<WORD> [A-Za-z_][A-Za-z0-9_]* )
    | (?P<OPEN_COMMENT> /\* )
    | (?P<OPERATOR> ===? | !== | =[<>] | && | \|\| | <> | !(?![=~]) )
    | (?P<SYMBOL> [<>!]= | !~ | [-+*/&|<>=~.,:%()\[\]{{}}] )
    | (?P<STRING> '[^'\\]*(?:\\[\s\S][^'\\]*)*' | '\\' )
    | (?P<DECIMAL> [0-9]+\.[0-9]+ )
    | (?P<LONG> [0-9]+L )
    | (?P<INTEGER> [0-9]+ )
    | (?P<DATETIME> @{_DATE}T(?:{_TIME}{_ZONE}?)? )
    | (?P<ZONED_TIME> @T{_TIME}{_ZONE} )
    | (?P<TIME> @T{_TIME} )
    | (?P<DATE> @{_DATE} )
    | (?P<DELIMITED> `[^`\\]*(?:\\[\s\S][^`\\]*)*` )
    | (?P<VARIABLE> \$[A-Za-z_][A-Za-z0-9_]* )
    | (?P<OPEN_STRING> ' )
    | (?P<OPEN_DELIMITED> ` )
    | (?P<DOUBLE_QUOTED> "[^"]*"? )
    | (?P<OTHER> [\s\S] )
    """,
    re.VERBOSE,
)

_KINDS = {kind.name: kind for kind in TokenKind}

#: What operators of other languages are called here.
_FOREIGN_OPERATORS = {
    "==": "equality is '='",
    "===": "equality is '='",
    "!==": "inequality is '!='",
    "<>": "inequality is '!='",
    "=<": "less or equal is '<='",
    "=>": "greater or equal is '>='",
    "&&": "the logical operator is 'and'",
    "||": "the logical operator is 'or'; the union of two collections is '|'",
    "!": "negation is a function: active.not()",
}

_FOREIGN_CHARACTERS = {
    "@": "a date is written @2015-02-04, a date and time @2015-02-04T14:34:28Z, a time @T14:34",
    "$": "the variables of an iteration are $this, $index and $total",
    "?": "a choice is a function: iif(condition, value, otherwise)",
    ";": "an expression ends where its text ends",
    "#": "a comment starts with //",
    "^": "powers are a function: value.power(2)",
    "\\": "a backslash has a meaning only inside quotes or backticks",
}


def tokenize(text: str) -> list[Token]:
    """Cut an expression into tokens, without blanks and comments.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    list of Token
        The last one is of kind ``END``.

    Raises
    ------
    FHIRPathSyntaxError
        At the first character that can belong to no token.

    Examples
    --------
    >>> [token.text for token in tokenize("a.where(b >= 1.5) // all")]
    ['a', '.', 'where', '(', 'b', '>=', '1.5', ')', '']
    """
    if not text.isascii():
        _refuse_lone_surrogates(text)
    tokens: list[Token] = []
    for match in _TOKEN.finditer(text):
        group = match.lastgroup
        if group == "SPACE":
            continue
        kind = _KINDS.get(group or "")
        if kind is None:
            message, hint = _explain(group or "", match.group())
            raise FHIRPathSyntaxError(message, expression=text, position=match.start(), hint=hint)
        tokens.append(Token(kind, match.group(), match.start()))
    tokens.append(Token(TokenKind.END, "", len(text)))
    return tokens


def _refuse_lone_surrogates(text: str) -> None:
    # No database takes them, and they cannot even be printed; they come from undecodable bytes on a command line.
    try:
        text.encode()
    except UnicodeEncodeError as fault:
        raise FHIRPathSyntaxError(
            f"U+{ord(text[fault.start]):04X} is half a character, not a character",
            expression=text,
            position=fault.start,
            hint="the text was read in the wrong encoding; it should be UTF-8",
        ) from None


def _explain(group: str, text: str) -> tuple[str, str]:
    """Message and hint for a piece of text that is no token."""
    if group == "OPEN_COMMENT":
        return ("this comment is never closed", "a comment that starts with /* ends with */")
    if group == "OPEN_STRING":
        return ("this string is never closed", r"strings end with a single quote; one inside a string is written \'")
    if group == "OPEN_DELIMITED":
        return "this name in backticks is never closed", "add a backtick at its end"
    if group == "DOUBLE_QUOTED":
        inner = text.strip('"')
        quotable = 0 < len(inner) <= 40 and inner.isprintable() and not set(inner) & {"'", "\\"}
        return (
            "double quotes mean nothing in FHIRPath",
            "strings stand in single quotes" + (f": '{inner}'" if quotable else ""),
        )
    if group == "ZONED_TIME":
        return ("a time has no time zone", f"write {re.split('[Z+-]', text)[0]}, or a date and time with a zone")
    if group == "OPERATOR":
        return f"'{text}' is not an operator of FHIRPath", _FOREIGN_OPERATORS[text]
    return _explain_character(text)


def _explain_character(character: str) -> tuple[str, str]:
    if character in _FOREIGN_CHARACTERS:
        return f"unexpected '{character}'", _FOREIGN_CHARACTERS[character]
    name = unicodedata.name(character, "").lower() or f"character U+{ord(character):04X}"
    category = unicodedata.category(character)
    shown = f"'{character}' ({name})" if character.isprintable() else name
    if category in ("Pi", "Pf") or character == "\N{ACUTE ACCENT}":
        hint = "strings stand in straight single quotes: '...'"
    elif category == "Pd" or character == "\N{MINUS SIGN}":
        hint = "the minus sign is the ASCII hyphen '-'"
    elif category[0] in "ZC":
        hint = "only space, tab and line breaks may separate words"
    elif category[0] in "LMN":
        hint = "names with other characters than ASCII letters, digits and _ stand in backticks: `...`"
    else:
        hint = "such characters belong in strings or comments"
    return f"unexpected {shown}", hint
