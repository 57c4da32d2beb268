"""Functions and variables of FHIR's specifications that are left out, and why: their use is a compile error that says so."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_PROFILES = "it needs the definitions of profiles, which are not part of the model"
_TERMINOLOGY_SERVER = "it asks a terminology server; memberOf() looks into value sets that are loaded"
_PLACES = "it asks for the path to an item in its resource, which items do not carry"
_TRIAL = "it is for trial use in the specification; compare with a sum, such as birthDate + 18 years <= today()"
_HIERARCHY = "it needs the hierarchies of code systems, which only a terminology server has"

#: The reason by name of the function. FHIRPath, section "Tree navigation"; FHIR, "FHIRPath", sections "Additional
#: functions" and "Terminology Service API".
LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {
        "elementDefinition": _PROFILES,
        "slice": _PROFILES,
        "pathname": _PLACES,
        "duration": _TRIAL,
        "difference": _TRIAL,
        "checkModifiers": "it checks instances against extensions that a profile allows, which is the work of a validator",
        "htmlChecks": "it checks the HTML of a narrative, which is the work of a validator",
        "subsumes": _HIERARCHY,
        "subsumedBy": _HIERARCHY,
        "expand": _TERMINOLOGY_SERVER,
        "lookup": _TERMINOLOGY_SERVER,
        "validateVS": _TERMINOLOGY_SERVER,
        "validateCS": _TERMINOLOGY_SERVER,
        "translate": _TERMINOLOGY_SERVER,
    }
)

#: The same by name of the variable. FHIR R5, "FHIRPath", sections "Terminology Service API", "General Service API" and "Type
#: Factory API".
VARIABLES_LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {
        "terminologies": _TERMINOLOGY_SERVER,
        "server": "it asks a FHIR server; what is loaded is found by resolve()",
        "factory": "it makes elements; write them as Coding { code: 'a' }",
    }
)
