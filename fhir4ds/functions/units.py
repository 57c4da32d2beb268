"""How many of one unit are one of another: UCUM units, calendar units, and where the two meet.

Facts that are known when an expression is compiled. Calendar units have a word where UCUM has a code: ``1 year`` is a
calendar year, ``1 'a'`` the mean Julian year (FHIRPath, "Time-valued Quantities" and "Unit Conversions").
"""

from __future__ import annotations

import enum
import functools
import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

from fhir4ds.ucum.sizes import moles, sizes
from fhir4ds.ucum.units import Unit, common_units, product, quotient, unit, without_annotations

#: The UCUM code of each calendar unit. They mean the same, but for years and months.
DEFINITE: Mapping[str, str] = MappingProxyType(
    {
        "year": "a",
        "month": "mo",
        "week": "wk",
        "day": "d",
        "hour": "h",
        "minute": "min",
        "second": "s",
        "millisecond": "ms",
    }
)
#: The calendar unit of each UCUM code that has one.
CALENDAR: Mapping[str, str] = MappingProxyType({code: word for word, code in DEFINITE.items()})

#: Scales of temperature: how many of its degrees the zero is above absolute zero, and how many kelvins a degree is
#: (UCUM, "Special Units on Non-ratio Scales", and its table of special units).
_SCALES: Mapping[str, tuple[Decimal, Fraction]] = MappingProxyType(
    {
        "Cel": (Decimal("273.15"), Fraction(1)),
        "[degF]": (Decimal("459.67"), Fraction(5, 9)),
        "[degRe]": (Decimal("218.52"), Fraction(5, 4)),
    }
)
_KELVIN = "K"

_VARIABLE = ("year", "month")
_WORDS = {name: word for word in DEFINITE for name in (word, word + "s")}

#: How calendar units are written that do not mean the same as those of UCUM.
OF_CALENDAR_ALONE = tuple(name for name, word in _WORDS.items() if word in _VARIABLE)

#: Days in each calendar unit; a year is also 12 months.
_DAYS = {
    "year": Fraction(365),
    "month": Fraction(30),
    "week": Fraction(7),
    "day": Fraction(1),
    "hour": Fraction(1, 24),
    "minute": Fraction(1, 24 * 60),
    "second": Fraction(1, 24 * 60 * 60),
    "millisecond": Fraction(1, 24 * 60 * 60 * 1000),
}
_MONTHS_OF_YEAR = 12

#: What the dimension of years and months of the calendar is called, where those of other units have a number.
_CALENDAR_DIMENSION = "calendar"

#: Whole numbers below this can be multiplied with a decimal.
_LARGEST = 2**63
_TOLERANCE = Fraction(1, 10**12)


class Purpose(enum.Enum):
    """What a conversion is for; that decides whether calendar and UCUM units of time can meet."""

    COMPARISON = "comparison"  # years and months of the calendar and of UCUM do not compare
    EQUIVALENCE = "equivalence"  # they do
    ADDITION = "addition"  # years and months are converted to each other, and to nothing else
    CONVERSION = "conversion"  # asked for by name: reckoned in the system of the source


class Operation(enum.Enum):
    """What composes a unit of two; the value is its sign in UCUM."""

    PRODUCT = "."
    QUOTIENT = "/"

    def compose(self, left: str, right: str) -> str | None:
        """The unit of the result; None if there is none."""
        return product(left, right) if self is Operation.PRODUCT else quotient(left, right)


def _table(entries: Mapping[str, str]) -> str:
    """A constant table as JSON; it stands in SQL as a whole, so it is short."""
    return json.dumps(dict(entries), ensure_ascii=False, separators=(",", ":"))


def calendar_word(code: str) -> str | None:
    """The calendar unit that a unit is, in the singular; None if it is none.

    Examples
    --------
    >>> calendar_word("days"), calendar_word("d")
    ('day', None)
    """
    return _WORDS.get(code)


def zeros() -> Mapping[str, Decimal]:
    """Units of the scales of temperature, and how many of its degrees the zero of each is above absolute zero."""
    return {code: zero for code, (zero, _) in _SCALES.items()}


