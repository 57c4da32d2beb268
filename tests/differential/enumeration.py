"""A fixed list of expressions for each function and operator: so that each is met for sure, and not by chance.

The focus and the arguments come from short lists by kind; the kinds come from the declarations (`signatures`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from fhir4ds.functions.catalog import FUNCTIONS, OPERATORS
from fhir4ds.functions.declaration import Function, Parameter, ParameterKind
from tests.differential.signatures import CLOCKS, argument_kinds, focus_kinds

#: What every expression is about.
RESOURCE: Mapping[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "active": True,
    "name": [
        {"use": "official", "family": "Roe", "given": ["Ada", "Eve"]},
        {
            "use": "usual",
            "given": ["Joy"],
            "_given": [{"extension": [{"url": "http://example.org/a", "valueCode": "x"}]}],
        },
    ],
    "birthDate": "1980-02-29",
    "_birthDate": {"extension": [{"url": "http://example.org/b", "valueDateTime": "1980-02-29T10:30:00Z"}]},
    "multipleBirthInteger": 2,
    "generalPractitioner": [{"reference": "Practitioner/1"}],
    "extension": [{"url": "http://example.org/a", "valueDecimal": 1.5}],
}

#: Expressions by kind, the usual one first.
SAMPLES: Mapping[str, tuple[str, ...]] = {
    "Boolean": ("true", "active", "name.given.exists()", "{}"),
    "Integer": ("3", "(-5)", "multipleBirth", "name.given.count()", "{}"),
    "Long": ("3L", "(-5L)"),
    "Decimal": ("2.50", "(-1.5)", "extension.value.ofType(decimal)", "{}"),
    "String": ("'abc'", "'1.5'", "name.family", "''", "{}"),
    "Date": ("@2020-02-29", "birthDate", "@2019"),
    "DateTime": ("@2020-02-29T10:30:00Z", "@2020-02T", "birthDate.extension.value.ofType(dateTime)"),
    "Time": ("@T10:30:00", "@T10"),
    "Quantity": ("(4 'mg')", "(2 days)", "(1 'g')"),
    "any": ("name.given", "(1 | 2 | 2.0)", "name", "birthDate", "{}"),
    "Resource": ("Patient", "%resource"),
    "Reference": ("generalPractitioner",),
    "Coding": ("maritalStatus.coding",),
    "CodeableConcept": ("maritalStatus",),
    "aggregator": ("$total + $this", "$this"),
    "base": ("2", "10"),
    "below": ("children()", "extension"),
    "criteria": ("$this.exists()", "$index > 0"),
    "encoding": ("'base64'", "'hex'"),
    "escaping": ("'html'", "'json'"),
    "exponent": ("2", "0.5"),
    "flags": ("'i'",),
    "init": ("0", "{}"),
    "key": ("$this", "$this desc"),
    "name": ("'v'",),
    "projection": ("$this", "(1 | 'a')"),
    "regex": ("'[a-c]+'", "'(b)'"),
    "same": ("name.given.first()", "2"),
    "truth": ("true",),
    "small": ("1", "0", "2"),
    "structure": ("'http://hl7.org/fhir/StructureDefinition/Patient'",),
    "substitution": ("'x'", "'<$1>'"),
    "type": ("String", "HumanName", "System.Integer"),
    "unit": ("'mg'", "'g'"),
    "url": ("'http://example.org/a'",),
    "valueset": ("'http://example.org/ValueSet/none'",),
}

#: Expressions for each function and operator.
MOST = 6


def enumerated(name: str) -> tuple[str, ...]:
    """The expressions of a function or operator."""
    function = FUNCTIONS.get(name)
    return tuple(spread(list(_calls(function) if function is not None else _operations(name))))


def everything() -> tuple[tuple[str, str], ...]:
    """Every function and operator with each of its expressions."""
    return tuple((name, text) for name in (*FUNCTIONS, *OPERATORS) for text in enumerated(name))


def spread(texts: list[str], most: int = MOST) -> list[str]:
    """A few of many, from all over the list."""
    unique = list(dict.fromkeys(texts))
    step = max(1, len(unique) / most)
    return [unique[int(place * step)] for place in range(min(most, len(unique)))]


def _calls(function: Function) -> Iterator[str]:
    if function.name in CLOCKS:
        yield f"{function.name}() = {function.name}()"
        return
    for kind in focus_kinds(function):
        for focus in SAMPLES[kind][: 3 if kind in ("any", "String", "small") else 2]:
            for arguments in _arguments(function, kind):
                yield f"{focus}.{function.name}({', '.join(arguments)})"


def _arguments(function: Function, focus: str) -> Iterator[tuple[str, ...]]:
    lists = [samples(function, parameter, focus)[:2] for parameter in function.parameters]
    required = sum(not parameter.optional for parameter in function.parameters)
    for count in range(required, len(lists) + 1):
        yield from itertools.product(*lists[:count])


def samples(function: Function, parameter: Parameter, focus: str) -> tuple[str, ...]:
    """What an argument may be."""
    found: list[str] = []
    for kind in argument_kinds(function, parameter):
        if parameter.kind is ParameterKind.EXPRESSION and kind in ("Boolean", "any"):
            # What stands inside sees the item, of which not every type has the elements of the samples.
            kind = "criteria" if kind == "Boolean" else "projection"
        found += SAMPLES[focus] if kind == "same" and focus in SAMPLES else SAMPLES[kind]
    return tuple(found)


_KINDS_OF_OPERANDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    **dict.fromkeys(("and", "or", "xor", "implies"), (("Boolean", "Boolean"),)),
    **dict.fromkeys(("div", "mod"), (("Integer", "Integer"), ("Decimal", "Decimal"))),
    **dict.fromkeys(("*", "/"), (("Integer", "Decimal"), ("Decimal", "Decimal"), ("Quantity", "Integer"))),
    **dict.fromkeys(("+", "-"), (("Integer", "Decimal"), ("Date", "Quantity"), ("Quantity", "Quantity"))),
    "&": (("String", "String"),),
    **dict.fromkeys(
        ("<", "<=", ">", ">="),
        (
            ("Integer", "Decimal"),
            ("String", "String"),
            ("Date", "Date"),
            ("DateTime", "DateTime"),
            ("Quantity", "Quantity"),
        ),
    ),
    **dict.fromkeys(("in",), (("Integer", "any"), ("String", "any"))),
    **dict.fromkeys(("contains",), (("any", "Integer"), ("any", "String"))),
}


def operands(symbol: str) -> tuple[tuple[str, str], ...]:
    """The kinds of the two sides of an operator."""
    return _KINDS_OF_OPERANDS.get(symbol, (("any", "any"), ("Date", "DateTime"), ("Quantity", "Quantity")))


def _operations(symbol: str) -> Iterator[str]:
    for left, right in operands(symbol):
        for a, b in itertools.product(SAMPLES[left][:3], reversed(SAMPLES[right][:3])):
            yield f"{a} {symbol} {b}"
