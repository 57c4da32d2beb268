"""The FHIR model as data: which types there are, and which elements each of them has."""
