"""Matches of regular expressions: those that are replaced are what PCRE replaces, on both databases, or the pattern is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir4ds.database import Database
from fhir4ds.errors import UnsupportedFeature
from fhir4ds.functions.preference import Matches, matches_of

_ATOMS = st.sampled_from(["a", "b", "ab", "[a-b]", "[^a]", ".", "c"])


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    repeated = st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{0,2}", "{2,}"]))
    return st.one_of(
        st.lists(inner, min_size=2, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda branches: f"(?:{'|'.join(branches)})"),
        repeated.map(lambda parts: f"(?:{parts[0]}){parts[1]}"),
        inner.map(lambda text: f"({text})"),
    )


_PATTERNS = st.recursive(_ATOMS, _larger, max_leaves=6)
_TEXTS = st.text("abc", max_size=7)


@settings(max_examples=150, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(_PATTERNS, st.sampled_from(["<$&>", "x", "<$1>"]), st.lists(_TEXTS, min_size=1, max_size=6))
def _replaced_alike(database: Database, pattern: str, substitution: str, texts: list[str]) -> None:
    if "$1" in substitution and "(" not in pattern.replace("(?:", ""):
        substitution = "x"
    named = substitution.replace("$&", r"\g<0>").replace("$1", r"\1")
    for text in dict.fromkeys(texts):
        try:
            found = database.evaluate(
                f"'{text}'.replaceMatches('{pattern}', '{substitution}')", {"resourceType": "Patient"}
            )
        except UnsupportedFeature:
            return
        assert found == [re.sub(pattern, named, text)], (pattern, substitution, text)


def test_replaced_alike(database: Database) -> None:
    """What Python's expressions replace, which go about it as PCRE does."""
    _replaced_alike(database)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a|b|c", Matches(shared=True, at_times_empty=False, groups_shared=True)),
        ("a|ab", Matches(shared=False, at_times_empty=False, groups_shared=True)),
        ("ab|a", Matches(shared=True, at_times_empty=False, groups_shared=True)),
        ("a$|ab", Matches(shared=True, at_times_empty=False, groups_shared=True)),
        ("(?:a|ab)c", Matches(shared=True, at_times_empty=False, groups_shared=True)),
        ("(?:a*)*", Matches(shared=True, at_times_empty=True, groups_shared=True)),
        ("^a*", Matches(shared=True, at_times_empty=False, groups_shared=True)),
        ("(?:a?){3,}b", Matches(shared=True, at_times_empty=False, groups_shared=True)),
        ("(?:(a)|(b))+", Matches(shared=True, at_times_empty=False, groups_shared=False)),
        ("[0-9]{1,2}/[0-9]{1,2}/[0-9]{2,4}", Matches(shared=True, at_times_empty=False, groups_shared=True)),
    ],
)
def test_what_is_known(pattern: str, expected: Matches) -> None:
    assert matches_of(pattern, "", lazy=False) == expected


@pytest.mark.parametrize(
    ("pattern", "shared"), [("a+?", True), ("<.+?>", True), ("(?:ab|a)+?", False), ("a+?|b", False), ("a??b", True)]
)
def test_lazy_expressions(pattern: str, shared: bool) -> None:
    assert matches_of(pattern, "", lazy=True).shared is shared


def test_case_and_lines() -> None:
    assert not matches_of("a|A", "", lazy=False).at_times_empty
    assert not matches_of("a|Ab", "i", lazy=False).shared
    assert matches_of("a|Ab", "", lazy=False).shared


def test_what_is_too_large_to_be_walked_is_refused() -> None:
    pattern = "[ab]*a" + "[ab]" * 14
    assert not matches_of(pattern, "", lazy=False).shared
