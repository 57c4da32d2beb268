"""Resources in: where they are, what is one, and how they get into a table."""
