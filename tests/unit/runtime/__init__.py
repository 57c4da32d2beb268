"""The runtime: its laws with a fake driver and a fake clock."""
