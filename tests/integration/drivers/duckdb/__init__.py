"""The DuckDB driver."""
