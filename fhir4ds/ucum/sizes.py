"""Sizes of the units of a dimension beside each other, in numbers that a database multiplies."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from fractions import Fraction

import attrs

#: Two numbers below this have a product that fits into 64 bits.
_LIMIT = 2**31

#: How many digits the unit in the middle of a dimension has in the one that all share.
_DIGITS_OF_MIDDLE = 4

#: A mole in things (UCUM, section 42, "mole").
_MOLE = Fraction(602214076 * 10**15)


@attrs.frozen
class Size:
    """A positive number as a fraction and a power of ten that it is multiplied with.

    Parameters
    ----------
    numerator, denominator : int
        The fraction, as simple as may be.
    exponent : int
        Of the power of ten.

    Examples
    --------
    >>> Size.of(Fraction(36000)), Size.of(Fraction(1, 8))
    (Size(numerator=36, denominator=1, exponent=3), Size(numerator=1, denominator=8, exponent=0))
    """

    numerator: int
    denominator: int
    exponent: int

    @classmethod
    def of(cls, number: Fraction) -> Size:
        """The size that is a number."""
        numerator, denominator, exponent = number.numerator, number.denominator, 0
        while numerator % 10 == 0:
            numerator, exponent = numerator // 10, exponent + 1
        while denominator % 10 == 0:
            denominator, exponent = denominator // 10, exponent - 1
        whole = cls(numerator, denominator, exponent)
        for prime, other in ((2, 5), (5, 2)):
            while denominator % prime == 0:
                numerator, denominator, exponent = numerator * other, denominator // prime, exponent - 1
        return min(whole, cls(numerator, denominator, exponent), key=lambda size: size.largest)

    @property
    def largest(self) -> int:
        """The larger number of the fraction."""
        return max(self.numerator, self.denominator)

    def within_limit(self) -> Size:
        """The same in numbers that may be multiplied with each other, within a hair's breadth if these are too large.

        Examples
        --------
        >>> Size.of(Fraction("3.14159265358979323846")).within_limit()
        Size(numerator=33141413, denominator=105492394, exponent=1)
        """
        if self.largest < _LIMIT:
            return self
        places = len(str(self.numerator)) - len(str(self.denominator))
        # That brings it near one.
        close = Fraction(self.numerator, self.denominator) / Fraction(10) ** places
        close = close.limit_denominator(_LIMIT // 10 - 1)
        return Size(close.numerator, close.denominator, self.exponent + places)


def moles(factor: Fraction) -> int:
    """The power of a mole that is in a factor: that without which it is simplest.

    Examples
    --------
    >>> from fhir4ds.ucum.units import unit
    >>> [moles(unit(code).factor) for code in ("mmol/L", "mL", "[gal_us]", "/umol")]
    [1, 0, 0, -1]
    """
    return min((0, 1, -1), key=lambda power: Size.of(factor / _MOLE**power).largest)


def sizes(factors: Mapping[str, Fraction]) -> Mapping[str, Size]:
    """How many units of one that they share the units of a dimension are, by their codes.

    Parameters
    ----------
    factors : Mapping of str to Fraction
        Of units that have the same power of a mole, as `moles` finds it.

    Returns
    -------
    Mapping of str to Size
        Exact wherever the numbers are small enough. Numbers of nearly all units are neither too small for a decimal of 12
        digits after the point nor too large in the unit that is shared.

    Examples
    --------
    >>> sizes({"m": Fraction(1), "cm": Fraction(1, 100), "km": Fraction(1000)})["m"]
    Size(numerator=1, denominator=1, exponent=4)
    """
    shared = _simplest(factors.values())
    found = {code: Size.of(factor / shared).within_limit() for code, factor in factors.items()}
    moved = statistics.median_low(size.exponent for size in found.values()) - _DIGITS_OF_MIDDLE
    return {code: attrs.evolve(size, exponent=size.exponent - moved) for code, size in found.items()}


def _simplest(factors: Iterable[Fraction]) -> Fraction:
    """What most factors are simple multiples of: 1 or one of them.

    Examples
    --------
    >>> pi = Fraction(355, 113**9)
    >>> _simplest([pi, pi / 180, pi / 200]) == pi, _simplest([Fraction(1), Fraction(1, 1000), pi])
    (True, Fraction(1, 1))
    """
    known = list(factors)

    def digits(shared: Fraction) -> int:
        return statistics.median_low(len(str(Size.of(factor / shared).largest)) for factor in known)

    return min(
        (Fraction(1), *{attrs.evolve(Size.of(factor), exponent=0): factor for factor in known}.values()), key=digits
    )
