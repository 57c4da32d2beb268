"""resolve(): from a reference to the resource that it points to (FHIR R4, "FHIRPath", "Additional functions").

Where a reference is looked for depends on what it looks like (FHIR R4, "References between Resources"): ``#id`` among
the contained resources of the resource that has the reference, any other one among the entries of the Bundle that is
evaluated, and then in the source by type and id, or by url where it is a canonical one.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import InvalidOperation
from fhir4ds.fhir.model import Model
from fhir4ds.functions import carrying, holders, values
from fhir4ds.functions.declaration import Call, Example, function
from fhir4ds.plan import fusion
from fhir4ds.plan.collection import STRING, Collection, TypeName
from fhir4ds.plan.nodes import (
    RESOURCE,
    TRUE,
    Apply,
    Bind,
    Case,
    Each,
    Extract,
    Find,
    Node,
    Raise,
    Reference,
    apply,
    bind,
    empty,
    integer,
    length,
    null,
    text,
)
from fhir4ds.plan.relation import CanonicalResources, StoredResources

#: A reference that is, or ends in, type and id (FHIR R4, "Literal References"); which version is meant does not count,
#: as a source has one version of a resource. That an id has at most 64 characters is not asked: a bounded repetition
#: makes the pattern eight times slower on PostgreSQL, and no resource has a longer one.
_TYPE_AND_ID = "^(?:https?://[^?#|]*/)?([A-Z][A-Za-z]+/[A-Za-z0-9.-]+)(?:/_history/[A-Za-z0-9.-]+)?$"

#: What stands before the version that a reference may end in.
_HISTORY = "/_history/"

_ANY = "Resource"

_OBSERVATION = {
    "resourceType": "Observation",
    "id": "o1",
    "contained": [{"resourceType": "Patient", "id": "p1", "birthDate": "1980-05-17"}],
    "subject": {"reference": "#p1"},
}
_BUNDLE = {
    "resourceType": "Bundle",
    "entry": [
        {"fullUrl": "urn:uuid:7", "resource": {"resourceType": "Patient", "id": "p1", "gender": "female"}},
        {"resource": {"resourceType": "Observation", "id": "o1", "subject": {"reference": "urn:uuid:7"}}},
    ],
}


@function(
    "resolve",
    group="FHIR",
    returns="the resources that the references point to",
    examples=(
        Example(expression="subject.resolve().birthDate", resource=_OBSERVATION, result=("1980-05-17",)),
        Example(expression="entry.resource.subject.resolve().gender", resource=_BUNDLE, result=("female",)),
        Example(
            expression="Observation.subject.resolve().gender",
            resource={"resourceType": "Observation", "id": "o1", "subject": {"reference": "Patient/p1"}},
            stored=({"resourceType": "Patient", "id": "p1", "gender": "female"},),
            result=("female",),
        ),
        Example(expression="'Patient/unknown'.resolve()", result=()),
    ),
)
def resolve(call: Call) -> Collection:
    """The resource that each Reference, or each string that is a uri, points to: a contained resource, an entry of the
    Bundle that is evaluated, or a resource of the same source. An item that points nowhere is left out.
    """
    focus = call.focus
    types = _types(call, focus)
    if values.is_empty(focus) or not _can_point(call, focus):
        return Collection(plan=empty(SqlType.JSON, many=focus.many), types=types)
    stored = StoredResources(() if not types or types[0].name == _ANY else tuple(type.name for type in types))
    canonical = CanonicalResources(_canonical_types(call.model)) if _may_be_canonical(focus) else None

    def target(item: Node, holder: Node) -> Node:
        reference = _reference(call, attrs.evolve(focus, plan=item, choices=(), guard=None))
        return bind(call.names.fresh(), reference, lambda url: _target(call, url, holder, stored, canonical))

    plan = carrying.walk(call).of(values.items(focus, call.names), target)
    return Collection(plan=plan, types=types, ordered=focus.ordered)


def _types(call: Call, focus: Collection) -> tuple[TypeName, ...]:
    if call.model is None:
        return ()
    targets = focus.targets
    known = bool(targets) and _ANY not in targets and _may_be_reference(focus)
    return tuple(TypeName("FHIR", name) for name in (targets if known and not _may_be_uri(call, focus) else (_ANY,)))


def _can_point(call: Call, focus: Collection) -> bool:
    if not focus.types or _may_be_reference(focus) or _may_be_uri(call, focus):
        return True
    if call.strict:
        shown = " or ".join(dict.fromkeys(type.name for type in focus.types))
        raise call.error(InvalidOperation, f"resolve needs a Reference or a uri, not {shown}")
    return False


def _may_be_reference(focus: Collection) -> bool:
    return TypeName("FHIR", "Reference") in focus.types


def _may_be_uri(call: Call, focus: Collection) -> bool:
    return any(values.system_type(type, call.model) == STRING for type in focus.types)


def _may_be_canonical(focus: Collection) -> bool:
    """Whether items can name a resource by its url; a Reference never does."""
    return any(type != TypeName("FHIR", "Reference") for type in focus.types) or not focus.types


def _canonical_types(model: Model | None) -> tuple[str, ...]:
    """The resource types that have a canonical url; none, for all types, where there is no model."""
    if model is None:
        return ()
    urls = ((name, model.element(name, "url")) for name in model.resource_types)
    return tuple(name for name, element in urls if element is not None and element.types == ("uri",))


def _reference(call: Call, item: Collection) -> Node:
    """The text of a reference: the item itself, or its element ``reference``."""
    if item.plan.type is SqlType.TEXT:
        return item.plan
    if item.plan.type is not SqlType.JSON:
        return null(SqlType.TEXT)
    inner = fusion.read(fusion.extract(item.plan, Step("reference"), call.names), SqlType.TEXT, call.names)
    if item.types == (TypeName("FHIR", "Reference"),):
        return inner
    kind = apply("json_kind", item.plan, type=SqlType.TEXT)
    whole = fusion.read(item.plan, SqlType.TEXT, call.names)
    if values.system_of(item, call.model) == STRING:
        return whole
    branches = ((apply("equal", kind, text("object")), inner), (apply("equal", kind, text("string")), whole))
    return Case(branches, null(SqlType.TEXT))


def _target(call: Call, url: Node, holder: Node, stored: StoredResources, canonical: CanonicalResources | None) -> Node:
    """The resource that a url points to; NULL if there is none."""
    local = apply("equal", apply("left", url, integer(1), type=SqlType.TEXT), text("#"))
    key = Apply("regexp_group", (url, text(_TYPE_AND_ID), integer(1)), SqlType.TEXT)

    def elsewhere(name: Node) -> Node:
        places = [_entry(call, url, name, holder)] if _may_be(call.root, "Bundle") else []
        places.append(_stored(call, name, stored))
        if canonical is not None:
            places.append(_canonical(call, url, canonical))
        return places[0] if len(places) == 1 else Apply("coalesce", tuple(places), SqlType.JSON)

    return Case(((local, _contained(call, url, holder)),), bind(call.names.fresh(), key, elsewhere))


def _may_be(root: Collection, name: str) -> bool:
    return not root.types or any(type.name in (name, _ANY) for type in root.types)


def _contained(call: Call, url: Node, holder: Node) -> Node:
    """The contained resource of an id; ``#`` alone is the container (FHIR R4, "Contained Resources")."""
    unknown = Raise(
        "which resource has this reference to a contained one is not known here", call.position, SqlType.JSON
    )

    def known(holder: Node) -> Node:
        found = _contained_in(call, url, holder)
        if not holders.may_hold_resources(call):
            return found
        kind = apply("json_kind", holder, type=SqlType.TEXT)
        return Case(((apply("equal", kind, text("boolean")), unknown),), found)

    match holder:
        case holders.UNKNOWN:
            return unknown
        case Reference():
            return _contained_in(call, url, holder)
        case Apply():
            return known(holder)
    variable = call.names.fresh()
    call.names.holders[variable] = Reference(variable, SqlType.JSON)
    return bind(variable, holder, known)


