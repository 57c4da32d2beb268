"""What counts as a resource, and where resources are found."""
