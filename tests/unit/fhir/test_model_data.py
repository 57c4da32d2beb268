"""Laws that the data of every model obeys, and agreement between models that were made from different sources."""

from __future__ import annotations

import json
from importlib import resources

import pytest

from fhir4ds.fhir.generate.draft import Draft, render
from fhir4ds.fhir.model import MODELS, Model, TypeKind, load_model

SYSTEM_TYPES = {"Boolean", "String", "Integer", "Long", "Decimal", "Date", "DateTime", "Time"}

#: Types, concrete resource types and elements (inherited ones not counted again) of each model.
SIZES = {"R4": (682, 146, 4744), "R4B": (701, 141, 4824), "R5": (859, 158, 5968)}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Model:
    return load_model(request.param)


def test_every_base_is_a_type_and_no_chain_is_a_circle(model: Model) -> None:
    for name, definition in model.types.items():
        seen = [name]
        while definition.base is not None:
            assert definition.base not in seen
            seen.append(definition.base)
            definition = model.types[definition.base]
        assert seen[-1] in {"Resource", "Element", "Base"}


def test_subtype_is_reflexive_and_transitive_and_antisymmetric(model: Model) -> None:
    above = {name: {of for of in model.types if model.is_subtype(name, of)} for name in model.types}
    for name, supertypes in above.items():
        assert name in supertypes
        for supertype in supertypes:
            assert above[supertype] <= supertypes
            assert name == supertype or name not in above[supertype]


def test_every_type_of_an_element_exists(model: Model) -> None:
    for type_name in model.types:
        for element in model.elements(type_name).values():
            assert element.types
            for used in element.types:
                namespace, _, system = used.rpartition("System.")
                assert used in model.types or (system in SYSTEM_TYPES and not namespace), (
                    type_name,
                    element.name,
                    used,
                )


def test_names_of_elements_are_clear(model: Model) -> None:
    for type_name in model.types:
        elements = model.elements(type_name)
        json_names = [element.json_name(used) for element in elements.values() for used in element.types]
        assert len(json_names) == len(set(json_names)), type_name
        assert "resourceType" not in json_names or not model.is_resource(type_name)
        for name, element in elements.items():
            assert name == element.name
            assert name.isidentifier()
            assert element.choice or len(element.types) == 1
            assert not (element.choice and element.many)


def test_every_name_of_a_choice_leads_back_to_it(model: Model) -> None:
    for type_name in model.types:
        for element in model.elements(type_name).values():
            for used in element.types if element.choice else ():
                assert model.choice(type_name, element.json_name(used)) == (element, used)


def test_references_point_to_resources(model: Model) -> None:
    for type_name in model.types:
        for element in model.elements(type_name).values():
            assert not element.targets or {"Reference", "CodeableReference"} & set(element.types)
            assert all(model.is_resource(target) for target in element.targets), (type_name, element)


def test_inherited_elements_are_the_same_and_come_first(model: Model) -> None:
    for name, definition in model.types.items():
        if definition.base is not None:
            inherited = list(model.elements(definition.base).items())
            assert list(model.elements(name).items())[: len(inherited)] == inherited


def test_backbone_elements_are_named_by_their_paths(model: Model) -> None:
    for name, definition in model.types.items():
        parent, _, child = name.rpartition(".")
        assert (definition.kind is TypeKind.BACKBONE) is bool(parent)
        if parent:
            assert model.elements(parent)[child].types == (name,)
            assert definition.base in {"BackboneElement", "Element", "BackboneType", "DataType"}


def test_primitives_have_a_value_and_nothing_of_their_own_beside(model: Model) -> None:
    for name, system in model.primitives.items():
        assert list(model.elements(name)) == ["id", "extension", "value"]
        assert model.elements(name)["value"].types == (f"System.{system}",)


def test_sizes(model: Model) -> None:
    own = [
        element
        for name, definition in model.types.items()
        for element in list(model.elements(name))[len(model.elements(definition.base or "")) :]
    ]
    assert (len(model.types), len(model.resource_types), len(own)) == SIZES[model.name]


def test_r4_and_r4b_agree_though_their_sources_differ() -> None:
    # R4B changed a few medication and evidence resources, some data types, and references to them.
    r4, r4b = load_model("R4"), load_model("R4B")
    shared = r4.types.keys() & r4b.types.keys()
    changed = {
        name
        for name in shared
        if r4.types[name] != r4b.types[name] or list(r4.elements(name).items()) != list(r4b.elements(name).items())
    }
    assert len(shared) == 601
    assert changed == {
        "ActivityDefinition", "DiagnosticReport", "ElementDefinition", "ElementDefinition.example", "Evidence",
        "EvidenceVariable", "EvidenceVariable.characteristic", "Extension", "Group.member", "MarketingStatus",
        "Observation", "PlanDefinition", "PlanDefinition.action",
    }  # fmt: skip


def test_the_data_files_are_as_the_script_writes_them(model: Model) -> None:
    text = resources.files("fhir4ds.fhir").joinpath("data", f"{model.name}.json").read_text(encoding="utf-8")
    data = json.loads(text)
    drafts = {
        name: Draft(kind, base or None, elements)
        for kind in TypeKind
        for base, members in data[kind.value].items()
        for name, elements in members.items()
    }
    header = {key: data[key] for key in ("name", "version", "source")}
    assert render(header, drafts) == text
