"""Guessing what a mistyped name was meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, candidates: Iterable[str]) -> str | None:
    """Hint at the known name that is closest to an unknown one.

    Parameters
    ----------
    name : str
        What was written.
    candidates : Iterable of str
        The names that would have been understood, best first where two are equally close.

    Returns
    -------
    str or None
        A question to show as hint; None if no name comes close.

    Examples
    --------
    >>> did_you_mean("brthDate", ["birthDate", "deceased", "name"])
    "did you mean 'birthDate'?"
    >>> did_you_mean("Birthdate", ["birthDate", "deceased", "name"])
    "did you mean 'birthDate'?"
    >>> did_you_mean("colour", ["birthDate", "deceased", "name"]) is None
    True
    """
    folded: dict[str, str] = {}
    for candidate in candidates:
        folded.setdefault(candidate.casefold(), candidate)
    closest = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.7)
    return f"did you mean '{folded[closest[0]]}'?" if closest else None