def is_temperature(code: str) -> bool:
    """Whether a unit is one of temperature, on a scale or absolute.

    Examples
    --------
    >>> is_temperature("Cel"), is_temperature("mK"), is_temperature("m")
    (True, True, False)
    """
    meaning = _meaning(code, Purpose.COMPARISON)
    return meaning is not None and meaning.dimension == _KELVIN


def _meaning(code: str, purpose: Purpose) -> Unit | None:
    """The unit of a code; a degree of a scale of temperature is so many kelvins where temperatures are compared."""
    if code in _SCALES and purpose in (Purpose.COMPARISON, Purpose.EQUIVALENCE):
        return Unit(_KELVIN, _SCALES[code][1])
    return unit(code) or common_units().get(code)


def calendar_names() -> Iterator[str]:
    """The words for calendar units, singular and plural."""
    return iter(_WORDS)


def conversion(source: str, target: str, purpose: Purpose) -> Fraction | None:
    """How many units of ``target`` one ``source`` is; None if they are not commensurable.

    Examples
    --------
    >>> conversion("cm", "m", Purpose.COMPARISON), conversion("week", "d", Purpose.COMPARISON)
    (Fraction(1, 100), Fraction(7, 1))
    >>> conversion("year", "a", Purpose.COMPARISON) is None
    True
    """
    if source == target:
        return Fraction(1)
    a, b = calendar_word(source), calendar_word(target)
    if a is not None and b is not None:
        return _between_words(a, b, purpose)
    if a is None and b is None:
        return _between_codes(source, target, purpose)
    if purpose is Purpose.CONVERSION:
        # 182.5 days are 0.5 'a', as half a calendar year; 182.5 'd' are not.
        if a is not None and target in CALENDAR:
            return _between_words(a, CALENDAR[target], purpose)
    elif purpose is not Purpose.EQUIVALENCE and any(
        word in _VARIABLE or CALENDAR.get(code) in _VARIABLE for word, code in ((a, target), (b, source))
    ):
        return None
    codes = DEFINITE[a] if a is not None else source, DEFINITE[b] if b is not None else target
    return _between_codes(*codes, purpose)


def _between_words(source: str, target: str, purpose: Purpose) -> Fraction | None:
    if source == target:
        return Fraction(1)
    if (source, target) == _VARIABLE:
        return Fraction(_MONTHS_OF_YEAR)
    if (target, source) == _VARIABLE:
        return Fraction(1, _MONTHS_OF_YEAR)
    if purpose is Purpose.ADDITION and (source in _VARIABLE or target in _VARIABLE):
        return None
    return _DAYS[source] / _DAYS[target]


def _between_codes(source: str, target: str, purpose: Purpose) -> Fraction | None:
    a, b = _meaning(source, purpose), _meaning(target, purpose)
    return a.factor / b.factor if a is not None and b is not None and a.dimension == b.dimension else None


def ratio(source: str, target: str, purpose: Purpose) -> tuple[int, int] | None:
    """Two whole numbers by which values in ``source`` and in ``target`` are multiplied to be compared.

    Returns
    -------
    tuple of int or None
        None if the units are not commensurable, or too far apart for a database to reckon with.

    Examples
    --------
    >>> ratio("cm", "m", Purpose.COMPARISON)
    (1, 100)
    """
    factor = conversion(source, target, purpose)
    return None if factor is None else _bounded(factor)


def _bounded(factor: Fraction) -> tuple[int, int] | None:
    """Numerator and denominator of a factor, both small enough; None if that takes more than a hair's breadth."""
    least = min(factor, 1 / factor)
    close = least.limit_denominator(_LARGEST - 1)
    if abs(close - least) > least * _TOLERANCE:
        return None
    return (close.numerator, close.denominator) if least == factor else (close.denominator, close.numerator)


@functools.lru_cache(maxsize=256)
def ratios_to(target: str, purpose: Purpose, *, fhir: bool) -> str:
    """The `ratio` of each unit that data may have to one unit, as a JSON object; its values are pairs like ``1 100``.

    Parameters
    ----------
    target : str
        The unit that is known.
    purpose : Purpose
        What for.
    fhir : bool
        Whether the units come from FHIR, where time units are those of the calendar if the other operand says so.
    """
    known = calendar_word(target) is not None
    found: dict[str, str] = {}
    for code in (target, *common_units(), *calendar_names()):
        source = CALENDAR.get(code, code) if fhir and known else code
        pair = ratio(source, target, purpose)
        if pair is not None:
            found.setdefault(without_annotations(code), f"{pair[0]} {pair[1]}")
    return _table(found)


