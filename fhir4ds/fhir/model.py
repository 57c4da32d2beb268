"""What FHIR says about its types: elements, cardinalities, choices and inheritance, for each version of FHIR.

The data files beside this module are made from the official definitions by `fhir4ds.fhir.generate`. They list types by
kind and by base; each type lists the elements that it adds to its base; each element is one string, a mark and types::

    "deceased[x]": "?boolean|dateTime"        "subject": "Reference(Patient,Group)"

The mark is ``?`` for 0..1, ``*`` for 0..*, ``+`` for 1..* and none for 1..1. Types are separated by ``|``; what a
reference may point to stands in parentheses. Strings become `Element` records when their type is first asked for.
"""

from __future__ import annotations

import enum
import functools
import json
import re
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any

import attrs

from fhir4ds.errors import InvalidModel

#: The versions of FHIR that have a model.
MODELS = ("R4", "R4B", "R5")

_TYPE = re.compile(r"([^|(]+)(?:\(([^)]*)\))?")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class TypeKind(enum.Enum):
    """What sort of type a FHIR type is."""

    RESOURCE = "resource"
    COMPLEX = "complex"
    BACKBONE = "backbone"
    PRIMITIVE = "primitive"


@attrs.frozen
class TypeDefinition:
    """A FHIR type.

    Parameters
    ----------
    name : str
        As in the definitions; a backbone element is named by its path, such as ``"Patient.contact"``.
    base : str or None
        The type from which it is derived.
    kind : TypeKind
        What sort of type it is.
    abstract : bool
        Whether no instance has this very type.
    """

    name: str
    base: str | None
    kind: TypeKind
    abstract: bool


@attrs.frozen
class Element:
    """An element of a FHIR type.

    Parameters
    ----------
    name : str
        Its name, for a choice without ``[x]``: ``"value"``.
    types : tuple of str
        The types that it may have; several only for a choice. ``"System.String"`` where the definitions say that it is
        no FHIR type: ``Element.id``, ``Extension.url`` and the ``value`` of primitives.
    many : bool
        Whether it repeats: an array in JSON.
    required : bool
        Whether there is at least one.
    choice : bool
        Whether its name in JSON ends in its type: ``"valueQuantity"``.
    targets : tuple of str
        Resource types that a reference may point to; empty where the element is no reference or where any will do.
    """

    name: str
    types: tuple[str, ...]
    many: bool = False
    required: bool = False
    choice: bool = False
    targets: tuple[str, ...] = ()

    def json_name(self, type_name: str) -> str:
        """The name of the element in JSON when it has a certain type.

        Parameters
        ----------
        type_name : str
            One of `types`.

        Returns
        -------
        str
            ``"valueQuantity"`` for a choice, the plain name for any other element.

        Examples
        --------
        >>> load_model("R4").element("Observation", "value").json_name("dateTime")
        'valueDateTime'
        """
        return self.name + type_name[0].upper() + type_name[1:] if self.choice else self.name


