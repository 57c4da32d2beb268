"""Quantities of which both units come from data: as commensurable as those that an expression states; on both databases."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.functions.units import Purpose, conversion
from fhir4ds.ucum.units import common_units

#: How large the numbers of the pairs below may be.
_LARGEST = 10**9

#: Constants, and measures of land, wood and corn, which are no fraction of small numbers and hence within a hair's breadth, or too
#: far from others.
_INEXACT = (
    *("[pi]", "[psi]", "[Btu_IT]", "a_t", "[gal_wi]", "[bbl_us]", "[bu_us]", "[pk_us]", "[dqt_us]", "[dpt_us]"),
    *("[acr_br]", "[smi_us]", "[twp]", "[sct]", "[cyd_i]", "[cr_i]", "[crd_us]", "[fdr_us]", "[min_us]"),
)

#: A prime that is in the number of things in a mole.
_OF_MOLES = 150553519


def _quantity(value: int | Decimal, code: str) -> dict[str, Any]:
    return {"valueQuantity": {"value": value, "code": code}}


def _pairs() -> Iterator[tuple[str, str, int, int]]:
    """Each unit with some others of its dimension, and numbers of each that measure the same."""
    dimensions: dict[str, list[str]] = {}
    for code, meaning in common_units().items():
        if code not in _INEXACT and not code.endswith("/"):
            dimensions.setdefault(meaning.dimension, []).append(code)
    for codes in dimensions.values():
        for one, other in itertools.chain(itertools.pairwise(codes), zip(codes, codes[7:], strict=False)):
            ratio = conversion(one, other, Purpose.COMPARISON)
            if ratio is None or max(ratio.numerator, ratio.denominator) >= _LARGEST:
                continue
            if (ratio.numerator * ratio.denominator) % _OF_MOLES:
                yield one, other, ratio.denominator, ratio.numerator


_PAIRS = tuple(_pairs())


@pytest.fixture(scope="module")
def observed(database: Database) -> Database:
    """A database with an Observation for each pair: the two that are equal, and one more of the second unit."""
    resources = [
        {
            "resourceType": "Observation",
            "id": f"o{place}",
            "status": "final",
            "component": [_quantity(x, one), _quantity(y, other), _quantity(y + 1, other)],
        }
        for place, (one, other, x, y) in enumerate(_PAIRS)
    ]
    observed = Database(database.dispatcher, table="units_of_data")
    observed.load(resources)
    return observed


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("component[0].value = component[1].value", True),
        ("component[1].value = component[0].value", True),
        ("component[0].value = component[2].value", False),
        ("component[0].value < component[2].value", True),
        ("component[2].value > component[0].value", True),
        ("component[0].value ~ component[1].value", True),
        ("component[0] = component[1]", True),
        ("component[0] = component[2]", False),
        ("component[1] ~ component[0]", True),
    ],
)
def test_all_units_of_a_dimension_are_compared_exactly(observed: Database, expression: str, answer: bool) -> None:
    assert len(_PAIRS) > 1000
    found = dict(observed.query(f"Observation.select({expression})").rows)
    different = [pair for place, pair in enumerate(_PAIRS) if found.get(f"o{place}") != answer]
    assert different == []


@pytest.mark.parametrize(
    ("left", "right", "relation"),
    [
        ((1, "L"), (1000, "mL"), "="),
        ((Decimal("3.785411784"), "L"), (1, "[gal_us]"), "="),
        ((1, "mol"), (10**15, "fmol"), "="),
        ((Decimal("0.0055"), "mol/L"), (Decimal("5.5"), "mmol/L"), "="),
        ((1, "kat"), (6 * 10**7, "U"), "="),
        ((90, "mL/min/{1.73_m2}"), (90, "mL/min"), "="),
        ((90, "mL/min/{1.73_m2}"), (Decimal("5.4"), "L/h"), "="),
        ((1, "mg/{specimen}"), (1000, "ug/{specimen}"), "="),
        ((250, "10*9/L"), (250, "10*3/uL"), "="),
        ((250, "10*3/uL"), (Decimal("2.5e11"), "/L"), "="),
        ((1, "us"), (1, "ns"), ">"),
        ((80, "fL"), (Decimal("0.0000805"), "nL"), "<"),
        ((1, "h"), (3599, "s"), ">"),
    ],
)
def test_what_laboratories_write(
    database: Database, left: tuple[int | Decimal, str], right: tuple[int | Decimal, str], relation: str
) -> None:
    resource = {"resourceType": "Observation", "component": [_quantity(*left), _quantity(*right)]}
    assert database.evaluate(f"component[0].value {relation} component[1].value", resource) == [True]
    value, code = right
    assert database.evaluate(f"component[0].value {relation} {value:f} '{code}'", resource) == [True]


def test_moles_and_numbers_of_things_are_not_compared(database: Database) -> None:
    resource = {"resourceType": "Observation", "component": [_quantity(1, "mol"), _quantity(1, "1")]}
    assert database.evaluate("component[0].value = component[1].value", resource) == []
    assert database.evaluate("component[0].value ~ component[1].value", resource) == [False]


def test_what_is_too_far_apart_is_not_compared(database: Database) -> None:
    resource = {"resourceType": "Observation", "component": [_quantity(1, "/m3"), _quantity(1, "10*12/uL")]}
    assert database.evaluate("component[0].value = component[1].value", resource) == []
