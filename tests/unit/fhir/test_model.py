"""Facts about FHIR that everybody can look up, and the behaviour of `Model`."""

from __future__ import annotations

import pytest

from fhir4ds.errors import InvalidModel
from fhir4ds.fhir.model import Element, Model, TypeDefinition, TypeKind, load_model

R4 = load_model("R4")


def test_a_model_is_read_once() -> None:
    assert load_model("R4") is R4
    assert (R4.name, R4.version) == ("R4", "4.0.1")


@pytest.mark.parametrize(("name", "version"), [("R4", "4.0.1"), ("R4B", "4.3.0"), ("R5", "5.0.0")])
def test_models_know_their_version(name: str, version: str) -> None:
    model = load_model(name)
    assert (model.name, model.version) == (name, version)


@pytest.mark.parametrize("name", ["r4", "R6", "", "../R4"])
def test_an_unknown_model_is_refused(name: str) -> None:
    with pytest.raises(InvalidModel) as refusal:
        load_model(name)
    assert str(refusal.value) == f"no FHIR model named {name!r}\nhint: choose one of R4, R4B, R5"


def test_models_are_equal_by_version_and_can_be_keys() -> None:
    assert {R4: "four"}[Model("R4", "4.0.1", {}, {})] == "four"
    assert load_model("R4B") != R4


def test_a_model_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        R4.name = "R5"  # type: ignore[misc]
    with pytest.raises(TypeError):
        R4.elements("Patient")["name"] = R4.elements("Patient")["active"]  # type: ignore[index]
    with pytest.raises(TypeError):
        R4.types["Patient"] = R4.types["Group"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Patient", TypeDefinition("Patient", "DomainResource", TypeKind.RESOURCE, False)),
        ("Bundle", TypeDefinition("Bundle", "Resource", TypeKind.RESOURCE, False)),
        ("Resource", TypeDefinition("Resource", None, TypeKind.RESOURCE, True)),
        ("DomainResource", TypeDefinition("DomainResource", "Resource", TypeKind.RESOURCE, True)),
        ("Element", TypeDefinition("Element", None, TypeKind.COMPLEX, True)),
        ("BackboneElement", TypeDefinition("BackboneElement", "Element", TypeKind.COMPLEX, True)),
        ("HumanName", TypeDefinition("HumanName", "Element", TypeKind.COMPLEX, False)),
        ("Age", TypeDefinition("Age", "Quantity", TypeKind.COMPLEX, False)),
        ("Patient.contact", TypeDefinition("Patient.contact", "BackboneElement", TypeKind.BACKBONE, False)),
        ("Timing.repeat", TypeDefinition("Timing.repeat", "Element", TypeKind.BACKBONE, False)),
        ("boolean", TypeDefinition("boolean", "Element", TypeKind.PRIMITIVE, False)),
        ("canonical", TypeDefinition("canonical", "uri", TypeKind.PRIMITIVE, False)),
        ("xhtml", TypeDefinition("xhtml", "Element", TypeKind.PRIMITIVE, False)),
    ],
)
def test_types_of_r4(name: str, expected: TypeDefinition) -> None:
    assert R4.type(name) == expected


@pytest.mark.parametrize("name", ["Patent", "patient", "Patient.name", "System.String", "SimpleQuantity", "", "String"])
def test_what_is_no_type_of_r4(name: str) -> None:
    assert R4.type(name) is None
    assert dict(R4.elements(name)) == {}
    assert R4.element(name, "id") is None
    assert R4.choice(name, "valueString") is None
    assert not R4.is_resource(name)
    assert not R4.is_primitive(name)


