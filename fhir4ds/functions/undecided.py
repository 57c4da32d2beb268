"""Operations on an item of which several types are possible: one for each kind of type, of which the item has one.

A Quantity is multiplied otherwise than an Integer, and only where an item is met it is known which of the two it is. So the
operation is lowered for the numbers, the quantities, the moments and so on among the possible types, and the answer is that
of the kind that is there. An item of a kind that does not take part in the operation is an error, as one whose type is known before is.

Where no model says which types are possible, JSON tells kinds apart.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidOperation, UnsupportedFeature
from fhir4ds.functions import moments, presence, quantities, singletons, tags, values
from fhir4ds.functions.declaration import Call
from fhir4ds.functions.operators import BinaryLowering
from fhir4ds.functions.typing import of_types
from fhir4ds.plan.collection import DATE, DATETIME, DECIMAL, INTEGER, LONG, QUANTITY, STRING, TIME, Collection, TypeName
from fhir4ds.plan.exactness import numeral
from fhir4ds.plan.nodes import FALSE, TRUE, Case, Node, Raise, Reference, apply, bind_all, both, empty, null, text

_NOT_TAKEN = "the operation does not take items of these types"

#: What values are taken for that compare with those of other types.
_WIDEST: Mapping[TypeName, TypeName] = {
    **dict.fromkeys(quantities.NUMBERS, DECIMAL),
    **dict.fromkeys((DATE, DATETIME), DATETIME),
}


def _at_most(largest: str) -> str:
    """A pattern of the whole numbers up to one.

    Examples
    --------
    >>> _at_most("27")
    '[0-9]{1,1}|[0-1][0-9]{1}|2[0-6][0-9]{0}|27'
    """
    lower = (
        f"{largest[:place]}[0-{int(digit) - 1}][0-9]{{{len(largest) - place - 1}}}"
        for place, digit in enumerate(largest)
        if digit != "0"
    )
    return "|".join([f"[0-9]{{1,{len(largest) - 1}}}", *lower, largest])


#: A number without a point that an Integer has room for; a larger one is a Decimal.
_INTEGER = text(f"^(?:-?(?:{_at_most(str(2**31 - 1))})|-{2**31})$")

#: Complex values, but for those that have a relation of their own.
_COMPLEX = TypeName("FHIR", "Element")
_LIKE_NO_OTHER = ("Coding", "CodeableConcept")

#: Lowers an operation, given its operands; and a function, which has them in its call.
Lowering: TypeAlias = Callable[[Sequence[Collection]], Collection]
Function: TypeAlias = Callable[[Call], Collection]

#: Gives the kind of a type.
_Kind: TypeAlias = Callable[[Call, TypeName], TypeName]


def _operator(*, numbers_apart: bool) -> Callable[[BinaryLowering], BinaryLowering]:
    def decorate(lower: BinaryLowering) -> BinaryLowering:
        @functools.wraps(lower)
        def lowered(call: Call, left: Collection, right: Collection) -> Collection:
            return by_kind(call, (left, right), lambda both: lower(call, *both), numbers_apart=numbers_apart)

        return lowered

    return decorate


def _function(*, numbers_apart: bool) -> Callable[[Function], Function]:
    def decorate(lower: Function) -> Function:
        @functools.wraps(lower)
        def lowered(call: Call) -> Collection:
            return by_kind(call, (call.focus,), lambda focus: lower(call.on(focus[0])), numbers_apart=numbers_apart)

        return lowered

    return decorate


#: Let an operator work on operands, or a function on a focus, of which several types are possible; and the same where the
#: result is an Integer for Integers and a Decimal for Decimals.
of_each_kind, of_each_type = _operator(numbers_apart=False), _operator(numbers_apart=True)
with_each_kind, with_each_type = _function(numbers_apart=False), _function(numbers_apart=True)


def _collective(*, keeps_numbers: bool) -> Callable[[Function], Function]:
    def decorate(lower: Function) -> Function:
        @functools.wraps(lower)
        def lowered(call: Call) -> Collection:
            return _of_one_kind(call, lower, keeps_numbers=keeps_numbers)

        return lowered

    return decorate


#: Let a function work on many items of which several types are possible, if all of them turn out to be of one kind; and the
#: same where the result is one of the items, so that Integers among Decimals stay what they are.
of_one_kind, picks_of_one_kind = _collective(keeps_numbers=False), _collective(keeps_numbers=True)


def _of_one_kind(call: Call, lower: Function, *, keeps_numbers: bool) -> Collection:
    focus = call.focus
    groups = dict.fromkeys(
        group for kind in (system_kind, kind_of) for group in groups_of(call, focus, _of_values(kind))
    )
    if len(groups) < 2:
        return lower(call)
    # Every group of types asks for all items.
    if focus.many:
        focus, bound = tags.held(call, focus)
    else:
        (focus,), bound = _held(call, [focus], [True])
    some = [item for types in groups if (item := _some(call, focus, types, keeps_numbers=keeps_numbers)) is not None]
    answers = ((one, _lowered(lambda items: lower(call.on(items[0])), [one])) for one in some)
    branches = [(_all_are(call, focus, one), answer) for one, answer in answers if answer is not None]
    if not branches:  # and the function says why
        return lower(call)
    plans, types = _alike(call, [answer for _, answer in branches])
    error = Raise(_NOT_TAKEN, call.position, plans[0].type, plans[0].many)
    conditions = (condition for condition, _ in branches)
    return Collection(plan=bind_all(bound, Case(tuple(zip(conditions, plans, strict=True)), error)), types=types)


def _some(call: Call, focus: Collection, types: tuple[TypeName, ...], *, keeps_numbers: bool) -> Collection | None:
    """The items of some types; None if items do not tell."""
    try:
        found = focus if types == focus.types else of_types(call, focus, types)
    except UnsupportedFeature:
        return None
    are_numbers = all(kind_of(call, type) == DECIMAL for type in types)
    return found if keeps_numbers and are_numbers else _as_one(call, found)


def _all_are(call: Call, focus: Collection, some: Collection) -> Node:
    return apply("equal", presence.count(call, focus), presence.count(call, some))


def kind_of(call: Call, type: TypeName) -> TypeName:
    """One type for all whose values compare: numbers, quantities, dates with and without a time."""
    if quantities.is_quantity(type, call.model):
        return QUANTITY
    return _WIDEST.get(own := values.system_type(type, call.model) or type, own)


def system_kind(call: Call, type: TypeName) -> TypeName:
    """The System type of a type, for operations that give another one for each of them."""
    return QUANTITY if quantities.is_quantity(type, call.model) else values.system_type(type, call.model) or type


def _kind_of_number(call: Call, type: TypeName) -> TypeName:
    """As `kind_of`, with a kind for each type of numbers."""
    own = system_kind(call, type)
    return own if own in quantities.NUMBERS else kind_of(call, type)


def _of_values(kind: _Kind) -> _Kind:
    """A kind of values, where all complex ones are of one kind: no operation on values tells them from each other."""

    def found(call: Call, type: TypeName) -> TypeName:
        own = kind(call, type)
        return own if own.namespace == "System" else _COMPLEX

    return found


def by_kind(
    call: Call,
    operands: Sequence[Collection],
    lower: Lowering,
    *,
    numbers_apart: bool = False,
) -> Collection:
    """Lower an operation on single items for each kind that they may be of; an item of any other kind is an error.

    Where several operands are undecided, kinds are wider, as there is an operation for each pair of them; with
    ``numbers_apart`` Integers and Decimals are kinds all the same.
    """
    if any(values.is_untyped(operand) for operand in operands):
        return _insisting(call, operands, lower, numbers_apart=numbers_apart)
    wide = _kind_of_number if numbers_apart else kind_of
    kind = system_kind if sum(len(operand.types) > 1 for operand in operands) < 2 else wide
    apart = _apart(call, operands, _of_values(kind))
    if apart is None:
        return lower([_as_one(call, operand) for operand in operands])
    answers = []
    for chosen in itertools.product(*apart.kinds):
        answer = _lowered(lower, chosen)
        if answer is not None:
            answers.append((_all_there(call, chosen), answer))
    if not answers:  # and the operation says why
        lower(operands)
        return lower(next(itertools.product(*apart.kinds)))
    plans, types = _alike(call, [answer for _, answer in answers])
    taken = functools.reduce(lambda some, one: apply("or", some, one), (condition for condition, _ in answers))
    refused = apply("and", apply("not", taken), _all_there(call, apart.operands))
    error = Raise(_NOT_TAKEN, call.position, plans[0].type, plans[0].many)
    otherwise = Case(((refused, error),), empty(plans[0].type, many=plans[0].many))
    found = apply("coalesce", *plans, otherwise, type=plans[0].type)
    return Collection(plan=bind_all(apart.bound, found), types=types)


def related(
    call: Call,
    left: Collection,
    right: Collection,
    relation: Callable[[Call, Collection, Collection], Node],
    otherwise: Node,
) -> Node | None:
    """A relation of two single items that holds only between those of one kind, and numbers and quantities.

    Parameters
    ----------
    call : Call
        Of the operator.
    left, right : Collection
        The items.
    relation : callable
        Gives the relation of items of one kind.
    otherwise : Node
        What there is where one of them is missing.

    Returns
    -------
    Node or None
        False where the items are of different kinds; None if there is only one kind, or nothing that tells kinds apart.
    """
    if left.many or right.many or not left.types or not right.types:
        return None
    apart = _apart(call, (left, right), _related_kind)
    if apart is None:
        return None
    pairs = [pair for pair in itertools.product(*apart.kinds) if _are_related(call, *pair)]
    branches = [(_all_there(call, pair), relation(call, *pair)) for pair in pairs]
    return bind_all(apart.bound, Case((*branches, (_all_there(call, apart.operands), FALSE)), otherwise))


def is_mixed(call: Call, collection: Collection) -> bool:
    """Whether items can be of several kinds that never relate, or relate in a way of their own."""
    return len({_related_kind(call, type) for type in collection.types}) > 1


def _related_kind(call: Call, type: TypeName) -> TypeName:
    """As `kind_of`, where complex values are of one kind, since their members say whether they are the same."""
    kind = kind_of(call, type)
    return kind if kind.namespace == "System" or kind.name in _LIKE_NO_OTHER else _COMPLEX


def is_complex(call: Call, type: TypeName) -> bool:
    """Whether values of a type are the same as others if their members are."""
    return _related_kind(call, type) == _COMPLEX


def relates(call: Call, type: TypeName, to: Collection) -> bool:
    """Whether values of a type relate to any item that a collection may have."""
    return _are_related(call, attrs.evolve(to, types=(type,)), to)


def _are_related(call: Call, left: Collection, right: Collection) -> bool:
    # A side of which items do not tell their kind is of any of several.
    a, b = ({_related_kind(call, type) for type in side.types} for side in (left, right))
    return bool(a & b) or (QUANTITY in a and DECIMAL in b) or (DECIMAL in a and QUANTITY in b)


def _all_there(call: Call, operands: Sequence[Collection]) -> Node:
    return functools.reduce(lambda some, one: apply("and", some, one), (_is_there(call, item) for item in operands))


@attrs.frozen
class _Apart:
    """Operands by kind.

    Parameters
    ----------
    operands : sequence of Collection
        The operands, each evaluated once.
    kinds : sequence of sequence of Collection
        Each operand as it is of each kind.
    bound : sequence of (str, Node)
        What the operands are evaluated to.
    """

    operands: Sequence[Collection]
    kinds: Sequence[Sequence[Collection]]
    bound: Sequence[tuple[str, Node]]


def _apart(call: Call, operands: Sequence[Collection], kind: _Kind) -> _Apart | None:
    """Take operands apart by kind; None if each is of one, or there is nothing that tells which."""
    groups = [groups_of(call, operand, kind) for operand in operands]
    if all(len(types) < 2 for types in groups):
        return None
    held, bound = _held(call, operands, [len(types) > 1 for types in groups])
    kinds = [list(_kinds(call, operand, types)) for operand, types in zip(held, groups, strict=True)]
    return None if all(len(found) == 1 for found in kinds) else _Apart(held, kinds, bound)


def _as_one(call: Call, operand: Collection) -> Collection:
    """An item of several System types that compare, as it is of the widest of them."""
    systems = {values.system_type(type, call.model) for type in operand.types}
    kinds = {kind_of(call, type) for type in operand.types}
    if len(systems) < 2 or len(kinds) > 1 or not kinds & set(_WIDEST.values()):
        return operand
    plan = values.items(attrs.evolve(operand, guard=None), call.names)
    types = (LONG,) if systems == {INTEGER, LONG} else tuple(kinds)
    return Collection(plan=plan, types=types, guard=operand.guard)


def _insisting(call: Call, operands: Sequence[Collection], lower: Lowering, *, numbers_apart: bool) -> Collection:
    """An operation on items some of which are of no known type: lowered for what JSON says they are, or else an error."""
    single = [singletons.single(call, operand) for operand in operands]
    # A constant stays one: its unit is known.
    held, bound = _held(
        call, single, [values.is_untyped(item) or not singletons.is_constant(item.plan) for item in single]
    )
    answers: list[tuple[Node, Collection]] = []
    for chosen in itertools.product(*(_told(item, held, numbers_apart=numbers_apart) for item in held)):
        answer = _lowered(lower, [operand for _, operand in chosen])
        if answer is not None:
            answers.append((functools.reduce(both, (condition for condition, _ in chosen)) or TRUE, answer))
    if not answers:  # and the operation says why
        return lower(operands)
    plans, types = _alike(call, [answer for _, answer in answers])
    there = functools.reduce(lambda some, one: apply("and", some, one), (_is_there(call, item) for item in held))
    error = Raise(_NOT_TAKEN, call.position, plans[0].type)
    branches = [(condition, plan) for (condition, _), plan in zip(answers, plans, strict=True)]
    plan = bind_all(bound, Case((*branches, (there, error)), null(plans[0].type)))
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
        item = singletons.single(call, operand)
        tagged = item.tagged
        if tagged is not None and not values.is_path(tagged):
            variable = call.names.fresh()
            there = tagged if item.guard is None else Case(((item.guard, tagged),), null(SqlType.JSON))
            bound.append((variable, there))
            item = tags.as_tagged(item, Reference(variable, SqlType.JSON))
        elif tagged is None and not values.is_path(item.plan):
            variable = call.names.fresh()
            bound.append((variable, presence.walkable(call, item)))
            item = attrs.evolve(item, plan=Reference(variable, item.plan.type), guard=None)
        held.append(item)
    return held, bound


def _is_there(call: Call, operand: Collection) -> Node:
    if not values.is_untyped(operand):
        return presence.present(call, operand)
    return apply("unequal", apply("json_kind", operand.plan, type=SqlType.TEXT), text("null"))


def _told(
    operand: Collection, operands: Sequence[Collection], *, numbers_apart: bool
) -> Iterator[tuple[Node | None, Collection]]:
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
    if numbers_apart:
        is_integer = apply("regexp_matches", numeral(operand.plan), _INTEGER)
        yield apply("and", is_number, is_integer), attrs.evolve(operand, types=(INTEGER,))
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
        yield _as_one(call, operand)
        return
    single = singletons.single(call, operand)
    try:
        found = [of_types(call, single, types) for types in groups]
    except UnsupportedFeature:  # items do not tell of which kind they are
        yield operand
        return
    yield from (_as_one(call, item) for item in found)


def groups_of(call: Call, operand: Collection, kind: _Kind) -> Sequence[tuple[TypeName, ...]]:
    """The types that items can have, those of one kind together; none for no items."""
    groups: dict[TypeName, list[TypeName]] = {}
    for type in () if values.is_empty(operand) else operand.types:
        groups.setdefault(kind(call, type), []).append(type)
    return [tuple(types) for types in groups.values()]


def _alike(call: Call, answers: Sequence[Collection]) -> tuple[list[Node], tuple[TypeName, ...]]:
    """Plans that can stand in each other's place, and all types of their items."""
    plans = [values.items(answer, call.names) for answer in answers]
    types = tuple(dict.fromkeys(type for answer in answers for type in answer.types))
    if len({plan.type for plan in plans}) > 1:
        plans = [values.boxed(plan, call.names) for plan in plans]
    return plans, types
