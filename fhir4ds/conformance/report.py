"""What came of a suite: value tests and error tests apart, by group, as numbers and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import attrs

from fhir4ds.conformance.judge import Given, Refusal, expectation
from fhir4ds.conformance.suite import Case


class Judged(Protocol):
    """What came of one test of any suite."""

    @property
    def group(self) -> str:
        """Where the test belongs."""
        ...

    @property
    def passed(self) -> bool:
        """Whether the test came out as it asks for."""
        ...

    @property
    def wants_error(self) -> bool:
        """Whether it is an error test."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """For programs: at least ``id``, ``expression``, ``expected``, ``got`` and ``passed``."""
        ...


@attrs.frozen
class Outcome:
    """What came of one test of the FHIRPath suite.

    Parameters
    ----------
    case : Case
        The test.
    given : Items or Refusal
        What the engine gave.
    passed : bool
        Whether that is what the test asks for.
    """

    case: Case
    given: Given
    passed: bool = attrs.field(kw_only=True)

    @property
    def group(self) -> str:
        """Where the test belongs."""
        return self.case.group

    @property
    def wants_error(self) -> bool:
        """Whether it is an error test."""
        return self.case.invalid is not None

    def to_dict(self) -> dict[str, Any]:
        """For programs; ``stage`` is where the language refused the expression."""
        stage = self.given.stage if isinstance(self.given, Refusal) else None
        return {
            "id": self.case.id,
            "group": self.case.group,
            "kind": "error" if self.wants_error else "value",
            "expression": self.case.expression,
            "passed": self.passed,
            "expected": expectation(self.case),
            "got": str(self.given),
            "stage": None if stage is None else stage.value,
        }


@attrs.frozen
class Tally:
    """How many tests passed and failed.

    Examples
    --------
    >>> str(Tally(passed=34, failed=1))
    '34 passed, 1 failed'
    """

    passed: int
    failed: int

    @classmethod
    def of(cls, outcomes: Iterable[Judged]) -> Tally:
        """Count."""
        verdicts = [outcome.passed for outcome in outcomes]
        return cls(verdicts.count(True), verdicts.count(False))

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed"


@attrs.frozen(kw_only=True)
class Report:
    """What came of a suite.

    Parameters
    ----------
    dialect : str
        Name of the dialect that ran it.
    version : str
        What the database says it is.
    outcomes : tuple of Judged
        In the order of the suite.
    """

    dialect: str
    version: str
    outcomes: tuple[Judged, ...] = attrs.field(repr=False)

    @property
    def failures(self) -> tuple[Judged, ...]:
        """The tests that failed."""
        return tuple(outcome for outcome in self.outcomes if not outcome.passed)

    @property
    def total(self) -> Tally:
        """All tests."""
        return Tally.of(self.outcomes)

    @property
    def values(self) -> Tally:
        """The tests that ask for a result."""
        return Tally.of(outcome for outcome in self.outcomes if not outcome.wants_error)

    @property
    def errors(self) -> Tally:
        """The tests that ask for an error."""
        return Tally.of(outcome for outcome in self.outcomes if outcome.wants_error)

    @property
    def groups(self) -> dict[str, Tally]:
        """Each group, in the order of the suite."""
        names = dict.fromkeys(outcome.group for outcome in self.outcomes)
        return {name: Tally.of(outcome for outcome in self.outcomes if outcome.group == name) for name in names}

    def to_dict(self, *, failures_only: bool = False) -> dict[str, Any]:
        """For programs.

        Parameters
        ----------
        failures_only : bool
            Whether tests that passed are left out of the list of tests; they are counted in any case.
        """
        return {
            "dialect": self.dialect,
            "version": self.version,
            **attrs.asdict(self.total),
            "values": attrs.asdict(self.values),
            "errors": attrs.asdict(self.errors),
            "groups": [{"name": name, **attrs.asdict(tally)} for name, tally in self.groups.items()],
            "tests": [outcome.to_dict() for outcome in (self.failures if failures_only else self.outcomes)],
        }