@pytest.mark.parametrize(
    ("type_name", "expected"),
    [
        ("Patient", Element("name", ("HumanName",), many=True)),
        ("Patient", Element("active", ("boolean",))),
        ("Patient", Element("gender", ("code",))),
        ("Patient", Element("birthDate", ("date",))),
        ("Patient", Element("contact", ("Patient.contact",), many=True)),
        ("Patient", Element("deceased", ("boolean", "dateTime"), choice=True)),
        ("Patient", Element("multipleBirth", ("boolean", "integer"), choice=True)),
        ("Patient", Element("managingOrganization", ("Reference",), targets=("Organization",))),
        (
            "Patient",
            Element(
                "generalPractitioner",
                ("Reference",),
                many=True,
                targets=("Organization", "Practitioner", "PractitionerRole"),
            ),
        ),
        ("Patient", Element("id", ("id",))),
        ("Patient", Element("contained", ("Resource",), many=True)),
        ("Patient", Element("text", ("Narrative",))),
        ("Patient.link", Element("other", ("Reference",), required=True, targets=("Patient", "RelatedPerson"))),
        ("Patient.contact", Element("id", ("System.String",))),
        ("Patient.contact", Element("modifierExtension", ("Extension",), many=True)),
        ("HumanName", Element("given", ("string",), many=True)),
        ("Narrative", Element("div", ("xhtml",), required=True)),
        ("Observation", Element("status", ("code",), required=True)),
        ("Observation", Element("referenceRange", ("Observation.referenceRange",), many=True)),
        ("Observation.component", Element("referenceRange", ("Observation.referenceRange",), many=True)),
        ("Questionnaire", Element("item", ("Questionnaire.item",), many=True)),
        ("Questionnaire.item", Element("item", ("Questionnaire.item",), many=True)),
        ("Bundle", Element("entry", ("Bundle.entry",), many=True)),
        ("Bundle.entry", Element("resource", ("Resource",))),
        ("Bundle.entry", Element("link", ("Bundle.link",), many=True)),
        ("Parameters.parameter", Element("part", ("Parameters.parameter",), many=True)),
        ("ValueSet.expansion.contains", Element("contains", ("ValueSet.expansion.contains",), many=True)),
        ("ImagingStudy.series.performer", Element("function", ("CodeableConcept",))),
        ("Coverage", Element("payor", ("Reference",), True, True, False, ("Organization", "Patient", "RelatedPerson"))),
        ("Observation", Element("focus", ("Reference",), many=True, targets=("Resource",))),
        ("Extension", Element("url", ("System.String",), required=True)),
        ("Age", Element("value", ("decimal",))),
        ("string", Element("value", ("System.String",))),
        ("string", Element("extension", ("Extension",), many=True)),
        ("unsignedInt", Element("value", ("System.Integer",))),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_elements_of_r4(type_name: str, expected: Element) -> None:
    assert R4.element(type_name, expected.name) == expected


@pytest.mark.parametrize("name", ["names", "Name", "deceasedBoolean", "deceased[x]", "resourceType", "_birthDate", ""])
def test_what_is_no_element_of_a_patient(name: str) -> None:
    assert R4.element("Patient", name) is None


def test_elements_come_in_the_order_of_the_definition() -> None:
    assert list(R4.elements("Patient")) == [
        "id", "meta", "implicitRules", "language", "text", "contained", "extension", "modifierExtension",
        "identifier", "active", "name", "telecom", "gender", "birthDate", "deceased", "address", "maritalStatus",
        "multipleBirth", "photo", "contact", "communication", "generalPractitioner", "managingOrganization", "link",
    ]  # fmt: skip
    assert list(R4.elements("Patient.contact")) == [
        "id", "extension", "modifierExtension",
        "relationship", "name", "telecom", "address", "gender", "organization", "period",
    ]  # fmt: skip
    assert list(R4.elements("code")) == ["id", "extension", "value"]


def test_the_value_of_an_observation() -> None:
    value = R4.elements("Observation")["value"]
    assert value.types == (
        "Quantity", "CodeableConcept", "string", "boolean", "integer", "Range", "Ratio", "SampledData", "time",
        "dateTime", "Period",
    )  # fmt: skip
    assert [value.json_name(type_name) for type_name in value.types] == [
        "valueQuantity", "valueCodeableConcept", "valueString", "valueBoolean", "valueInteger", "valueRange",
        "valueRatio", "valueSampledData", "valueTime", "valueDateTime", "valuePeriod",
    ]  # fmt: skip


def test_only_a_choice_has_its_type_in_its_name() -> None:
    assert R4.elements("Patient")["birthDate"].json_name("date") == "birthDate"


@pytest.mark.parametrize(
    ("type_name", "json_name", "expected"),
    [
        ("Observation", "valueQuantity", ("value", "Quantity")),
        ("Observation", "valueDateTime", ("value", "dateTime")),
        ("Observation.component", "valueString", ("value", "string")),
        ("Extension", "valueBase64Binary", ("value", "base64Binary")),
        ("Patient", "deceasedBoolean", ("deceased", "boolean")),
        ("Observation", "value", None),
        ("Observation", "valueMoney", None),
        ("Observation", "valuequantity", None),
        ("Observation", "status", None),
        ("Patient", "birthDateDate", None),
    ],
)
def test_choices_by_their_names_in_json(type_name: str, json_name: str, expected: tuple[str, str] | None) -> None:
    found = R4.choice(type_name, json_name)
    assert (found and (found[0].name, found[1])) == expected
    if found is not None:
        assert found[0] is R4.element(type_name, found[0].name)


def test_primitives_convert_to_system_types() -> None:
    r4 = {
        "base64Binary": "String", "boolean": "Boolean", "canonical": "String", "code": "String", "date": "Date",
        "dateTime": "DateTime", "decimal": "Decimal", "id": "String", "instant": "DateTime", "integer": "Integer",
        "markdown": "String", "oid": "String", "positiveInt": "Integer", "string": "String", "time": "Time",
        "unsignedInt": "Integer", "uri": "String", "url": "String", "uuid": "String", "xhtml": "String",
    }  # fmt: skip
    assert dict(R4.primitives) == r4
    assert dict(load_model("R4B").primitives) == r4
    assert dict(load_model("R5").primitives) == {**r4, "integer64": "Long"}


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("Patient", "Patient"),
        ("Patient", "DomainResource"),
        ("Patient", "Resource"),
        ("Bundle", "Resource"),
        ("Age", "Quantity"),
        ("Duration", "Quantity"),
        ("Count", "Element"),
        ("code", "string"),
        ("uuid", "uri"),
        ("positiveInt", "integer"),
        ("Patient.contact", "BackboneElement"),
        ("string", "Element"),
        ("System.String", "System.String"),
    ],
)
def test_subtypes(name: str, of: str) -> None:
    assert R4.is_subtype(name, of)


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("Resource", "Patient"),
        ("Bundle", "DomainResource"),
        ("Patient", "Element"),
        ("Quantity", "Age"),
        ("Money", "Quantity"),
        ("uri", "string"),
        ("string", "System.String"),
        ("Nothing", "Resource"),
    ],
)
def test_what_is_no_subtype(name: str, of: str) -> None:
    assert not R4.is_subtype(name, of)


