"""Many threads over a small pool for a long time, while everything around them fails."""
