"""The few SQL types that the compiler thinks in; a dialect gives each its own name."""

from __future__ import annotations

import enum


class SqlType(enum.Enum):
    """What one SQL value is, whatever the database calls it.

    Dates and times are ``TEXT``: FHIR lets them stop at any precision, which no SQL date type can hold.
    """

    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"
    TEXT = "text"
    JSON = "json"
