"""Loading into real databases."""