def _contained_in(call: Call, url: Node, holder: Node) -> Node:
    id = apply("substring", url, integer(2), integer(64), type=SqlType.TEXT)

    def within(resource: Node) -> Node:
        item = Reference(call.names.fresh(), SqlType.JSON)
        same = apply("equal", _text(item, "id", call.names), id)
        found = Each(fusion.extract(resource, Step("contained", each=True), call.names), item.name, item, where=same)
        return apply("array_at", found, integer(1), type=SqlType.JSON)

    alone = apply("equal", url, text("#"))
    # What is contained contains nothing itself, and points to what is beside it.
    owners = (RESOURCE,) if holder == RESOURCE else (holder, RESOURCE)
    return Case(((alone, holder),), Apply("coalesce", tuple(map(within, owners)), SqlType.JSON))


def _entry(call: Call, url: Node, name: Node, holder: Node) -> Node:
    """The entry of the Bundle whose fullUrl is the url, or for a relative url the one whose resource has that name.

    Of a url that ends in a version, only a resource of that version is meant.

    FHIR R4, "Bundle", section "Resolving references in Bundles".
    """
    entries = fusion.extract(RESOURCE, Step("entry", each=True), call.names)

    def among(body: Callable[[Node], Node], source: Node, where: Callable[[Node], Node]) -> Node:
        variable = call.names.fresh()
        entry = Reference(variable, SqlType.JSON)
        return Each(source, variable, body(entry), where=where(entry))

    def resource(entry: Node) -> Node:
        return fusion.extract(entry, Step("resource"), call.names)

    def full_url(entry: Node) -> Node:
        return _text(entry, "fullUrl", call.names)

    def base(entry: Node) -> Node:
        return apply("regexp_remove", full_url(entry), text("[^/]+/[^/]+$"), type=SqlType.TEXT)

    def chosen(found: Node) -> Node:
        # Entries of several servers can have the name: meant is the one of the server that the reference is from.
        bases = among(base, entries, lambda entry: apply("json_same", resource(entry), holder))
        near = apply("concat", apply("array_at", bases, integer(1), type=SqlType.TEXT), name, type=SqlType.TEXT)
        nearest = among(lambda entry: entry, found, lambda entry: apply("equal", full_url(entry), near))
        several = apply("less", integer(1), length(found))
        best = Case(((several, apply("array_at", nearest, integer(1), type=SqlType.JSON)),), null(SqlType.JSON))
        first = apply("array_at", found, integer(1), type=SqlType.JSON)
        return resource(apply("coalesce", best, first, type=SqlType.JSON))

    def found(whole: Node) -> Node:
        def matches(entry: Node) -> Node:
            own = _joined(_text(resource(entry), "resourceType", call.names), _text(resource(entry), "id", call.names))
            ending = apply("concat", text("/"), name, type=SqlType.TEXT)
            ends = apply("equal", apply("right", full_url(entry), _after_slash(name), type=SqlType.TEXT), ending)
            named = apply("and", apply("equal", whole, name), apply("or", ends, apply("equal", own, name)))
            return apply("and", apply("or", apply("equal", full_url(entry), whole), named), is_meant(entry))

        def is_meant(entry: Node) -> Node:
            # An entry that does not say which version it is may be any.
            own = Extract(entry, (Step("resource"), Step("meta"), Step("versionId")), SqlType.TEXT)
            versioned = apply(
                "concat", whole, apply("concat", text(_HISTORY), own, type=SqlType.TEXT), type=SqlType.TEXT
            )
            return apply("or", apply("equal", url, whole), apply("coalesce", apply("equal", url, versioned), TRUE))

        return bind(call.names.fresh(), among(lambda entry: entry, entries, matches), chosen)

    return bind(call.names.fresh(), apply("regexp_remove", url, text(f"{_HISTORY}.*"), type=SqlType.TEXT), found)