@attrs.frozen
class Model:
    """A version of FHIR: its types and their elements.

    Two models are equal when they are of the same version, so a model can be a key of a cache.

    Parameters
    ----------
    name : str
        ``"R4"``, ``"R4B"`` or ``"R5"``.
    version : str
        The exact version that the definitions are of, such as ``"4.0.1"``.
    """

    name: str
    version: str
    _types: Mapping[str, TypeDefinition] = attrs.field(eq=False, repr=False)
    _notation: Mapping[str, Mapping[str, str]] = attrs.field(eq=False, repr=False)
    _elements: dict[str, Mapping[str, Element]] = attrs.field(init=False, factory=dict, eq=False, repr=False)

    def type(self, name: str) -> TypeDefinition | None:
        """The definition of a type; None if FHIR has no such type.

        Examples
        --------
        >>> load_model("R4").type("Patient.contact").base
        'BackboneElement'
        """
        return self._types.get(name)

    def elements(self, type_name: str) -> Mapping[str, Element]:
        """The elements of a type by name, inherited ones first, in the order of the definition.

        A name that is no FHIR type has no elements.

        Examples
        --------
        >>> list(load_model("R4").elements("HumanName"))
        ['id', 'extension', 'use', 'text', 'family', 'given', 'prefix', 'suffix', 'period']
        """
        definition = self._types.get(type_name)
        if definition is None:
            return _NOTHING
        found = self._elements.get(type_name)
        if found is None:
            inherited = self.elements(definition.base) if definition.base is not None else _NOTHING
            own = (_read(name, text) for name, text in self._notation[type_name].items())
            found = MappingProxyType({**inherited, **{element.name: element for element in own}})
            self._elements[type_name] = found
        return found

    def element(self, type_name: str, name: str) -> Element | None:
        """An element of a type, own or inherited; None if the type has no such element.

        A choice is found by its name without type: ``"value"``, not ``"valueQuantity"`` (see `choice`).
        """
        return self.elements(type_name).get(name)

    def choice(self, type_name: str, json_name: str) -> tuple[Element, str] | None:
        """The choice element and the type that a name in JSON stands for; None if it stands for none.

        Examples
        --------
        >>> element, type_name = load_model("R4").choice("Observation", "valueQuantity")
        >>> element.name, type_name
        ('value', 'Quantity')
        """
        for element in self.elements(type_name).values():
            if element.choice and json_name.startswith(element.name):
                for candidate in element.types:
                    if element.json_name(candidate) == json_name:
                        return element, candidate
        return None

    def is_subtype(self, name: str, of: str) -> bool:
        """Whether a type is another type or derived from it.

        Examples
        --------
        >>> model = load_model("R4")
        >>> model.is_subtype("Age", "Quantity"), model.is_subtype("code", "string"), model.is_subtype("uri", "string")
        (True, True, False)
        """
        current: str | None = name
        while current is not None:
            if current == of:
                return True
            definition = self._types.get(current)
            current = definition.base if definition is not None else None
        return False

    def is_resource(self, name: str) -> bool:
        """Whether a name is that of a resource type; ``Resource`` and ``DomainResource`` are such."""
        definition = self._types.get(name)
        return definition is not None and definition.kind is TypeKind.RESOURCE

    def is_primitive(self, name: str) -> bool:
        """Whether a name is that of a primitive type."""
        definition = self._types.get(name)
        return definition is not None and definition.kind is TypeKind.PRIMITIVE

    @property
    def types(self) -> Mapping[str, TypeDefinition]:
        """All types by name."""
        return self._types

    @functools.cached_property
    def resource_types(self) -> tuple[str, ...]:
        """The names of the resource types that instances can have, in alphabetical order."""
        return tuple(sorted(name for name in self._types if self.is_resource(name) and not self._types[name].abstract))

    @functools.cached_property
    def primitives(self) -> Mapping[str, str]:
        """The System type that each primitive type converts to, without namespace.

        Examples
        --------
        >>> primitives = load_model("R4").primitives
        >>> primitives["code"], primitives["positiveInt"], primitives["instant"]
        ('String', 'Integer', 'DateTime')
        """
        names = (name for name in self._types if self.is_primitive(name))
        return MappingProxyType({name: self.elements(name)["value"].types[0].removeprefix("System.") for name in names})


@functools.cache
def load_model(name: str) -> Model:
    """The model of a version of FHIR, read once.

    Parameters
    ----------
    name : str
        One of `MODELS`.

    Returns
    -------
    Model
        Always the same object for the same name.

    Raises
    ------
    InvalidModel
        There is no model of that name.
    """
    if name not in MODELS:
        raise InvalidModel(f"no FHIR model named {name!r}", hint=f"choose one of {', '.join(MODELS)}")
    text = resources.files(__package__).joinpath("data", f"{name}.json").read_text(encoding="utf-8")
    data = json.loads(text)
    types: dict[str, TypeDefinition] = {}
    notation: dict[str, Mapping[str, str]] = {}
    for kind in TypeKind:
        for base, members in data[kind.value].items():
            notation.update(members)
            for type_name in members:
                types[type_name] = TypeDefinition(type_name, base or None, kind, type_name in data["abstract"])
    return Model(name=data["name"], version=data["version"], types=MappingProxyType(types), notation=notation)


@functools.lru_cache(maxsize=1024)
def may_hold_decimals(model: Model, type_name: str) -> bool:
    """Whether a value of a type can have a decimal in it, in elements other than extensions.

    Examples
    --------
    >>> [may_hold_decimals(load_model("R4"), name) for name in ("HumanName", "Quantity", "Patient", "Extension")]
    [False, True, True, True]
    """
    waiting, seen = [type_name], {"Extension"} - {type_name}
    while waiting:
        name = waiting.pop()
        if name in ("decimal", "Resource"):  # a contained resource can be any
            return True
        if name not in seen:
            seen.add(name)
            waiting += [below for element in model.elements(name).values() for below in element.types]
    return False


def _read(name: str, text: str) -> Element:
    mark = text[0] if text[0] in "?*+" else ""
    types = _TYPE.findall(text[len(mark) :])
    return Element(
        name=name.removesuffix("[x]"),
        types=tuple(type_name for type_name, _ in types),
        many=mark in ("*", "+"),
        required=mark in ("", "+"),
        choice=name.endswith("[x]"),
        targets=tuple(dict.fromkeys(target for _, targets in types for target in targets.split(",") if target)),
    )
