"""Sets of characters in regular expressions, as ranges of code points."""

from __future__ import annotations

import functools
import sys
import unicodedata
from collections.abc import Iterable
from typing import TypeAlias

#: First and last code point.
Range: TypeAlias = tuple[int, int]

LAST = sys.maxunicode

#: Halves of characters of UTF-16.
SURROGATES = range(0xD800, 0xE000)

_DIGITS: list[Range] = [(48, 57)]
_UPPER: list[Range] = [(65, 90)]
_LOWER: list[Range] = [(97, 122)]
_LETTERS = [*_UPPER, *_LOWER]

#: What a backslash and a letter stand for: ASCII, as PCRE and RE2 have it and whatever the locale of a database.
CLASSES: dict[str, list[Range]] = {
    "d": _DIGITS,
    "w": [*_DIGITS, *_LETTERS, (95, 95)],
    "s": [(9, 13), (32, 32)],
}

#: What a name between ``[:`` and ``:]`` stands for.
POSIX: dict[str, list[Range]] = {
    "alpha": _LETTERS,
    "digit": _DIGITS,
    "alnum": [*_DIGITS, *_LETTERS],
    "upper": _UPPER,
    "lower": _LOWER,
    "space": CLASSES["s"],
    "blank": [(9, 9), (32, 32)],
    "punct": [(33, 47), (58, 64), (91, 96), (123, 126)],
    "xdigit": [*_DIGITS, (65, 70), (97, 102)],
    "word": CLASSES["w"],
    "cntrl": [(1, 31), (127, 127)],
    "print": [(32, 126)],
    "graph": [(33, 126)],
}


def written(ranges: Iterable[Range], *, negated: bool = False) -> str:
    r"""Write a set in brackets; U+0000 is in no text of a database, and in no set.

    Examples
    --------
    >>> written([(97, 99), (93, 93), (100, 102)], negated=True)
    '[^\\]a-f]'
    >>> written([(0, 0)]) == written([(1, LAST)], negated=True)
    True
    """
    known = _merged((max(first, 1), last) for first, last in ranges if last)
    if not known:
        # A set without members has no spelling.
        known, negated = [(1, LAST)], not negated
    spelled = "".join(_member(first) if first == last else f"{_member(first)}-{_member(last)}" for first, last in known)
    return f"[{'^' if negated else ''}{spelled}]"


def _member(code: int) -> str:
    character = chr(code)
    return "\\" + character if character in "\\[]^-" else character


def _merged(ranges: Iterable[Range]) -> list[Range]:
    merged: list[Range] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def complement(ranges: Iterable[Range]) -> list[Range]:
    """All other characters.

    Examples
    --------
    >>> complement([(1, 47), (58, 0x10FFFF)])
    [(48, 57)]
    """
    merged = _merged(ranges)
    starts = [1, *(last + 1 for _, last in merged)]
    ends = [*(first - 1 for first, _ in merged), LAST]
    return [(start, end) for start, end in zip(starts, ends, strict=True) if start <= end]


@functools.lru_cache
def category(name: str) -> tuple[Range, ...]:
    """The characters of a general category of Unicode, such as ``L`` or ``Lu``; none if there is no such category.

    Examples
    --------
    >>> category("Zs")[0]
    (32, 32)
    """
    codes = (
        code
        for code in range(1, LAST + 1)
        if code not in SURROGATES and unicodedata.category(chr(code)).startswith(name)
    )
    return tuple(_merged((code, code) for code in codes))
