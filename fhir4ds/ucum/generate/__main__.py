"""Writes the data file of the units: ``python -m fhir4ds.ucum.generate PACKAGE``."""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree as ET

from fhir4ds.ucum import generate
from fhir4ds.ucum.expression import parse
from fhir4ds.ucum.table import Atom, Table, read_dimension, write_atom
from fhir4ds.ucum.units import evaluate, without_annotations

_NAMESPACE = "{http://unitsofmeasure.org/ucum-essence}"
_NOTICE = (
    "Codes and definitions of units are from the Unified Code for Units of Measure, copyright Regenstrief Institute, "
    "Inc., under the UCUM License at https://unitsofmeasure.org/license, which disclaims all warranties."
)
_COLUMN = "UCUM_CODE"
_WIDEST = 110


def main() -> None:
    """Read the arguments, read the package, write the file."""
    parser = argparse.ArgumentParser(
        prog="python -m fhir4ds.ucum.generate",
        description=generate.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("package", type=Path, help="folder of the unpacked package")
    file = Path(generate.__file__).parents[1] / "data" / "ucum.json"
    file.write_text(generated(parser.parse_args().package), encoding="utf-8", newline="\n")
    print(f"{file}: {file.stat().st_size} bytes")


def generated(package: Path) -> str:
    """The text of the data file."""
    vendor = package / "ucumvert" / "vendor"
    root = ET.parse(vendor / "ucum-essence.xml").getroot()  # noqa: S314 - a file of our own choice
    prefixes = {element.attrib["Code"]: _value(element).attrib["value"] for element in root.iter(_NAMESPACE + "prefix")}
    atoms = _atoms(root, {symbol: Fraction(value) for symbol, value in prefixes.items()})
    header = {
        "source": next(package.glob("ucumvert-*.dist-info")).name.removesuffix(".dist-info"),
        "version": root.attrib["version"],
        "date": root.attrib["revision-date"],
        "notice": _NOTICE,
    }
    table = Table({symbol: Fraction(value) for symbol, value in prefixes.items()}, atoms, ())
    with (vendor / "ucum_examples.tsv").open(encoding="utf-8", newline="") as examples:
        codes = [row[_COLUMN] for row in csv.DictReader(examples, delimiter="\t", quoting=csv.QUOTE_NONE)]
    return _render(header, prefixes, atoms, _known(codes, table))


def _value(element: ET.Element) -> ET.Element:
    value = element.find(_NAMESPACE + "value")
    if value is None:
        raise ValueError(f"{element.attrib['Code']} has no value")
    return value


def _atoms(root: ET.Element, prefixes: dict[str, Fraction]) -> dict[str, Atom]:
    """All atoms, each resolved to base units. Definitions may come before what they refer to."""
    atoms = {
        element.attrib["Code"]: Atom({element.attrib["Code"]: 1}, Fraction(1), metric=True)
        for element in root.iter(_NAMESPACE + "base-unit")
    }
    open_ = list(root.iter(_NAMESPACE + "unit"))
    while open_:
        table = Table(prefixes, atoms, ())
        found = {element.attrib["Code"]: atom for element in open_ if (atom := _atom(element, table)) is not None}
        if not found:
            raise ValueError(f"undefined units in {[element.attrib['Code'] for element in open_]}")
        atoms |= found
        open_ = [element for element in open_ if element.attrib["Code"] not in found]
    return {symbol: atoms[symbol] for symbol in sorted(atoms)}


def _atom(element: ET.Element, table: Table) -> Atom | None:
    """The atom that an element defines; None if it refers to one that is not in the table yet."""
    symbol, metric = element.attrib["Code"], element.attrib["isMetric"] == "yes"
    definition = _value(element).attrib
    if element.get("isSpecial") == "yes":
        return Atom({symbol: 1}, Fraction(1), metric=metric, special=True)
    if element.get("isArbitrary") == "yes" and definition["Unit"] == "1":
        return Atom({symbol: 1}, Fraction(1), metric=metric)
    powers = parse(definition["Unit"])
    unit = None if powers is None else evaluate(powers, table)
    if unit is None:
        return None
    return Atom(read_dimension(unit.dimension), Fraction(definition["value"]) * unit.factor, metric=metric)


def _known(codes: Iterable[str], table: Table) -> list[str]:
    """One code of each that are the same but for annotations, of those that are units."""
    found: dict[str, str] = {}
    for code in codes:
        powers = parse(code)
        if powers is not None and evaluate(powers, table) is not None and code not in table.atoms:
            found.setdefault(without_annotations(code), code)
    return sorted(found.values())


def _render(header: dict[str, str], prefixes: dict[str, str], atoms: dict[str, Atom], codes: list[str]) -> str:
    parts = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in header.items()]
    parts.append(f'"prefixes": {json.dumps(prefixes)}')
    lines = (f"{json.dumps(symbol)}: {json.dumps(write_atom(atom))}" for symbol, atom in atoms.items())
    parts.append('"atoms": {\n' + ",\n".join(lines) + "\n}")
    parts.append('"codes": [\n' + ",\n".join(_lines(codes)) + "\n]")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(codes: Iterable[str]) -> Iterator[str]:
    """JSON strings, as many on a line as fit."""
    line = ""
    for code in map(json.dumps, codes):
        if line and len(line) + len(code) > _WIDEST:
            yield line
            line = code
        else:
            line = f"{line}, {code}" if line else code
    yield line


if __name__ == "__main__":
    main()