@functools.cache
def all_ratios(purpose: Purpose) -> str:
    """All units that data may have as a JSON object; its values are like ``7 1 6 -1``.

    The first number tells the dimension, the others how many units of one that all of the dimension share the unit is: a
    numerator, a denominator, and a power of ten that their fraction is multiplied with. Years and months of the calendar are
    not among them (`ratios_of_calendar`). Moles are a number of things so large that they have a dimension of their own.

    Examples
    --------
    >>> table = json.loads(all_ratios(Purpose.COMPARISON))
    >>> [table[code].split()[1:] for code in ("L", "mL")], table["mol"].split()[0] == table["1"].split()[0]
    ([['1', '1', '7'], ['1', '1', '4']], False)
    """
    dimensions: dict[tuple[str, int], dict[str, Fraction]] = {}
    for code in common_units():
        meaning = _meaning(code, purpose)
        if meaning is not None:
            dimensions.setdefault((meaning.dimension, moles(meaning.factor)), {})[code] = meaning.factor
    for name, word in _WORDS.items():
        definite = unit(DEFINITE[word])
        if definite is not None and word not in _VARIABLE:
            dimensions[definite.dimension, moles(definite.factor)][name] = definite.factor
    return _table(
        {
            code: f"{number} {size.numerator} {size.denominator} {size.exponent}"
            for number, factors in enumerate(dimensions.values())
            for code, size in sizes(factors).items()
        }
    )


@functools.cache
def measured(purpose: Purpose) -> str:
    """All units that data may have as a JSON object; its values are like ``7 1 6 -1 0``.

    As `all_ratios`, and behind that how many degrees the zero of a scale of temperature is above absolute zero. A year or a
    month that is told by a word is that of UCUM for equivalence, and else one of the calendar, which measures nothing else.
    """
    found = {code: f"{entry} {zeros().get(code, 0)}" for code, entry in json.loads(all_ratios(purpose)).items()}
    for name in OF_CALENDAR_ALONE:
        months = conversion(_WORDS[name], "month", Purpose.ADDITION)
        found[name] = (
            found[DEFINITE[_WORDS[name]]] if purpose is Purpose.EQUIVALENCE else f"{_CALENDAR_DIMENSION} {months} 1 0 0"
        )
    return _table(found)


@functools.cache
def ratios_of_calendar(purpose: Purpose) -> str:
    """The `ratio` of pairs of units like ``years d`` of which one is a year or a month of the calendar, as a JSON object.

    Those have no unit in common with the others: 12 months are a year, and 365 days are, but 12 times 30 days are not.
    """
    time = unit(DEFINITE["second"])
    others = [
        code
        for code in common_units()
        if time is not None and (found := _meaning(code, purpose)) is not None and found.dimension == time.dimension
    ]
    found_pairs: dict[str, str] = {}
    for alone in OF_CALENDAR_ALONE:
        for other in dict.fromkeys((*others, *calendar_names())):
            pair = ratio(alone, other, purpose)
            if pair is not None:
                found_pairs[f"{alone} {other}"] = f"{pair[0]} {pair[1]}"
                found_pairs[f"{other} {alone}"] = f"{pair[1]} {pair[0]}"
    return _table(found_pairs)


@functools.cache
def words() -> str:
    """The word of the calendar for each UCUM code that has one, as a JSON object."""
    return _table(CALENDAR)


@functools.cache
def ratio_units() -> tuple[str, ...]:
    """The units that data may have and that take part in products."""
    return tuple(code for code, meaning in common_units().items() if not meaning.special)


@functools.lru_cache(maxsize=256)
def composed_before(right: str, operation: Operation) -> str:
    """The unit that each unit of data makes with one on its right, as a JSON object."""
    return _composed((code, operation.compose(code, right)) for code in ratio_units())


@functools.lru_cache(maxsize=256)
def composed_after(left: str, operation: Operation) -> str:
    """The unit that each unit of data makes with one on its left, as a JSON object."""
    return _composed((code, operation.compose(left, code)) for code in ratio_units())


def _composed(pairs: Iterable[tuple[str, str | None]]) -> str:
    return _table({code: unit for code, unit in pairs if unit is not None})
