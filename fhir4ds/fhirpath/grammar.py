"""The words of the language and how tightly its operators bind.

Names and order follow ``fhirpath.g4`` of the FHIRPath specification; parser and printer share these tables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

#: Binding strength of the binary operators, loosest first; all of them associate to the left.
BINARY: Mapping[str, int] = MappingProxyType(
    {
        operator: strength
        for strength, operators in enumerate(
            (
                ("implies",),
                ("or", "xor"),
                ("and",),
                ("in", "contains"),
                ("=", "~", "!=", "!~"),
                ("<=", "<", ">", ">="),
                ("|",),
                ("is", "as"),
                ("+", "-", "&"),
                ("*", "/", "div", "mod"),
            ),
            start=1,
        )
        for operator in operators
    }
)

#: Binding strength of ``is`` and ``as``, whose right side is a type and not an expression.
TYPE = BINARY["is"]
#: Binding strength of a sign: ``-1.abs()`` is ``-(1.abs())`` and ``-1 * 2`` is ``(-1) * 2``.
POLARITY = BINARY["*"] + 1
#: Binding strength of ``.``, ``[ ]`` and the braces of an instance.
POSTFIX = POLARITY + 1

CALENDAR_UNITS = frozenset(
    unit + plural
    for unit in ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
    for plural in ("", "s")
)

#: Words that are no identifiers unless they stand in backticks. ``as contains in is asc desc sort`` are.
RESERVED = frozenset({"true", "false", "and", "or", "xor", "implies", "div", "mod"}) | CALENDAR_UNITS

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def is_identifier(name: str) -> bool:
    """Whether a name may be written without backticks.

    Examples
    --------
    >>> is_identifier("contains"), is_identifier("div"), is_identifier("vs-x")
    (True, False, False)
    """
    return _IDENTIFIER.fullmatch(name) is not None and name not in RESERVED
