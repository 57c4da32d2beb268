"""What a statement looks up beside the resource at hand: rows that are made once and found by key."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, TypeAlias

import attrs

if TYPE_CHECKING:
    from fhir4ds.plan.nodes import Constant, Parameter


@attrs.frozen
class StoredResources:
    """The resources of the source, by type and id.

    Parameters
    ----------
    types : tuple of str
        The resource types that are looked for; none for all of them.
    """

    types: tuple[str, ...] = ()


@attrs.frozen
class CanonicalResources:
    """The resources of the source that have a canonical url, by url and version.

    The newest version of each url, by its text, is also found by the empty text as version.

    Parameters
    ----------
    types : tuple of str
        The resource types that are looked for; none for all of them.
    """

    types: tuple[str, ...] = ()


class Mark(enum.Enum):
    """What stands among the codes of a value set beside them."""

    UNKNOWN = "!unknown"  # the value set is not loaded
    SYSTEMS = "!systems"  # its codes are of several systems
    FILTER = "!filter"  # it includes what a filter finds
    CODE_SYSTEM = "!code-system"  # it includes all codes of a system that is not loaded completely
    VALUE_SET = "!value-set"  # it includes a value set that is not loaded
    LEVELS = "!levels"  # it includes value sets that include others on too many levels


@attrs.frozen
class ValueSetCodes:
    """The codes of a value set of the source: those of its expansion if it has one, otherwise those of its definition.

    A code stands as ``system|code`` and as ``#code``. What cannot be put together leaves a mark (`Mark`) among them.

    Parameters
    ----------
    url : Constant or Parameter
        Canonical url of the value set; a version may follow after a ``|``.
    """

    url: Constant | Parameter


Relation: TypeAlias = StoredResources | CanonicalResources | ValueSetCodes
