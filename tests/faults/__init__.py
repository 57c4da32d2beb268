"""Real faults, one declarative table of them, and what each must and must not do to a call."""
