"""A version of FHIR on its way into a data file, whatever it was read from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import attrs

from fhir4ds.fhir.model import TypeKind

_ABSTRACT = frozenset(
    {"Base", "Element", "BackboneElement", "DataType", "BackboneType", "PrimitiveType", "Resource", "DomainResource"}
)
#: FHIR, "FHIRPath", section "Types": the System type of a primitive's value where it is not String.
_SYSTEM_TYPES = {
    "boolean": "Boolean",
    "date": "Date",
    "dateTime": "DateTime",
    "decimal": "Decimal",
    "instant": "DateTime",
    "integer": "Integer",
    "integer64": "Long",
    "time": "Time",
}


@attrs.frozen
class Draft:
    """A type with the elements that it adds to its base, each in the notation of `fhir4ds.fhir.model`."""

    kind: TypeKind
    base: str | None
    elements: dict[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Use:
    """One type of an element, with the resource types that it may refer to."""

    type: str
    targets: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.type}({','.join(self.targets)})" if self.targets else self.type


def notation(uses: Iterable[Use], *, many: bool, required: bool) -> str:
    """An element in the notation of the model.

    Examples
    --------
    >>> notation([Use("Reference", ("Patient", "Group")), Use("string")], many=False, required=False)
    '?Reference(Patient,Group)|string'
    """
    mark = {(True, True): "+", (True, False): "*", (False, True): "", (False, False): "?"}[many, required]
    return mark + "|".join(dict.fromkeys(map(str, uses)))


def primitive(name: str, base: str) -> Draft:
    """A primitive type: an Element whose value is of a System type, unless its base says so already."""
    derived = base[0].islower()
    return Draft(TypeKind.PRIMITIVE, base, {} if derived else {"value": f"?System.{_SYSTEM_TYPES.get(name, 'String')}"})


def render(header: Mapping[str, str], drafts: Mapping[str, Draft]) -> str:
    """The text of a data file: types by kind, then by base, one type a line.

    Parameters
    ----------
    header : Mapping of str to str
        What the file says of itself: the name of the model, the version of FHIR, the package that was read.
    drafts : Mapping of str to Draft
        All types by name.

    Returns
    -------
    str
        JSON; the same for the same input.
    """
    parts = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in header.items()]
    parts.append(f'"abstract": {json.dumps(sorted(_ABSTRACT & drafts.keys()))}')
    for kind in TypeKind:
        groups: dict[str, list[str]] = {}
        for name, draft in sorted(drafts.items()):
            if draft.kind is kind:
                line = f"{json.dumps(name)}: {json.dumps(draft.elements, separators=(',', ':'))}"
                groups.setdefault(draft.base or "", []).append(line)
        bases = [f"{json.dumps(base)}: " + _block(groups[base]) for base in sorted(groups)]
        parts.append(f"{json.dumps(kind.value)}: " + _block(bases))
    return _block(parts) + "\n"


def _block(members: Iterable[str]) -> str:
    return "{\n" + ",\n".join(members) + "\n}"
