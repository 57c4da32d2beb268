"""The dialect contract: what a plugin must say, and nothing of what the core decides."""
