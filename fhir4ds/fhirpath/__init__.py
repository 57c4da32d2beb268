"""The FHIRPath language: text to abstract syntax tree and back. Knows no SQL and no FHIR."""
