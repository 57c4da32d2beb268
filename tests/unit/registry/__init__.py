"""The registry of dialects."""
