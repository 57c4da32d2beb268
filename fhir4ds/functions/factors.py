"""How many of one unit of data are one of another, by what the table of units says of each (`units.all_ratios`).

That is a dimension and the size of the unit as a fraction and a power of ten, which stand as words in a text.
"""

from __future__ import annotations

from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.nodes import Cast, Node, apply, integer, text

#: Whole numbers that decimals are multiplied with have so many digits at most.
_MOST_DIGITS = 18
_FITTING, _ZEROS = text(f"^([0-9]{{1,{_MOST_DIGITS}}})$"), text("0" * _MOST_DIGITS)

#: The places of the words that tell the size, after that of the dimension.
_NUMERATOR, _DENOMINATOR, _EXPONENT = range(1, 4)


def are_commensurable(one: Node, other: Node, place: int = 1) -> Node:
    """Whether two units are of one dimension.

    Parameters
    ----------
    one, other : Node
        Texts of which some words tell of a unit.
    place : int
        Place of the first of these words, counted from 1.
    """
    return apply("equal", *(word(each, place) for each in (one, other)))


def factor(one: Node, other: Node, place: int = 1) -> Node:
    """What a number of one unit is multiplied with to be compared with one of another, which is by its own factor.

    NULL where units are too far apart for a database to reckon with. Parameters are those of `are_commensurable`.
    """
    product = apply(
        "multiply", whole(one, place + _NUMERATOR), whole(other, place + _DENOMINATOR), type=SqlType.INTEGER
    )
    exponents = (whole(each, place + _EXPONENT) for each in (one, other))
    return _raised(product, apply("subtract", *exponents, type=SqlType.INTEGER))


def size(one: Node, place: int = 1) -> tuple[Node, Node]:
    """How many units of one that all of its dimension share a unit is, as numerator and denominator; NULL if that is too many.

    Parameters are those of `are_commensurable`.
    """
    exponent = whole(one, place + _EXPONENT)
    return (
        _raised(whole(one, place + _NUMERATOR), exponent),
        _raised(whole(one, place + _DENOMINATOR), apply("negate", exponent, type=SqlType.INTEGER)),
    )


def word(words: Node, place: int) -> Node:
    """A word of a text, by its place counted from 1."""
    return apply("split_part", words, text(" "), integer(place), type=SqlType.TEXT)


def whole(words: Node, place: int) -> Node:
    """A word that is a whole number."""
    return Cast(word(words, place), SqlType.INTEGER)


def _raised(number: Node, exponent: Node) -> Node:
    """A whole number times a power of ten, or itself if the exponent is negative; NULL if it has too many digits."""
    zeros = apply("left", _ZEROS, apply("greatest", exponent, integer(0), type=SqlType.INTEGER), type=SqlType.TEXT)
    digits = apply("concat", Cast(number, SqlType.TEXT), zeros, type=SqlType.TEXT)
    return Cast(apply("regexp_group", digits, _FITTING, integer(1), type=SqlType.TEXT), SqlType.INTEGER)
