from __future__ import annotations

import pytest

from fhir4ds.suggestion import did_you_mean

NAMES = ["birthDate", "deceased", "name", "where", "ofType", "given"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("brthDate", "birthDate"),
        ("birthdate", "birthDate"),
        ("oftype", "ofType"),
        ("wehre", "where"),
        ("givn", "given"),
        ("colour", None),
        ("", None),
    ],
)
def test_closest_name_is_suggested(name: str, meant: str | None) -> None:
    assert did_you_mean(name, NAMES) == (None if meant is None else f"did you mean '{meant}'?")


def test_no_candidates_no_suggestion() -> None:
    assert did_you_mean("name", []) is None


def test_first_of_equally_close_candidates_wins() -> None:
    assert did_you_mean("NAME", ["Name", "name"]) == "did you mean 'Name'?"


def test_candidates_may_come_from_any_iterable() -> None:
    assert did_you_mean("nme", (name for name in NAMES)) == "did you mean 'name'?"
