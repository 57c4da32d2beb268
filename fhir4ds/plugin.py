"""THE plugin API: everything that a dialect plugin imports from FHIR4DS comes from this module.

A plugin is a distribution ``fhir4ds-<name>`` with a module ``fhir4ds_<name>``, an entry point ``<name>`` in the group
``fhir4ds``, and one hook implementation:

Examples
--------
>>> @hookimpl
... def fhir4ds_dialects():
...     yield my_dialect  # a `Dialect` record
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from fhir4ds.dialect.driver import Connection, Cursor, Driver, Parameters, Row
from fhir4ds.dialect.faults import Fault, FaultKind, fault_kind
from fhir4ds.dialect.lambdas import LambdaSyntax
from fhir4ds.dialect.model import Capabilities, Dialect
from fhir4ds.dialect.path import Step
from fhir4ds.dialect.syntax import ItemForm, Syntax
from fhir4ds.dialect.types import ColumnKind, ColumnType, SqlType
from fhir4ds.target import Target

__all__ = [
    "API_VERSION",
    "ENTRY_POINT_GROUP",
    "SUPPORTED_API",
    "Capabilities",
    "ColumnKind",
    "ColumnType",
    "Connection",
    "Cursor",
    "Dialect",
    "Driver",
    "Fault",
    "FaultKind",
    "ItemForm",
    "LambdaSyntax",
    "Parameters",
    "Row",
    "SqlType",
    "Step",
    "Syntax",
    "Target",
    "fault_kind",
    "hookimpl",
    "hookspec",
]

#: The plugin API that this core was written for; plugins say the number they were written for as a literal.
API_VERSION = 1

#: The plugin APIs that this core can work with.
SUPPORTED_API = range(1, 2)

#: Entry-point group, and the name under which pluggy marks our hooks.
ENTRY_POINT_GROUP = "fhir4ds"

hookspec = pluggy.HookspecMarker(ENTRY_POINT_GROUP)
hookimpl = pluggy.HookimplMarker(ENTRY_POINT_GROUP)


class Hooks:
    """The hooks that FHIR4DS calls. There is one."""

    @hookspec
    def fhir4ds_dialects(self) -> Iterable[Dialect]:  # type: ignore[empty-body]
        """Return the dialects that the plugin provides.

        Called once, on the first look-up of any dialect. The implementation must not import a database driver.

        Returns
        -------
        iterable of Dialect
        """