def test_resource_types_are_those_that_instances_have() -> None:
    assert len(R4.resource_types) == 146
    assert list(R4.resource_types) == sorted(R4.resource_types)
    assert {"Patient", "Bundle", "Parameters", "List", "MedicinalProduct"} <= set(R4.resource_types)
    assert not {"Resource", "DomainResource", "SubscriptionStatus", "HumanName"} & set(R4.resource_types)
    assert R4.is_resource("Resource")
    assert not R4.is_resource("Patient.contact")


def test_additions_of_the_publisher_of_the_definitions_are_left_out() -> None:
    for type_name, element in [("Meta", "project"), ("Binary", "url"), ("ResearchStudy", "whyStopped")]:
        assert R4.element(type_name, element) is None
    assert R4.type("DeviceDefinition.classification") is None
    assert R4.elements("Bundle.entry.response")["outcome"].types == ("Resource",)
    assert R4.elements("EvidenceVariable.characteristic")["definition"].types == (
        "Reference", "canonical", "CodeableConcept", "Expression", "DataRequirement", "TriggerDefinition",
    )  # fmt: skip


def test_elements_too_deep_to_have_a_whole_id_are_there() -> None:
    path = "MedicinalProductPharmaceutical.routeOfAdministration.targetSpecies.withdrawalPeriod"
    assert list(R4.elements(path))[3:] == ["tissue", "value", "supportingInformation"]


def test_what_changed_with_r5() -> None:
    r5 = load_model("R5")
    assert r5.is_subtype("string", "PrimitiveType")
    assert r5.is_subtype("HumanName", "DataType")
    assert r5.is_subtype("Patient", "Base")
    assert r5.element("Encounter", "class") == Element("class", ("CodeableConcept",), many=True)
    assert r5.elements("Attachment")["size"].types == ("integer64",)
    assert r5.elements("Observation")["value"].types[-2:] == ("Attachment", "Reference")
    assert r5.elements("MedicationRequest")["medication"] == Element(
        "medication", ("CodeableReference",), required=True, targets=("Medication",)
    )
    assert "integer64" in r5.primitives
    assert r5.type("Media") is None
