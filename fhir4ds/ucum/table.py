"""The table of unit atoms and prefixes, as the generated data file has it.

Each atom is one string: flags, dimension and factor. The flags are ``*`` for a metric unit, which takes prefixes, or ``-``,
and ``!`` for a special unit, whose scale is not a ratio. The dimension is a product of powers of base units; a special
or arbitrary unit is a dimension of its own. The factor is the exact number of base units::

    "N": "* g.m.s-2 1000"        "[in_i]": "- m 127/5000"        "Cel": "*! Cel 1"
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from fractions import Fraction
from importlib import resources
from types import MappingProxyType

import attrs

_POWER = re.compile(r"(.+?)(-?[0-9]+)?")

#: Exponents of base units; no entry for zero.
Dimension = Mapping[str, int]


@attrs.frozen
class Atom:
    """A unit symbol that is not composed of others.

    Parameters
    ----------
    dimension : Mapping of str to int
        What it measures, as exponents of base units.
    factor : Fraction
        How many base units it is.
    metric : bool
        Whether it takes prefixes.
    special : bool
        Whether its scale is not a ratio, so that it takes no part in products (UCUM, section 4.2).
    """

    dimension: Dimension
    factor: Fraction
    metric: bool = False
    special: bool = False


@attrs.frozen
class Table:
    """All atoms and prefixes, and codes that are in common use."""

    prefixes: Mapping[str, Fraction]
    atoms: Mapping[str, Atom]
    codes: tuple[str, ...]

    def symbol(self, symbol: str) -> Atom | None:
        """The meaning of a symbol: an atom, or a metric atom with a prefix; None if it has none.

        Examples
        --------
        >>> load_table().symbol("mg").factor
        Fraction(1, 1000)
        """
        atom = self.atoms.get(symbol)
        if atom is not None:
            return atom
        for length in (2, 1):
            prefix, atom = self.prefixes.get(symbol[:length]), self.atoms.get(symbol[length:])
            if prefix is not None and atom is not None and atom.metric:
                return attrs.evolve(atom, factor=prefix * atom.factor)
        return None


def write_dimension(dimension: Dimension) -> str:
    """The text of a dimension, the same for equal ones; ``1`` if it has none.

    Examples
    --------
    >>> write_dimension({"s": -2, "g": 1, "m": 1})
    'g.m.s-2'
    """
    parts = (base if exponent == 1 else f"{base}{exponent}" for base, exponent in sorted(dimension.items()))
    return ".".join(parts) or "1"


def read_dimension(text: str) -> Dimension:
    """The dimension that `write_dimension` wrote."""
    matches = (_POWER.fullmatch(part) for part in text.split(".") if part != "1")
    return {match[1]: int(match[2] or 1) for match in matches if match is not None}


def write_atom(atom: Atom) -> str:
    """An atom in the notation of the data file."""
    flags = ("*" if atom.metric else "-") + "!" * atom.special
    return f"{flags} {write_dimension(atom.dimension)} {atom.factor}"


def read_atom(text: str) -> Atom:
    """The atom that `write_atom` wrote.

    Examples
    --------
    >>> read_atom("- m 127/5000").factor
    Fraction(127, 5000)
    """
    flags, dimension, factor = text.split(" ")
    special = "!" in flags
    # The symbol of a special unit may look like a product: B[10.nV].
    exponents = {dimension: 1} if special else read_dimension(dimension)
    return Atom(exponents, Fraction(factor), metric="*" in flags, special=special)


@functools.cache
def load_table() -> Table:
    """The table of the data file, read once."""
    text = resources.files(__package__).joinpath("data", "ucum.json").read_text(encoding="utf-8")
    data = json.loads(text)
    prefixes = {symbol: Fraction(value) for symbol, value in data["prefixes"].items()}
    atoms = {symbol: read_atom(notation) for symbol, notation in data["atoms"].items()}
    return Table(MappingProxyType(prefixes), MappingProxyType(atoms), tuple(data["codes"]))
