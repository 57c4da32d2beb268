"""What to tell someone whose expression stopped making sense at a token."""

from __future__ import annotations

from fhir4ds.fhirpath.grammar import BINARY, CALENDAR_UNITS, RESERVED
from fhir4ds.fhirpath.lexer import Token, TokenKind
from fhir4ds.suggestion import did_you_mean

_LONGEST = 40

_NUMBERS = (TokenKind.INTEGER, TokenKind.DECIMAL)
_DATES = (TokenKind.DATE, TokenKind.DATETIME, TokenKind.TIME)


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
    previous = tokens[index - 1] if index else None
    hint = _advise_after(previous, token) if previous is not None else None
    return hint or _advise_on(token)


def _advise_after(previous: Token, token: Token) -> str | None:
    """Mistakes that show in what comes before the token."""
    if previous.text == ".":
        return _advise_after_dot(token)
    if previous.kind in _DATES and previous.end == token.position and token.kind is not TokenKind.END:
        if previous.kind is TokenKind.TIME:
            return "a time is @Thh, @Thh:mm, @Thh:mm:ss or @Thh:mm:ss.fff"
        return "a date is @YYYY, @YYYY-MM or @YYYY-MM-DD; a time follows as Thh:mm:ss, then a zone as Z or +hh:mm"
    if previous.kind in _NUMBERS and token.kind is TokenKind.WORD:
        return did_you_mean(token.text, sorted(CALENDAR_UNITS)) or (
            f"a UCUM unit stands in quotes: {previous.text} '{token.text}'"
        )
    if previous.text == "not" and _starts_operand(token):
        return "negation is a function: active.not()"
    if previous.text == "is" and token.text == "(":
        return "the type after 'is' stands without parentheses"
    if token.text == "%":
        return "a remainder is a mod b; % starts the name of a variable from outside"
    if token.kind is TokenKind.WORD and token.text.lower() in BINARY and token.text not in BINARY:
        return f"operators are written in lower case: {token.text.lower()}"
    if token.text in ("asc", "desc"):
        return "asc and desc belong to the arguments of sort()"
    if token.text == "not":
        return "negation is a function: active.not()"
    return None


def _advise_after_dot(token: Token) -> str | None:
    if token.kind is TokenKind.INTEGER:
        return f"an item is picked by its index in brackets: [{token.text}]"
    if token.kind is TokenKind.STRING:
        return f"names with special characters stand in backticks: `{token.text[1:-1]}`"
    if token.kind is TokenKind.VARIABLE:
        return f"{token.text} stands at the beginning of a path: {token.text}.name"
    if token.text == "(":
        return "an expression is applied to each item by select(...)"
    if token.text == "*":
        return "all elements of an item are children()"
    return _advise_on(token)


def _advise_on(token: Token) -> str | None:
    """Mistakes that show in the token itself."""
    if token.kind is TokenKind.WORD and token.text in RESERVED:
        return f"'{token.text}' is a word of the language; as a name it stands in backticks: `{token.text}`"
    if token.kind is TokenKind.VARIABLE:
        return did_you_mean(token.text, ("$this", "$index", "$total")) or (
            "the variables of an iteration are $this, $index and $total; those from outside start with %"
        )
    if token.text in (")", "]", "}"):
        return f"nothing is open that '{token.text}' could close, or something is missing before it"
    return None


def _starts_operand(token: Token) -> bool:
    return token.kind not in (TokenKind.SYMBOL, TokenKind.END) or token.text in ("(", "{", "%")
