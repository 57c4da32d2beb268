"""How an operator is declared."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs

from fhir4ds.functions.declaration import Call, Example
from fhir4ds.plan.collection import Collection

BinaryLowering: TypeAlias = Callable[[Call, Collection, Collection], Collection]


@attrs.frozen(kw_only=True)
class Operator:
    """A binary operator of FHIRPath; both operands are lowered before it sees them.

    With ``decides`` the left operand may decide alone, so that the right one must not be evaluated before it.
    """

    symbol: str
    group: str
    summary: str
    examples: tuple[Example, ...]
    lower: BinaryLowering
    decides: bool = False


#: Every binary operator that is declared, by its symbol.
OPERATORS: dict[str, Operator] = {}


def operator(
    symbol: str, *, group: str, examples: tuple[Example, ...] = (), decides: bool = False
) -> Callable[[BinaryLowering], BinaryLowering]:
    """Declare a binary operator; the docstring of the lowering is its documentation."""

    def declare(lower: BinaryLowering) -> BinaryLowering:
        if symbol in OPERATORS:
            raise ValueError(f"operator {symbol!r} is declared twice")
        summary = " ".join((lower.__doc__ or "").split())
        OPERATORS[symbol] = Operator(
            symbol=symbol, group=group, summary=summary, examples=examples, lower=lower, decides=decides
        )
        return lower

    return declare
