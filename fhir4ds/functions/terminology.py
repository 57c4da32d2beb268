"""memberOf(): codes and value sets that are loaded as resources (FHIR, "FHIRPath", "Additional functions").

The codes of a value set are put together once for a statement (`fhir4ds.plan.relation.ValueSetCodes`). What cannot be
put together leaves a mark among the codes, which is an error only where an answer depends on it.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidArguments, InvalidOperation
from fhir4ds.functions import presence, singletons, values
from fhir4ds.functions.declaration import Call, Example, Parameter, function
from fhir4ds.plan import fusion, nodes
from fhir4ds.plan.collection import BOOLEAN, STRING, Collection, TypeName
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import (
    FALSE,
    TRUE,
    Case,
    Constant,
    Exists,
    Holds,
    Node,
    Raise,
    Reference,
    apply,
    bind,
    integer,
    null,
    text,
)
from fhir4ds.plan.relation import Mark, ValueSetCodes

_TEXT, _JSON = SqlType.TEXT, SqlType.JSON
_CODE, _CODING, _CONCEPT = (TypeName("FHIR", name) for name in ("code", "Coding", "CodeableConcept"))

#: What a mark among the codes says of a value set that cannot be put together.
_INCOMPLETE = {
    Mark.FILTER: "a filter, which is not evaluated",
    Mark.CODE_SYSTEM: "all codes of a code system that is not loaded completely",
    Mark.VALUE_SET: "a value set that is not loaded",
    Mark.LEVELS: "value sets that include others on too many levels",
}

_URL = "http://example.org/ValueSet/sizes"
_VALUE_SET = {
    "resourceType": "ValueSet",
    "id": "sizes",
    "url": _URL,
    "status": "active",
    "compose": {"include": [{"system": "http://example.org/size", "concept": [{"code": "S"}, {"code": "L"}]}]},
}
_OBSERVATION = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "code": {"coding": [{"system": "http://example.org/size", "code": "L"}]},
}


@function(
    "memberOf",
    Parameter("valueset"),
    group="FHIR",
    returns="Boolean",
    examples=(
        Example(
            expression=f"Observation.code.memberOf('{_URL}')",
            resource=_OBSERVATION,
            stored=(_VALUE_SET,),
            result=(True,),
        ),
        Example(
            expression=f"Observation.status.memberOf('{_URL}')",
            resource=_OBSERVATION,
            stored=(_VALUE_SET,),
            result=(False,),
        ),
    ),
)
def member_of(call: Call) -> Collection:
    """Whether the code, the Coding, or any coding of the CodeableConcept is in a value set that is loaded, by its url or
    ``url|version``. In R4, a value set that is not loaded is an error; in R5 it gives the empty collection.
    """
    focus, argument = call.focus, call.value(0)
    if values.is_empty(focus) or values.is_empty(argument):
        return values.system(null(SqlType.BOOLEAN), BOOLEAN)
    url = _url(call, argument)
    shown = url.value if isinstance(url, Constant) else "of the variable"
    members = ValueSetCodes(url)

    def has(key: Node) -> Node:
        return bind(call.names.fresh(), key, lambda found: apply("is_true", Holds(members, found)))

    def fails(message: str) -> Node:
        return Raise(f"value set {shown} {message}", call.position, SqlType.BOOLEAN)

    def answer(item: Collection) -> Node:
        found, alone = _found(call, item, has)
        unknown = null(SqlType.BOOLEAN)
        branches = [(has(text(Mark.UNKNOWN.value)), unknown if _is_lenient(call) else fails("is not loaded"))]
        if alone is not None:
            several = apply("and", alone, has(text(Mark.SYSTEMS.value)))
            refused = unknown if _is_lenient(call) else fails("has codes of several systems, and a string has none")
            branches.append((several, refused))
        branches.append((apply("is_true", found), TRUE))
        branches += [(has(text(mark.value)), fails(f"includes {what}")) for mark, what in _INCOMPLETE.items()]
        return Case(((presence.present(call, item), Case(tuple(branches), FALSE)),), unknown)

    if focus.many and _is_lenient(call):
        # FHIR R5: the value is empty for several items, too.
        one = apply("equal", presence.count(call, focus), integer(1))
        first = attrs.evolve(
            focus, plan=apply("array_at", presence.walkable(call, focus), integer(1), type=focus.plan.type), guard=None
        )
        return values.system(Case(((one, answer(first)),), null(SqlType.BOOLEAN)), BOOLEAN)
    item = singletons.single(call, focus)
    if not focus.many:
        return values.system(answer(item), BOOLEAN)
    return values.system(
        bind(call.names.fresh(), item.plan, lambda plan: answer(attrs.evolve(item, plan=plan))), BOOLEAN
    )


def _is_lenient(call: Call) -> bool:
    """Whether what cannot be answered is empty, as since FHIR R5, and not an error, as in R4 ("If the valueset cannot be
    resolved as a uri to a value set, an error is thrown.").
    """
    return call.model is None or call.model.name not in ("R4", "R4B")


def _url(call: Call, argument: Collection) -> Constant | nodes.Parameter:
    if values.system_of(argument, call.model) != STRING:
        raise call.error(InvalidArguments, "the url of a value set must be a String")
    url = values.value(argument, call.model, call.names)
    if not isinstance(url, nodes.Constant | nodes.Parameter):
        # Its codes are put together before any resource is looked at.
        raise call.error(
            InvalidArguments,
            "the url of a value set cannot depend on the resource",
            "write it, or pass it as a variable",
        )
    return url


def _found(call: Call, item: Collection, has: Callable[[Node], Node]) -> tuple[Node, Node | None]:
    """Whether an item is in the value set, and whether it is a string, which says nothing about a system."""
    types, model = set(item.types), call.model

    def of_text(value: Node) -> Node:
        return has(apply("concat", text("#"), value, type=_TEXT))

    def of_coding(coding: Node) -> Node:
        return has(_key(_member(coding, "system", call.names), _member(coding, "code", call.names)))

    def of_concept(concept: Node) -> Node:
        variable = call.names.fresh()
        codings = fusion.extract(concept, Step("coding", each=True), call.names)
        return Exists(codings, variable, of_coding(Reference(variable, _JSON)))

    if item.plan.type is _TEXT:
        return of_text(item.plan), None if types == {_CODE} else TRUE
    if types and all(values.system_type(type, model) == STRING for type in types):
        value = values.value(item, model, call.names)
        codes = all(model is not None and model.is_subtype(type.name, _CODE.name) for type in types)
        return of_text(value), None if codes else TRUE
    plan = values.items(item, call.names)
    if types == {_CODING}:
        return of_coding(plan), None
    if types == {_CONCEPT}:
        return of_concept(plan), None
    if plan.type is not _JSON or (types and not types & {_CODING, _CONCEPT, _CODE, TypeName("FHIR", "string")}):
        shown = " or ".join(dict.fromkeys(type.name for type in item.types))
        raise call.error(InvalidOperation, f"memberOf needs a code, Coding, CodeableConcept or string, not {shown}")
    kind = apply("json_kind", plan, type=_TEXT)
    is_text = apply("equal", kind, text("string"))
    branches = (
        (is_text, of_text(fusion.read(plan, _TEXT, call.names))),
        (apply("equal", kind, text("object")), apply("or", of_coding(plan), of_concept(plan))),
    )
    return Case(branches, FALSE), apply("is_true", is_text)


def _key(system: Node, code: Node) -> Node:
    return apply("concat", system, apply("concat", text("|"), code, type=_TEXT), type=_TEXT)


def _member(base: Node, name: str, names: Names) -> Node:
    return fusion.read(fusion.extract(base, Step(name), names), _TEXT, names)
