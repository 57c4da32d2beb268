"""What a load did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

#: Under which name resources are counted that did not get as far as having a type.
UNKNOWN_TYPE: Final = "(unknown)"


@attrs.frozen
class Rejection:
    """Something that is not a resource.

    Parameters
    ----------
    file : str, optional
        The file; None where resources came as values.
    line : int
        Its line from 1, or its number among the values.
    reason : str
        What is wrong with it. Never its content.
    type : str, optional
        Its resource type, where that is known.
    """

    file: str | None
    line: int
    reason: str
    type: str | None = None

    def __str__(self) -> str:
        place = f"resource {self.line}" if self.file is None else f"{self.file}:{self.line}"
        return f"{place}: {self.reason}"


@attrs.frozen(kw_only=True)
class Counts:
    """What became of resources.

    Parameters
    ----------
    inserted : int
        Were not there before.
    updated : int
        Were there with other content. Where a database keeps JSON as text, as DuckDB does, spacing and the order of members
        are part of that; digits of numbers are everywhere.
    unchanged : int
        Were there with this content.
    superseded : int
        Came again later in the same load; the last one counts.
    rejected : int
        Were no resources, and were left out.
    """

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    superseded: int = 0
    rejected: int = 0

    def __add__(self, other: Counts) -> Counts:
        mine, its = attrs.astuple(self), attrs.astuple(other)
        return Counts(**{f.name: a + b for f, a, b in zip(attrs.fields(Counts), mine, its, strict=True)})


@attrs.frozen(kw_only=True)
class LoadReport:
    """What a load did.

    Parameters
    ----------
    types : Mapping of str to Counts
        By resource type.
    rejections : tuple of Rejection
        What was left out, and why: the first of them. All are counted.
    elapsed : float
        Seconds that it took.

    Examples
    --------
    >>> print(LoadReport(
    ...     types={"Patient": Counts(inserted=2, unchanged=1), UNKNOWN_TYPE: Counts(rejected=1)},
    ...     rejections=(Rejection("a.ndjson", 4, "no id"),),
    ...     elapsed=0.25,
    ... ))
    resource type  inserted  updated  unchanged  superseded  rejected
    Patient               2        0          1           0         0
    (unknown)             0        0          0           0         1
    all                   2        0          1           0         1
    0.25 s
    """

    types: Mapping[str, Counts]
    rejections: tuple[Rejection, ...] = ()
    elapsed: float = 0.0

    @property
    def total(self) -> Counts:
        """Counts over all types."""
        return sum(self.types.values(), Counts())

    @property
    def inserted(self) -> int:
        """Resources that were not there before."""
        return self.total.inserted

    @property
    def updated(self) -> int:
        """Resources that were there with other content."""
        return self.total.updated

    @property
    def unchanged(self) -> int:
        """Resources that were there with this content."""
        return self.total.unchanged

    @property
    def superseded(self) -> int:
        """Resources that came again later in the same load."""
        return self.total.superseded

    @property
    def rejected(self) -> int:
        """What was left out because it is no resource."""
        return self.total.rejected

    def __str__(self) -> str:
        heads = [field.name for field in attrs.fields(Counts)]
        table = [("resource type", *heads)]
        for name, counts in (*self.types.items(), ("all", self.total)):
            table.append((name, *(str(count) for count in attrs.astuple(counts))))
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            "  ".join(
                [f"{name:<{widths[0]}}", *(f"{cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True))]
            )
            for name, *cells in table
        ]
        return "\n".join([*lines, f"{self.elapsed:.2f} s"])
