"""Giving a compiled statement the values of its parameters."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from fhir4ds.compiler.compiler import Compiled
from fhir4ds.compiler.variables import bound_value
from fhir4ds.dialect.statement import Statement
from fhir4ds.errors import UnknownVariable
from fhir4ds.sql.render import placeholders


def bind(compiled: Compiled, values: Mapping[str, object]) -> Statement:
    """Give the parameters of a compiled statement their values.

    Raises
    ------
    UnknownVariable
        If one has none.
    """
    missing = [name for name in compiled.parameters if name not in values]
    if missing:
        raise UnknownVariable(f"variable %{missing[0]} has no value")
    named = placeholders(compiled.parameters).items()
    parameters = {placeholder: bound_value(values[name]) for name, placeholder in named}
    return attrs.evolve(compiled.statement, parameters=parameters)
