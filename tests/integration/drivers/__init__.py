"""The drivers of the plugins against their databases."""
