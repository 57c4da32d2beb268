"""Operations on an item of which several types are possible: one for each kind of type, of which the item has one.

A Quantity is multiplied otherwise than an Integer, and only where an item is met it is known which of the two it is. So the
operation is lowered for the numbers, the quantities, the moments and so on among the possible types, and the answer is that
of the kind that is there. Kinds that do not take part in the operation have none.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from fhir4ds.errors import InvalidOperation, UnsupportedFeature
from fhir4ds.functions import quantities, values
from fhir4ds.functions.declaration import Call
from fhir4ds.functions.operators import BinaryLowering
from fhir4ds.functions.typing import of_types
from fhir4ds.plan.collection import DATE, DATETIME, QUANTITY, Collection, TypeName
from fhir4ds.plan.nodes import apply

#: Lowers an operation, given its operands.
Lowering: TypeAlias = Callable[[Sequence[Collection]], Collection]


def of_each_kind(lower: BinaryLowering) -> BinaryLowering:
    """Let an operator work on operands of which several types are possible."""

    @functools.wraps(lower)
    def lowered(call: Call, left: Collection, right: Collection) -> Collection:
        return by_kind(call, (left, right), lambda operands: lower(call, *operands))

    return lowered


def with_each_kind(lower: Callable[[Call], Collection]) -> Callable[[Call], Collection]:
    """Let a function work on a focus of which several types are possible."""

    @functools.wraps(lower)
    def lowered(call: Call) -> Collection:
        return by_kind(call, (call.focus,), lambda focus: lower(call.on(focus[0])))

    return lowered


def by_kind(call: Call, operands: Sequence[Collection], lower: Lowering) -> Collection:
    """Lower an operation on single items for each kind that they may be of."""
    kinds = [list(_kinds(call, operand)) for operand in operands]
    if all(len(found) == 1 for found in kinds):
        return lower(operands)
    answers = [answer for chosen in itertools.product(*kinds) if (answer := _lowered(lower, chosen)) is not None]
    # What no kind takes part in says why.
    return _first(call, answers) if answers else lower(operands)


def _lowered(lower: Lowering, operands: Sequence[Collection]) -> Collection | None:
    try:
        return lower(operands)
    except InvalidOperation:
        return None


def _kinds(call: Call, operand: Collection) -> Iterator[Collection]:
    """The operand as it is of each kind."""
    groups: dict[TypeName, list[TypeName]] = {}
    for type in operand.types:
        groups.setdefault(_kind(call, type), []).append(type)
    if len(groups) < 2 or values.is_empty(operand):
        yield operand
        return
    single = values.single(call, operand)
    try:
        yield from [of_types(call, single, tuple(types)) for types in groups.values()]
    except UnsupportedFeature:  # items do not tell of which kind they are
        yield operand


def _kind(call: Call, type: TypeName) -> TypeName:
    if quantities.is_quantity(type, call.model):
        return QUANTITY
    system = values.system_type(type, call.model) or type
    if system in quantities.NUMBERS:
        return quantities.NUMBERS[0]
    return DATETIME if system == DATE else system


def _first(call: Call, answers: Sequence[Collection]) -> Collection:
    """The answer that there is."""
    if len(answers) == 1:
        return answers[0]
    plans = [values.items(answer, call.names) for answer in answers]
    types = tuple(dict.fromkeys(type for answer in answers for type in answer.types))
    if len({plan.type for plan in plans}) > 1:
        plans = [values.boxed(plan, call.names) for plan in plans]
    return Collection(plan=apply("coalesce", *plans, type=plans[0].type), types=types)
