"""The syntax of unit expressions such as ``kg.m/s2``: a product of powers of symbols (UCUM, sections 2.1 to 2.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import attrs

#: What stands in curly braces, which says nothing about the magnitude (UCUM, section 2.1, paragraph 6).
ANNOTATION = r"\{[^{}]*\}"

#: No unit in use comes near this length.
_LONGEST = 200

# Inside square brackets every character is part of the symbol: [m/s2/Hz^(1/2)].
_TOKEN = re.compile(rf"(?P<mark>[./()])|(?P<annotation>{ANNOTATION})|(?P<symbol>(?:\[[^\[\]]*\]|[^\[\](){{}}./\s])+)")
_POWER = re.compile(r"(?P<symbol>.*[^0-9+-])(?P<exponent>[+-]?[0-9]{1,3})?")
_NUMBER = re.compile(r"[1-9][0-9]*")


@attrs.frozen
class Power:
    """A symbol and its exponent; the symbol is a unit with or without a prefix, or a whole number."""

    symbol: str
    exponent: int = 1

    @property
    def is_number(self) -> bool:
        """Whether it is a plain factor, as in ``100.g``."""
        return self.symbol.isdigit()


def parse(code: str) -> tuple[Power, ...] | None:
    """Read a unit expression, from left to right; annotations are dropped.

    Parameters
    ----------
    code : str
        A case-sensitive UCUM expression.

    Returns
    -------
    tuple of Power or None
        The factors; none at all for ``1`` and ``{cells}``. None if the syntax is wrong.

    Examples
    --------
    >>> parse("10*3{cells}/(uL.h2)")
    (Power(symbol='10*', exponent=3), Power(symbol='uL', exponent=-1), Power(symbol='h', exponent=-2))
    >>> parse("mg//dL") is None
    True
    """
    tokens = _tokens(code)
    if not tokens:
        return None
    powers = _Reader(tokens).read()
    return None if powers is None else tuple(power for power in powers if power.symbol != "1")


def _tokens(code: str) -> list[str]:
    """The tokens of an expression; none if there is a character that belongs to none."""
    matches = list(_TOKEN.finditer(code)) if len(code) <= _LONGEST else []
    return [match.group() for match in matches] if sum(len(match.group()) for match in matches) == len(code) else []


class _Reader:
    """Reads tokens by recursive descent."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._place = 0

    def read(self) -> list[Power] | None:
        powers = self._term()
        return powers if self._place == len(self._tokens) else None

    def _next(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def _take(self, *tokens: str) -> str:
        token = self._next()
        if token not in tokens:
            return ""
        self._place += 1
        return token

    def _term(self) -> list[Power] | None:
        operator = self._take("/") or "."
        powers: list[Power] = []
        while operator:
            component = self._component()
            if component is None:
                return None
            sign = -1 if operator == "/" else 1
            powers += (Power(power.symbol, sign * power.exponent) for power in component)
            operator = self._take(".", "/")
        return powers

    def _component(self) -> list[Power] | None:
        token = self._next()
        if token in (")", ".", "/", ""):
            return None
        self._place += 1
        if token.startswith("{"):
            return []
        powers = self._group() if token.startswith("(") else _power(token)
        if self._next().startswith("{"):
            self._place += 1
        return powers

    def _group(self) -> list[Power] | None:
        powers = self._term()
        return powers if self._take(")") else None


def _power(token: str) -> list[Power] | None:
    if _NUMBER.fullmatch(token):
        return [Power(token)]
    match = _POWER.fullmatch(token)
    return None if match is None else [Power(match["symbol"], int(match["exponent"] or 1))]


def write(powers: Iterable[Power]) -> str:
    """Write a product of powers as a unit expression, each symbol once.

    Examples
    --------
    >>> write([Power("m"), Power("s", -1), Power("s", -1)])
    'm/s2'
    >>> write([Power("m"), Power("m", -1)])
    '1'
    """
    exponents: dict[str, int] = {}
    for power in powers:
        exponents[power.symbol] = exponents.get(power.symbol, 0) + power.exponent
    above = [part for symbol, exponent in exponents.items() for part in _parts(symbol, exponent)]
    below = ["/" + part for symbol, exponent in exponents.items() for part in _parts(symbol, -exponent)]
    return ".".join(above) + "".join(below) or "1"


def _parts(symbol: str, exponent: int) -> Iterator[str]:
    """The text of a power; nothing if the exponent is not positive."""
    if exponent <= 0:
        return
    if Power(symbol).is_number:
        # Digits behind digits would make another number.
        yield from (symbol for _ in range(exponent))
    else:
        yield symbol if exponent == 1 else f"{symbol}{exponent}"
