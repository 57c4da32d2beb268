"""FHIRPath on live databases."""
