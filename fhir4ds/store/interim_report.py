"""What a load did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import attrs

from fhir4ds.store.resources import Rejection

#: Rejections that a report keeps; all of them are counted.
_KEPT = 1000


@attrs.frozen(kw_only=True)
class TypeReport:
    """Counts of one resource type."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0


@attrs.frozen(kw_only=True)
class LoadReport:
    """What a load did.

    Parameters
    ----------
    types : Mapping of str to TypeReport
        Counts by resource type.
    rejections : tuple of Rejection
        What was no resource, the first thousand of them.
    rejected : int
        How many there were in all.
    superseded : int
        Resources that the same load gave again later; the last one counts.

    Examples
    --------
    >>> print(LoadReport(types={"Patient": TypeReport(inserted=2, unchanged=1)}))
    resource type  inserted  updated  unchanged
    Patient               2        0          1
    total                 2        0          1
    rejected: 0
    """

    types: Mapping[str, TypeReport]
    rejections: tuple[Rejection, ...] = ()
    rejected: int = 0
    superseded: int = 0

    @property
    def inserted(self) -> int:
        """Resources that were not there before."""
        return sum(counts.inserted for counts in self.types.values())

    @property
    def updated(self) -> int:
        """Resources that were there with other content."""
        return sum(counts.updated for counts in self.types.values())

    @property
    def unchanged(self) -> int:
        """Resources that were there just so."""
        return sum(counts.unchanged for counts in self.types.values())

    def __str__(self) -> str:
        rows = [
            ("resource type", "inserted", "updated", "unchanged"),
            *(
                (name, str(counts.inserted), str(counts.updated), str(counts.unchanged))
                for name, counts in sorted(self.types.items())
            ),
            ("total", str(self.inserted), str(self.updated), str(self.unchanged)),
        ]
        width = max(len(row[0]) for row in rows)
        lines = [f"{row[0]:<{width}}  {row[1]:>8}  {row[2]:>7}  {row[3]:>9}" for row in rows]
        if self.superseded:
            lines.append(f"given again later in the same load: {self.superseded}")
        lines.append(f"rejected: {self.rejected}")
        return "\n".join(lines)


class Tally:
    """Collects rejections while a load goes on."""

    def __init__(self) -> None:
        self.rejections: list[Rejection] = []
        self.rejected = 0
        self.read = 0

    def reject(self, rejection: Rejection) -> None:
        """Count a rejection, and keep it if there is room."""
        self.rejected += 1
        if len(self.rejections) < _KEPT:
            self.rejections.append(rejection)

    def report(self, outcomes: Counter[tuple[str, str]]) -> LoadReport:
        """The report of a load whose outcomes were counted by type."""
        names = sorted({name for name, _ in outcomes})
        types = {
            name: TypeReport(
                inserted=outcomes[name, "inserted"],
                updated=outcomes[name, "updated"],
                unchanged=outcomes[name, "unchanged"],
            )
            for name in names
        }
        return LoadReport(
            types=types,
            rejections=tuple(self.rejections),
            rejected=self.rejected,
            superseded=self.read - sum(outcomes.values()),
        )
