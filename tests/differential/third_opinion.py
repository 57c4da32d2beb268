"""What fhirpathpy, an evaluator that goes from item to item in Python, answers to the same expression."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import fhirpathpy
from fhirpathpy.models import models

#: Said by fhirpathpy of a function that it has not.
_UNKNOWN = ("Not implemented", "not implemented", "Unknown function", "is not defined")


class NoOpinion(Exception):
    """The evaluator does not have the function, or did not understand the expression."""


def third_opinion(expression: str, resource: Mapping[str, Any]) -> list[Any] | None:
    """The items that fhirpathpy gives; None where it gives an error.

    Raises
    ------
    NoOpinion
        If it does not implement what is asked for.
    """
    evaluate = _compiled(expression)
    try:
        items = evaluate(copy.deepcopy(resource), {})
    except Exception as error:
        if any(told in str(error) for told in _UNKNOWN):
            raise NoOpinion(str(error)) from None
        return None
    if any(isinstance(item, dict) and item.get("$status") == "error" for item in items):
        return None
    return [plain(item) for item in items]


@functools.cache
def _compiled(expression: str) -> Any:
    try:
        return fhirpathpy.compile(expression, models["r4"], {"traceFn": lambda *_: None})
    except Exception as error:
        raise NoOpinion(str(error)) from None


def plain(item: Any) -> Any:
    """An item in the form that both sides can have: numbers by value, dates and times and quantities as text."""
    match item:
        case bool() | None:
            return item
        case int() | float() | Decimal():
            # Functions of real numbers are exact to eight digits after the point here.
            return round(Decimal(str(item)), 8).normalize() + 0
        case str():
            return item
        case dict() if set(item) == {"value", "unit"}:
            return f"{plain(item['value'])} {item['unit']}"
        case dict():
            # What stands beside primitive elements is no element, and left out there.
            return {name: plain(value) for name, value in item.items() if not name.startswith("_")}
        case list():
            return [plain(value) for value in item]
        case _:
            return _shown(item)


def _shown(item: Any) -> Any:
    """FP_DateTime, FP_Quantity and their kind."""
    value, unit = getattr(item, "value", None), getattr(item, "unit", None)
    if value is not None and unit is not None:
        return f"{plain(value)} {str(unit).strip(chr(39))}"
    text = getattr(item, "asStr", None) or str(item)
    try:
        return json.loads(text) if text.startswith("{") else text
    except ValueError:
        return text
