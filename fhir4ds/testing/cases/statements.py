"""Statements that every database understands."""

from __future__ import annotations

from fhir4ds.dialect.model import Dialect

#: A query that would run for hours, in almost no memory.
ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) SELECT COUNT(*) FROM n"


def numbers(count: int, start: int = 1) -> str:
    """A query of consecutive whole numbers, in order, in a column ``i``."""
    last = start + count - 1
    return (
        f"WITH RECURSIVE n (i) AS (SELECT {start} UNION ALL SELECT i + 1 FROM n WHERE i < {last}) "
        "SELECT i FROM n ORDER BY i"
    )


def many_rows(dialect: Dialect, power: int) -> str:
    """A query of ten to some power rows, which a database finds one after the other."""
    digits = ", ".join(f"({digit})" for digit in range(10))
    tables = ", ".join(f"digits AS d{place}" for place in range(power))
    last = dialect.syntax.apply("add", "d0.digit", f"d{power - 1}.digit")
    return f"WITH digits (digit) AS (VALUES {digits}) SELECT {last} AS total FROM {tables}"
