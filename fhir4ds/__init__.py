"""FHIR4DS: FHIRPath and SQL on FHIR as SQL, run where the data lives."""
