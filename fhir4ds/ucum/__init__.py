"""Units of measure (UCUM): what they measure, and how much."""
