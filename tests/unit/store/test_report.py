"""What a load reports."""

from __future__ import annotations

from fhir4ds.store.report import UNKNOWN_TYPE, Counts, LoadReport, Rejection

REPORT = LoadReport(
    types={
        "MedicationAdministration": Counts(inserted=1_000_000_000, superseded=2),
        "Patient": Counts(updated=3, unchanged=4, rejected=1),
        UNKNOWN_TYPE: Counts(rejected=5),
    },
    rejections=(Rejection("a.ndjson", 3, "no id", "Patient"), Rejection(None, 7, "no resourceType")),
    elapsed=12.3456,
)


def test_totals() -> None:
    assert REPORT.total == Counts(inserted=1_000_000_000, updated=3, unchanged=4, superseded=2, rejected=6)
    assert (REPORT.inserted, REPORT.updated, REPORT.unchanged) == (1_000_000_000, 3, 4)
    assert (REPORT.superseded, REPORT.rejected) == (2, 6)


def test_it_reads_as_a_table() -> None:
    assert str(REPORT).splitlines() == [
        "resource type               inserted  updated  unchanged  superseded  rejected",
        "MedicationAdministration  1000000000        0          0           2         0",
        "Patient                            0        3          4           0         1",
        "(unknown)                          0        0          0           0         5",
        "all                       1000000000        3          4           2         6",
        "12.35 s",
    ]


def test_nothing_reads_as_a_table_too() -> None:
    assert str(LoadReport(types={})).splitlines() == [
        "resource type  inserted  updated  unchanged  superseded  rejected",
        "all                   0        0          0           0         0",
        "0.00 s",
    ]


def test_a_rejection_says_where() -> None:
    assert [str(rejection) for rejection in REPORT.rejections] == ["a.ndjson:3: no id", "resource 7: no resourceType"]
