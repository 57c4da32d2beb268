"""Writes the data file of one FHIR version: ``python -m fhir4ds.fhir.generate R4 PACKAGE``."""

from __future__ import annotations

import argparse
from pathlib import Path

from fhir4ds.fhir import generate
from fhir4ds.fhir.generate import classes, structures
from fhir4ds.fhir.generate.draft import render
from fhir4ds.fhir.model import MODELS

_FOLDERS = {"R4B": "fhir/resources/R4B", "R5": "fhir/resources"}


def main() -> None:
    """Read the arguments, read the package, write the file."""
    parser = argparse.ArgumentParser(
        prog="python -m fhir4ds.fhir.generate",
        description=generate.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("package", type=Path, help="folder of the unpacked package")
    arguments = parser.parse_args()
    file = Path(generate.__file__).parents[1] / "data" / f"{arguments.model}.json"
    file.write_text(generated(arguments.model, arguments.package), encoding="utf-8", newline="\n")
    print(f"{file}: {file.stat().st_size} bytes")


def generated(model: str, package: Path) -> str:
    """The text of the data file of a model."""
    if model == "R4":
        source, drafts = structures.read(package)
        version = structures.VERSION
    else:
        version, source, drafts = classes.read(package, _FOLDERS[model])
    return render({"name": model, "version": version, "source": source}, drafts)


if __name__ == "__main__":
    main()
