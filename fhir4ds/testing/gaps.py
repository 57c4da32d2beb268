"""What a dialect cannot do yet, or never will: a strict list, so that a gap that is closed turns red.

The file is TOML, one table for each case::

    [[known]]
    case = "fhirpath/power-3"
    kind = "never"
    reason = "the database computes with binary fractions"

``kind`` says whose turn it is: ``notimpl`` the dialect's, ``notyet`` the database's, ``never`` nobody's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

from fhir4ds.suggestion import did_you_mean

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: Whose turn it is.
KINDS = ("notimpl", "notyet", "never")

#: Name of the file beside the tests.
FILE_NAME = "conformance.toml"


class InvalidGaps(Exception):
    """A list of known gaps that says something impossible."""


@attrs.frozen
class Gap:
    """A case that is known to fail.

    Parameters
    ----------
    case : str
        Chapter and name, as the report has them.
    kind : str
        One of `KINDS`.
    reason : str
        Why it fails, in a sentence.
    """

    case: str
    kind: str
    reason: str


def read_gaps(file: Path) -> Mapping[str, Gap]:
    """Read a list of known gaps.

    Parameters
    ----------
    file : Path
        TOML; a file that is not there lists nothing.

    Returns
    -------
    mapping of str to Gap
        By case.

    Raises
    ------
    InvalidGaps
        If it is no TOML, or an entry lacks something, has something unknown, or says a case twice.
    """
    if not file.exists():
        return {}
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidGaps(f"{file.name} is no TOML: {error}") from error
    if set(content) - {"known"}:
        raise InvalidGaps(f"{file.name} holds tables [[known]] only, not {', '.join(sorted(set(content) - {'known'}))}")
    gaps: dict[str, Gap] = {}
    for entry in content.get("known", []):
        gap = _gap(file.name, entry)
        if gap.case in gaps:
            raise InvalidGaps(f"{file.name} lists {gap.case} twice")
        gaps[gap.case] = gap
    return gaps


def _gap(name: str, entry: Mapping[str, object]) -> Gap:
    fields = [field.name for field in attrs.fields(Gap)]
    if sorted(entry) != sorted(fields) or not all(isinstance(value, str) and value for value in entry.values()):
        raise InvalidGaps(f"{name}: each [[known]] has {', '.join(fields)}, as texts; this one is {dict(entry)}")
    gap = Gap(**{field: str(entry[field]) for field in fields})
    if gap.kind not in KINDS:
        raise InvalidGaps(f"{name}: the kind of {gap.case} is one of {', '.join(KINDS)}, not {gap.kind!r}")
    return gap


def check_known(gaps: Iterable[Gap], cases: Iterable[str]) -> None:
    """See to it that every gap is one of a case that there is.

    Parameters
    ----------
    gaps : iterable of Gap
        The list.
    cases : iterable of str
        All cases of the kit.

    Raises
    ------
    InvalidGaps
        If a case is unknown; it names the nearest that there is.
    """
    known = set(cases)
    for gap in gaps:
        if gap.case not in known:
            advice = did_you_mean(gap.case, known)
            raise InvalidGaps(f"no case is called {gap.case!r}" + (f"; {advice}" if advice else ""))
