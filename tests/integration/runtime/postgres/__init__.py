"""The runtime on PostgreSQL."""
