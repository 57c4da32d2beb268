"""What became of the cases: a table at the end of the run, and a report for machines."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest  # noqa: TC002 - names of fixtures and hooks are looked at when they are registered

from fhir4ds.registry import registry
from fhir4ds.testing.chapters import CHAPTERS

#: Under this name a test tells which case it is.
PROPERTY = "fhir4ds"

#: The tier that every dialect must pass; the others are named after capabilities.
REQUIRED = "required"

_PASSED, _FAILED, _SKIPPED, _KNOWN = "passed", "failed", "skipped", "known"


@attrs.frozen
class Outcome:
    """What became of one case.

    Parameters
    ----------
    case : str
        Chapter and name.
    tier : str
        ``required``, or the capability that it proves.
    outcome : str
        ``passed``, ``failed``, ``skipped``, or ``known`` where it fails as the list of known gaps says.
    reason : str
        Why it was skipped or is known to fail.
    """

    case: str
    tier: str
    outcome: str
    reason: str = ""

    @property
    def chapter(self) -> str:
        """The part of the contract that the case is about."""
        return self.case.partition("/")[0]


class Ledger:
    """Takes notes while tests run.

    Parameters
    ----------
    file : Path, optional
        Where the report goes.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._outcomes: dict[str, dict[str, Outcome]] = defaultdict(dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what became of a case; a failure in any phase is one."""
        note = dict(report.user_properties).get(PROPERTY)
        if not isinstance(note, dict) or (report.when != "call" and report.passed):
            return
        outcome = Outcome(str(note["case"]), str(note["tier"]), *_judged(report))
        earlier = self._outcomes[str(note["dialect"])].get(outcome.case)
        if earlier is None or earlier.outcome != _FAILED:
            self._outcomes[str(note["dialect"])][outcome.case] = outcome

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table of each dialect."""
        for dialect, outcomes in sorted(self._outcomes.items()):
            terminalreporter.section(f"conformance of {dialect} ({registry.origin(dialect)})")
            for line in table(list(outcomes.values())):
                terminalreporter.write_line(line)

    def pytest_sessionfinish(self) -> None:
        """Write the report, where one is asked for."""
        if self._file is not None:
            content = {dialect: summary(dialect, list(found.values())) for dialect, found in self._outcomes.items()}
            self._file.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def _judged(report: pytest.TestReport) -> tuple[str, str]:
    if hasattr(report, "wasxfail") and report.skipped:
        return _KNOWN, str(report.wasxfail)
    if report.skipped:
        where = report.longrepr
        return _SKIPPED, str(where[2]) if isinstance(where, tuple) else str(where)
    return (_PASSED, "") if report.passed else (_FAILED, "")


def summary(dialect: str, outcomes: list[Outcome]) -> dict[str, Any]:
    """The report of one dialect, for a JSON file.

    Parameters
    ----------
    dialect : str
        Its name.
    outcomes : list of Outcome
        What became of the cases that ran.

    Returns
    -------
    dict
        ``distribution``, ``api``, ``capabilities`` claimed, ``tiers`` with the number of cases by outcome, and the
        ``cases``.
    """
    described = registry.get(dialect)
    claimed = attrs.asdict(described.capabilities)
    tiers: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys((_PASSED, _KNOWN, _SKIPPED, _FAILED), 0))
    for outcome in outcomes:
        tiers[outcome.tier][outcome.outcome] += 1
    return {
        "distribution": str(registry.origin(dialect)),
        "api": described.api,
        "capabilities": [name for name, has in claimed.items() if has],
        "tiers": dict(tiers),
        "cases": [attrs.asdict(outcome) for outcome in sorted(outcomes, key=lambda outcome: outcome.case)],
    }


def table(outcomes: list[Outcome]) -> Iterator[str]:
    """Lines of a table with a row for each chapter.

    Parameters
    ----------
    outcomes : list of Outcome
        What became of the cases.

    Yields
    ------
    str
        A line.

    Examples
    --------
    >>> done = [Outcome("types/texts", "required", "passed"), Outcome("types/json", "required", "known", "never: ...")]
    >>> for line in table([*done, Outcome("streaming/lazy", "server_cursor", "failed")]):
    ...     print(line)
    chapter         required  capabilities  known gaps  skipped
    types                1/1             -           1        0
    streaming              -           0/1           0        0
    all                  1/1           0/1           1        0
    """
    yield f"{'chapter':<12}{'required':>12}{'capabilities':>14}{'known gaps':>12}{'skipped':>9}"
    by_chapter = [(chapter, [outcome for outcome in outcomes if outcome.chapter == chapter]) for chapter in CHAPTERS]
    for chapter, found in [*by_chapter, ("all", outcomes)]:
        if not found:
            continue
        required = _share([outcome for outcome in found if outcome.tier == REQUIRED])
        claimed = _share([outcome for outcome in found if outcome.tier != REQUIRED])
        known, skipped = (sum(outcome.outcome == kind for outcome in found) for kind in (_KNOWN, _SKIPPED))
        yield f"{chapter:<12}{required:>12}{claimed:>14}{known:>12}{skipped:>9}"


def _share(outcomes: list[Outcome]) -> str:
    """Those that passed, of those that ran and are not known to fail."""
    judged = [outcome for outcome in outcomes if outcome.outcome in (_PASSED, _FAILED)]
    return f"{sum(outcome.outcome == _PASSED for outcome in judged)}/{len(judged)}" if judged else "-"
