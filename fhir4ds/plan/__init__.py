"""The neutral plan: what is to be computed, in words that no database has."""
