"""Operations on an item of which several types are possible: one for each kind of type, of which the item has one.

A Quantity is multiplied otherwise than an Integer, and only where an item is met it is known which of the two it is. So the
operation is lowered for the numbers, the quantities, the moments and so on among the possible types, and the answer is that
of the kind that is there. Kinds that do not take part in the operation have none.

Where no model says which types are possible, JSON tells kinds apart, and an item of a kind that does not take part is an error.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidOperation, UnsupportedFeature
from fhir4ds.functions import moments, quantities, values
from fhir4ds.functions.declaration import Call
from fhir4ds.functions.operators import BinaryLowering
from fhir4ds.functions.typing import of_types
from fhir4ds.plan.collection import DATE, DATETIME, DECIMAL, QUANTITY, STRING, TIME, Collection, TypeName
from fhir4ds.plan.nodes import TRUE, Bind, Case, Node, Raise, Reference, apply, both, null, text

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


def kind_of(call: Call, type: TypeName) -> TypeName:
    """One type for all that operators treat alike: numbers, quantities, dates with and without a time."""
    if quantities.is_quantity(type, call.model):
        return QUANTITY
    system = values.system_type(type, call.model) or type
    if system in quantities.NUMBERS:
        return quantities.NUMBERS[0]
    return DATETIME if system == DATE else system


def by_kind(
    call: Call,
    operands: Sequence[Collection],
    lower: Lowering,
    kind: Callable[[Call, TypeName], TypeName] = kind_of,
) -> Collection:
    """Lower an operation on single items for each kind that they may be of."""
    if any(values.is_untyped(operand) for operand in operands):
        return _insisting(call, operands, lower)
    groups = [_groups(call, operand, kind) for operand in operands]
    held, bound = _held(
        call,
        operands,
        [len(types) > 1 and operand.tagged is None for operand, types in zip(operands, groups, strict=True)],
    )
    kinds = [list(_kinds(call, operand, types)) for operand, types in zip(held, groups, strict=True)]
    if all(len(found) == 1 for found in kinds):
        return lower(operands)
    answers = [answer for chosen in itertools.product(*kinds) if (answer := _lowered(lower, chosen)) is not None]
    if not answers:  # and the operation says why
        return lower(operands)
    found = _first(call, answers)
    if not bound:
        return found
    return Collection(plan=_bound(bound, values.items(found, call.names)), types=found.types)


def if_quantities(
    call: Call,
    left: Collection,
    right: Collection,
    relation: Callable[[Call, Collection, Collection], Node],
    otherwise: Callable[[Call, Collection, Collection], Node],
) -> Node:
    """A relation of two elements that may be quantities among others: one where both are, and another one elsewhere."""
    sides = []
    for side in (left, right):
        wanted = tuple(type for type in side.types if quantities.is_quantity(type, call.model))
        if side.many or not side.choices or not wanted or len(wanted) == len(side.types):
            return otherwise(call, left, right)
        sides.append(of_types(call, side, wanted))
    are_quantities = apply("and", *(values.present(call, side) for side in sides))
    return Case(((are_quantities, relation(call, *sides)),), otherwise(call, left, right))


def _insisting(call: Call, operands: Sequence[Collection], lower: Lowering) -> Collection:
    """An operation on items some of which are of no known type: lowered for what JSON says they are, or else an error."""
    single = [values.single(call, operand) for operand in operands]
    held, bound = _held(call, single, [values.is_untyped(operand) for operand in operands])
    answers: list[tuple[Node, Collection]] = []
    for chosen in itertools.product(*(_told(item, held) for item in held)):
        answer = _lowered(lower, [operand for _, operand in chosen])
        if answer is not None:
            answers.append((functools.reduce(both, (condition for condition, _ in chosen)) or TRUE, answer))
    if not answers:  # and the operation says why
        return lower(operands)
    plans, types = _alike(call, [answer for _, answer in answers])
    there = functools.reduce(lambda some, one: apply("and", some, one), (_is_there(call, item) for item in held))
    error = Raise("the operation does not take items of these types", call.position, plans[0].type)
    branches = [(condition, plan) for (condition, _), plan in zip(answers, plans, strict=True)]
    plan = _bound(bound, Case((*branches, (there, error)), null(plans[0].type)))
    return Collection(plan=plan, types=types if len(types) == 1 else ())


def _held(
    call: Call, operands: Sequence[Collection], wanted: Sequence[bool]
) -> tuple[list[Collection], list[tuple[str, Node]]]:
    """The operands, of which those that are wanted more than once are variables, and the values of these."""
    held, bound = [], []
    for operand, often in zip(operands, wanted, strict=True):
        if not often:
            held.append(operand)
            continue
        item = values.single(call, operand)
        if not values.is_path(item.plan):
            variable = call.names.fresh()
            bound.append((variable, values.walkable(call, item)))
            item = attrs.evolve(item, plan=Reference(variable, item.plan.type), guard=None)
        held.append(item)
    return held, bound


def _bound(bound: Sequence[tuple[str, Node]], plan: Node) -> Node:
    for variable, value in reversed(bound):
        plan = Bind(variable, value, plan)
    return plan


def _is_there(call: Call, operand: Collection) -> Node:
    if not values.is_untyped(operand):
        return values.present(call, operand)
    return apply("unequal", apply("json_kind", operand.plan, type=SqlType.TEXT), text("null"))


def _told(operand: Collection, operands: Sequence[Collection]) -> Iterator[tuple[Node | None, Collection]]:
    """An item of no known type as it is of each kind, and when it is; any other item as it is."""
    if not values.is_untyped(operand):
        yield None, operand
        return
    is_text, is_number = (values.is_of_json(operand.plan, type) for type in (SqlType.TEXT, SqlType.DECIMAL))
    types = [type for other in operands for type in other.types]
    if QUANTITY in types:
        # What is beside a quantity is one, a number, or a point in time that it moves.
        yield apply("not", is_text), operand
        yield is_text, attrs.evolve(operand, types=(DATETIME,))
        return
    yield is_number, attrs.evolve(operand, types=(DECIMAL,))
    # What is beside a point in time is one, if it is written so.
    beside = [type for type in dict.fromkeys(types) if type in moments.FORMS]
    for type in beside:
        written = apply("json_text", operand.plan, type=SqlType.TEXT)
        form = moments.FORMS[TIME if type == TIME else DATETIME]
        yield apply("and", is_text, apply("regexp_matches", written, form)), attrs.evolve(operand, types=(type,))
    if not beside:
        yield is_text, attrs.evolve(operand, types=(STRING,))


def _lowered(lower: Lowering, operands: Sequence[Collection]) -> Collection | None:
    try:
        return lower(operands)
    except InvalidOperation:
        return None


def _kinds(call: Call, operand: Collection, groups: Sequence[tuple[TypeName, ...]]) -> Iterator[Collection]:
    """The operand as it is of each kind."""
    if len(groups) < 2:
        yield operand
        return
    single = values.single(call, operand)
    try:
        yield from [of_types(call, single, types) for types in groups]
    except UnsupportedFeature:  # items do not tell of which kind they are
        yield operand


def _groups(
    call: Call, operand: Collection, kind: Callable[[Call, TypeName], TypeName]
) -> Sequence[tuple[TypeName, ...]]:
    """The types that items can have, those of one kind together; none for no items."""
    groups: dict[TypeName, list[TypeName]] = {}
    for type in () if values.is_empty(operand) else operand.types:
        groups.setdefault(kind(call, type), []).append(type)
    return [tuple(types) for types in groups.values()]


def _first(call: Call, answers: Sequence[Collection]) -> Collection:
    """The answer that there is."""
    if len(answers) == 1:
        return answers[0]
    plans, types = _alike(call, answers)
    return Collection(plan=apply("coalesce", *plans, type=plans[0].type), types=types)


def _alike(call: Call, answers: Sequence[Collection]) -> tuple[list[Node], tuple[TypeName, ...]]:
    """Plans that can stand in each other's place, and all types of their items."""
    plans = [values.items(answer, call.names) for answer in answers]
    types = tuple(dict.fromkeys(type for answer in answers for type in answer.types))
    if len({plan.type for plan in plans}) > 1:
        plans = [values.boxed(plan, call.names) for plan in plans]
    return plans, types
