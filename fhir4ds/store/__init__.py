"""Resources in: where they come from, and how each gets into a database exactly once."""
