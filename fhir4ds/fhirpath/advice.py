"""What to tell someone whose expression stopped making sense at a token."""

from __future__ import annotations

from fhir4ds.fhirpath.grammar import BINARY, CALENDAR_UNITS, RESERVED
from fhir4ds.fhirpath.lexer import Token, TokenKind
from fhir4ds.suggestion import did_you_mean

_LONGEST = 40

_NUMBERS = (TokenKind.INTEGER, TokenKind.DECIMAL)
_DATES = (TokenKind.DATE, TokenKind.DATETIME, TokenKind.TIME)
_DATE_FORM = "a date is @YYYY, @YYYY-MM or @YYYY-MM-DD; a time follows as Thh:mm:ss, then a zone as Z or +hh:mm"
_TIME_FORM = "a time is @Thh, @Thh:mm, @Thh:mm:ss or @Thh:mm:ss.fff"

_VARIABLES = ("$this", "$index", "$total")
_CLOSING = {")": "(", "]": "[", "}": "{"}
_START = Token(TokenKind.SYMBOL, "", 0)

_CHOICE = "a choice is a function: iif(condition, value, otherwise)"
#: Words of other languages where an operator should be.
_FOREIGN_WORDS = {
    "null": "there is no null: a.exists() and a.empty() ask whether there is a value",
    "like": "patterns are functions: name.contains('...'), name.matches('...')",
    "then": _CHOICE,
    "when": _CHOICE,
}


def describe(token: Token) -> str:
    """Name a token in a message.

    Examples
    --------
    >>> describe(Token(TokenKind.WORD, "and", 0)), describe(Token(TokenKind.END, "", 3))
    ("'and'", 'the end of the expression')
    """
    if token.kind is TokenKind.END:
        return "the end of the expression"
    text = token.text if len(token.text) <= _LONGEST else token.text[:_LONGEST] + "..."
    if token.kind is TokenKind.STRING:
        return f"the string {text}"
    if token.kind in _NUMBERS or token.kind is TokenKind.LONG:
        return f"the number {text}"
    return f"'{text}'" if token.kind is not TokenKind.DELIMITED else text


def place(text: str, position: int) -> str:
    r"""Name a place in a text.

    Examples
    --------
    >>> place("a.where(b", 7), place("a\n.where(b", 8)
    ('column 8', 'line 2, column 7')
    """
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return f"column {column}" if "\n" not in text else f"line {line}, column {column}"


def advise(tokens: list[Token], index: int) -> str | None:
    """Guess the mistake behind an unexpected token.

    Parameters
    ----------
    tokens : list of Token
        The whole expression.
    index : int
        The token that does not fit; all before it do.

    Returns
    -------
    str or None
        A hint; None if nothing is known that would help.
    """
    token = tokens[index]
    if token.text in _CLOSING and not _is_open(_CLOSING[token.text], tokens[:index]):
        return f"no '{_CLOSING[token.text]}' is open here"
    previous = tokens[index - 1] if index else _START
    following = tokens[index + 1] if token.kind is not TokenKind.END else token
    if previous.text == ".":
        return _advise_on_member(token)
    if _ends_operand(previous):
        return _advise_on_operator(previous, token, following)
    return _advise_on_operand(previous, token, following)


def _advise_on_member(token: Token) -> str | None:
    """Mistakes after a dot."""
    if token.kind is TokenKind.INTEGER:
        return f"an item is picked by its index in brackets: [{token.text}]"
    if token.kind is TokenKind.STRING:
        return "names with special characters stand in backticks" + _example(token.text[1:-1], "`")
    if token.kind is TokenKind.VARIABLE:
        return f"{token.text} stands at the beginning of a path: {token.text}.name"
    if token.text == "(":
        return "an expression is applied to each item by select(...)"
    if token.text == "*":
        return "all elements of an item are children()"
    return _advise_on_reserved(token)


def _advise_on_operator(previous: Token, token: Token, following: Token) -> str | None:
    """Mistakes after something that is complete."""
    word = token.text.lower() if token.kind is TokenKind.WORD else ""
    if previous.kind in _DATES and previous.end == token.position and token.kind is not TokenKind.END:
        return _TIME_FORM if previous.kind is TokenKind.TIME else _DATE_FORM
    if token.text == "%":
        return "a remainder is a mod b; % starts the name of a variable from outside"
    if token.text == ",":
        return "commas separate the arguments of a function; a union is a | b"
    if word in BINARY and token.text not in BINARY:
        return f"operators are written in lower case: {word}"
    if word in _FOREIGN_WORDS:
        return _FOREIGN_WORDS[word]
    if token.text in ("asc", "desc"):
        return "asc and desc belong to the arguments of sort()"
    if token.text == "not" or (previous.text == "not" and _starts_operand(token)):
        return "negation is a function: active.not()"
    if previous.text in ("if", "case") and _starts_operand(token):
        return _CHOICE
    if previous.kind in _NUMBERS and word and following.text != ":":
        return did_you_mean(token.text, sorted(CALENDAR_UNITS)) or (
            "a UCUM unit stands in quotes" + _example(token.text, "'", previous.text + " ")
        )
    return None


def _advise_on_operand(previous: Token, token: Token, following: Token) -> str | None:
    """Mistakes where something should begin."""
    if token.kind is TokenKind.VARIABLE:
        return did_you_mean(token.text, _VARIABLES) or (
            "the variables of an iteration are $this, $index and $total; those from outside start with %"
        )
    if token.text == "." and following.kind is TokenKind.INTEGER:
        return f"a decimal has a digit before the point: 0.{following.text}"
    if previous.text in ("is", "as") and token.text == "(":
        return f"the type after '{previous.text}' stands without parentheses"
    if previous.text == "{":
        if token.text == "}":
            return "an instance without elements is written with a colon: Coding { : }"
        return "{} is the empty collection; a collection of several items is (1 | 2 | 3)"
    return _advise_on_reserved(token)


def _advise_on_reserved(token: Token) -> str | None:
    if token.kind is not TokenKind.WORD or token.text not in RESERVED:
        return None
    if token.text in BINARY:
        return f"'{token.text}' is an operator and stands between two expressions; as a name it is `{token.text}`"
    return f"'{token.text}' is a word of the language; as a name it stands in backticks: `{token.text}`"


def _example(text: str, quote: str, before: str = "") -> str:
    shown = before + quote + text + quote
    return f": {shown}" if len(shown) <= _LONGEST else ""


def _is_open(opening: str, tokens: list[Token]) -> bool:
    closing = next(closing for closing, other in _CLOSING.items() if other == opening)
    texts = [token.text for token in tokens]
    return texts.count(opening) > texts.count(closing)


def _ends_operand(token: Token) -> bool:
    """Whether an operator may follow, as far as one token can tell."""
    if token.kind is TokenKind.WORD:
        return token.text not in BINARY
    return token.kind is not TokenKind.SYMBOL or token.text in _CLOSING


def _starts_operand(token: Token) -> bool:
    return token.kind not in (TokenKind.SYMBOL, TokenKind.END) or token.text in ("(", "{", "%")
