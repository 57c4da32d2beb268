"""Keys to join views by (SQL on FHIR, "Required Additional Functions").

The key of a resource is its id; the key of a reference is the id that it ends in. So references and resources meet
wherever both come from one server, also where a reference repeats the server's address.
"""

from __future__ import annotations

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidArguments, InvalidOperation
from fhir4ds.functions import values
from fhir4ds.functions.declaration import Call, Example, Parameter, ParameterKind, function
from fhir4ds.functions.typing import nothing
from fhir4ds.plan import fusion
from fhir4ds.plan.collection import STRING, Collection, TypeName
from fhir4ds.plan.nodes import Each, Node, Reference, apply, bind, integer, text

_GROUP = "SQL on FHIR"
_OBSERVATION = {"resourceType": "Observation", "id": "o1", "subject": {"reference": "Patient/p1"}}

#: Types that any resource is of.
_ANY = ("Resource", "DomainResource")


@function(
    "getResourceKey",
    group=_GROUP,
    returns="String",
    examples=(Example(expression="getResourceKey()", resource=_OBSERVATION, result=("o1",)),),
)
def get_resource_key(call: Call) -> Collection:
    """The key of a resource, which is its id."""
    model = call.model
    if model is not None and not all(model.is_resource(type.name) for type in call.focus.types):
        shown = " or ".join(type.name for type in call.focus.types)
        raise call.error(InvalidOperation, f"{shown} is no resource and has no key", "write %resource.getResourceKey()")
    key = call.member(call.focus, "id")
    return Collection(plan=values.value(key, model, call.names), types=(STRING,))


@function(
    "getReferenceKey",
    Parameter("type", ParameterKind.TYPE, optional=True),
    group=_GROUP,
    returns="String for each reference",
    examples=(
        Example(expression="subject.getReferenceKey()", resource=_OBSERVATION, result=("p1",)),
        Example(expression="subject.getReferenceKey(Patient)", resource=_OBSERVATION, result=("p1",)),
        Example(expression="subject.getReferenceKey(Group)", resource=_OBSERVATION, result=()),
    ),
)
def get_reference_key(call: Call) -> Collection:
    """The key of the resource that each reference points to; nothing for one of another type, or without type and id."""
    focus, model = call.focus, call.model
    wanted = _wanted(call)
    if model is not None and focus.types and TypeName("FHIR", "Reference") not in focus.types:
        shown = " or ".join(dict.fromkeys(type.name for type in focus.types))
        raise call.error(InvalidOperation, f"getReferenceKey takes references, not {shown}")
    if values.is_empty(focus):
        return nothing(Collection(plan=focus.plan, types=(STRING,)))
    references = call.member(focus, "reference")
    found = values.items(references, call.names)
    if not found.many:
        literal = fusion.read(found, SqlType.TEXT, call.names)
        return Collection(plan=bind(call.names.fresh(), literal, lambda value: _key(value, wanted)), types=(STRING,))
    variable = call.names.fresh()
    literals = fusion.read(found, SqlType.TEXT, call.names)
    keys = Each(literals, variable, _key(Reference(variable, SqlType.TEXT), wanted))
    return Collection(plan=keys, types=(STRING,))


def _wanted(call: Call) -> str | None:
    if call.count == 0:
        return None
    type = call.named_type(0)
    if call.model is not None and not call.model.is_resource(type.name):
        raise call.error(InvalidArguments, f"{type.name} is no type of resources")
    return None if type.name in _ANY else type.name


def _key(literal: Node, wanted: str | None) -> Node:
    """The id in the text of a reference: ``Patient/1``, with the address of a server before it or a version behind it."""
    type = wanted or "[A-Z][A-Za-z]+"
    pattern = f"^(https?://[^?#|]*/)?({type})/([A-Za-z0-9.-]+)(/_history/[A-Za-z0-9.-]+)?$"
    return apply("regexp_group", literal, text(pattern), integer(3), type=SqlType.TEXT)
