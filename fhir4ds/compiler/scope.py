"""Where an expression is evaluated."""

from __future__ import annotations

import attrs

from fhir4ds.plan.collection import Collection
from fhir4ds.plan.nodes import Node


@attrs.frozen(kw_only=True)
class Scope:
    """What the names of an expression mean where it is evaluated.

    Parameters
    ----------
    this : Collection
        ``$this``, and where a path without a start begins.
    index : Node, optional
        ``$index``, inside the argument of a function that iterates.
    total : Collection, optional
        ``$total``, inside ``aggregate``.
    """

    this: Collection
    index: Node | None = None
    total: Collection | None = None