def _joined(left: Node, right: Node) -> Node:
    return apply("concat", left, apply("concat", text("/"), right, type=SqlType.TEXT), type=SqlType.TEXT)


def _after_slash(name: Node) -> Node:
    return apply("add", apply("length", name, type=SqlType.INTEGER), integer(1), type=SqlType.INTEGER)


def _stored(call: Call, name: Node, stored: StoredResources) -> Node:
    """The resource of the source that has a type and an id."""

    def part(number: int) -> Node:
        return Apply("split_part", (name, text("/"), integer(number)), SqlType.TEXT)

    type, id = (Reference(call.names.fresh(), SqlType.TEXT) for _ in range(2))
    return Bind(type.name, part(1), Bind(id.name, part(2), Find(stored, (type, id), SqlType.JSON)))


def _canonical(call: Call, url: Node, canonical: CanonicalResources) -> Node:
    """The resource of the source that has a url and, after a ``|``, a version; the newest one without a version."""

    def part(number: int) -> Node:
        return Apply("split_part", (url, text("|"), integer(number)), SqlType.TEXT)

    base, version = (Reference(call.names.fresh(), SqlType.TEXT) for _ in range(2))
    return Bind(base.name, part(1), Bind(version.name, part(2), Find(canonical, (base, version), SqlType.JSON)))


def _text(base: Node, name: str, names: fusion.Names) -> Node:
    return fusion.read(fusion.extract(base, Step(name), names), SqlType.TEXT, names)
