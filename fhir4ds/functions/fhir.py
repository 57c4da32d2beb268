"""FHIR's own additions to FHIRPath (FHIR R4, "FHIRPath", section "Additional functions")."""

from __future__ import annotations

from collections.abc import Callable

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidArguments
from fhir4ds.functions import presence, singletons, tags, values
from fhir4ds.functions.declaration import Call, Example, Parameter, function
from fhir4ds.functions.filtering import keep
from fhir4ds.functions.subsetting import at
from fhir4ds.functions.typing import narrow, nothing
from fhir4ds.plan import fusion
from fhir4ds.plan.collection import BOOLEAN, STRING, SYSTEM_TYPES, Collection, TypeName
from fhir4ds.plan.nodes import FALSE, TRUE, Case, Constant, Node, apply, bind_all, integer, null, text

_GROUP = "FHIR"
_URL = Step("url")
_PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "birthDate": "1980-01-01",
    "_birthDate": {"extension": [{"url": "http://example.org/time", "valueString": "morning"}]},
    "extension": [{"url": "http://example.org/color", "valueCode": "red"}],
    "name": [{"given": ["Ada", "Eve"]}],
}


@function(
    "extension",
    Parameter("url"),
    group=_GROUP,
    returns="the extensions with the url",
    examples=(
        Example(expression="extension('http://example.org/color').value", resource=_PATIENT, result=("red",)),
        Example(
            expression="birthDate.extension('http://example.org/time').value", resource=_PATIENT, result=("morning",)
        ),
    ),
)
def extension(call: Call) -> Collection:
    """The extensions of each item whose url is the given one; also those of primitive elements."""
    url, extensions = call.value(0), call.member(call.focus, "extension")
    if values.is_empty(url):
        return nothing(extensions)
    if values.system_of(url, call.model) != STRING:
        raise call.error(InvalidArguments, "the url of an extension must be a String")
    wanted = singletons.single_value(call, url)

    def has_url(item: Collection, _: Node) -> Node:
        # There is one url, also where no model says so.
        return apply(
            "equal", fusion.read(fusion.extract(item.plan, _URL, call.names), SqlType.TEXT, call.names), wanted
        )

    return keep(call, extensions, has_url)


@function(
    "hasValue",
    group=_GROUP,
    returns="Boolean",
    examples=(
        Example(expression="birthDate.hasValue()", resource=_PATIENT, result=(True,)),
        Example(expression="extension.hasValue()", resource=_PATIENT, result=(False,)),
    ),
)
def has_value(call: Call) -> Collection:
    """Whether the focus is a single primitive element that has a value, and not extensions alone."""
    return values.system(_once(call, _has_value), BOOLEAN)


def _once(call: Call, body: Callable[[Call], Node]) -> Node:
    """A plan of a focus that is used several times and evaluated once."""
    focus, bound = tags.held(call, call.focus)
    return bind_all(bound, body(call.on(focus)))


def _has_value(call: Call) -> Node:
    focus = call.focus
    if not _primitive_types(call) and not values.is_untyped(focus):
        return FALSE
    first = values.value(at(call, focus, integer(0)), call.model, call.names)
    found: Node = apply("is_not_null", first)
    if first.type is SqlType.JSON:
        # Where several types are possible, JSON tells those with members from the others.
        found = values.of_parent(first, call.names, _is_primitive)
    return apply("and", apply("equal", presence.count(call, focus), integer(1)), found) if focus.many else found


def _is_primitive(json: Node) -> Node:
    kind = apply("json_kind", json, type=SqlType.TEXT)
    return Case(((apply("is_not_null", json), apply("unequal", kind, text("object"))),), FALSE)


def _primitive_types(call: Call) -> tuple[TypeName, ...]:
    """The System types of the values that items can have, but for those with members."""
    systems = (values.system_type(type, call.model) for type in call.focus.types)
    known = (system for system in systems if system is not None and SYSTEM_TYPES[system.name] is not SqlType.JSON)
    return tuple(dict.fromkeys(known))


@function(
    "getValue",
    group=_GROUP,
    returns="the value",
    examples=(
        Example(expression="birthDate.getValue()", resource=_PATIENT, result=("1980-01-01",)),
        Example(expression="name.given.getValue()", resource=_PATIENT, result=()),
    ),
)
def get_value(call: Call) -> Collection:
    """The System value of the single primitive element, if it has one; otherwise empty."""
    types = _primitive_types(call)
    if not types and not values.is_untyped(call.focus):
        return nothing(call.focus)
    return Collection(plan=_once(call, _value), types=types)


def _value(call: Call) -> Node:
    first = values.value(at(call, call.focus, integer(0)), call.model, call.names)
    if call.focus.many or first.type is SqlType.JSON:
        first = Case(((_has_value(call), first),), null(first.type))
    return first


_BASE = "http://hl7.org/fhir/StructureDefinition/"


@function(
    "conformsTo",
    Parameter("structure"),
    group=_GROUP,
    returns="Boolean",
    examples=(
        Example(expression=f"conformsTo('{_BASE}Patient')", resource=_PATIENT, result=(True,)),
        Example(expression=f"conformsTo('{_BASE}Person')", resource=_PATIENT, result=(False,)),
    ),
)
def conforms_to(call: Call) -> Collection:
    """Whether the single item is of the base type that the url names. Other profiles are not known and an error."""
    url = call.value(0).plan
    name = url.value.removeprefix(_BASE) if isinstance(url, Constant) and isinstance(url.value, str) else ""
    if call.model is None or call.model.type(name) is None:
        raise call.error(
            InvalidArguments,
            "conformsTo knows the base types of FHIR alone",
            hint=f"name one by its url, such as '{_BASE}Patient'",
        )
    focus = singletons.single(call, call.focus)
    found = presence.present(call, narrow(call, focus, TypeName("FHIR", name)))
    answer = Case(((found, TRUE), (presence.present(call, focus), FALSE)), null(SqlType.BOOLEAN))
    return values.system(answer, BOOLEAN)
