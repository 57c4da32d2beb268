"""ViewDefinitions of SQL on FHIR: read, checked, and lowered onto the same plan as expressions."""
