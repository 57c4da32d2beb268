"""Units by their codes: whether two measure the same, and how many of one are one of the other."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType

import attrs

from fhir4ds.ucum.expression import ANNOTATION, Power, parse, write
from fhir4ds.ucum.table import Table, load_table, write_dimension

_CACHED_UNITS = 4096

#: Symbols that UCUM has for the same thing.
_SPELLINGS = (("L", "l"), ("[IU]", "[iU]"), ("10*", "10^"))


@attrs.frozen
class Unit:
    """A unit of measure.

    Parameters
    ----------
    dimension : str
        What it measures. Units of equal dimension are commensurable. Special units, such as degrees Celsius, and
        arbitrary ones, such as international units, are commensurable with themselves alone.
    factor : Fraction
        How many units of a fixed set it is; means something only beside another factor of the same dimension.
    special : bool
        Whether its scale is not a ratio, so that it takes no part in products.
    """

    dimension: str
    factor: Fraction
    special: bool = False


@functools.lru_cache(maxsize=_CACHED_UNITS)
def unit(code: str) -> Unit | None:
    """The unit that a UCUM code denotes.

    Parameters
    ----------
    code : str
        Any case-sensitive expression.

    Returns
    -------
    Unit or None
        None if it is no unit of UCUM.

    Examples
    --------
    >>> unit("mg/dL")
    Unit(dimension='g.m-3', factor=Fraction(10, 1), special=False)
    >>> unit("widget") is None
    True
    """
    powers = parse(code)
    return None if powers is None else evaluate(powers, load_table())


def evaluate(powers: tuple[Power, ...], table: Table) -> Unit | None:
    """The unit that a product of powers is, by a table; None if a symbol is not in it."""
    factor, exponents = Fraction(1), dict[str, int]()
    special = False
    for power in powers:
        if power.is_number:
            factor *= Fraction(power.symbol) ** power.exponent
            continue
        atom = table.symbol(power.symbol)
        if atom is None:
            return None
        special = special or atom.special
        factor *= atom.factor**power.exponent
        for base, exponent in atom.dimension.items():
            exponents[base] = exponents.get(base, 0) + exponent * power.exponent
    if special:
        alone = len(powers) == 1 and powers[0].exponent == 1
        return Unit(next(iter(exponents)), factor, special=True) if alone else None
    return Unit(write_dimension({base: exponent for base, exponent in exponents.items() if exponent}), factor)


def product(left: str, right: str) -> str | None:
    """The code of the product of two units; None if there is none.

    Examples
    --------
    >>> product("m/s", "s"), product("cm", "cm"), product("kg", "1"), product("Cel", "m")
    ('m', 'cm2', 'kg', None)
    """
    return _composed(left, right, 1)


def quotient(left: str, right: str) -> str | None:
    """The code of the quotient of two units; None if there is none.

    Examples
    --------
    >>> quotient("m", "s"), quotient("1", "s"), quotient("m", "m")
    ('m/s', '/s', '1')
    """
    return _composed(left, right, -1)


def _composed(left: str, right: str, sign: int) -> str | None:
    first, second = unit(left), unit(right)
    a, b = parse(left), parse(right)
    if first is None or second is None or a is None or b is None:
        return None
    if not b:
        return left
    if not a and sign == 1:
        return right
    if first.special or second.special:
        return None
    return write((*a, *(Power(power.symbol, sign * power.exponent) for power in b)))


def without_annotations(code: str) -> str:
    """A code as `common_units` lists it.

    Examples
    --------
    >>> without_annotations("10*6{RBCs}/uL"), without_annotations("{score}")
    ('10*6/uL', '1')
    """
    return re.sub(ANNOTATION, "", code) or "1"


@functools.cache
def common_units() -> Mapping[str, Unit]:
    """The units to reckon with in data, by their codes without annotations.

    Returns
    -------
    Mapping of str to Unit
        Every atom, and the codes that UCUM lists as examples for electronic messaging, in all their spellings. Where an
        annotation was the whole of a denominator the slash is left: ``mg/`` for ``mg/{specimen}``.

    Examples
    --------
    >>> common_units()["mg/dl"] == unit("mg/dL")
    True
    """
    found: dict[str, Unit] = {}
    for code in ("1", *load_table().atoms, *load_table().codes):
        spelled = [code]
        for old, new in _SPELLINGS:
            spelled += [other.replace(old, new) for other in spelled if old in other]
        meaning = unit(code)
        for spelling in spelled:
            if meaning is not None and unit(spelling) == meaning:
                found.setdefault(without_annotations(spelling), meaning)
    return MappingProxyType(found)
