"""Settings are checked when they are made, not when they hurt."""

from __future__ import annotations

import math

import pytest

from fhir4ds.errors import InvalidSetting
from fhir4ds.runtime.settings import DEFAULTS, Settings, checked_timeout


def test_the_defaults_are_those_of_the_documentation() -> None:
    assert (
        Settings(
            pool_size=10,
            pool_timeout=30.0,
            query_timeout=30.0,
            attempts=4,
            backoff=1.0,
            backoff_max=30.0,
            jitter=0.1,
            max_lifetime=3600.0,
            max_idle=600.0,
            probe_after=30.0,
            log_statements=False,
        )
        == Settings()
    )


@pytest.mark.parametrize("name", ["pool_size", "attempts"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True, "2", None])
def test_counts_are_whole_numbers_from_one(name: str, value: object) -> None:
    with pytest.raises(InvalidSetting) as error:
        Settings(**{name: value})  # type: ignore[arg-type]
    assert str(error.value) == f"{name} must be a whole number from 1, not {value!r}"


@pytest.mark.parametrize("name", ["pool_timeout", "query_timeout", "max_lifetime", "max_idle", "probe_after"])
@pytest.mark.parametrize("value", [0, -0.1, math.nan, True, "2", None])
def test_durations_are_positive(name: str, value: object) -> None:
    with pytest.raises(InvalidSetting) as error:
        Settings(**{name: value})  # type: ignore[arg-type]
    assert str(error.value) == (
        f"{name} must be a number of seconds above 0, not {value!r}\nhint: math.inf means no limit"
    )
    assert getattr(Settings(**{name: math.inf}), name) == math.inf  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["backoff", "backoff_max", "jitter"])
@pytest.mark.parametrize("value", [-0.1, math.inf, math.nan, False, "2"])
def test_pauses_are_finite(name: str, value: object) -> None:
    with pytest.raises(InvalidSetting) as error:
        Settings(**{name: value})  # type: ignore[arg-type]
    assert str(error.value) == f"{name} must be a finite number from 0, not {value!r}"


def test_a_call_may_have_its_own_time() -> None:
    assert checked_timeout(None, Settings(query_timeout=7.0)) == 7.0
    assert checked_timeout(0.5, DEFAULTS) == 0.5
    assert checked_timeout(math.inf, DEFAULTS) == math.inf


@pytest.mark.parametrize("value", [0, -1.0, math.nan, "1"])
def test_a_call_cannot_have_a_senseless_time(value: float) -> None:
    with pytest.raises(InvalidSetting, match="timeout must be a number of seconds above 0"):
        checked_timeout(value, DEFAULTS)
