"""FHIRPath, run for real."""
