"""One declaration per FHIRPath function and operator: signature, documentation, examples, and its lowering."""
