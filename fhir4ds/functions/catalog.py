"""All declarations: importing this module fills the tables of functions and operators."""

from __future__ import annotations

from fhir4ds.functions import (
    aggregates,
    arithmetic,
    boundaries,
    combining,
    comparison,
    components,
    conversion,
    encoding,
    equivalence,
    existence,
    fhir,
    filtering,
    logic,
    matching,
    math,
    quantity_conversion,
    reference_keys,
    resolution,
    sorting,
    strings,
    subsetting,
    terminology,
    tree,
    typing,
    utility,
)
from fhir4ds.functions.declaration import FUNCTIONS
from fhir4ds.functions.operators import OPERATORS

__all__ = ["FUNCTIONS", "GROUPS", "OPERATORS"]

#: The modules that declare, in the order of the reference page.
GROUPS = (
    existence,
    filtering,
    sorting,
    subsetting,
    combining,
    typing,
    comparison,
    equivalence,
    logic,
    strings,
    matching,
    encoding,
    conversion,
    arithmetic,
    math,
    quantity_conversion,
    boundaries,
    components,
    tree,
    aggregates,
    utility,
    fhir,
    resolution,
    terminology,
    reference_keys,
)
