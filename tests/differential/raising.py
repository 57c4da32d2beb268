"""A fixed list of expressions for each function and operator in which an operand is an error.

Beside it stands what a database may take for a reason not to look: nothing, what is known to be nothing, a unit that does not
fit. The whole stands where only a part of the answer is asked for.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from fhir4ds.functions.catalog import FUNCTIONS
from fhir4ds.functions.declaration import Function, ParameterKind
from tests.differential.enumeration import operands, samples, spread
from tests.differential.signatures import CLOCKS, argument_kinds, focus_kinds

#: Several items where one is wanted, by kind.
SEVERAL: Mapping[str, str] = {
    "Boolean": "(active.combine(name.given.exists()))",
    "Integer": "(multipleBirth.ofType(integer).combine(5))",
    "Long": "(3L.combine(4L))",
    "Decimal": "(extension.value.ofType(decimal).combine(2.5))",
    "String": "(name.given)",
    "Date": "(birthDate.combine(@2019-01-01))",
    "DateTime": "(birthDate.extension.value.ofType(dateTime).combine(@2020-01-01T))",
    "Time": "(@T10.combine(@T11))",
    "Quantity": "((4 'mg').combine(2 'mg'))",
    "any": "(name.given.single())",
}

#: What stands beside an error, by kind: something, and nothing in several ways.
BESIDE: Mapping[str, tuple[str, ...]] = {
    "Boolean": ("false", "{}", "iif(false, true)", "active", "active.where(false)", "true"),
    "Integer": (
        "iif(false, 3)",
        "{}",
        "multipleBirth.ofType(integer).where(false)",
        "3",
        "iif(photo.exists(), name.count())",
    ),
    "Long": ("iif(false, 3L)", "3L"),
    "Decimal": (
        "iif(false, 2.5)",
        "0.0",
        "{}",
        "extension.value.ofType(decimal).where(false)",
        "iif(photo.exists(), 1.0)",
    ),
    "String": ("iif(false, 'a')", "{}", "name.family.where(false)", "'a'", "iif(photo.exists(), id)"),
    "Date": ("iif(false, @2019-01-01)", "@2019", "birthDate.where(false)"),
    "DateTime": ("iif(false, @2020T)", "@2020-02-29T10:00:00Z"),
    "Time": ("iif(false, @T10)", "@T10:30:00"),
    "Quantity": ("(1 's')", "iif(false, 1 'mg')", "(2 days)", "(0 'mg')"),
    "any": ("iif(false, 1)", "{}", "name.where(false)", "name.given", "1", "extension.first().value.ofType(code)"),
}

#: What an argument of another kind is made of.
_KINDS: Mapping[str, str] = {
    **dict.fromkeys(("regex", "substitution", "flags", "url", "unit", "encoding", "escaping", "substring"), "String"),
    **dict.fromkeys(("small", "exponent", "base", "init"), "Integer"),
    "criteria": "Boolean",
    "projection": "any",
    "truth": "Boolean",
}

#: Where an expression stands, as a part of one that may do without its value.
PLACES = ("{}", "({}).exists()", "iif(true, {})", "({}).count()", "({}) is Integer", "iif(({}).exists(), 1, 2)")


def raising(name: str, most: int) -> tuple[str, ...]:
    """Expressions with a function or operator, no more than so many of them."""
    function = FUNCTIONS.get(name)
    texts = list(dict.fromkeys(_calls(function) if function is not None else _operations(name)))
    placed = [place.replace("{}", text, 1) for text, place in zip(texts, itertools.cycle(PLACES))]
    return tuple(spread(placed, most))


def _operations(symbol: str) -> Iterator[str]:
    for left, right in (*operands(symbol), ("Integer", "Quantity")):
        yield f"{SEVERAL[left]} {symbol} {SEVERAL[right]}"
        for beside in BESIDE[right]:
            yield f"{SEVERAL[left]} {symbol} {beside}"
        for beside in BESIDE[left]:
            yield f"{beside} {symbol} {SEVERAL[right]}"


def _calls(function: Function) -> Iterator[str]:
    if function.name in CLOCKS:
        return
    for kind in focus_kinds(function):
        if kind not in SEVERAL:
            continue
        for arguments in _arguments(function, kind, raising=None):
            yield f"{SEVERAL[kind]}.{function.name}({', '.join(arguments)})"
        for focus, place in itertools.product(BESIDE[kind], range(len(function.parameters))):
            for arguments in _arguments(function, kind, raising=place):
                yield f"{focus}.{function.name}({', '.join(arguments)})"


def _arguments(function: Function, focus: str, raising: int | None) -> Iterator[tuple[str, ...]]:
    """Arguments of which the one in a place is an error, or of which each may be nothing."""
    required = sum(not parameter.optional for parameter in function.parameters)
    count = required if raising is None else max(required, raising + 1)
    lists: list[tuple[str, ...]] = []
    for place, parameter in enumerate(function.parameters[:count]):
        kinds = [focus if kind == "same" else _KINDS.get(kind, kind) for kind in argument_kinds(function, parameter)]
        known = [kind for kind in kinds if kind in SEVERAL]
        usual = samples(function, parameter, focus)[:1]
        if place == raising:
            found = tuple(SEVERAL[kind] for kind in known)
            # What stands in a lambda is about the item.
            if parameter.kind is ParameterKind.EXPRESSION:
                found = tuple(text.replace("(", "(%resource.", 1) for text in found if text[1] not in "(@34")
            lists.append(found)
        else:
            lists.append(usual if raising is not None or not known else (*usual, BESIDE[known[0]][0]))
    yield from itertools.product(*lists)
