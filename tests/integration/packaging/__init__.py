"""Distributions, as users install them."""
