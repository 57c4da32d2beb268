"""How a dispatcher behaves: the numbers that a user may turn."""

from __future__ import annotations

import math
from typing import TypeGuard

import attrs

from fhir4ds.errors import InvalidSetting


def _count(_: object, attribute: attrs.Attribute[int], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidSetting(f"{attribute.name} must be a whole number from 1, not {value!r}")


def _duration(_: object, attribute: attrs.Attribute[float], value: object) -> None:
    if not _is_number(value) or value <= 0:
        raise InvalidSetting(
            f"{attribute.name} must be a number of seconds above 0, not {value!r}", hint="math.inf means no limit"
        )


def _pause(_: object, attribute: attrs.Attribute[float], value: object) -> None:
    if not _is_number(value) or value < 0 or value == math.inf:
        raise InvalidSetting(f"{attribute.name} must be a finite number from 0, not {value!r}")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value)


@attrs.frozen(kw_only=True)
class Settings:
    """Settings of a dispatcher. Times are in seconds; `math.inf` means no limit.

    Parameters
    ----------
    pool_size : int
        Most connections at a time. They are opened one by one, as they are needed.
    pool_timeout : float
        Longest wait for a connection, new or used.
    query_timeout : float
        Time budget of one call: waiting for a connection, connecting, running, and pauses before retries together.
    attempts : int
        Most attempts of one call, the first included; 1 means never to retry.
    backoff : float
        Pause before the first retry; each further one is twice as long.
    backoff_max : float
        Longest pause.
    jitter : float
        Share of each pause that is added at random, so that many callers do not come back at the same moment.
    max_lifetime : float
        Age at which a connection is replaced; up to 5 % less for each, so that not all are replaced at once.
    max_idle : float
        Idle time after which a connection is closed.
    probe_after : float
        Idle time after which a connection must answer a round trip, within a second, before it is lent again.
    log_statements : bool
        Whether `query.done` and `query.failed` carry the compiled SQL where debug messages are logged. Values are bound
        and never part of it; a user's own SQL is never logged.

    Raises
    ------
    InvalidSetting
        If a number makes no sense.

    Examples
    --------
    >>> Settings(pool_size=0)
    Traceback (most recent call last):
    ...
    fhir4ds.errors.InvalidSetting: pool_size must be a whole number from 1, not 0
    """

    pool_size: int = attrs.field(default=10, validator=_count)
    pool_timeout: float = attrs.field(default=30.0, validator=_duration)
    query_timeout: float = attrs.field(default=30.0, validator=_duration)
    attempts: int = attrs.field(default=4, validator=_count)
    backoff: float = attrs.field(default=1.0, validator=_pause)
    backoff_max: float = attrs.field(default=30.0, validator=_pause)
    jitter: float = attrs.field(default=0.1, validator=_pause)
    max_lifetime: float = attrs.field(default=3600.0, validator=_duration)
    max_idle: float = attrs.field(default=600.0, validator=_duration)
    probe_after: float = attrs.field(default=30.0, validator=_duration)
    log_statements: bool = False


#: What holds where nobody says otherwise.
DEFAULTS = Settings()


def checked_timeout(timeout: float | None, settings: Settings) -> float:
    """The time budget of one call: its own, or that of the settings.

    Raises
    ------
    InvalidSetting
        If it is not a number above 0.
    """
    if timeout is None:
        return settings.query_timeout
    if not _is_number(timeout) or timeout <= 0:
        raise InvalidSetting(
            f"timeout must be a number of seconds above 0, not {timeout!r}", hint="math.inf means no limit"
        )
    return timeout
