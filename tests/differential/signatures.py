"""What the declarations of functions say that a strategy can use: what each works on, takes and gives.

A function that is declared tomorrow is generated at once: its arguments by the names of its parameters, or else by how
they are evaluated; its focus by its group, or else from whatever its examples are called on.
"""

from __future__ import annotations

from collections.abc import Mapping

from fhir4ds.functions.catalog import FUNCTIONS
from fhir4ds.functions.declaration import Function, Parameter, ParameterKind

SYSTEM = ("Boolean", "Integer", "Long", "Decimal", "String", "Date", "DateTime", "Time", "Quantity")
NUMBERS = ("Integer", "Decimal", "Long")
ORDERED = ("Integer", "Decimal", "String", "Date", "DateTime", "Time", "Quantity")

#: Names of arguments and functions: the kinds of what stands there. ``"any"`` is any kind; ``"same"`` that of the focus.
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "aggregator": ("aggregator",),
    "base": ("base",),
    "criteria": ("Boolean",),
    "criterion": ("Boolean",),
    "exponent": ("exponent",),
    "flags": ("flags",),
    "format": ("encoding",),
    "init": ("init",),
    "key": ("key",),
    "length": ("small",),
    "name": ("name",),
    "num": ("small",),
    "other": ("same",),
    "otherwise-result": ("any",),
    "pattern": ("String",),
    "precision": ("small",),
    "preserveOrder": ("truth",),
    "prefix": ("String",),
    "projection": ("any",),
    "regex": ("regex",),
    "separator": ("String",),
    "start": ("small",),
    "structure": ("structure",),
    "substitution": ("substitution",),
    "substring": ("String",),
    "suffix": ("String",),
    "target": ("escaping",),
    "true-result": ("any",),
    "type": ("type",),
    "unit": ("unit",),
    "url": ("url",),
    "value": ("any",),
    "valueset": ("valueset",),
}

#: What functions are called on, by group; by name where one differs from its group.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Aggregates": NUMBERS,
    "Boolean logic": ("Boolean",),
    "Combining": ("any",),
    "Comparison": ("Quantity", "Integer", "Decimal"),
    "Conversion": SYSTEM,
    "Date and time components": ("DateTime", "Date"),
    "Existence": ("any",),
    "FHIR": ("any",),
    "Filtering and projection": ("any",),
    "Math": ("Integer", "Decimal", "Quantity"),
    "SQL on FHIR": ("Resource",),
    "Strings": ("String",),
    "Subsetting": ("any",),
    "Tree navigation": ("Resource", "any"),
    "Types": ("any",),
    "Utility": ("any",),
}
FOCUS: Mapping[str, tuple[str, ...]] = {
    "aggregate": ("Integer", "Decimal", "String"),
    "allFalse": ("Boolean",),
    "allTrue": ("Boolean",),
    "anyFalse": ("Boolean",),
    "anyTrue": ("Boolean",),
    "conformsTo": ("Resource",),
    "getReferenceKey": ("Reference",),
    "highBoundary": ("Decimal", "Integer", "Date", "DateTime", "Time", "Quantity"),
    "hourOf": ("DateTime", "Time", "Date"),
    "log": ("Integer", "Decimal"),
    "ln": ("Integer", "Decimal"),
    "lowBoundary": ("Decimal", "Integer", "Date", "DateTime", "Time", "Quantity"),
    "max": (*ORDERED, "Quantity"),
    "memberOf": ("Coding", "CodeableConcept", "String"),
    "millisecondOf": ("DateTime", "Time"),
    "min": (*ORDERED, "Quantity"),
    "minuteOf": ("DateTime", "Time"),
    "power": ("Integer", "Decimal"),
    "precision": ("Decimal", "Date", "DateTime", "Time"),
    "resolve": ("Reference",),
    "round": ("Decimal", "Integer"),
    "secondOf": ("DateTime", "Time"),
    "sqrt": ("Integer", "Decimal"),
}

#: Functions whose value is another one on each call: they are generated in forms that give the same everywhere.
CLOCKS = frozenset({"now", "today", "timeOfDay"})

#: Functions that give some of the items that they are called on.
KEEPING = frozenset(
    {"where", "first", "last", "tail", "skip", "take", "single", "distinct", "sort", "trace", "exclude", "intersect"}
)


def result_kind(function: Function) -> str | None:
    """The System type that a function gives, as its declaration says; None where that depends on what it works on."""
    first = function.returns.split(" ", 1)[0].rstrip(";,").removesuffix("s")
    return first if first in SYSTEM else None


def focus_kinds(function: Function) -> tuple[str, ...]:
    """The kinds of items that a function is made for."""
    return FOCUS.get(function.name) or GROUPS.get(function.group) or ("any",)


def argument_kinds(function: Function, parameter: Parameter) -> tuple[str, ...]:
    """The kinds of what can stand for a parameter."""
    if function.name == "repeatAll":
        # What does not go down from an item to another has no end, which takes a second to find out.
        return ("below",)
    if parameter.kind is ParameterKind.TYPE:
        return ("type",)
    return PARAMETERS.get(parameter.name, ("any",))


#: Functions by what they give.
GIVING: Mapping[str, tuple[Function, ...]] = {
    kind: tuple(
        function for function in FUNCTIONS.values() if function.name not in CLOCKS and result_kind(function) == kind
    )
    for kind in SYSTEM
}

#: Functions that iterate: an argument is evaluated for each item of the focus.
ITERATING = tuple(
    function
    for function in FUNCTIONS.values()
    if function.name not in ("iif", "trace", "defineVariable")
    and any(parameter.kind is ParameterKind.EXPRESSION for parameter in function.parameters)
)
