"""From the text of a literal to its value and back."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal

#: No database holds numbers of anywhere near as many digits, and Python refuses to read much longer ones.
MAX_DIGITS = 1000

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([\s\S])|$)")
_CONTROL = {"r": "\r", "n": "\n", "t": "\t", "f": "\f"}
_ESCAPED = {character: "\\" + letter for letter, character in _CONTROL.items()} | {"\\": "\\\\"}

_MAX_OFFSET = datetime.timedelta(hours=14)


class InvalidLiteral(ValueError):
    """The text has the form of a literal, but there is no such value. Says what is wrong and what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def read_quoted(text: str) -> str:
    r"""Read a string or a name in backticks, with its quotes.

    A backslash before a character that needs none is dropped, as the specification says under "String".

    Examples
    --------
    >>> read_quoted(r"'it\'s \u002a \p \uD83D\uDD25'")
    "it's * p 🔥"
    """
    inner = text[1:-1]
    if "\\" not in inner:
        return inner
    value = _ESCAPE.sub(_unescape, inner)
    if "\\u" not in inner:
        return value
    # \uXXXX is one UTF-16 code unit, so a character beyond U+FFFF takes two of them.
    try:
        return value.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise InvalidLiteral(
            "a Unicode escape stands for half a character", r"characters beyond U+FFFF take two: \uD83D\uDD25"
        ) from None


def _unescape(match: re.Match[str]) -> str:
    code, character = match.groups()
    if code is not None:
        return chr(int(code, 16))
    return _CONTROL.get(character, character) if character is not None else ""


def quote(value: str, delimiter: str) -> str:
    r"""Write a string (delimiter ``'``) or a name (delimiter `````) so that `read_quoted` gets it back.

    Examples
    --------
    >>> print(quote("it's\n\x00", "'"))
    'it\'s\n\u0000'
    """
    return delimiter + "".join(_escape(character, delimiter) for character in value) + delimiter


def _escape(character: str, delimiter: str) -> str:
    if character == delimiter:
        return "\\" + character
    if character in _ESCAPED:
        return _ESCAPED[character]
    if character.isprintable():
        return character
    return re.sub("....", r"\\u\g<0>", character.encode("utf-16-be").hex())


def read_integer(text: str) -> int:
    """Read an integer; its range is a question of types, since the sign is an operator."""
    _check_digits(text)
    return int(text)


def read_decimal(text: str) -> Decimal:
    """Read a decimal with its scale."""
    _check_digits(text)
    return Decimal(text)


def _check_digits(text: str) -> None:
    if len(text) > MAX_DIGITS:
        raise InvalidLiteral(f"a number of {len(text)} characters is too long", f"at most {MAX_DIGITS} are read")


def read_date(text: str) -> str:
    """Read ``@YYYY[-MM[-DD]]``.

    Examples
    --------
    >>> read_date("@2015-02")
    '2015-02'
    """
    parts = [int(part) for part in text[1:].split("-")]
    year, month, day = (*parts, 1, 1)[:3]
    try:
        datetime.date(year, month, day)
    except ValueError:
        raise InvalidLiteral(
            f"{text} is not a date of the calendar", "dates run from @0001-01-01 to @9999-12-31"
        ) from None
    return text[1:]


def read_time(text: str) -> str:
    """Read ``@Thh[:mm[:ss[.fff]]]``.

    Examples
    --------
    >>> read_time("@T14:34")
    '14:34'
    """
    whole_seconds = text[2:].partition(".")[0]
    hour, minute, second = (*(int(part) for part in whole_seconds.split(":")), 0, 0)[:3]
    try:
        datetime.time(hour, minute, second)
    except ValueError:
        raise InvalidLiteral(
            f"{text} is not a time of the day", "times run from @T00:00:00 to @T23:59:59.999"
        ) from None
    return text[2:]


def read_datetime(text: str) -> str:
    """Read ``@DATE'T'[TIME[ZONE]]``; the ``T`` stays only if a time follows.

    Examples
    --------
    >>> read_datetime("@2015-02T"), read_datetime("@2015-02-04T14:34:28Z")
    ('2015-02', '2015-02-04T14:34:28Z')
    """
    date, _, rest = text.partition("T")
    read_date(date)
    if not rest:
        return date[1:]
    time, *offset = re.split(r"Z|[+-]", rest)
    read_time("@T" + time)
    if offset and offset[0]:
        hours, minutes = (int(part) for part in offset[0].split(":"))
        if minutes > 59 or datetime.timedelta(hours=hours, minutes=minutes) > _MAX_OFFSET:
            raise InvalidLiteral(
                f"{rest[len(time) :]} is not an offset of a time zone", "offsets run from -14:00 to +14:00"
            )
    return text[1:]


def write_datetime(value: str) -> str:
    """Write the literal of a DateTime.

    Examples
    --------
    >>> write_datetime("2015")
    '@2015T'
    """
    return f"@{value}" if "T" in value else f"@{value}T"
