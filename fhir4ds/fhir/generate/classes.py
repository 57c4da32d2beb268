"""Reads FHIR R4B and R5 from the sources of the PyPI package ``fhir.resources``, without running them."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from fhir4ds.fhir.generate.draft import Draft, Use, notation, primitive
from fhir4ds.fhir.model import TypeKind

#: FHIR, "Data Types": primitive types, with what they are derived from. The package has no classes for them.
_PRIMITIVES = {
    "base64Binary": None,
    "boolean": None,
    "canonical": "uri",
    "code": "string",
    "date": None,
    "dateTime": None,
    "decimal": None,
    "id": "string",
    "instant": None,
    "integer": None,
    "markdown": "string",
    "oid": "uri",
    "positiveInt": "integer",
    "string": None,
    "time": None,
    "unsignedInt": "integer",
    "uri": None,
    "url": "uri",
    "uuid": "uri",
}
#: Attributes in XML, which the StructureDefinitions give a System type; the package gives them a FHIR type.
_ATTRIBUTES = {("Element", "id"), ("Extension", "url")}
#: Patterns that resources follow in R5; no type is derived from them.
_INTERFACES = {"CanonicalResource", "MetadataResource"}
_REFERENCES = {"Reference", "CodeableReference"}
_ANNOTATION = re.compile(r"(typing\.List\[)?(?:fhirtypes\.(\w+)Type|bool)\b")
_VERSION = re.compile(r"^Version: (\S+)$", re.MULTILINE)


@attrs.frozen
class _Field:
    """One element, or one type of a choice."""

    type: str
    targets: tuple[str, ...]
    many: bool
    required: bool
    choice: str | None


@attrs.frozen
class _Class:
    """One type: its own fields by their names in JSON, and the names of all its fields in order."""

    name: str
    base: str
    module: str
    fields: Mapping[str, _Field]
    order: list[str]


_Classes = Mapping[str, _Class]


def read(package: Path, folder: str) -> tuple[str, str, dict[str, Draft]]:
    """Read all types of one version of FHIR.

    Parameters
    ----------
    package : Path
        Where the wheel was unpacked.
    folder : str
        Where the classes of that version are: ``"fhir/resources"`` or ``"fhir/resources/R4B"``.

    Returns
    -------
    tuple of str, str and dict
        The version of FHIR, name and version of the package, and the types by name.
    """
    classes: dict[str, _Class] = {}
    versions: set[str] = set()
    for file in sorted((package / folder).glob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        version = _VERSION.findall(ast.get_docstring(tree) or "")
        if not version:
            continue  # the package's own machinery, no type
        versions.update(version)
        found = [_read_class(node, file.stem) for node in tree.body if isinstance(node, ast.ClassDef)]
        classes |= {item.name: item for item in found if item.name not in _INTERFACES}
    (metadata,) = package.glob("fhir_resources-*.dist-info/METADATA")
    source = f"fhir.resources {_VERSION.findall(metadata.read_text(encoding='utf-8'))[0]}"
    return versions.pop(), source, _drafts(classes)


def _read_class(node: ast.ClassDef, module: str) -> _Class:
    name, order = node.name, []
    fields: dict[str, _Field] = {}
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[ast.Name("__resource_type__")], value=value):
                name = ast.literal_eval(value)
            case ast.AnnAssign(annotation=annotation, value=ast.Call(keywords=keywords)):
                arguments = {keyword.arg: keyword.value for keyword in keywords}
                if "json_schema_extra" in arguments:  # fields for the extensions of a primitive have none
                    extra = ast.literal_eval(arguments["json_schema_extra"])
                    fields[ast.literal_eval(arguments["alias"])] = _read_field(ast.unparse(annotation), extra)
            case ast.FunctionDef(name="elements_sequence", body=[*_, ast.Return(value=ast.List() as value)]):
                order = ast.literal_eval(value)
    return _Class(name, ast.unparse(node.bases[0]).rpartition(".")[2], module, fields, order)


def _read_field(annotation: str, extra: Mapping[str, Any]) -> _Field:
    found = _ANNOTATION.match(annotation)
    if found is None:
        raise ValueError(f"not the annotation of a FHIR element: {annotation}")
    many, type = found.groups()
    # A primitive can be replaced by its extensions, so its annotation is optional even where the element is required.
    required = extra.get("element_required") or extra.get("one_of_many_required") or not annotation.endswith("| None")
    return _Field(
        type=type or "Boolean",
        targets=tuple(extra.get("enum_reference_types", ())) if type in _REFERENCES else (),
        many=many is not None,
        required=bool(required),
        choice=extra.get("one_of_many"),
    )


def _drafts(classes: _Classes) -> dict[str, Draft]:
    root = "PrimitiveType" if "PrimitiveType" in classes else "Element"
    primitives = {name: None for name in classes if name[0].islower()} | _PRIMITIVES
    drafts = {name: primitive(name, base or root) for name, base in primitives.items()}
    drafts["xhtml"] = primitive("xhtml", "Element")
    # The package spells types of elements as class names: "Code" is code, "PatientContact" is Patient.contact.
    names = {name[0].upper() + name[1:]: name for name in drafts}
    tops = [name for name, found in classes.items() if name.lower() == found.module and name not in drafts]
    names |= {name: name for name in tops}
    for name in tops:
        _name_backbones(name, classes, names)
    for name in classes.keys() - drafts.keys():
        drafts[names[name]] = _draft(name, classes, names)
    return drafts


def _name_backbones(name: str, classes: _Classes, names: dict[str, str]) -> None:
    """Name the types of backbone elements by their paths, where the class name shows that they are defined there."""
    for json_name, field in classes[name].fields.items():
        if field.type not in names and field.type == name + json_name[0].upper() + json_name[1:]:
            names[field.type] = f"{names[name]}.{json_name}"
            _name_backbones(field.type, classes, names)


def _draft(name: str, classes: _Classes, names: Mapping[str, str]) -> Draft:
    found = classes[name]
    fields: dict[str, list[_Field]] = {}
    for json_name in filter(found.fields.__contains__, found.order):
        field = found.fields[json_name]
        if (name, json_name) in _ATTRIBUTES:
            field = attrs.evolve(field, type="System.String")
        fields.setdefault(f"{field.choice}[x]" if field.choice else json_name, []).append(field)
    elements = {
        element: notation(
            [Use(names.get(field.type, field.type), field.targets) for field in alike],
            many=alike[0].many,
            required=alike[0].required,
        )
        for element, alike in fields.items()
    }
    return Draft(_kind(name, classes, names), found.base if found.base in classes else None, elements)


def _kind(name: str, classes: _Classes, names: Mapping[str, str]) -> TypeKind:
    if "." in names[name]:
        return TypeKind.BACKBONE
    ancestor = name
    while ancestor in classes and ancestor != "Resource":
        ancestor = classes[ancestor].base
    return TypeKind.RESOURCE if ancestor == "Resource" else TypeKind.COMPLEX
